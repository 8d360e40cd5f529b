"""`ragcli chat` as it is started: killed in the middle and gone on with, switched, told of a new index, ended."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import clean_environment, run_ragcli
from endpoint import ModelServer
from replies import answer

from ragcli.store.sessions import SQLiteSessions

WHOLE = " ".join(
    f"Hardware of kind {kind} can be returned within {30 + kind} days of delivery [1]. 第{kind}类须附原包装 [1]。"
    for kind in range(1, 13)
)
QUESTION = "How many days do customers have to return hardware ordered in 2026?"


def online(endpoint: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-test"}


@contextmanager
def started(home: Path, *args: str, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A chat that reads a pipe and that a signal reaches."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ragcli", "chat", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(home, **env),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(happened: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_after_kill_9_the_answer_is_shown_as_far_as_it_came_and_finished(
    own_sample_home: Path, home: Path, endpoint: ModelServer
) -> None:
    """The same sources, no search, and at the seam no word twice and none missing."""
    endpoint.enqueue(answer(WHOLE, hang_after=100), answer(WHOLE, follow=True, overlap=3))
    sessions = SQLiteSessions(home / "sessions.db")
    with started(home, env=online(endpoint)) as process:
        assert process.stdin
        process.stdin.write(f"{QUESTION}\n".encode())
        process.stdin.flush()
        until(lambda: sessions.latest() and len(sessions.answers(str(sessions.latest()))[0].answer) > 150)
        process.kill()
    (partial,) = sessions.answers(str(sessions.latest()))
    assert WHOLE.startswith(partial.answer)
    assert (partial.finish, partial.question) == ("interrupted", QUESTION)

    done = run_ragcli(home, "chat", "--resume", input="/continue\n", env=online(endpoint))
    assert done.returncode == 0
    assert partial.answer.strip() in done.stderr
    assert "/continue goes on from there." in done.stderr
    (stored,) = sessions.answers(str(sessions.latest()))
    assert stored.answer.split() == WHOLE.split()
    assert (partial.answer + done.stdout).split() == WHOLE.split()
    assert (stored.finish, stored.sources) == ("stop", partial.sources)
    first, second = (request for request in endpoint.history if request.path == "chat/completions")
    assert second.body["messages"][: len(first.body["messages"])] == first.body["messages"]


def test_model_collection_and_number_of_passages_are_switched_and_mistakes_told(
    own_sample_home: Path, home: Path, endpoint: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "canteen.md").write_text("# 食堂\n\n食堂每天八点开门，供应早餐。\n", encoding="utf-8")
    assert run_ragcli(home, "ingest", tmp_path / "canteen.md", "-c", "食堂").returncode == 0
    endpoint.enqueue(*(answer("Yes [1].") for _ in range(3)))
    typed = f"/top 1\n{QUESTION}\n/model other\n/collection nowhere\n{QUESTION}\n/collection 食堂\n食堂几点开门？\n"
    done = run_ragcli(home, "chat", input=typed, env=online(endpoint))
    assert done.returncode == 0
    assert "there is no collection 'nowhere' yet" in done.stderr
    assert "Asking 食堂 now: 1 document." in done.stderr
    first, second, third = (request.body for request in endpoint.history if request.path == "chat/completions")
    prompts = [body["messages"][-1]["content"] for body in (first, second, third)]
    assert [len(re.findall("</source>", prompt)) for prompt in prompts] == [1, 1, 1]
    assert "八点" in prompts[2]
    assert "八点" not in prompts[1]


def test_an_ingest_beside_the_chat_is_told_and_answered_from(own_sample_home: Path, home: Path, tmp_path: Path) -> None:
    with started(home, env={}) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{QUESTION}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        (tmp_path / "zeppelin.md").write_text("# Zeppelin\n\nThe zeppelin leaves at 6:45 from hangar nine.\n")
        assert run_ragcli(home, "ingest", tmp_path / "zeppelin.md").returncode == 0
        out, err = process.communicate(b"When does the zeppelin leave?\n", timeout=240)
    assert re.search(r"index updated: \d+ documents\n", err.decode())
    assert "6:45" in out.decode()


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_ctrl_c_after_the_end_of_the_chat_does_no_harm(own_sample_home: Path, home: Path) -> None:
    """Whenever it is pressed until the process is gone, the exit code stays and nothing is thrown at the person."""
    with started(home, env={}) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(f"{QUESTION}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.stdin.close()
        until(lambda: process.poll() is not None or process.send_signal(signal.SIGINT))
        said = process.stderr.read().decode()
        assert (process.returncode, "Traceback" in said) == (0, False), said


class Person:
    """Somebody at a terminal of 80 columns."""

    def __init__(self, folder: Path, home: Path, *args: str) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs, the tests perhaps, ignore it
            environment = clean_environment(home, TERM="xterm-256color", COLUMNS="80", LINES="24")
            os.execve(sys.executable, [sys.executable, "-m", "ragcli", *args], environment)
        self.seen = ""

    def until(self, text: str) -> None:
        while text not in self.seen:
            assert select.select([self._terminal], [], [], 60)[0], self.seen
            try:
                self.seen += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(self.seen) from error

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def code(self, *, pressing: str = "") -> int:
        """The exit code; `pressing` is a key that is pressed, and again where nothing comes of it for two seconds."""
        patience = 30
        try:
            os.write(self._terminal, pressing.encode())
            while patience:
                if not select.select([self._terminal], [], [], 2)[0]:
                    patience -= 1
                    os.write(self._terminal, pressing.encode())
                elif data := os.read(self._terminal, 65536):
                    self.seen += data.decode(errors="replace")
                else:
                    break
        except OSError:
            pass  # the other end is closed
        assert patience, self.seen
        _, status = os.waitpid(self.pid, 0)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_an_empty_index_offers_to_ingest_the_current_folder(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave policy\n\n## Annual leave\n\nAnnual leave is 25 days.\n")
    declining = Person(folder, home, "chat")
    declining.until("now? [y/N]")
    declining.types("\r")
    assert declining.code() == 6
    assert "ragcli ingest" in declining.seen
    interrupting = Person(folder, home, "chat")
    interrupting.until("now? [y/N]")
    # Again, because readline loses a Ctrl-C that comes while it gets ready.
    assert (interrupting.code(pressing="\x03"), "unexpected" in interrupting.seen) == (130, False)
    agreeing = Person(folder, home, "chat")
    agreeing.until("now? [y/N]")
    agreeing.types("y\r")
    agreeing.types("How many days of leave are there?\r/exit\r")  # nothing is there yet that would read it
    assert agreeing.code() == 0
    assert "about annual leave?" in agreeing.seen
    assert "Annual leave is 25 days. [1]" in agreeing.seen
