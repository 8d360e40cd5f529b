"""Chats in Redis: a chat that was started on one machine goes on on another one, in the middle of an answer, too.

The keys, all in one hash slot: `names` is a hash from a session's name to its id; the hash of that id holds its `name`,
when it was `created` and `updated`, its number of exchanges (`count`) and their `bytes`; and of each exchange, under
its number, the answer (`a`), the token of its writer (`t`), until when that has it to itself (`l`, in ms), and under
what the writer calls it, its number (`u`), so that what is sent twice is stored once. Numbers and moments are
microseconds since 1970, by Redis's clock.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ragcli.errors import ExchangeBusy, StoreError
from ragcli.ports.journeys import LEASE_S
from ragcli.store.redis_link import Script
from ragcli.store.sessions import free_name
from ragcli.types import Answer, SessionInfo, Turn

if TYPE_CHECKING:
    from ragcli.store.redis_link import RedisLink

VERSION = b"\x01"
"""First byte of every answer; what has another one is left alone."""
LARGEST = 1_000_000
"""Bytes of one exchange; of a larger one the sources are shortened."""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
PUT = Script(
    _NOW
    + """
local name, sid, fresh, number, token, uid, blob, lease, ttl = unpack(ARGV)
local moment = time[1] * 1000000 + time[2]
if sid == '' or redis.call('EXISTS', KEYS[2] .. sid) == 0 then
    sid = redis.call('HGET', KEYS[1], name)
    if not sid or redis.call('EXISTS', KEYS[2] .. sid) == 0 then
        sid = fresh
        redis.call('HSET', KEYS[1], name, sid)
        redis.call('HSET', KEYS[2] .. sid, 'name', name, 'created', string.format('%.0f', moment))
    end
end
local key = KEYS[2] .. sid
if number ~= '' and redis.call('HGET', key, 't' .. number) ~= token then
    number = ''
end
if number == '' then
    local known = redis.call('HGET', key, 'u' .. uid)
    if known and redis.call('HGET', key, 't' .. known) == '1' then
        number, token = known, '1'
    end
end
if number == '' then
    local last = tonumber(redis.call('HGET', key, 'last')) or 0
    number = string.format('%.0f', math.max(moment, last + 1))
    token = '1'
    redis.call('HSET', key, 'last', number, 't' .. number, token, 'u' .. uid, number)
    redis.call('HINCRBY', key, 'count', 1)
