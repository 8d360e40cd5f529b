"""Chroma, kept at arm's length: it writes in a child process, and readers hold its lock for one search at a time.

Chroma loses vectors when two processes open its folder, and when the writing one is killed. So the catalog holds a
*stamp* of the folder as it was left after a clean flush. The stamp is taken away before the first write, and an index
whose files do not fit it is never opened again: it is built anew from the catalog, in a folder of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.errors import StoreError
from ragcli.store import chroma_child
from ragcli.store.catalog import Catalog
from ragcli.store.layout import FILE_MODE, Place, keep_all_private, make_private
from ragcli.store.stamps import VECTORS, sound_vectors

if TYPE_CHECKING:
    from ragcli.ports import VectorIndex
    from ragcli.types import Vector

_MOST_CANDIDATES = 2_000
_SPARE = 40
"""Neighbours beyond those asked for: of passages that are equally near, either way takes others by a rounding error."""
_LAST_WORDS_S = 5.0
_BYTES_PER_LINK_LIST = 200


class ChromaFailed(StoreError):
    """Chroma or its process failed; the vectors are safe in the catalog and the exact scan answers."""

    kind = "vectors"


# --- writing -----------------------------------------------------------------------------------------------


class ChromaWriter:
    """Implements `ports.VectorWriter` through a child process. Every call may raise ChromaFailed; they block."""

    def __init__(self, place: Place, number: int, *, wait: float = 10.0) -> None:
        """Starts the child; it opens the folder while the caller goes on. Raises ChromaFailed where it cannot start."""
        self.folder = place.vectors / str(number)
        make_private(place.vectors)
        make_private(self.folder)
        command = [sys.executable, "-P", chroma_child.__file__, str(self.folder), str(place.vectors_lock), str(wait)]
        try:
            self._child = subprocess.Popen(  # noqa: S603 - our own script
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:  # a system short of memory or processes says so in many ways
            raise ChromaFailed(
                f"the process that writes the vector index cannot be started ({error.strerror})"
            ) from error
        self._lock = threading.Lock()
        self._opened: int | None = None

    def count(self) -> int:
        """The number of vectors that the index held when it was opened."""
        with self._lock:
            return self._open()

    def upsert(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """(chunk id, float32 bytes)."""
        if rows:
            self._call("upsert", packed(id for id, _ in rows), b"".join(vector for _, vector in rows))

    def delete(self, ids: Sequence[int]) -> None:
        if ids:
            self._call("delete", packed(ids))

    def flush(self) -> int:
        """The number of vectors, all of them in the files now."""
        return self._call("flush")

    def close(self) -> None:
        """Waits until the child has closed the folder."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._child.wait()
        keep_all_private(self.folder)

    def _call(self, operation: str, *payload: bytes) -> int:
        with self._lock:
            self._open()
            request = json.dumps({"do": operation, "sizes": [len(part) for part in payload]}).encode() + b"\n"
            try:
                stream = self._child.stdin
                if stream is None:
                    raise BrokenPipeError
                stream.write(b"".join((request, *payload)))
                stream.flush()
            except (OSError, ValueError) as error:
                raise self._failed() from error
            return self._reply()

    def _open(self) -> int:
        if self._opened is None:
            self._opened = self._reply()
        return self._opened

    def _reply(self) -> int:
        line = self._child.stdout.readline() if self._child.stdout else b""
        if not line:
            raise self._failed()
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise ChromaFailed(f"the vector index cannot be written: {reply['error']}")
        return int(reply["count"])

    def _failed(self) -> ChromaFailed:
        code: int | str
        try:
            code = self._child.wait(_LAST_WORDS_S)  # its streams are closed already
        except subprocess.TimeoutExpired:
            code = "unknown"
        return ChromaFailed(f"the process that writes the vector index died (exit code {code})")


def packed(ids: Iterable[int]) -> bytes:
    return array("q", ids).tobytes()


# --- reading -----------------------------------------------------------------------------------------------


