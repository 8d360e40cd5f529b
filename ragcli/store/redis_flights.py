"""One model call for equal questions of many processes: the leader's pieces go through a Redis stream.

The lease of the leader ends two seconds after its last sign of life, by Redis's clock. Who takes over gets a higher
token, and what an older one still sends is refused: it may only have been asleep.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ragcli.errors import CacheFailed
from ragcli.ports.cache import SCHEMA, Piece
from ragcli.store.redis_link import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client

    from ragcli.store.redis_link import RedisLink

LEASE_MS = 2000
RENEWED_EVERY_S = 0.5
TOGETHER_S = 0.04
"""Pieces that come within this time are sent together; a follower is behind by so much."""
BLOCK_MS = 100
"""How long one look for news waits; shorter than the time limit of an attempt."""
RUNNING_MS, ENDED_MS, PASSING_MS = 30_000, 15_000, 1_000
"""Time to live of a log since the last sign of life of a leader, and since its end; of one that is for no one else."""
LARGEST = 1_000_000
"""Bytes of the pieces that are sent together."""
REMEMBERED = 10_000

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
JOIN = Script(
    _NOW
    + """
local state = redis.call('HMGET', KEYS[1], 'token', 'until', 'complete', 'birth')
if state[3] == '2' then
    return {-1, state[4], 0}
end
if state[3] or (tonumber(state[2]) or 0) > now then
    return {0, state[4], 0}
end
local token = math.max(now, (tonumber(state[1]) or 0) + 1)
local birth = state[4] or tostring(token)
redis.call('HSET', KEYS[1], 'token', token, 'until', now + ARGV[1], 'birth', birth)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {token, birth, redis.call('XLEN', KEYS[2])}
"""
)
"""KEYS lease, log; ARGV lease ms, time to live.

Token, 0 for a follower, -1 for one who came too late; what tells this log from a later one; and how many pieces
former leaders have left.
"""
PUBLISH = Script(
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
    return 0
end
local length = redis.call('XLEN', KEYS[2])
for n = 5, #ARGV do
    redis.call('XADD', KEYS[2], '0-' .. length + n - 4, 'piece', ARGV[n])
end
if ARGV[4] ~= '0' then
    redis.call('HSET', KEYS[1], 'complete', ARGV[4])
end
redis.call('HSET', KEYS[1], 'until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
)
"""KEYS lease, log; ARGV token, lease ms, time to live, 1 or 2 if it is complete (2: for followers alone), pieces.

0: another one leads.
"""
STATE = Script(
    _NOW
    + """