end
redis.call('HINCRBY', key, 'bytes', #blob - redis.call('HSTRLEN', key, 'a' .. number))
redis.call('HSET', key, 'a' .. number, blob, 'l' .. number, tonumber(lease) > 0 and now + lease or 0)
redis.call('HSET', key, 'updated', string.format('%.0f', moment))
redis.call('PEXPIRE', key, ttl)
redis.call('PEXPIRE', KEYS[1], ttl)
return {number, token, sid}
"""
)
"""An exchange, new or in place of its former state; new as well where the token is not its writer's any more."""
READ = Script(
    """
local sid = redis.call('HGET', KEYS[1], ARGV[1])
return {sid, sid and redis.call('HGETALL', KEYS[2] .. sid)}
"""
)
CLAIM = Script(
    _NOW
    + """
local key, number, token, lease = KEYS[2] .. ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local state = redis.call('HMGET', key, 't' .. number, 'l' .. number, 'a' .. number)
if not state[3] then
    return {'gone'}
end
local left = (tonumber(state[2]) or 0) - now
if left > 0 and state[1] ~= token then
    return {'busy', left}
end
if lease ~= '' then
    state[1] = redis.call('HINCRBY', key, 't' .. number, 1)
    redis.call('HSET', key, 'l' .. number, now + lease)
end
return {'free', tostring(state[1]), state[3]}
"""
)
"""The exchange and the new token, or how long it is somebody else's; without a lease it is only looked at."""
OVERVIEW = Script(
    """
local found = {}
local names = redis.call('HGETALL', KEYS[1])
for n = 1, #names, 2 do
    local session = redis.call('HMGET', KEYS[2] .. names[n + 1], 'count', 'bytes', 'created', 'updated')
    if session[1] then
        found[#found + 1] = {names[n], session[1], session[2], session[3], session[4]}
    else
        redis.call('HDEL', KEYS[1], names[n])
    end
end
return found
"""
)
RENAME = Script(
    """
local sid, taken = redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[2])
if not sid or (taken and redis.call('EXISTS', KEYS[2] .. taken) == 1) then
    return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], sid)
redis.call('HSET', KEYS[2] .. sid, 'name', ARGV[2])
return 1
"""
)
DELETE = Script(
    """
local sid = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return sid and redis.call('DEL', KEYS[2] .. sid) or 0
"""
)

_decoder = msgspec.msgpack.Decoder(Answer)


class Held(Struct, frozen=True):
    """What a writer knows of an exchange in Redis: its session's name and id, its number, and its own token."""

    name: str
    session: str = ""
    number: int = 0
    token: int = 0


class RedisSessions:
    """A ports.SessionStore; besides, all may raise RedisAway. One of these is one writer."""

    def __init__(self, link: RedisLink, *, ttl_s: float) -> None:
        self._link, self._ttl_ms = link, int(ttl_s * 1000)
        self._keys = [link.key("{sessions}", "names"), link.key("{sessions}", "session", "")]
        self._held: dict[int, Held] = {}

    def turns(self, name: str) -> list[Turn]:
        return [Turn(answer.question, answer.answer) for _, answer in self.exchanges(name) if answer.answer]

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        session, flat = self._run(READ, name)
        if session is None:
            return []
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        numbers = sorted(int(field[1:]) for field in fields if field.startswith(b"a"))
        for number in numbers:
            self._held.setdefault(number, Held(name, session.decode(), number))
        read = [(number, _decoded(fields[b"a%d" % number])) for number in numbers]
        if strange := sum(answer is None for _, answer in read):
            self._link.tell("version", f"{strange} exchanges of {name} come from another version of ragcli: left out")
        return [(number, answer) for number, answer in read if answer is not None]

    def append(self, name: str, answer: Answer, *, growing: bool = False) -> int:
        return self.put(Held(name), answer, growing=growing, uid=secrets.token_hex(8)).number

    def update(self, number: int, answer: Answer, *, growing: bool = False) -> int:
        return self.put(self._held[number], answer, growing=growing, uid=secrets.token_hex(8)).number

    def held(self, number: int) -> Held:
        return self._held[number]

    def put(self, held: Held, answer: Answer, *, growing: bool, uid: str) -> Held:
        """Stores an exchange; without a number it is a new one, once for each `uid`."""
        lease_ms = int(LEASE_S * 1000) if growing else 0
        number, token, session = self._run(
            PUT,
            held.name,
            held.session,
            secrets.token_hex(8),
            str(held.number or ""),
            str(held.token),
            uid,
            _encoded(answer),
            lease_ms,
            self._ttl_ms,
        )
        stored = Held(held.name, session.decode(), int(number), int(token))
        self._held[stored.number] = stored
        return stored

    def claim(self, number: int) -> Answer:
        held = self._held[number]
        state, *rest = self._run(CLAIM, held.session, str(number), str(held.token), str(int(LEASE_S * 1000)))
        if state == b"busy":
            raise ExchangeBusy(rest[0] / 1000)
        answer = _decoded(rest[1]) if state == b"free" else None
        if answer is None:
            raise StoreError("this answer was deleted meanwhile", remedy="ask again")
        self._held[number] = replace(held, token=int(rest[0]))
        return answer

    def busy(self, number: int) -> float:
        held = self._held[number]
        state, *rest = self._run(CLAIM, held.session, str(number), str(held.token), "")
        return rest[0] / 1000 if state == b"busy" else 0.0

    def latest(self) -> str | None:
        return next(iter(self.names()), None)

    def names(self) -> list[str]:
        return [info.name for info in self.overview()]

    def overview(self) -> list[SessionInfo]:
        infos = [
            SessionInfo(name.decode(), int(count), int(size), int(created) / 1e6, int(updated) / 1e6)
            for name, count, size, created, updated in self._run(OVERVIEW)
        ]
        return sorted(infos, key=lambda info: (info.updated_at, info.created_at), reverse=True)

    def free_name(self, question: str) -> str:
        return free_name(question, self.names())

    def rename(self, name: str, new: str) -> bool:
        return bool(self._run(RENAME, name, new))

    def delete(self, name: str) -> bool:
        return bool(self._run(DELETE, name))

    def _run(self, script: Script, *arguments: str | bytes | float) -> Any:
        return self._link.call(lambda client: script.run(client, self._keys, arguments))


def _encoded(answer: Answer) -> bytes:
    blob = VERSION + msgspec.msgpack.encode(answer)
    if len(blob) > LARGEST:
        share = LARGEST // (8 * max(1, len(answer.sources)))  # a character is four bytes at most
        shortened = tuple(replace(source, text=source.text[:share]) for source in answer.sources)
        blob = VERSION + msgspec.msgpack.encode(replace(answer, sources=shortened))
    return blob


def _decoded(blob: bytes) -> Answer | None:
    """None for what another version of ragcli has written."""
    try:
        return _decoder.decode(blob[1:]) if blob[:1] == VERSION else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
