"""Ingest end to end: real SQLite, real Chroma, real tantivy, real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from collection_support import Library

from ragcli.store.layout import Home


@pytest.fixture
def library(tmp_path: Path) -> Library:
    docs = tmp_path / "docs"
    docs.mkdir()
    return Library(Home(tmp_path / "home"), docs)


async def test_ingested_files_are_found_in_every_index(library: Library) -> None:
    """English and Chinese, by keyword, by exact scan and by Chroma."""
    library.write("returns.md", "Goods may be returned within thirty days.\n\nRefunds take a week.")
    library.write("zh/退货.md", "商品可以在三十天内退货。\n\n退款需要一周。")

    report = await library.ingest()

    assert (report.added, report.documents, report.chunks, report.embedded_chunks) == (2, 2, 4, 4)
    assert library.found_by_keyword("refunds")[0] == "returns.md"
    assert library.found_by_keyword("退款")[0] == "退货.md"
    for chroma in (False, True):
        assert library.found_by_vector("Refunds take a week.", chroma=chroma) == ["returns.md"]
        assert library.found_by_vector("退款需要一周。", chroma=chroma) == ["退货.md"]
