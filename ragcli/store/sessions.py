"""Chats that outlive the process: one SQLite file for all sessions, each exchange a row that is written as it grows.

Rows are only added, and changed by who added them, so two chats that share a session lose nothing of each other.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ragcli.errors import IndexDamaged, StoreUnwritable
from ragcli.store.layout import FILE_MODE, keep_private, make_private
from ragcli.text.clean import one_line
from ragcli.types import Answer, SessionInfo, Turn

WAIT_S = 10.0
"""How long a write waits for another process's."""
LONGEST_NAME = 40

_SCHEMA = """
create table if not exists sessions (
    id integer primary key, name text not null unique, created real not null, updated real not null
);
create table if not exists exchanges (
    id integer primary key, session integer not null references sessions (id) on delete cascade, answer blob not null
);
create index if not exists exchanges_of on exchanges (session, id);
"""


class SQLiteSessions:
    """Sessions in one file; every call opens and closes it, so a fork, a thread or a deleted file does no harm."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def turns(self, name: str) -> list[Turn]:
        return [Turn(answer.question, answer.answer) for answer in self.answers(name) if answer.answer]

    def answers(self, name: str) -> list[Answer]:
        return [answer for _, answer in self.exchanges(name)]

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        rows = self._read(
            "select exchanges.id, answer from exchanges join sessions on session = sessions.id where name = ? "
            "order by exchanges.id",
            name,
        )
        try:
            return [(number, msgspec.json.decode(blob, type=Answer)) for number, blob in rows]
        except msgspec.MsgspecError as error:
            raise self._damaged(error) from error

    def append(self, name: str, answer: Answer) -> int:
        now = self._clock()
        with self._writing() as database:
            database.execute(
                "insert into sessions (name, created, updated) values (?, ?, ?) "
                "on conflict (name) do update set updated = excluded.updated",
                (name, now, now),
            )
            added = database.execute(
                "insert into exchanges (session, answer) select id, ? from sessions where name = ? returning id",
                (msgspec.json.encode(answer), name),
            ).fetchone()
        return int(added[0])

    def update(self, number: int, answer: Answer) -> None:
        with self._writing() as database:
            database.execute("update exchanges set answer = ? where id = ?", (msgspec.json.encode(answer), number))
            database.execute(
                "update sessions set updated = ? where id = (select session from exchanges where id = ?)",
                (self._clock(), number),
            )

    def latest(self) -> str | None:
        rows = self._read("select name from sessions order by updated desc, id desc limit 1")
        return rows[0][0] if rows else None

    def names(self) -> list[str]:
        return [row[0] for row in self._read("select name from sessions order by updated desc, id desc")]

    def overview(self) -> list[SessionInfo]:
        rows = self._read(
            "select name, count(exchanges.id), coalesce(sum(length(answer)), 0), created, updated "
            "from sessions left join exchanges on session = sessions.id group by sessions.id "
            "order by updated desc, sessions.id desc"
        )
        return [SessionInfo(*row) for row in rows]

    def rename(self, name: str, new: str) -> bool:
        with self._writing() as database:
            if database.execute("select 1 from sessions where name = ?", (new,)).fetchone():
                return False
            return database.execute("update sessions set name = ? where name = ?", (new, name)).rowcount == 1

    def delete(self, name: str) -> bool:
        if not self._path.exists():
            return False
        with self._writing() as database:
            return database.execute("delete from sessions where name = ?", (name,)).rowcount == 1

    def free_name(self, question: str) -> str:
        plain = one_line(question, LONGEST_NAME).rstrip(" ?？。.!！…") or "chat"
        taken = set(self.names())
        return next(
            name
            for number in range(1, len(taken) + 2)
            if (name := f"{plain} {number}" if number > 1 else plain) not in taken
        )

    def _read(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        try:
            with self._open() as database:
                begun = database.execute("select count(*) from sqlite_master where name = 'exchanges'").fetchone()[0]
                return database.execute(query, values).fetchall() if begun else []
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        make_private(self._path.parent)
        try:
            self._path.touch(FILE_MODE)
            keep_private(self._path)
            with self._open() as database:
                self._prepare(database)
                database.execute("begin immediate")
                with database:
                    yield database
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._unwritable(error) from error
            raise self._damaged(error) from error
        except OSError as error:
            raise self._unwritable(error) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)) as database:
            database.execute("pragma foreign_keys = on")
            database.execute("pragma synchronous = normal")
            yield database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Makes a new file what it should be. SQLite does not wait its turn for the change to WAL, so this does."""
        until = time.monotonic() + WAIT_S
        while database.execute("pragma journal_mode").fetchone()[0] != "wal":
            try:
                database.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        database.executescript(_SCHEMA)

    def _unwritable(self, error: Exception) -> StoreUnwritable:
        return StoreUnwritable(
            f"cannot save the chat to {self._path}: {error}",
            remedy="free space, mend the permissions, or choose another folder with --home DIR",
        )

    def _damaged(self, error: Exception) -> IndexDamaged:
        return IndexDamaged(f"{self._path} cannot be read: {error}", remedy="move it away; chats start anew")
