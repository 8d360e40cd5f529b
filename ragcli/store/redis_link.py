"""One Redis as everything that shares it sees it: attempts that end in time, and a pause after one that failed.

All talk with Redis goes through one thread with an event loop of its own. So what blocks (sessions) and what awaits
(answers, the rate limit) share connections, redis-py is imported while other things are done, and a busy program does
not let an attempt run into its time limit.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from ragcli.config import Redis as Settings
from ragcli.errors import ConfigError, RedisAway
from ragcli.streams.breaker import Breaker
from ragcli.text.clean import one_line

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client
    from redis.commands.core import AsyncScript

T = TypeVar("T")
Work: TypeAlias = "Callable[[Client], Awaitable[T]]"

AWAY = "away"
CONNECTIONS = 10_000
"""More than a process has tasks that wait for Redis: redis-py's own limit would look like an outage."""


class Script(Struct, frozen=True):
    """A Lua program that Redis runs as one step; its keys are in one hash slot, so that a cluster runs it, too."""

    source: str

    async def run(self, client: Client, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:
        """Its reply; integers and bytes. Sent as a digest, and whole only where Redis does not know it yet."""
        script: AsyncScript = client.register_script(self.source)
        return await script(keys=list(keys), args=list(arguments))


class RedisLink:
    """Lends a client, of redis-py with bytes as replies; connects when first asked. Raises ConfigError."""

    def __init__(self, settings: Settings, *, breaker: Breaker | None = None) -> None:
        _check(settings.url)
        self._settings = settings
        self._breaker = breaker or Breaker()
        self._told: set[str] = set()
        self._news = ""
        self._loop = asyncio.new_event_loop()
        # A daemon: a process that ends does not wait for it.
        self._thread = threading.Thread(target=_serve, args=(self._loop,), name="redis", daemon=True)
        self._thread.start()
        self._client = self._submit(self._open())

    def key(self, *parts: str) -> str:
        return ":".join(("ragcli", self._settings.prefix, *parts))

    def news(self) -> str:
        """What a person is to be told: once for an outage, and once for each kind of refusal; else empty."""
        news, self._news = self._news, ""
        return news

    async def ask(self, work: Work[T]) -> T:
        """What `work` makes of the client. Raises RedisAway, within the time limit of one attempt."""
        result: T = await asyncio.wrap_future(self._submit(self._attempt(work)))
        return result

    def call(self, work: Work[T]) -> T:
        """As `ask`, for what blocks."""
        result: T = self._submit(self._attempt(work)).result()
        return result

    def close(self) -> None:
        """Lets go of the connections; what is under way is given up."""

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            if self._client.done() and not self._client.cancelled() and not self._client.exception():
                await self._client.result().aclose()

        with suppress(TimeoutError, OSError):
            self._submit(end()).result(self._settings.timeout * 2)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._settings.timeout)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> Client:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        limit = self._settings.timeout
        try:
            client = Redis.from_url(
                self._settings.url,
                protocol=2,
                socket_timeout=limit,
                socket_connect_timeout=limit,
                retry=Retry(NoBackoff(), 0),  # its own retries would come on top of the time limit
                max_connections=CONNECTIONS,
            )
            pool: Any = client.connection_pool
            pool.make_connection()  # connects to nothing: it looks at the options in the address
        except (TypeError, ValueError) as error:
            raise _unusable() from error
        return client

    async def _attempt(self, work: Work[T]) -> T:
        client = await asyncio.wrap_future(self._client)
        from redis import exceptions

        ticket = self._breaker.admit()
        if ticket is None:
            raise RedisAway(self._breaker.why)
        try:
            async with asyncio.timeout(self._settings.timeout):
                result = await work(client)
        except exceptions.AuthenticationError as error:
            raise self._failed(ticket, "Redis refuses the user or the password of redis.url") from error
        except (exceptions.TimeoutError, TimeoutError) as error:
            raise self._failed(ticket, f"Redis does not answer within {self._settings.timeout:g} s") from error
        except (exceptions.ConnectionError, OSError) as error:
            raise self._failed(ticket, f"Redis is away: {one_line(str(error), 120)}") from error
        except exceptions.RedisError as error:  # it is there, and does not do this: full, read-only, not permitted
            why = f"Redis refuses: {one_line(str(error), 120)}"
            self.tell(why.split()[2], why)
            raise RedisAway(why) from error
        self._breaker.succeeded()
        self._told.discard(AWAY)
        return result

    def _failed(self, ticket: int, why: str) -> RedisAway:
        self._breaker.failed(ticket, why)
        self.tell(AWAY, why)
        return RedisAway(why)

    def tell(self, kind: str, why: str) -> None:
        """Has this told, once for each kind."""
        if kind not in self._told:
            self._told.add(kind)
            self._news = why


def _unusable() -> ConfigError:
    return ConfigError("redis.url is no usable address", remedy="write redis://USER:PASSWORD@HOST:PORT/DB")


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _check(url: str) -> None:
    """Raises ConfigError that does not show the URL: there may be a password in it."""
    try:
        parts = urlsplit(url)
        usable = parts.port != 0 and bool(parts.hostname or parts.path)
    except ValueError:
        usable = False
    if not usable:
        raise _unusable()
    if importlib.util.find_spec("redis") is None:
        raise ConfigError("redis.url is set, but redis-py is not installed", remedy="pip install 'ragcli[redis]'")
