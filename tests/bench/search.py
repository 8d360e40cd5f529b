"""Searching collections of 10,000 to 100,000 chunks: cold, warm, its memory, and the scan beside Chroma.

The collections are written by the real catalog and indexes; only the reading of files is left out, and Chroma where the
scan answers anyway. They take some minutes to build, so this is no part of `make bench`: run `make bench-search`, or
name one measurement. The scan is compared with Chroma on passages of sample_docs/, or of the sets given with --sets.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

from measure import Failed, Row, environment, in_turn, percentile, python, ragcli, say, table, timed
from memory import watched
from natural import bound, natural
from passages import CHUNKS, Made, made

from ragcli.app import open_keywords
from ragcli.config import Retrieve
from ragcli.providers.static import StaticEmbedder
from ragcli.retrieve.legs import Legs
from ragcli.retrieve.query import Question, parse
from ragcli.store.chroma import ChromaFailed, ChromaIndex
from ragcli.store.collection import Writer, open_reader, open_vectors, writer
from ragcli.store.exact import ExactIndex
from ragcli.store.indexes import keywords_folder
from ragcli.store.layout import Home
from ragcli.types import Chunk, File, Passage

if TYPE_CHECKING:
    from ragcli.ports import VectorIndex
    from ragcli.types import Vectors

SMALL, MIDDLE, LARGE = 10_000, 50_000, 100_000
QUESTIONS = 400
MEDIAN_MS, P95_MS, MEMORY_MB, DIFFERING = 10, 25, 500, 2
_DOCUMENTS_AT_ONCE = 200
_EMBEDDED = 400
"""Characters of a made-up passage that are embedded: its words are many tokens, and time does not ask for more."""
Found = TypeVar("Found")


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 where a goal was missed and --check is given, or where something measured did not work at all."""
    measurements = ("cold", "agreement", "warm")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"any of {', '.join(measurements)} [all]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("--sets", nargs="+", type=Path, default=[], metavar="DIR", help="sets to take passages from")
    options = parser.parse_args(arguments)
    if unknown := set(options.what) - set(measurements):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(measurements)}")
    rows: list[Row] = []
    for name in options.what or measurements:
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows += _measured(name, Path(folder) / "home", options.sets)
            except (Failed, OSError) as failure:
                say(f"{name}: {failure}")
                return 1
    say(f"\nsearch\n{table(rows)}")
    return int(options.check and not all(row.met for row in rows))


def _measured(name: str, home: Path, sets: Sequence[Path]) -> list[Row]:
    if name == "agreement":
        return _agreement(home, sets)
    return _cold(home) if name == "cold" else _warm(home)


def _cold(home: Path) -> list[Row]:
    env = environment(home)
    question = _built_without_chroma(home, SMALL)[0]
    cold, against = in_turn(
        9,
        lambda: timed(ragcli("search", question), env).end,
        lambda: timed(python("import chromadb"), env).end,
    )
    return [Row(f"{SMALL:,} chunks: one search, cold", cold, yardstick="import chromadb", against=against, limit=1.0)]


def _warm(home: Path) -> list[Row]:
    env = environment(home)
    asked = _built_without_chroma(home, LARGE)
    lines = [json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(asked)]
    questions = home / "questions.jsonl"
    questions.write_text("".join(lines), encoding="utf-8")
    command = ragcli("search", "--queries", questions)
    answers = [json.loads(line) for line in timed(command, env, timeout=600).said.splitlines()]
    ms = [answer["ms"] for answer in answers[1:]]  # the first one opens everything
    return [
        Row(f"{LARGE:,} chunks: a search, median", percentile(ms, 50), "ms", limit=MEDIAN_MS),
        Row(f"{LARGE:,} chunks: a search, 95th percentile", percentile(ms, 95), "ms", limit=P95_MS),
        Row(f"{LARGE:,} chunks: peak memory", watched(command, env).own, "MB", limit=MEMORY_MB),
    ]


def _agreement(home: Path, sets: Sequence[Path]) -> list[Row]:
    """Passages by their cosine, as each kind of process finds them: what the words found is compared with them."""
    passages, questions = natural(sets, MIDDLE, QUESTIONS)
    _build(home, bound(passages))
    embedder = StaticEmbedder()
    parsed = [parse(question) for question in questions]
    vectors = embedder.embed_now([question.text for question in parsed])
    refused: list[str] = []
    with open_reader(Home(home), "default") as catalog:
        exact, keywords = ExactIndex(catalog), open_keywords(keywords_folder(catalog.place, catalog))
        chroma = ChromaIndex(catalog, ExactIndex(catalog), explain=refused.append)
        wanted = [timed_call(lambda vector=vector: exact.search(vector, 10)) for vector in vectors]
        alone = [timed_call(lambda vector=vector: chroma.search(vector, 10)) for vector in vectors]

        def differing(name: str, index: VectorIndex) -> Row:
            legs = Legs(catalog, index, keywords, embedder, depth=Retrieve().candidates)
            found = asyncio.run(_nearest(legs, parsed))
            return _differing(name, found, wanted, limit=DIFFERING)

        rows = [
            differing("a command's ten nearest", open_vectors(catalog, long_lived=False)),
            differing("a chat's ten nearest", open_vectors(catalog, long_lived=True)),
            differing("Chroma's ten, with what the words found,", chroma),
            _differing("Chroma's ten, alone,", [{id for id, _ in hits} for hits, _ in alone], wanted),
        ]
        chroma.close()
    if refused:
        raise Failed(f"Chroma did not answer: {refused[0]}")
    medians = [percentile([ms for _, ms in answers], 50) for answers in (alone, wanted)]
    return [
        *rows,
        Row(f"{MIDDLE:,} chunks: a question to Chroma, median", medians[0], "ms", "the scan", medians[1]),
    ]