local state = redis.call('HMGET', KEYS[1], 'until', 'complete', 'birth')
return {(state[2] or (tonumber(state[1]) or 0) > now) and 1 or 0, state[3], redis.call('XLEN', KEYS[2])}
"""
)
"""KEYS lease, log. Whether more will come or everything is there, of which log, and how long that is."""

_decoder = msgspec.msgpack.Decoder(Piece)


class RedisFlights:
    """A ports.Flights."""

    def __init__(self, link: RedisLink, *, ttl_s: float = ENDED_MS / 1000) -> None:
        """`ttl_s`: an answer that is older is not given again."""
        self._link = link
        self._ended_ms = min(ENDED_MS, int(ttl_s * 1000) + 1)
        self._births: OrderedDict[str, bytes] = OrderedDict()
        """The log that was last read of each question: one that was lost begins anew under the same name."""

    async def join(self, digest: str) -> RedisFlight:
        # The hash tag puts both keys into one slot of a cluster.
        base = self._link.key("flight", f"v{SCHEMA}", "{" + digest + "}")
        keys = [f"{base}:lease", f"{base}:log"]
        token, birth, left = await self._link.ask(lambda client: JOIN.run(client, keys, [LEASE_MS, RUNNING_MS]))
        if token < 0:
            raise CacheFailed("what others have just made of it is not kept")
        same = self._births.setdefault(digest, birth) == birth
        self._births[digest] = birth
        self._births.move_to_end(digest)
        if len(self._births) > REMEMBERED:
            self._births.popitem(last=False)
        return RedisFlight(self._link, keys, token, birth, self._ended_ms, left=left, same=same)

    async def aclose(self) -> None:
        """The link is closed by who opened it."""


class RedisFlight:
    """A ports.Flight. Pieces of text that are sent together become one."""

    def __init__(
        self, link: RedisLink, keys: list[str], token: int, birth: bytes, ended_ms: int, *, left: int, same: bool
    ) -> None:
        self._link, self._keys, self._token, self._birth = link, keys, token, birth
        self._ended_ms = ended_ms
        self._left_by_others, self._same = left, same
        self._waiting: list[Piece] = []
        self._sending = asyncio.Lock()
        self._failure: CacheFailed | None = None
        self._complete = self._left = False
        self._lasting = True
        self._news = asyncio.Event()
        self._background = asyncio.create_task(self._keep_alive()) if self.leading else None

    @property
    def leading(self) -> bool:
        return self._token > 0

    # --- following ------------------------------------------------------------------------------------

    async def pieces(self, start: int = 0) -> AsyncGenerator[Piece, None]:
        """Raises CacheFailed where the log that the first `start` pieces came from is lost."""
        if start and not self._same:
            raise CacheFailed("Redis has lost the answer that was being shared")
        if self.leading and start >= self._left_by_others:
            return
        last_look = self.leading
        while True:
            found = await self._read(start, wait=not last_look)
            for piece in found:
                start += 1
                yield piece
                if piece.answer is not None:
                    return
            if found:
                continue
            if last_look:
                return
            alive, birth, length = await self._link.ask(lambda client: STATE.run(client, self._keys, []))
            if birth != self._birth or length < start:
                raise CacheFailed("Redis has lost the answer that was being shared")
            last_look = not alive

    async def _read(self, start: int, *, wait: bool) -> list[Piece]:
        async def read(client: Client) -> Any:
            return await client.xread({self._keys[1]: f"0-{start}"}, block=BLOCK_MS if wait else None)

        reply = await self._link.ask(read)
        try:
            return [_decoder.decode(fields[b"piece"]) for _, entries in reply or () for _, fields in entries]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            raise CacheFailed("Redis holds an answer that cannot be read") from error

    # --- leading --------------------------------------------------------------------------------------

    async def publish(self, piece: Piece, *, lasting: bool = True) -> None:
        if self._failure:
            raise self._failure
        last = self._waiting[-1] if self._waiting else None
        if last and last.text and piece.text:
            self._waiting[-1] = replace(last, text=last.text + piece.text)
        elif last and last.reasoning and piece.reasoning:
            self._waiting[-1] = replace(last, reasoning=last.reasoning + piece.reasoning)
        else:
            self._waiting.append(piece)
        self._news.set()
        if piece.answer is not None:
            self._lasting = lasting
            await self._send()

    async def leave(self) -> None:
        if self._background is None:
            return
        self._left = True
        self._news.set()
        if self._complete:
            self._background.cancel()
        await asyncio.wait({self._background})  # where it is not cancelled, it may be sending
        self._background = None

    async def _keep_alive(self) -> None:
        """Sends what waits, a sign of life where nothing does, and in the end the lease back."""
        with suppress(CacheFailed):  # the next piece tells
            while not self._left:
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEWED_EVERY_S):
                        await self._news.wait()
                        await asyncio.sleep(0 if self._left else TOGETHER_S)
                await self._send()
            if not self._complete:
                await self._send(last=True)

    async def _send(self, *, last: bool = False) -> None:
        """What waits, and a sign of life; with `last` the lease is given back."""
        async with self._sending:
            if self._failure or self._complete:
                return
            pieces, self._waiting = self._waiting, []
            self._news.clear()
            complete = bool(pieces) and pieces[-1].answer is not None
            values = [msgspec.msgpack.encode(piece) for piece in pieces]
            ttl_ms = self._ended_ms if last or complete else RUNNING_MS
            if not self._lasting:
                ttl_ms = PASSING_MS
            arguments: list[str | bytes | float] = [
                self._token,
                0 if last else LEASE_MS,
                ttl_ms,
                int(complete) if self._lasting else 2,
                *values,
            ]
            refused = CacheFailed("the answer is not shared any more")
            try:
                if sum(map(len, values)) > LARGEST:
                    raise refused
                if not await self._link.ask(lambda client: PUBLISH.run(client, self._keys, arguments)):
                    raise refused
            except BaseException:
                self._failure = refused  # these pieces may or may not stand in the log: none can follow them
                raise
            self._complete = complete
