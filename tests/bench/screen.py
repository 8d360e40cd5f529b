"""How a chat feels: from a key press to its echo while an answer streams, and what showing a long answer costs.

The chat is the real one, on a pseudo-terminal; the endpoint is a process of its own: its work is not the chat's.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from measure import SAMPLE_DOCS, Failed, Row, environment, percentile, python, ragcli, timed

sys.path.insert(0, str(Path(__file__).parents[1]))

from endpoint import ModelServer
from replies import answer, tokenize

TOKENS, PER_SECOND = 5000, 200
KEYS, EVERY_S = 300, 0.07
PATIENCE_S = 30.0
ECHO_MS, RENDERING_S = 16.0, 1.0
COLUMNS, LINES = 80, 24
ROOM = {"RAGCLI_CHAT_MAX_TOKENS": str(2 * TOKENS), "RAGCLI_CHAT_CONTEXT_TOKENS": str(8 * TOKENS)}
BARE = """
import os, sys, tty
tty.setraw(0)
os.write(1, b"[?2004h")
while keys := os.read(0, 1):
    typed = (globals().get("typed", b"") + keys)[-8:]
    os.write(1, typed)
"""
QUESTION = "How many days do customers have to return hardware?"


def long_answer() -> str:
    """An answer of TOKENS tokens in English and Chinese, with every kind of Markdown and many citations."""
    section = (
        "## Returns and 退货\n\n"
        "Hardware can be returned within **30 days** of delivery, for any reason [1]. The refund goes to the original "
        "means of payment within `10` working days [1]. 国内网关的保修期是三年 [2]。 Some of it is told at length, so "
        "that the paragraph runs over several rows of the screen and its first rows are final before it ends [1].\n\n"
        "- Unopened boxes are refunded in full [1]\n"
        "- For opened boxes we keep 10 per cent [1]\n"
        "  - missing parts are charged\n\n"
        "| Plan | Price | Notes |\n|---|---:|---|\n| Basic | 5 | 便宜 |\n| Pro | 50 | for teams |\n\n"
        "```python\ndef total(days):\n    return days + 30  # comment\n```\n\n"
        "> A quotation of the handbook, which is not long.\n\n"
    )
    return "".join(tokenize(section * (1 + TOKENS // len(tokenize(section))))[:TOKENS])


def measure_screen() -> list[Row]:
    if os.name != "posix":
        raise Failed("there is no pseudo-terminal here")
    cpu = rendering_cpu()
    with tempfile.TemporaryDirectory() as folder, served() as url:
        home = Path(folder) / "home"
        timed(ragcli("ingest", SAMPLE_DOCS), environment(home))
        settings = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "bench"} | ROOM
        echoes = typed(ragcli("chat"), environment(home, settings), question=QUESTION)
    bare = typed(python(BARE), dict(os.environ))
    name = f"key press to echo at {PER_SECOND} tokens/s"
    return [
        Row(f"{name}, median", percentile(echoes, 50), "ms"),
        Row(f"{name}, p99", percentile(echoes, 99), "ms", limit=ECHO_MS),
        Row("the same by a program that does nothing else, p99", percentile(bare, 99), "ms"),
        Row(f"CPU to show an answer of {TOKENS:,} tokens", cpu, limit=RENDERING_S),
    ]


def rendering_cpu() -> float:
    """CPU seconds of the display alone, checks of citations included, on a clock that ticks with the tokens."""
    from chat.double import SOURCES, terminal

    from ragcli.answer.doubts import Doubts
    from ragcli.render.screen import LiveDisplay

    def shown() -> float:
        now = 0.0
        display = LiveDisplay(terminal(COLUMNS, LINES), Doubts(SOURCES), clock=lambda: now)
        begun = time.process_time()
        for token in tokenize(long_answer()):
            now += 1 / PER_SECOND
            display.token(token)
        display.close()
        return time.process_time() - begun

    return min(shown() for _ in range(3))


def typed(command: Sequence[str], env: Mapping[str, str], *, question: str = "") -> list[float]:
    """Milliseconds from each key press until the screen has it, while the question is answered where there is one."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, {**env, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"})
    try:
        _seen(terminal, "[?2004h")  # the prompt
        if question:
            os.write(terminal, f"{question}\r".encode())
            _seen(terminal, "Returns")
        keys = ("abcdefghijklmnopqrstuvwxyz" * KEYS)[:KEYS]
        echoes: list[float] = []
        for end in range(1, KEYS + 1):
            _read_for(terminal, EVERY_S)
            begun = time.perf_counter()
            os.write(terminal, keys[end - 1].encode())
            _seen(terminal, keys[max(0, end - 8) : end])
            echoes.append(1000 * (time.perf_counter() - begun))
        return echoes
    finally:
        os.close(terminal)  # it hangs up
        os.waitpid(pid, 0)


def _read_for(terminal: int, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def _seen(terminal: int, text: str) -> None:
    """Reads until the text has come. Raises Failed."""
    seen = ""
    while text not in seen:
        if not select.select([terminal], [], [], PATIENCE_S)[0]:
            raise Failed(f"the chat never showed {text!r}: {seen[-500:]!r}")
        seen += os.read(terminal, 65536).decode(errors="replace")


@contextmanager
def served() -> Iterator[str]:
    """The URL of an endpoint whose only answer is the long one."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve() -> None:
    with ModelServer() as server:
        server.enqueue(answer(long_answer(), delay=1 / PER_SECOND))
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    serve()
