"""A SQLite file of things that could be had again: what goes wrong with it is `CacheFailed`, never a reason to stop.

Many processes use one file at a time. It is made at the first write, readable by its owner alone; what an older version
wrote is dropped, what a newer one wrote is left alone.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ragcli.errors import CacheFailed, RagcliError, StoreUnwritable, reason
from ragcli.store.layout import FILE_MODE, keep_private, make_private

WAIT_S = 0.2
"""How long another process's write is waited for."""
HELD = "select entries, bytes from held"
_COUNT = "update held set entries = entries {0} 1, bytes = bytes {0} {1}.size;"
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_CLOSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL}
_SHARED: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}


def held_by(table: str) -> tuple[str, ...]:
    """Statements that keep count of a table's rows and of the sum of their `size`: asking the table would be slow."""
    return (
        "create table held (entries integer not null, bytes integer not null)",
        "insert into held values (0, 0)",
        f"create trigger added after insert on {table} begin {_COUNT.format('+', 'new')} end",
        f"create trigger gone after delete on {table} begin {_COUNT.format('-', 'old')} end",
    )


class KeptFile:
    """One file and one connection to it, opened at first use; safe to share between threads. Raises CacheFailed."""

    def __init__(self, path: Path, *, version: int, tables: Sequence[str]) -> None:
        """`tables` are the statements that make an empty file; `held_by` is among them."""
        self._path = path
        self._version = version
        self._tables = tables
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def read(self, query: str, *values: object) -> list[Any]:
        if self._connection is None and not self._path.exists():
            return []
        with self._used() as database:
            return database.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with self._used() as database:
            database.execute("begin immediate")
            try:
                yield database
                database.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("rollback")
                raise

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError, RagcliError) as error:
                self._forget()
                raise self._failed(error) from error

    def _open(self) -> sqlite3.Connection:
        try:
            make_private(self._path.parent)
            self._path.touch(FILE_MODE)
            keep_private(self._path)
        except (OSError, RagcliError):
            if not self._path.exists():
                raise
        try:
            return self._prepared(sqlite3.connect(self._path, timeout=WAIT_S, **_SHARED))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _CLOSED:
                raise
            uri = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"  # WAL writes beside the file it reads
            return self._prepared(sqlite3.connect(uri, uri=True, **_SHARED), writable=False)

    def _prepared(self, database: sqlite3.Connection, *, writable: bool = True) -> sqlite3.Connection:
        """With the tables of this version; those of an older one are dropped with what they hold."""
        try:
            database.execute("pragma synchronous = normal")  # a crash of the machine may cost the last answers
            version = database.execute("pragma user_version").fetchone()[0]
            if version > self._version:
                raise sqlite3.DatabaseError(f"a newer ragcli wrote it, version {version}")
            if version == self._version or not writable:
                return database
            until = time.monotonic() + WAIT_S
            while database.execute("pragma journal_mode").fetchone()[0] != "wal":
                try:  # SQLite does not wait its turn for this change
                    database.execute("pragma journal_mode = wal")
                except sqlite3.OperationalError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.005)
            database.execute("begin immediate")
            if database.execute("pragma user_version").fetchone()[0] != self._version:
                for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                    database.execute(f'drop table "{table}"')  # with its indexes and triggers
                for statement in self._tables:
                    database.execute(statement)
                database.execute(f"pragma user_version = {self._version}")
            database.execute("commit")
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        with self._lock:
            self._forget()

    def __del__(self) -> None:
        self._forget()  # Python 3.13 warns of a connection that is dropped open

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _failed(self, error: Exception) -> CacheFailed:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _UNWRITABLE or isinstance(error, OSError | StoreUnwritable):
            return CacheFailed(
                f"nothing is stored in {self._path}: {reason(error)}",
                remedy="free space, mend the permissions, or choose another folder with --home DIR",
            )
        return CacheFailed(
            f"what is kept in {self._path} is of no use now: {error}",
            remedy="if that does not pass, be rid of it with: ragcli cache clear",
        )

    def held(self) -> tuple[int, int]:
        """Entries, and their bytes."""
        rows = self.read(HELD)
        return rows[0] if rows else (0, 0)

    def clear(self, table: str) -> int:
        """Empties the table and gives its room back; how many entries there were."""
        try:
            entries, _ = self.held()
            if entries:
                with self.writing() as database:
                    database.execute(f"delete from {table}")  # noqa: S608  # a name of ours
                with suppress(CacheFailed), self._used() as database:
                    database.execute("vacuum")
        except CacheFailed as error:
            code = getattr(error.__cause__, "sqlite_errorcode", None)
            if code is not None and code & 0xFF not in _DAMAGED:
                raise
            self._unlink()
            return 0
        return entries

    def _unlink(self) -> None:
        """A file that is damaged, or of a newer version, goes as a whole."""
        try:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error
