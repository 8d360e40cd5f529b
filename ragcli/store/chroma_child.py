"""The process that writes Chroma: its writes hold the interpreter's lock for seconds, and it can crash.

Started as a script, so that it imports nothing of ragcli and no file of the working folder:
`python -P chroma_child.py FOLDER LOCK WAIT`. It serves requests on stdin, each one line of JSON, followed by 8-byte
chunk ids and float32 rows where the line announces them, and answers each with one line of JSON on stdout. It ends when
stdin does, also if that is because its parent was killed, and never in the middle of a write: signals are left to the
parent. The lock is its own, so that a killed parent does not set it free too early.

It calls the extension module that `chromadb.PersistentClient` itself calls. Importing chromadb takes more than a second
of the processor and 60 MB, for servers, telemetry and checks that nothing here needs; with the module alone the folder
is open in a tenth of a second. The dependency is pinned to one version, and readers open the folder with chromadb.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

COLLECTION = "chunks"
_WHERE = ("default_tenant", "default_database")
PAGE = 5_000
"""Chroma takes 5,461 rows a call."""
_MOST_OPEN = 16
"""Indexes of vectors that may be open; there is one."""
_HNSW = {"space": "cosine", "max_neighbors": 24, "ef_construction": 200, "ef_search": 2_500, "sync_threshold": 1}
CONFIGURATION = {"hnsw": _HNSW}
"""Every call leaves the vector files complete (`sync_threshold`): what waits in Chroma's queue is read again at each
call, and to bring the last of it into the files there is no other way than to close the index and open it again.

For the rest, as near to the exact scan as is worth its time. On 50,000 passages of real text under the static embedder,
English and Chinese mixed, Chroma finds the ten that the scan finds for this share of 400 questions, alone / with what
the words found, which a search compares as well; and the ms of a question, on a busy machine:

    max_neighbors   ef_search 400          1,500               2,500                4,000
    32              92.8 / 95.2 %  4.4     98.0 / 99.0  8.1    98.5 / 99.5  10.0    99.2 / 99.8  12.0
    48              93.2 / 96.0    4.0     96.5 / 98.5  8.3    97.2 / 99.2   9.0    97.8 / 99.5  11.0

