"""What could not be stored in Redis, kept in a file of this machine until it can."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ragcli.store.redis_sessions import Held
from ragcli.store.session_file import SessionFile
from ragcli.types import Answer

_SCHEMA = """
create table if not exists unsent (
    id integer primary key, uid text not null unique, name text not null, session text not null,
    number integer not null, token integer not null, answer blob not null, at real not null
);
"""


class Unsent(Struct, frozen=True):
    """An exchange that waits since the moment `at`; `held` says where in Redis it belongs, `uid` is its own alone."""

    id: int
    uid: str
    held: Held
    answer: Answer
    at: float


class UnsentFile:
    """All may raise StoreError."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = SessionFile(path, _SCHEMA)
        self._clock = clock

    def put(self, uid: str, held: Held, answer: Answer) -> int:
        """In place of a former state under the same `uid`; its id."""
        with self._file.writing() as database:
            row = database.execute(
                "insert into unsent (uid, name, session, number, token, answer, at) values (?, ?, ?, ?, ?, ?, ?) "
                "on conflict (uid) do update set answer = excluded.answer, at = excluded.at returning id",
                (uid, held.name, held.session, held.number, held.token, msgspec.json.encode(answer), self._clock()),
            ).fetchone()
            return int(row[0])

    def all(self) -> list[Unsent]:
        """Those that were put first come first."""
        query = "select id, uid, name, session, number, token, answer, at from unsent order by id"
        return [self._unsent(row) for row in self._file.read("unsent", query)]

    def sent(self, unsent: Unsent) -> None:
        """Forgets it, unless there is a later state of it."""
        with self._file.writing() as database:
            blob = msgspec.json.encode(unsent.answer)
            database.execute("delete from unsent where uid = ? and answer = ?", (unsent.uid, blob))

    def _unsent(self, row: tuple[Any, ...]) -> Unsent:
        id, uid, name, session, number, token, blob, at = row
        try:
            return Unsent(id, uid, Held(name, session, number, token), msgspec.json.decode(blob, type=Answer), at)
        except msgspec.MsgspecError as error:
            raise self._file.damaged(error) from error
