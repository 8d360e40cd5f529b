"""Chroma and the exact scan are two ways to one answer: which of them is asked must not show."""

from __future__ import annotations

import json
import random
from concurrent.futures import wait
from pathlib import Path

import pytest
from conftest import REPOSITORY, SAMPLE_DOCS

from ragcli.providers.static import StaticEmbedder
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.chroma import ChromaIndex
from ragcli.store.collection import open_vectors
from ragcli.store.exact import ExactIndex
from ragcli.store.indexes import StoredIndexes
from ragcli.store.keywords import TantivyIndex
from ragcli.store.layout import Home
from ragcli.text.sentences import sentences
from ragcli.types import Chunk, File, Passage

CHUNKS, QUESTIONS = 2_000, 100


def test_the_ten_nearest_are_the_same_in_chroma_and_in_the_scan(tmp_path: Path) -> None:
    """For at least 98 questions of 100, put to passages of English and Chinese as the offline embedder sees them.

    `make bench-search ARGS=agreement` asks the same of 50,000 passages.
    """
    texts, questions = _texts()
    embedder = StaticEmbedder()
    place = Home(tmp_path).collection("default")
    place.create()
    with CatalogWriter.open(place) as catalog:
        catalog.adopt(embedder.id, embedder.dimensions)
        indexes = StoredIndexes(place, catalog, TantivyIndex)
        indexes.open()
        document = catalog.begin("a.md", "a", "md")
        passages = [
            Passage(Chunk(n, "x", 0, 1), n.to_bytes(16, "big"), row.tobytes())
            for n, row in enumerate(embedder.embed_now(texts))
        ]
        ids = catalog.append(document, passages)
        indexes.add([(id, passage.vector) for id, passage in zip(ids, passages, strict=True)])
        catalog.publish([(document, File("a.md", 1, 1), "sha")])
        assert indexes.close() == []
        refused: list[str] = []
        exact = ExactIndex(catalog)
        chroma = ChromaIndex(catalog, exact, explain=refused.append)
        same = sum(
            {id for id, _ in chroma.search(vector, 10)} == {id for id, _ in exact.search(vector, 10)}
            for vector in embedder.embed_now(questions)
        )
        chroma.close()
    assert refused == []
    assert same >= 0.98 * len(questions)


@pytest.mark.parametrize("long_lived", [False, True])
def test_collections_of_ordinary_size_are_scanned_and_large_ones_are_chromas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_lived: bool
) -> None:
    place = Home(tmp_path).collection("default")
    place.create()
    with CatalogWriter.open(place) as catalog:
        catalog.adopt("test:4", 4)
        document = catalog.begin("a.md", "a", "md")
        catalog.append(document, [Passage(Chunk(0, "x", 0, 1), bytes(16), bytes(16))])
        catalog.publish([(document, File("a.md", 1, 1), "sha")])
        assert isinstance(open_vectors(catalog, long_lived=long_lived), ExactIndex)
        monkeypatch.setattr(f"ragcli.store.collection.{'EXACT_IN_A_CHAT' if long_lived else 'EXACT_UP_TO'}", 3)
        assert isinstance(open_vectors(catalog, long_lived=long_lived), ChromaIndex)


def test_a_scan_in_slices_is_the_same_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads share it, whichever rows are asked for, and also once it looks at short rows first."""
    rows = StaticEmbedder().embed_now(_texts()[0][:200])
    place = Home(tmp_path).collection("default")
    place.create()
    with CatalogWriter.open(place) as catalog:
        catalog.adopt("test:256", 256)
        document = catalog.begin("a.md", "a", "md")
        passages = [Passage(Chunk(n, "x", 0, 1), bytes(16), row.tobytes()) for n, row in enumerate(rows)]
        ids = catalog.append(document, passages)
        catalog.publish([(document, File("a.md", 1, 1), "sha")])
        index = ExactIndex(catalog)
        whole = index.search(rows[0], 10)
        monkeypatch.setattr("ragcli.store.exact._SLICE", 7)
        assert index.search(rows[0], 10) == whole
        monkeypatch.setattr("ragcli.store.exact._REPEATED", 0)
        for _ in range(3):  # the first one has the rows shortened, beside itself
            assert index.search(rows[0], 10) == whole
            wait([block.coarse for block in index._blocks if block.coarse])
        assert index._blocks[0].coarse is not None
        assert index.search(rows[0], 10, among=[id for id, _ in whole]) == whole
        assert whole[0] == (ids[0], pytest.approx(1.0))
        index.close()


def _texts() -> tuple[list[str], list[str]]:
    """Distinct passages of one to six sentences of the sample documents, and questions: asked ones, and a few words."""
    rng = random.Random(4)
    documents = []
    for path in sorted(SAMPLE_DOCS.rglob("*")):
        if path.suffix in {".md", ".html"}:
            text = path.read_text(encoding="utf-8")
            documents.append([text[start:end] for start, end in sentences(text)])
    made: dict[str, None] = {}
    while len(made) < CHUNKS:  # runs of neighbours, now and then two that meet by chance
        document, other = rng.sample(documents, 2)
        start = rng.randrange(len(document))
        run = document[start : start + rng.randint(1, 5)]
        made[" ".join([*run, rng.choice(other)] if rng.random() < 0.5 else run)] = None
    asked = (REPOSITORY / "tests/sample/questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in asked]
    while len(questions) < QUESTIONS:
        words = rng.choice(rng.choice(documents))
        start = rng.randrange(max(1, len(words) - 30))
        questions.append(words[start : start + 30])
    return list(made), questions
