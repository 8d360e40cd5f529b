"""Chroma and the exact scan are two ways to one answer: which of them is asked must not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.collection import open_vectors
from ragcli.store.indexes import StoredIndexes
from ragcli.store.keywords import TantivyIndex
from ragcli.store.layout import Home
from ragcli.types import Chunk, File, Passage

DIMENSIONS, CLUSTERS, CHUNKS, QUESTIONS = 64, 150, 5_000, 200


def test_the_ten_nearest_are_the_same_in_chroma_and_in_the_scan(tmp_path: Path) -> None:
    """For at least 98 questions of 100, about passages that lie in clusters as those of documents do."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((CLUSTERS, DIMENSIONS))

    def near_a_centre(count: int) -> np.ndarray:
        rows = centres[rng.integers(CLUSTERS, size=count)] + 0.7 * rng.standard_normal((count, DIMENSIONS))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    place = Home(tmp_path).collection("default")
    place.create()
    with CatalogWriter.open(place) as catalog:
        catalog.adopt(f"test:{DIMENSIONS}", DIMENSIONS)
        indexes = StoredIndexes(place, catalog, TantivyIndex)
        indexes.open()
        document = catalog.begin("a.md", "a", "md")
        passages = [
            Passage(Chunk(n, "x", 0, 1), n.to_bytes(16, "big"), row.tobytes())
            for n, row in enumerate(near_a_centre(CHUNKS))
        ]
        ids = catalog.append(document, passages)
        indexes.add([(id, passage.vector) for id, passage in zip(ids, passages, strict=True)])
        catalog.publish([(document, File("a.md", 1, 1), "sha")])
        assert indexes.close() == []
        refused: list[str] = []
        chroma = open_vectors(catalog, long_lived=True, explain=refused.append)
        exact = open_vectors(catalog, long_lived=False)
        same = sum(
            {id for id, _ in chroma.search(vector, 10)} == {id for id, _ in exact.search(vector, 10)}
            for vector in near_a_centre(QUESTIONS)
        )
        chroma.close()
    assert refused == []
    assert same >= 0.98 * QUESTIONS
