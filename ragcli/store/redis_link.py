"""One Redis as everything that shares it sees it: attempts that end in time, and a pause after one that failed.

What awaits talks with Redis in its own event loop: a thread between them would cost more than the way to a Redis
beside it. What blocks (sessions) has a thread with a loop. redis-py is imported while other things are done.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from ragcli.config import Redis as Settings
from ragcli.errors import ConfigError, RedisAway
from ragcli.streams.breaker import Breaker
from ragcli.streams.fair import within
from ragcli.text.clean import one_line

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client
    from redis.commands.core import AsyncScript

T = TypeVar("T")
Work: TypeAlias = "Callable[[Client], Awaitable[T]]"

AWAY = "away"
CONNECTIONS = 10_000
"""More than a process has tasks that wait for Redis: redis-py's own limit would look like an outage."""


ENDING_S = 1.0
"""How long a thread that is told to end is waited for."""
_closing: set[asyncio.Task[None]] = set()
"""What closes connections when their loop ends: nothing else holds on to it until then."""


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
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}
        self._thread: _LoopThread | None = None
        self._starting = threading.Lock()
        self._usable: Future[None] = Future()
        self._usable.set_running_or_notify_cancel()  # who waits for it and is cancelled does not cancel it
        threading.Thread(target=self._prepare, name="redis import", daemon=True).start()

    def key(self, *parts: str) -> str:
        return ":".join(("ragcli", self._settings.prefix, *parts))

    def news(self) -> str:
        """What a person is to be told: once for an outage, and once for each kind of refusal; else empty."""
        news, self._news = self._news, ""
        return news

    async def ask(self, work: Work[T]) -> T:
        """What `work` makes of the client. Raises RedisAway, within the time limit of one attempt."""
        if not self._usable.done():
            await asyncio.wrap_future(self._usable)
        self._usable.result()
        from redis import exceptions

        ticket = self._breaker.admit()
        if ticket is None:
            raise RedisAway(self._breaker.why)
        try:
            result = await within(self._settings.timeout, work(self._client()))
        except exceptions.AuthenticationError as error:
            raise self._failed(ticket, "Redis refuses the user or the password of redis.url") from error
        except (exceptions.TimeoutError, TimeoutError) as error:
            raise self._failed(ticket, f"Redis does not answer within {self._settings.timeout:g} s") from error
        except (exceptions.ConnectionError, OSError) as error:
            raise self._failed(ticket, f"Redis is away: {_said(error)}") from error
        except exceptions.RedisError as error:  # it is there, and does not do this: full, read-only, not permitted
            why = f"Redis refuses: {_said(error)}"
            self.tell(why.split()[2], why)
            raise RedisAway(why) from error
        self._breaker.succeeded()
        self._told.discard(AWAY)
        return result

    def call(self, work: Work[T]) -> T:
        """As `ask`, for what blocks."""
        with self._starting:
            if self._thread is None:
                self._thread = _LoopThread()
        return asyncio.run_coroutine_threadsafe(self.ask(work), self._thread.loop).result()

    def close(self) -> None:
        """Ends what serves `call`; what is under way there is given up. Other connections close with their loops."""
        if self._thread is not None:
            self._thread.end()

    def _client(self) -> Client:
        """The one of this event loop."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._opened()
            task = loop.create_task(self._close_with(loop, client))
            _closing.add(task)
            task.add_done_callback(_closing.discard)
        return client

    async def _close_with(self, loop: asyncio.AbstractEventLoop, client: Client) -> None:
        """Waits until the loop ends, as asyncio.run and _LoopThread do it: by cancelling what is left."""
        try:
            await asyncio.Event().wait()
        finally:
            del self._clients[loop]
            with suppress(Exception):  # a Redis that does not answer holds no one up
                await within(self._settings.timeout, client.aclose())

    def _prepare(self) -> None:
        """Imports redis-py, and has it look at the options in the address, which connects to nothing."""
        try:
            pool: Any = self._opened().connection_pool
            pool.make_connection()
        except (TypeError, ValueError) as error:
            unusable = _unusable()
            unusable.__cause__ = error
            self._usable.set_exception(unusable)
        except BaseException as error:
            self._usable.set_exception(error)
            raise
        else:
            self._usable.set_result(None)

    def _opened(self) -> Client:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        return Redis.from_url(
            self._settings.url,
            protocol=2,
            socket_timeout=None,  # the attempt as a whole has a limit
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),  # its own retries would come on top of that
            max_connections=CONNECTIONS,
        )

    def _failed(self, ticket: int, why: str) -> RedisAway:
        self._breaker.failed(ticket, why)
        self.tell(AWAY, why)
        return RedisAway(why)

    def tell(self, kind: str, why: str) -> None:
        """Has this told, once for each kind."""
        if kind not in self._told:
            self._told.add(kind)
            self._news = why


def _said(error: Exception) -> str:
    """Without the name of the script in which it happened."""
    return one_line(str(error).split(" script: ")[0], 120).rstrip(".")


def _unusable() -> ConfigError:
    return ConfigError("redis.url is no usable address", remedy="write redis://USER:PASSWORD@HOST:PORT/DB")


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # A daemon: a process that ends does not wait for it.
        self._thread = threading.Thread(target=self._serve, name="redis", daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(ENDING_S)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.get_loop().run_forever()


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
