"""Chats in Redis, as long as it is there: what is said while it is away waits on this machine and follows later."""

from __future__ import annotations

import secrets

from ragcli.errors import RedisAway, StoreError
from ragcli.store.redis_sessions import Held, RedisSessions
from ragcli.store.sessions import free_name
from ragcli.store.unsent import Unsent, UnsentFile
from ragcli.types import Answer, SessionInfo, Turn


class SharedSessions:
    """A ports.SessionStore. An exchange that began while Redis was away keeps its number, a negative one, here."""

    def __init__(self, redis: RedisSessions, unsent: UnsentFile) -> None:
        self._redis, self._unsent = redis, unsent
        self._sent: dict[int, int] = {}
        """Numbers in Redis by the numbers that were given here."""
        self._uids: dict[int, str] = {}
        self._seen: tuple[str, list[tuple[int, Answer]]] = ("", [])
        """The session that was last read from Redis: what a chat knows, it does not forget."""

    def turns(self, name: str) -> list[Turn]:
        return [Turn(answer.question, answer.answer) for _, answer in self.exchanges(name) if answer.answer]

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        waiting = [unsent for unsent in self._send() if unsent.held.name == name]
        try:
            self._seen = (name, self._redis.exchanges(name))
        except RedisAway:
            if self._seen[0] != name:
                self._seen = ("", [])
        here = {number: given for given, number in self._sent.items()}
        found = {here.get(number, number): answer for number, answer in self._seen[1]}
        found |= {unsent.held.number or -unsent.id: unsent.answer for unsent in waiting}
        return list(found.items())

    def append(self, name: str, answer: Answer, *, growing: bool = False) -> int:
        self._send()
        uid = secrets.token_hex(8)
        try:
            return self._redis.put(Held(name), answer, growing=growing, uid=uid).number
        except RedisAway:  # it may have arrived all the same: the uid tells
            number = -self._unsent.put(uid, Held(name), answer)
            self._uids[number] = uid
            return number

    def update(self, number: int, answer: Answer, *, growing: bool = False) -> int:
        self._send()
        there = self._sent.get(number, number)
        held = self._redis.held(there) if there > 0 else Held(answer.session or "")
        uid = self._uids.setdefault(number, secrets.token_hex(8))
        try:
            if there > 0:
                stored = self._redis.put(held, answer, growing=growing, uid=uid).number
                return number if stored == there else stored
        except RedisAway:
            pass
        self._unsent.put(uid, held, answer)
        return number

    def claim(self, number: int) -> Answer:
        self._send()
        there = self._sent.get(number, number)
        if there > 0:
            try:
                return self._redis.claim(there)
            except RedisAway:  # whoever else claims it meanwhile gets a higher token: both are kept then
                known = dict(self.exchanges(self._redis.held(there).name))
                if number not in known:
                    raise
                return known[number]
        waiting = next((unsent for unsent in self._unsent.all() if unsent.id == -number), None)
        if waiting is None:
            raise StoreError("another chat of this machine has sent this answer to Redis", remedy="/load it again")
        self._uids[number] = waiting.uid
        return waiting.answer

    def busy(self, number: int) -> float:
        there = self._sent.get(number, number)
        try:
            return self._redis.busy(there) if there > 0 else 0.0
        except RedisAway:
            return 0.0

    def latest(self) -> str | None:
        return next(iter(self.names()), None)

    def names(self) -> list[str]:
        return [info.name for info in self.overview()]

    def overview(self) -> list[SessionInfo]:
        waiting = self._send()
        try:
            return self._redis.overview()
        except RedisAway:
            names = dict.fromkeys(unsent.held.name for unsent in reversed(waiting))
            return [_info(name, [unsent for unsent in waiting if unsent.held.name == name]) for name in names]

    def free_name(self, question: str) -> str:
        return free_name(question, self.names())

    def rename(self, name: str, new: str) -> bool:
        self._send()
        return self._redis.rename(name, new)

    def delete(self, name: str) -> bool:
        self._send()
        return self._redis.delete(name)

    def _send(self) -> list[Unsent]:
        """Sends what waits, in its order; what still waits then."""
        waiting = self._unsent.all()
        while waiting:
            first = waiting[0]
            try:
                stored = self._redis.put(first.held, first.answer, growing=False, uid=first.uid)
            except RedisAway:
                break
            self._unsent.sent(first)
            if not first.held.number:
                self._sent[-first.id] = stored.number
            del waiting[0]
        return waiting


def _info(name: str, waiting: list[Unsent]) -> SessionInfo:
    moments = [unsent.at for unsent in waiting]
    return SessionInfo(name, len(waiting), 0, min(moments), max(moments))
