"""The chat in real terminals: what stands on the screen and in the scrollback is the answer, whole and once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and os.environ.get("CI") != "true", reason="tmux is not installed"
)

PLAY = Path(__file__).parent / "play.py"
WORD = re.compile(r"w\d{4}x")


class Window:
    """A terminal of a given size in which the double answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = f"ragcli-test-{uuid.uuid4().hex[:8]}"
        self._config = folder / "tmux.conf"
        self._config.write_text("set -g history-limit 20000\nset -g remain-on-exit on\n")

    def tmux(self, *args: str) -> str:
        done = subprocess.run(["tmux", "-L", self._server, *args], capture_output=True, timeout=120, check=False)
        return done.stdout.decode()

    def open(self, columns: int, lines: int, answer: str, rate: float, **environment: str) -> None:
        text = self.folder / "answer.md"
        text.write_text(answer, encoding="utf-8")
        variables = [f"{name}={value}" for name, value in environment.items()]
        command = [
            "env",
            "-u",
            "NO_COLOR",
            *variables,
            sys.executable,
            str(PLAY),
            str(self.folder),
            str(text),
            str(rate),
        ]
        size = ["-x", str(columns), "-y", str(lines)]
        self.tmux("-f", str(self._config), "-u", "new-session", "-d", *size, *command)
        self.until(lambda: "❯" in self.screen() and "scripted" in self.screen())

    def ask(self, text: str) -> None:
        """Types a line; Enter once it stands there, so that the chat and no longer the terminal reads the keys."""
        self.keys("-l", text)
        self.until(lambda: f"❯ {text}" in self.screen())
        self.keys("Enter")

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        """While nothing is on its way to the terminal: what comes as it breaks its lines anew is beyond mending."""
        seen: list[str] = []
        while len(seen) < 3 or len(set(seen[-3:])) > 1:
            time.sleep(0.05)
            seen.append(self.screen())
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        terminal, *size = self.tmux("display-message", "-p", "#{pane_tty} #{pane_width} #{pane_height}").split()

        def told() -> list[str]:
            with open(terminal) as opened:
                return [str(number) for number in os.get_terminal_size(opened.fileno())]

        self.until(lambda: told() == size)

    def answered(self) -> bool:
        """Whether sources and, below them, the next prompt stand on the screen."""
        sources, _, below = self.screen().rpartition("handbook.md")
        return bool(sources) and "❯" in below

    def clear(self) -> None:
        """Takes away what was typed and shown."""
        self.keys("C-u", "C-l")
        self.until(lambda: "handbook.md" not in self.screen() and "zzz" not in self.screen())
        self.tmux("clear-history")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def scrollback(self) -> str:
        return self.tmux("capture-pane", "-p", "-J", "-S", "-")

    def until(self, happened: Callable[[], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, self.screen()
            time.sleep(0.05)

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    opened = Window(tmp_path)
    yield opened
    opened.close()


def long_answer() -> str:
    """Some 300 lines of every kind of Markdown, no word twice."""
    numbers = count(1)

    def words(many: int) -> str:
        return " ".join(f"w{next(numbers):04d}x" for _ in range(many))

    def section() -> Iterator[str]:
        yield f"## {words(3)}"
        yield f"{words(30)} 中文字符与标点，{words(4)} **{words(3)}** and `{words(1)}` [1]."
        yield "\n".join(f"- {words(8)}\n  - {words(4)}" for _ in range(5))
        yield "\n".join(f"{item}. {words(12)}" for item in range(1, 13))
        yield "| a | b | c |\n|---|:-:|--:|\n" + "\n".join(f"| {' | '.join(words(3).split())} |" for _ in range(6))
        yield "```python\n" + "\n".join(f"def {words(1)}(a):\n    return {words(2)}" for _ in range(6)) + "\n```"
        yield f"> {words(20)}"
        yield f"👩‍💻 ${words(1)}_1 * b$ {words(60)}"

    blocks: list[str] = []
    while sum(block.count("\n") + 2 for block in blocks) < 300:
        blocks += section()
    return "\n\n".join(blocks)


LONG = long_answer()


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """A window whose chat gives the long answer; starting one takes as long as an answer."""
    opened = Window(tmp_path_factory.mktemp("playing"))
    opened.open(80, 24, LONG, rate=3000)
    yield opened
    opened.close()


@pytest.fixture
def long(playing: Window) -> Window:
    """The same window as if it had just been opened."""
    playing.clear()
    return playing


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 15), (200, 50)])
def test_every_word_of_a_long_answer_stands_in_the_scrollback_once(long: Window, columns: int, lines: int) -> None:
    long.resize(columns, lines)
    long.ask("go")
    long.until(long.answered)
    assert WORD.findall(long.scrollback()) == WORD.findall(LONG)


def test_a_window_that_is_resized_while_the_answer_streams_loses_and_repeats_nothing(long: Window) -> None:
    long.resize(80, 24)
    sizes = [(60, 24), (100, 30), (50, 20), (120, 40), (40, 15), (80, 24)]
    long.ask(f"halt {len(sizes)}")
    for number, size in enumerate(sizes, start=1):
        long.until((long.folder / f"at-{number}").exists)
        long.resize(*size)
        (long.folder / f"on-{number}").touch()
    long.until(long.answered)
    assert WORD.findall(long.scrollback()) == WORD.findall(LONG)


def test_typed_keys_never_land_in_the_answer(long: Window) -> None:
    long.resize(80, 24)
    long.ask("1500")
    long.until(lambda: "w0010x" in long.scrollback())
    for _ in range(10):
        long.keys("zzz")
    long.until(lambda: "❯ " + "zzz" * 10 in long.screen() and long.answered())
    assert WORD.findall(long.scrollback()) == WORD.findall(LONG)
    assert long.scrollback().count("zzz") == 10


def test_ctrl_c_stops_the_answer_keeps_its_part_and_twice_leaves_a_sane_terminal(window: Window) -> None:
    window.open(80, 24, LONG, rate=50)
    window.ask("go")
    window.until(lambda: "w0010x" in window.scrollback())
    window.keys("more?", "C-c")
    window.until(lambda: "Stopped" in window.screen())
    window.until(lambda: "❯ more?" in window.screen())  # what was typed meanwhile is the next question
    shown = WORD.findall(window.scrollback())
    assert shown == WORD.findall(LONG)[: len(shown)]
    window.keys("C-c", "C-c")
    window.until(lambda: "ragcli chat --resume" in window.screen())
    window.until(lambda: window.tmux("display", "-p", "#{pane_dead}") == "1\n")
    assert "Traceback" not in window.scrollback()


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=["dumb", "no colour"])
def test_a_terminal_that_may_not_be_painted_gets_the_text_as_it_comes(
    window: Window, environment: dict[str, str]
) -> None:
    window.open(80, 24, "**Five** days [1].\n\n| a | b |\n|---|---|\n| c | d |", rate=500, **environment)
    window.ask("go")
    window.until(lambda: "handbook.md" in window.screen())
    assert "**Five** days [1].\n\n| a | b |\n|---|---|\n| c | d |\n" in window.scrollback()