async def _nearest(legs: Legs, questions: Sequence[Question]) -> list[set[int]]:
    """The ten nearest of all that both legs know of, for each question."""
    found = []
    for question in questions:
        cosines = legs.cosines(await legs.find(question, "hybrid"))
        found.append({id for _, id in sorted((-cosine, id) for id, cosine in cosines.items())[:10]})
    return found


def _differing(
    name: str,
    found: Sequence[set[int]],
    wanted: Sequence[tuple[Sequence[tuple[int, float]], float]],
    *,
    limit: float | None = None,
) -> Row:
    same = sum(ids == {id for id, _ in hits} for ids, (hits, _) in zip(found, wanted, strict=True))
    return Row(f"{MIDDLE:,} chunks: {name} are not the scan's", 100 * (1 - same / len(found)), "%", limit=limit)


def timed_call(call: Callable[[], Found]) -> tuple[Found, float]:
    """What it returns, and the milliseconds it took."""
    start = time.perf_counter()
    return call(), 1000 * (time.perf_counter() - start)


# --- collections of any size


def _built_without_chroma(home: Path, chunks: int) -> list[str]:
    """Questions about a collection of that size, which is searched by the scan alone."""
    with patch("ragcli.store.indexes.ChromaWriter", _NoChroma):
        return _build(home, made(chunks // CHUNKS), embedded=_EMBEDDED)


def _build(home: Path, documents: Iterator[Made], *, embedded: int | None = None) -> list[str]:
    start = time.perf_counter()
    chunks, questions = asyncio.run(build(home, "default", documents, embedded=embedded))
    say(f"search: {chunks:,} chunks were indexed in {time.perf_counter() - start:.0f} s")
    return questions


class _NoChroma:
    """Takes the writes of a collection that nobody will ask Chroma about; the next ingest would build its index."""

    def __init__(self, *_place: object, wait: float) -> None:
        del wait

    def upsert(self, rows: Sequence[tuple[int, bytes]]) -> None: ...

    def delete(self, ids: Sequence[int]) -> None: ...

    def flush(self) -> int:
        raise ChromaFailed("no vector index was written")

    def close(self) -> None: ...


async def build(
    home: Path, name: str, documents: Iterator[Made], *, embedded: int | None = None
) -> tuple[int, list[str]]:
    """Writes a collection of these documents; returns the number of its chunks, and some of their questions.

    Of a passage the first `embedded` characters are embedded.
    """
    embedder = StaticEmbedder()
    target = writer(Home(home), name, open_keywords=open_keywords)
    async for _notice in target.acquire(0):
        pass
    chunks, questions = 0, []
    try:
        target.catalog.adopt(embedder.id, embedder.dimensions)
        target.indexes.open()
        while batch := list(islice(documents, _DOCUMENTS_AT_ONCE)):
            vectors = await embedder.embed([text[:embedded] for document in batch for text in document.passages])
            _index(target, batch, vectors)
            chunks += len(vectors)
            questions += [document.question for document in batch]
        target.indexes.close()
    finally:
        target.close()
    return chunks, questions[:: max(1, len(questions) // QUESTIONS)]


def _index(target: Writer, batch: Sequence[Made], vectors: Vectors) -> None:
    """The steps of an ingest: to the catalog, to the indexes, and then it counts."""
    rows: list[tuple[int, bytes]] = []
    finished: list[tuple[int, File, str]] = []
    of_batch = iter(vectors)
    with target.catalog.transaction():
        for document in batch:
            id = target.catalog.begin(document.path, document.title, "md")
            passages = []
            for n, text in enumerate(document.passages):
                hash = hashlib.blake2b(text.encode(), digest_size=16).digest()
                passages.append(Passage(Chunk(n, text, 0, len(text)), hash, next(of_batch).tobytes()))
            ids = target.catalog.append(id, passages)
            rows += zip(ids, (passage.vector for passage in passages), strict=True)
            finished.append((id, File(document.path, 1, 1), "made"))
    target.indexes.add(rows)
    target.catalog.publish(finished)


if __name__ == "__main__":
    sys.exit(main())
