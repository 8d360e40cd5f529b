"""Chroma's writing process for tests that index within their own process: forked from one that has its imports.

Its start would take the processor longer than all that most of these tests write. What is forked runs the same `main`
on pipes of its own, and is killed, waited for and found dead as the process that it stands for; every test that starts
`ragcli` starts that one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace
from typing import Any


class Nursery:
    """Has processes forked; `Popen` starts one as `subprocess.Popen` would. It starts with the first of them."""

    def __init__(self) -> None:
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def standing_in(self) -> SimpleNamespace:
        """For the module `subprocess` as `ragcli.store.chroma` uses it."""
        names = ("PIPE", "DEVNULL", "TimeoutExpired")
        return SimpleNamespace(Popen=self.popen, **{name: getattr(subprocess, name) for name in names})

    def popen(self, command: list[str], **_: Any) -> Child:
        _, _, program, *arguments = command
        if self._link is None:
            self._link, other = socket.socketpair()
            boot = [sys.executable, "-P", __file__, str(other.fileno()), program]
            self._process = subprocess.Popen(boot, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL)
            other.close()
        return Child(self._link, arguments)

    def close(self) -> None:
        if self._link is not None and self._process is not None:
            self._link.close()
            self._process.wait()


class Child:
    """What `subprocess.Popen` is to the process that writes Chroma."""

    def __init__(self, link: socket.socket, arguments: list[str]) -> None:
        (taken, given), (reading, writing), (news, told) = os.pipe(), os.pipe(), os.pipe()
        socket.send_fds(link, [json.dumps(arguments).encode()], [taken, writing, told])
        for theirs in (taken, writing, told):
            os.close(theirs)
        self.stdin, self.stdout, self._news = os.fdopen(given, "wb"), os.fdopen(reading, "rb"), os.fdopen(news, "rb", 0)
        self._number = 0
        self._code: int | None = None
        self._waiting = threading.Lock()

    def kill(self) -> None:
        with self._waiting, suppress(ProcessLookupError):
            os.kill(self._pid(), signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        with self._waiting:
            if self._code is None:
                self._pid()
                if not select.select([self._news], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("chroma_child", timeout or 0.0)
                self._code = int(self._news.readline())
                self._news.close()
            return self._code

    def _pid(self) -> int:
        """Told when it runs, which the first one does some time after it was asked for."""
        self._number = self._number or int(self._news.readline())
        return self._number


def _serve(link: socket.socket, program: ModuleType) -> None:
    """Forks for each request, tells the process's number and, when it has ended, its exit code."""
    awake, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([link, awake], [], [])
        if awake in ready:
            awake.recv(4096)
            while ended := _ended():
                pid, status = ended
                os.write(running[pid], b"%d\n" % os.waitstatus_to_exitcode(status))
                os.close(running.pop(pid))
        if link in ready:
            request, descriptors, _, _ = socket.recv_fds(link, 65536, 3)
            if not request:
                return
            pid = os.fork()
            if not pid:
                _become(program, json.loads(request), descriptors, [link, awake, wake], list(running.values()))
            taken, writing, told = descriptors
            os.close(taken)
            os.close(writing)
            os.write(told, b"%d\n" % pid)
            running[pid] = told


def _ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _become(
    program: ModuleType, arguments: list[str], descriptors: list[int], links: list[socket.socket], others: list[int]
) -> None:
    """Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for link in links:
            link.close()
        for standard, descriptor in zip((0, 1), descriptors, strict=False):
            os.dup2(descriptor, standard)
        for descriptor in (*descriptors, *others):
            os.close(descriptor)
        sys.argv = [str(program.__file__), *arguments]
        program.main()
    finally:
        os._exit(1)


def _imported(path: str) -> ModuleType:
    spec = spec_from_file_location("chroma_child", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    import chromadb_rust_bindings
    import filelock

    assert chromadb_rust_bindings
    assert filelock
    _serve(socket.socket(fileno=int(sys.argv[1])), _imported(sys.argv[2]))