class ChromaIndex:
    """Implements `VectorIndex`; whenever Chroma cannot be used, `exact` answers, at once.

    The lock is held for one search. The client stays open between searches, and is closed and opened again when the
    stamp in the catalog says that another process has written since. `explain` is told why the exact scan answers.
    """

    def __init__(
        self, catalog: Catalog, exact: VectorIndex, *, explain: Callable[[str], None] = lambda reason: None
    ) -> None:
        from filelock import FileLock

        self._catalog = catalog
        self._place = catalog.place
        self._exact = exact
        self._explain = explain
        self._held = FileLock(self._place.vectors_lock, mode=FILE_MODE, thread_local=False)
        self._client: Any = None
        self._collection: Any = None
        self._stamp = ""
        self._total = 0
        self._spoiled = ""
        self._serial = threading.Lock()

    def search(self, vector: Vector, k: int, *, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        if among is None and k > 0:
            with self._serial:
                hits = self._search(vector, k)
            if hits is not None:
                return hits
        return self._exact.search(vector, k, among=among)

    def close(self) -> None:
        with self._serial:
            self._forget()
        self._exact.close()

    def _search(self, vector: Vector, k: int) -> list[tuple[int, float]] | None:
        """None where Chroma cannot answer."""
        from filelock import Timeout

        stamp = self._catalog.meta(VECTORS)
        if not stamp or stamp == self._spoiled:
            return self._cannot("the vector index is being written or must be rebuilt by the next ingest")
        try:
            self._held.acquire(timeout=0)
        except (Timeout, OSError):  # OSError: a folder that cannot be written
            return self._cannot("the vector index is in use by another process or cannot be locked")
        try:
            if stamp != self._stamp and not self._open(stamp):
                self._spoiled = stamp
                return self._cannot("the vector index is damaged; the next ingest rebuilds it")
            return self._query(vector, k)
        except Exception as error:  # whatever Chroma raises, the exact scan can answer
            self._spoiled = stamp
            self._forget()
            return self._cannot(f"the vector index failed ({type(error).__name__})")
        finally:
            self._held.release()

    def _open(self, stamp: str) -> bool:
        self._forget()
        known = sound_vectors(self._catalog)
        if known is None:
            return False
        folder = self._place.vectors / str(known.number)
        if not _plausible(folder, known.count):
            return False
        import chromadb
        from chromadb.config import Settings

        self._client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._collection = self._client.get_collection(chroma_child.COLLECTION, embedding_function=None)
        self._stamp, self._total = stamp, known.count
        return True

    def _query(self, vector: Vector, k: int) -> list[tuple[int, float]] | None:
        """Chroma finds the ids, the stored vectors say how near they are: so near-ties come in the scan's order.

        Asks for more until k of the hits count: a deleted chunk may not have left the index yet.
        """
        total, wanted = self._total, k + _SPARE
        while True:
            found = self._collection.query(query_embeddings=[vector], n_results=max(1, min(wanted, total)), include=[])
            hits = self._exact.search(vector, k, among=[int(id) for id in found["ids"][0]])
            if len(hits) >= min(k, total) or wanted >= total:
                return hits
            if wanted >= _MOST_CANDIDATES:
                return self._cannot("too many of the vector index's nearest neighbours no longer count")
            wanted *= 4

    def _cannot(self, reason: str) -> list[tuple[int, float]] | None:
        self._explain(f"{reason}: all vectors are compared instead")
        return None

    def _forget(self) -> None:
        client, self._client, self._collection, self._stamp = self._client, None, None, ""
        if client is not None:
            with suppress(Exception):
                client.close()


def _plausible(folder: Path, count: int) -> bool:
    """False for the sparse file of terabytes that a torn write can lead to: loading it would take the machine down."""
    lists = [path.stat().st_size for path in folder.glob("*/link_lists.bin")]
    return all(size <= _BYTES_PER_LINK_LIST * count + (1 << 20) for size in lists)