No two graphs of the same passages are alike: another one of 48 gave 95 / 98 % at 1,500. Questions are short and lie
apart from the passages, so a narrow search misses whole neighbourhoods. More links do not help it and cost memory: 24
give 99 % alone at 2,500 (100 questions), 16 find less (95.5 alone, at 800). Chunks beside those found add half a point
at most, more candidates nothing."""
_APART = 0.01
"""Length of what is added to a vector that repeats another, as a share of its own: its cosines change in the fourth
place, and what Chroma finds is compared by the true vectors anyway."""


class Writer:
    """Chroma's folder, open for writing."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._chroma: Any = None
        self._id = ""
        self._met = _Met()
        self._random: Any = None

    def open(self) -> int:
        """The number of vectors."""
        if self._open()["hnsw"]["sync_threshold"] != _HNSW["sync_threshold"]:
            change = {"hnsw": {"sync_threshold": _HNSW["sync_threshold"]}}
            self._chroma.update_collection(self._id, None, None, json.dumps(change))
            self.close()
            self._open()  # it counts from the moment when the index is loaded
        return self.flush()

    def _open(self) -> Any:
        """The collection's configuration."""
        import chromadb_rust_bindings as chroma  # type: ignore[import-untyped]

        database = chroma.SqliteDBConfig(
            url=os.path.join(self._folder, "chroma.sqlite3"),
            hash_type=chroma.MigrationHash.MD5,
            migration_mode=chroma.MigrationMode.Apply,
        )
        self._chroma = chroma.Bindings(
            allow_reset=False, sqlite_db_config=database, persist_path=self._folder, hnsw_cache_size=_MOST_OPEN
        )
        collection = self._chroma.create_collection(COLLECTION, json.dumps(CONFIGURATION), None, None, True, *_WHERE)
        self._id = str(collection.id)
        return collection.configuration

    def upsert(self, ids: bytes, rows: bytes) -> int:
        names = _names(ids)
        width = len(rows) // len(names)
        numbers = memoryview(self._apart(rows, width)).cast("f")
        width //= numbers.itemsize
        for start in range(0, len(names), PAGE):
            page = names[start : start + PAGE]
            vectors = [numbers[n * width : (n + 1) * width] for n in range(start, start + len(page))]
            self._chroma.upsert(self._id, page, vectors, None, None, None, *_WHERE)
        return len(names)

    def delete(self, ids: bytes) -> int:
        names = _names(ids)
        for start in range(0, len(names), PAGE):
            self._chroma.delete(self._id, names[start : start + PAGE], None, None, None, *_WHERE)
        return len(names)

    def flush(self) -> int:
        """The number of vectors, all of them in the files."""
        return int(self._chroma.count(self._id, *_WHERE))

    def _apart(self, rows: bytes, width: int) -> bytes:
        """Moves rows that were met before a little aside.

        Among equal vectors the search for the place of another one does not know where to end, and visits them all:
        2,000 of one text would take ten times as long as 2,000 different ones, and longer with the square.
        """
        starts = range(0, len(rows), width)
        again = [number for number, start in enumerate(starts) if self._met.before(rows[start : start + width])]
        if not again:
            return rows
        import numpy as np

        moved = np.frombuffer(rows, dtype=np.float32).reshape(len(starts), -1).copy()
        self._random = self._random or np.random.default_rng(0)
        aside = self._random.standard_normal((len(again), moved.shape[1]), dtype=np.float32)
        lengths = np.linalg.norm(moved[again], axis=1) / np.linalg.norm(aside, axis=1)
        moved[again] += _APART * lengths[:, None] * aside
        return moved.tobytes()

    def close(self) -> None:
        self._chroma = None


def _names(ids: bytes) -> list[str]:
    return list(map(str, memoryview(ids).cast("q")))


class _Met:
    """Tells what it has been shown before, in a megabyte; of a million things it takes one in nine for another."""

    _BITS = 1 << 23

    def __init__(self) -> None:
        self._seen = bytearray(self._BITS // 8)

    def before(self, thing: bytes) -> bool:
        place, bit = divmod(hash(thing) % self._BITS, 8)
        seen = bool(self._seen[place] >> bit & 1)
        self._seen[place] |= 1 << bit
        return seen


def serve(folder: str, lock: str, wait: float, requests: BinaryIO, replies: BinaryIO) -> None:
    from filelock import FileLock, Timeout

    def reply(**fields: Any) -> None:
        replies.write(json.dumps(fields).encode() + b"\n")
        replies.flush()

    held = FileLock(lock, mode=0o600)
    try:
        held.acquire(timeout=wait)
    except Timeout:
        reply(error="another process has the vector index open")
        return
    writer = Writer(folder)
    try:
        reply(count=writer.open())
        while line := requests.readline():
            request = json.loads(line)
            payload = [_exactly(requests, size) for size in request["sizes"]]
            reply(count=getattr(writer, request["do"])(*payload))
    except EOFError:
        pass  # the parent was killed in the middle of a request
    except Exception as error:  # whatever Chroma raises: the parent decides
        reply(error=f"{type(error).__name__}: {error}")
    finally:
        writer.close()
        held.release()


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _share_heaps() -> None:
    """As `ragcli.streams.threads` does it, which must not be imported here."""
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX


def main() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if os.name == "posix":
        os.umask(0o077)
    _share_heaps()
    folder, lock, wait = sys.argv[1:]
    with suppress(BrokenPipeError):  # nobody may be there any more to hear the reply
        serve(folder, lock, float(wait), sys.stdin.buffer, sys.stdout.buffer)
    os._exit(0)  # nothing is left to save, and taking the interpreter down costs half a second


if __name__ == "__main__":
    main()
