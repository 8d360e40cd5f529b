"""One SQLite file for what is said in chats; opened for each call, so forks, threads and a deleted file do no harm."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ragcli.errors import IndexDamaged, StoreUnwritable, reason
from ragcli.store.layout import FILE_MODE, keep_private, make_private

WAIT_S = 10.0
"""How long a write waits for another process's."""
NOT_WRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""What SQLite says, even to who only reads, where the folder takes no new file."""


class SessionFile:
    """`schema` makes what is missing, whatever version of ragcli made the rest. Raises StoreError."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema

    def read(self, table: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows; none where the file or the table is not there yet."""
        if not self.path.exists():
            return []
        known = "select count(*) from sqlite_master where type = 'table' and name = ?"

        def rows(parameters: str = "") -> list[tuple[Any, ...]]:
            with self._open(parameters) as database:
                begun = database.execute(known, (table,)).fetchone()[0]
                return database.execute(query, values).fetchall() if begun else []

        try:
            try:
                return rows()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in NOT_WRITABLE:
                    raise
                return rows("?mode=ro&immutable=1")  # WAL needs two files beside the database
        except sqlite3.Error as error:
            raise self.damaged(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction."""
        make_private(self.path.parent)
        try:
            self.path.touch(FILE_MODE)
            keep_private(self.path)
            with self._open() as database:
                self._prepare(database)
                database.execute("begin immediate")
                with database:
                    yield database
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._unwritable(error) from error
            raise self.damaged(error) from error
        except OSError as error:
            raise self._unwritable(error) from error

    def damaged(self, error: Exception) -> IndexDamaged:
        return IndexDamaged(f"{self.path} cannot be read: {error}", remedy="move it away; chats start anew")

    @contextmanager
    def _open(self, parameters: str = "") -> Iterator[sqlite3.Connection]:
        uri = self.path.absolute().as_uri() + parameters
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)) as database:
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
        database.executescript(self._schema)

    def _unwritable(self, error: Exception) -> StoreUnwritable:
        return StoreUnwritable(
            f"cannot save the chat to {self.path}: {reason(error)}",
            remedy="free space, mend the permissions, or choose another folder with --home DIR",
        )
