"""Chats that outlive the process: one SQLite file for all sessions, each exchange a row that is written as it grows.

An exchange has one writer. Who writes a growing one holds a lease of it, and who goes on with one after that has ended
gets a higher token: what the former writer still sends becomes an exchange of its own. So nobody loses anything.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ragcli.errors import ExchangeBusy, StoreError
from ragcli.ports.journeys import LEASE_S
from ragcli.store.session_file import SessionFile
from ragcli.text.clean import one_line
from ragcli.types import Answer, SessionInfo, Turn

LONGEST_NAME = 40

_SCHEMA = """
create table if not exists sessions (
    id integer primary key, name text not null unique, created real not null, updated real not null
);
create table if not exists exchanges (
    id integer primary key, session integer not null references sessions (id) on delete cascade, answer blob not null
);
create index if not exists exchanges_of on exchanges (session, id);
create table if not exists leases (
    exchange integer primary key references exchanges (id) on delete cascade,
    token integer not null, until real not null, holder text not null
);
"""


class SQLiteSessions:
    """A ports.SessionStore. One of these is one writer: a chat has its own."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = SessionFile(path, _SCHEMA)
        self._clock = clock
        self._tokens: dict[int, int] = {}
        self._names: dict[int, str] = {}

    def turns(self, name: str) -> list[Turn]:
        return [Turn(answer.question, answer.answer, answer.gist) for answer in self.answers(name) if answer.answer]

    def answers(self, name: str) -> list[Answer]:
        return [answer for _, answer in self.exchanges(name)]

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        rows = self._file.read(
            "exchanges",
            "select exchanges.id, answer from exchanges join sessions on session = sessions.id where name = ? "
            "order by exchanges.id",
            name,
        )
        return [(number, self._decoded(blob)) for number, blob in rows]

    def append(self, name: str, answer: Answer, *, growing: bool = False) -> int:
        with self._file.writing() as database:
            return self._append(database, name, answer, growing=growing)

    def update(self, number: int, answer: Answer, *, growing: bool = False) -> int:
        with self._file.writing() as database:
            row = database.execute(
                "select session, coalesce(token, 0) from exchanges left join leases on exchange = exchanges.id "
                "where exchanges.id = ?",
                (number,),
            ).fetchone()
            if row is None or row[1] != self._tokens.get(number):
                return self._append(database, self._name(database, number), answer, growing=growing)
            database.execute("update exchanges set answer = ? where id = ?", (msgspec.json.encode(answer), number))
            database.execute("update sessions set updated = ? where id = ?", (self._clock(), row[0]))
            self._lease(database, number, row[1], growing=growing)
            return number

    def claim(self, number: int) -> Answer:
        with self._file.writing() as database:
            row = database.execute(
                "select answer, coalesce(token, 0), coalesce(until, 0), coalesce(holder, ''), name from exchanges "
                "join sessions on session = sessions.id left join leases on exchange = exchanges.id "
                "where exchanges.id = ?",
                (number,),
            ).fetchone()
            if row is None:
                raise StoreError("this answer was deleted meanwhile", remedy="ask again")
            blob, token, until, holder, self._names[number] = row
            if token != self._tokens.get(number) and (left := self._left(until, holder)):
                raise ExchangeBusy(left)
            answer = self._decoded(blob)
            self._lease(database, number, token + 1, growing=True)
            return answer

    def busy(self, number: int) -> float:
        rows = self._file.read("leases", "select token, until, holder from leases where exchange = ?", number)
        return sum(self._left(until, holder) for token, until, holder in rows if token != self._tokens.get(number))

    def latest(self) -> str | None:
        return next(iter(self.names()), None)

    def names(self) -> list[str]:
        rows = self._file.read("sessions", "select name from sessions order by updated desc, id desc")
        return [row[0] for row in rows]

    def overview(self) -> list[SessionInfo]:
        rows = self._file.read(
            "exchanges",
            "select name, count(exchanges.id), coalesce(sum(length(answer)), 0), created, updated "
            "from sessions left join exchanges on session = sessions.id group by sessions.id "
            "order by updated desc, sessions.id desc",
        )
        return [SessionInfo(*row) for row in rows]

    def rename(self, name: str, new: str) -> bool:
        with self._file.writing() as database:
            if database.execute("select 1 from sessions where name = ?", (new,)).fetchone():
                return False
            return database.execute("update sessions set name = ? where name = ?", (new, name)).rowcount == 1

    def delete(self, name: str) -> bool:
        if not self._file.path.exists():
            return False
        with self._file.writing() as database:
            return database.execute("delete from sessions where name = ?", (name,)).rowcount == 1

    def free_name(self, question: str) -> str:
        return free_name(question, self.names())

    def _append(self, database: sqlite3.Connection, name: str, answer: Answer, *, growing: bool) -> int:
        now = self._clock()
        database.execute(
            "insert into sessions (name, created, updated) values (?, ?, ?) "
            "on conflict (name) do update set updated = excluded.updated",
            (name, now, now),
        )
        added = database.execute(
            "insert into exchanges (session, answer) select id, ? from sessions where name = ? returning id",
            (msgspec.json.encode(answer), name),
        ).fetchone()
        number = int(added[0])
        self._names[number] = name
        self._lease(database, number, 1, growing=growing)
        return number

    def _lease(self, database: sqlite3.Connection, number: int, token: int, *, growing: bool) -> None:
        self._tokens[number] = token
        until = self._clock() + LEASE_S if growing else 0.0
        database.execute(
            "insert or replace into leases (exchange, token, until, holder) values (?, ?, ?, ?)",
            (number, token, until, f"{socket.gethostname()} {os.getpid()}"),
        )

    def _left(self, until: float, holder: str) -> float:
        """Seconds; none where the holder is known to be dead, or the clock was set back since."""
        left = until - self._clock()
        return left if 0 < left <= LEASE_S and not _dead(holder) else 0.0

    def _name(self, database: sqlite3.Connection, number: int) -> str:
        """Of the session that the exchange belongs to, or belonged to before it was deleted."""
        row = database.execute(
            "select name from sessions join exchanges on session = sessions.id where exchanges.id = ?", (number,)
        ).fetchone()
        return str(row[0]) if row else self._names[number]

    def _decoded(self, blob: bytes) -> Answer:
        try:
            return msgspec.json.decode(blob, type=Answer)
        except msgspec.MsgspecError as error:
            raise self._file.damaged(error) from error


def free_name(question: str, taken: list[str]) -> str:
    """A name for a session that begins with this question, beside those that are taken."""
    plain = one_line(question, LONGEST_NAME).rstrip(" ?？。.!！…") or "chat"
    names = set(taken)
    return next(
        name
        for number in range(1, len(names) + 2)
        if (name := f"{plain} {number}" if number > 1 else plain) not in names
    )


def _dead(holder: str) -> bool:
    """Whether it was a process of this machine and is gone; where that is not known, no."""
    machine, _, process = holder.rpartition(" ")
    if machine != socket.gethostname() or os.name != "posix":  # elsewhere signal 0 is not harmless
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
