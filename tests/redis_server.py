"""A real Redis for the tests: on a free port of loopback, with a password, and with every trouble that one can have."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pytest
from endpoint import PATIENCE_S
from msgspec.structs import replace

if TYPE_CHECKING:
    from ragcli.store.redis_link import RedisLink
    from ragcli.streams.breaker import Breaker

PROGRAM = shutil.which("redis-server")
PASSWORD = secrets.token_hex(16)
OpenLink = Callable[..., "RedisLink"]
OPTIONS = ("--save", "", "--appendonly", "no", "--daemonize", "no", "--databases", "2")


class RedisServer:
    """Started on entry and killed on exit; `start` after `kill` brings it back on the same port, empty."""

    def __init__(self, folder: Path, *options: str, password: str = PASSWORD) -> None:
        self.folder, self.options, self.password = folder, options, password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        assert PROGRAM
        listening = ("--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", self.password)
        command = [PROGRAM, *listening, "--dir", str(self.folder), *OPTIONS, *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while self.command("PING") != "+PONG":
            assert self._process.poll() is None, f"redis-server cannot be had on port {self.port}"
            assert time.monotonic() < until, "redis-server did not start"
            time.sleep(0.01)
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Neither answers nor refuses meanwhile."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """The first line of the reply to a command, or why there is none."""
        asked = "".join(f"*{len(line)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in line)
                        for line in (("AUTH", self.password), words))  # fmt: skip
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
                connection.sendall(asked.encode())
                lines = connection.makefile("rb")
                lines.readline()
                return lines.readline().decode().strip()
        except OSError as error:
            return str(error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()


@contextmanager
def hurried(link: RedisLink, seconds: float) -> Iterator[None]:
    """Attempts of this link have no longer meanwhile."""
    former, link._settings = link._settings, replace(link._settings, timeout=seconds)
    try:
        yield
    finally:
        link._settings = former


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_redis() -> None:
    """Skips where there is no redis-server; where CI says that there must be one, its absence is a failure."""
    if PROGRAM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("redis-server is missing: apt-get install redis-server")
        pytest.skip("redis-server is not installed")


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the tests of a module; each has a prefix of its own."""
    require_redis()
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may stop, kill or fill."""
    require_redis()
    with RedisServer(tmp_path) as server:
        yield server


_prefixes = itertools.count()


@pytest.fixture
def prefix() -> str:
    """Keeps the keys of a test apart from those of others."""
    return f"test-{next(_prefixes)}"


@pytest.fixture
def open_link(prefix: str) -> Iterator[OpenLink]:
    """`open_link(server)`: one more node's connection; `url` in place of the server's, `breaker` as its own.

    Its attempts have a minute, so that a busy machine is no trouble, unless `timeout` says how many seconds.
    """
    from ragcli.config import Redis
    from ragcli.store.redis_link import RedisLink

    opened: list[RedisLink] = []

    def open_one(
        server: RedisServer, *, url: str = "", breaker: Breaker | None = None, timeout: float = PATIENCE_S
    ) -> RedisLink:
        settings = Redis(url=url or server.url, prefix=prefix, timeout=timeout)
        opened.append(RedisLink(settings, breaker=breaker))
        return opened[-1]

    yield open_one
    for link in opened:
        link.close()
