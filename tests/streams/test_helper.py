"""A process that helps with arithmetic."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragcli.streams.helper import Helper


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    (tmp_path / "upper.py").write_text(
        "from ragcli.streams.helper import serve\ndef main():\n    serve(lambda request: request.upper())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    helper = Helper("upper", "main")
    yield helper
    helper.close()


def test_threads_that_ask_at_once_get_their_own_answers(helper: Helper) -> None:
    answers: dict[int, bytes | None] = {}

    def ask(n: int) -> None:
        answers[n] = helper.ask(b"x" * 100_000 + str(n).encode())

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: b"X" * 100_000 + str(n).encode() for n in range(8)}


def test_an_empty_request_has_an_answer(helper: Helper) -> None:
    assert helper.ask(b"") == b""


def test_a_helper_that_died_gives_no_answer(helper: Helper) -> None:
    assert helper.ask(b"a") == b"A"
    helper._process.kill()
    helper._process.wait()
    assert helper.ask(b"a") is None


def test_one_that_fails_over_a_request_gives_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text(
        "from ragcli.streams.helper import serve\ndef main():\n    serve(lambda request: request[99].bytes)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    helper = Helper("failing", "main")
    try:
        assert helper.ask(b"a") is None
    finally:
        helper.close()


def test_closing_does_not_wait_for_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the one that is under way nor those that wait for their turn."""
    (tmp_path / "endless.py").write_text(
        "import time\nfrom ragcli.streams.helper import serve\ndef main():\n    serve(lambda _: time.sleep(999))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    helper = Helper("endless", "main")
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(helper.ask, b"a") for _ in range(3)]
        helper.close()
        assert [answer.result() for answer in answers] == [None] * 3
