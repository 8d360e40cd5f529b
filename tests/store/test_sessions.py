"""Chats survive the process, and each other."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ragcli.errors import IndexDamaged, StoreUnwritable
from ragcli.store.sessions import SQLiteSessions
from ragcli.types import Answer, Citation, Scores, Source, Turn

FULL = Answer(
    question="退货期限是多长？",
    answer="三十天内 [1]。",
    grounded=True,
    sources=(
        Source(
            n=1, path="/docs/退货.md", title="退货", format="markdown", text="三十天", score=0.5, lines=(3, 4),
            heading=("政策",), scores=Scores(keyword=1.5), chunk_ids=(7, 8),
        ),
    ),
    citations=(Citation(1, "三十天内 [1]。", "supported"),),
    session="work",
)  # fmt: skip


@pytest.fixture
def sessions(tmp_path: Path) -> SQLiteSessions:
    moments = iter(range(1000, 10_000))
    return SQLiteSessions(tmp_path / "home" / "sessions.db", clock=lambda: float(next(moments)))


def answer(question: str, text: str = "an answer") -> Answer:
    return Answer(question=question, answer=text)


def test_an_exchange_comes_back_as_it_was(sessions: SQLiteSessions) -> None:
    sessions.append("work", FULL)
    assert [stored for _, stored in sessions.exchanges("work")] == [FULL]
    assert sessions.turns("work") == [Turn(FULL.question, FULL.answer)]


def test_a_home_without_chats_is_empty_and_stays_untouched(sessions: SQLiteSessions, tmp_path: Path) -> None:
    assert sessions.turns("work") == []
    assert sessions.latest() is None
    assert sessions.names() == []
    assert sessions.overview() == []
    assert not sessions.delete("work")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_grows_stays_one_exchange(sessions: SQLiteSessions) -> None:
    number = sessions.append("work", answer("q", "be"))
    sessions.append("work", answer("r"))
    sessions.update(number, answer("q", "because"))
    assert sessions.turns("work") == [Turn("q", "because"), Turn("r", "an answer")]


def test_sessions_are_listed_latest_first_with_age_and_size(sessions: SQLiteSessions) -> None:
    sessions.append("old", answer("q"))
    number = sessions.append("new", answer("q"))
    sessions.append("old", answer("r"))
    assert sessions.names() == ["old", "new"]
    sessions.update(number, answer("q", "longer"))
    assert sessions.latest() == "new"
    new, old = sessions.overview()
    assert (new.name, new.exchanges) == ("new", 1)
    assert (old.name, old.exchanges) == ("old", 2)
    assert old.bytes > new.bytes > 0
    assert old.created_at < old.updated_at < new.updated_at


def test_names_come_from_the_first_question_and_never_clash(sessions: SQLiteSessions) -> None:
    assert sessions.free_name("退货期限是多长？") == "退货期限是多长"
    assert sessions.free_name("\x1b[31m \n") == "chat"
    sessions.append("退货期限是多长", FULL)
    assert sessions.free_name("退货期限是多长？") == "退货期限是多长 2"
    assert len(sessions.free_name("word " * 50)) <= 40


def test_a_session_is_renamed_and_deleted_but_never_over_another(sessions: SQLiteSessions) -> None:
    sessions.append("a", answer("q"))
    sessions.append("b", answer("r"))
    assert not sessions.rename("a", "b")
    assert not sessions.rename("missing", "c")
    assert sessions.rename("a", "c")
    assert sessions.turns("c") == [Turn("q", "an answer")]
    assert sessions.delete("c")
    assert sessions.names() == ["b"]
    assert sessions.exchanges("c") == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_nobody_else_may_read_the_chats(sessions: SQLiteSessions, tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        sessions.append("work", FULL)
    finally:
        os.umask(former)
    for path in [tmp_path / "home", *(tmp_path / "home").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_processes_that_write_one_session_at_once_lose_nothing(sessions: SQLiteSessions, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ragcli.store.sessions import SQLiteSessions\n"
        "from ragcli.types import Answer\n"
        "sessions = SQLiteSessions(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    number = sessions.append('shared', Answer(question=f'{sys.argv[2]}-{n}'))\n"
        "    sessions.update(number, Answer(question=f'{sys.argv[2]}-{n}', answer='done'))\n"
    )
    path = tmp_path / "home" / "sessions.db"
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(number)]) for number in range(3)]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0, 0]
    turns = SQLiteSessions(path).turns("shared")
    assert sorted(turn.question for turn in turns) == sorted(f"{p}-{n}" for p in range(3) for n in range(20))
    assert all(turn.answer == "done" for turn in turns)


async def test_calls_from_threads_are_safe(sessions: SQLiteSessions) -> None:
    await asyncio.gather(*(asyncio.to_thread(sessions.append, "work", answer(str(n))) for n in range(20)))
    assert len(sessions.turns("work")) == 20


def test_a_damaged_file_is_told_with_what_to_do(sessions: SQLiteSessions, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sessions.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(IndexDamaged, match=r"sessions\.db cannot be read.*move it away"):
        sessions.turns("work")
    with pytest.raises(IndexDamaged):
        sessions.append("work", FULL)


def test_a_row_that_cannot_be_decoded_is_told_as_damage(sessions: SQLiteSessions, tmp_path: Path) -> None:
    sessions.append("work", FULL)
    with sqlite3.connect(tmp_path / "home" / "sessions.db") as database:
        database.execute("update exchanges set answer = 'nonsense'")
    database.close()
    with pytest.raises(IndexDamaged):
        sessions.turns("work")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnwritable, match="--home"):
        SQLiteSessions(tmp_path / "file" / "sessions.db").append("work", FULL)
