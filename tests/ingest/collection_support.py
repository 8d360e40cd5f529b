"""What the tests of ingest share: a reader without worker processes, and a run of the real pipeline on real stores."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcli import config
from ragcli.errors import FileFailure
from ragcli.ingest.pipeline import ingest, plan
from ragcli.ports import Embedder, KeywordQuery
from ragcli.store.catalog import Catalog
from ragcli.store.chroma import ChromaIndex
from ragcli.store.collection import open_reader, writer
from ragcli.store.exact import ExactIndex
from ragcli.store.indexes import keywords_folder
from ragcli.store.keywords import TantivyIndex
from ragcli.store.layout import Home
from ragcli.types import Chunk, File, IngestEvent, IngestReport, Reading

if TYPE_CHECKING:
    from ragcli.types import Vectors


@dataclass
class HashEmbedder:
    """Words hashed into a few dimensions: equal texts get equal vectors, and every call is counted."""

    dimensions: int = 32
    id: str = "hash:32"
    texts: list[str] = field(default_factory=list)
    after: tuple[int, Callable[[], None]] | None = None
    """What is called once so many texts were embedded."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        if self.after is not None and len(self.texts) >= self.after[0]:
            self.after[1]()
        return np.stack([self._vector(text) for text in texts])

    async def embed_query(self, text: str) -> np.ndarray:
        return self._vector(text)

    def _vector(self, text: str) -> np.ndarray:
        vector = np.full(self.dimensions, 1e-3, dtype=np.float32)
        for word in [*text.lower().split(), *text]:
            vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % self.dimensions] += len(word)
        return vector / np.float32(np.linalg.norm(vector))


class ParagraphReader:
    """A chunk a paragraph; `BROKEN` makes a file corrupt; many paragraphs make several readings."""

    def __init__(self) -> None:
        self.read_paths: list[str] = []

    async def read(self, file: File) -> AsyncGenerator[Reading, None]:
        await asyncio.sleep(0)
        self.read_paths.append(file.path)
        data = Path(file.path).read_bytes()
        text = data.decode()
        if not text.strip():
            raise FileFailure("empty", "the file is empty")
        paragraphs = [part for part in text.split("\n\n") if part.strip()]
        chunks: list[Chunk] = []
        start = 0
        for n, part in enumerate(paragraphs):
            start = text.index(part, start)
            chunks.append(Chunk(n, part, start, start + len(part), heading=("Kapitel", "部分")))
        pages = [tuple(chunks[start : start + 40]) for start in range(0, len(chunks), 40)]
        for number, page in enumerate(pages, 1):
            if any("BROKEN" in chunk.text for chunk in page):
                raise FileFailure("corrupt", "broken on purpose")
            last = number == len(pages)
            digest = hashlib.sha256(data).hexdigest() if last else ""
            yield Reading(
                path=file.path, title=Path(file.path).stem, format="md", chunks=page, last=last, sha256=digest
            )


@dataclass
class Library:
    """A home, a folder of documents, and an embedder that counts."""

    home: Home
    docs: Path
    embedder: HashEmbedder = field(default_factory=HashEmbedder)
    reader: ParagraphReader = field(default_factory=ParagraphReader)
    collection: str = "手册"

    def write(self, name: str, text: str) -> Path:
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @asynccontextmanager
    async def open_file_reader(self) -> AsyncIterator[ParagraphReader]:
        yield self.reader

    async def events(
        self,
        *paths: Path,
        force: bool = False,
        embedder: Embedder | None = None,
        stop: asyncio.Event | None = None,
        batch: int = 16,
        concurrency: int = 8,
        **settings: object,
    ) -> AsyncGenerator[IngestEvent, None]:
        run = ingest(
            [str(path) for path in paths or (self.docs,)],
            collection=writer(self.home, self.collection, open_keywords=TantivyIndex),
            embedder=embedder or self.embedder,
            open_reader=self.open_file_reader,
            settings=config.Ingest(**settings),  # type: ignore[arg-type]
            embedding=config.Embedding(batch=batch, concurrency=concurrency),
            force=force,
            stop=stop,
        )
        async with aclosing(run):
            async for event in run:
                yield event

    async def ingest(self, *paths: Path, **options: object) -> IngestReport:
        """The report of a run; the embedder's record starts anew."""
        self.embedder.texts.clear()
        self.reader.read_paths.clear()
        events = [event async for event in self.events(*paths, **options)]  # type: ignore[arg-type]
        assert isinstance(events[-1], IngestReport)
        self.last_events = events
        return events[-1]

    async def plan(self) -> list[Any]:
        target = writer(self.home, self.collection, open_keywords=TantivyIndex)
        return [event async for event in plan([str(self.docs)], collection=target, settings=config.Ingest())]

    def read(self) -> Catalog:
        return open_reader(self.home, self.collection)

    def found_by_keyword(self, text: str) -> list[str]:
        """Names of the files in which the keyword index finds the text, best first, with repetitions."""
        with self.read() as catalog:
            keywords = TantivyIndex(keywords_folder(catalog.place, catalog))
            hits = keywords.search(KeywordQuery(text), 50)
            keywords.close()
            chunks = catalog.chunks([id for id, _ in hits])
            return [Path(chunks[id].path).name for id, _ in hits if id in chunks]

    def found_by_vector(self, text: str, *, chroma: bool = False, k: int = 1) -> list[str]:
        """Names of the files of the k nearest passages; Chroma must answer itself where it is asked to."""
        reasons: list[str] = []
        with self.read() as catalog:
            vectors = (
                ChromaIndex(catalog, ExactIndex(catalog), explain=reasons.append) if chroma else ExactIndex(catalog)
            )
            hits = vectors.search(self.embedder._vector(f"Kapitel > 部分\n{text}"), k)
            vectors.close()
            chunks = catalog.chunks([id for id, _ in hits])
        assert not reasons, reasons
        return [Path(chunks[id].path).name for id, _ in hits]
