"""From a question to sources, over a real keyword index and the real offline embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from ragcli.config import Retrieve
from ragcli.errors import IndexDamaged, ServerFailed
from ragcli.ports import KeywordEntry
from ragcli.providers.static import StaticEmbedder
from ragcli.retrieve.pipeline import HybridRetriever
from ragcli.retrieve.rerank import ModelRanker
from ragcli.store.keywords import TantivyIndex
from ragcli.types import StoredChunk

if TYPE_CHECKING:
    from ragcli.types import Vector

TEXTS = {
    "policies/refund.md": (
        "Refund policy",
        ["Customers may return goods within 30 days.", "Refunds are paid in 5 days."],
    ),
    "policies/退货.md": ("退货政策", ["自签收之日起三十天内可以退货。", "退货运费由公司承担。"]),
    "manual/router.md": ("Router manual", ["Hold the reset button for ten seconds to restart the router."]),
    "notes/meeting.txt": ("Meeting notes", ["The team met on Monday and spoke about the office party."]),
    "notes/copy.txt": ("Meeting notes", ["The team met on Monday and spoke about the office party."]),
    "notes/travel.txt": ("Travel", ["Travel expenses are repaid once a month, hotel bills included."]),
}


class Folder:
    """A collection in memory: a ChunkReader, and a VectorIndex that scans."""

    def __init__(self, embedder: StaticEmbedder) -> None:
        self.generation = 1
        self.closed = False
        self.embedder = embedder
        self.stored: dict[int, StoredChunk] = {}
        self.keywords = TantivyIndex(None)
        for path, (title, texts) in TEXTS.items():
            self.add(path, title, texts)

    def add(self, path: str, title: str, texts: Sequence[str]) -> None:
        document = len({chunk.document_id for chunk in self.stored.values()}) + 1
        start = 0
        for n, text in enumerate(texts):
            id = len(self.stored) + 1
            line = (n + 1, n + 1)
            end = start + len(text)
            self.stored[id] = StoredChunk(id, document, f"/docs/{path}", title, "text", n, text, start, end, lines=line)
            self.keywords.add([KeywordEntry(id, title, "", path, text)])
            start = end + 2
        self.keywords.commit()
        self.ids = list(self.stored)
        self.rows = self.embedder.embed_now([chunk.text for chunk in self.stored.values()])

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        return {id: self.stored[id] for id in ids if id in self.stored}

    def neighbours(self, chunk: StoredChunk, before: int, after: int) -> list[StoredChunk]:
        near = range(chunk.n - before, chunk.n + after + 1)
        return [other for other in self.stored.values() if other.document_id == chunk.document_id and other.n in near]

    def ids_under(self, patterns: Sequence[str]) -> list[int]:
        return [
            id for id, chunk in self.stored.items() if any(pattern.strip("*") in chunk.path for pattern in patterns)
        ]

    def search(self, vector: Vector, k: int, *, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        scores = {id: float(score) for id, score in zip(self.ids, self.rows @ vector, strict=True)}
        allowed = set(self.ids if among is None else among)
        return sorted(((id, scores[id]) for id in allowed), key=lambda hit: -hit[1])[:k]

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


@pytest.fixture
def folder(embedder: StaticEmbedder) -> Folder:
    return Folder(embedder)


@pytest.fixture
def retriever(folder: Folder, embedder: StaticEmbedder) -> HybridRetriever:
    return HybridRetriever(folder, folder, folder.keywords, embedder)


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("How do I restart the router?", "manual/router.md"),
        ("Within how many days can customers return goods?", "policies/refund.md"),
        ("退货运费由谁承担？", "policies/退货.md"),
    ],
)
async def test_the_document_that_answers_comes_first(
    retriever: HybridRetriever, mode: str, query: str, path: str
) -> None:
    retrieval = await retriever.search(query, mode=mode)  # type: ignore[arg-type]
    assert retrieval.sources[0].path.endswith(path)
    assert retrieval.relevant
    assert [source.n for source in retrieval.sources] == list(range(1, len(retrieval.sources) + 1))


async def test_scores_tell_what_each_leg_found(retriever: HybridRetriever) -> None:
    best = (await retriever.search("restart the router", rerank=False)).sources[0]
    assert best.scores.keyword is not None
    assert best.scores.vector is not None
    assert best.score == best.scores.fused
    only_words = (await retriever.search("restart the router", mode="keyword")).sources[0]
    assert only_words.scores.vector is None


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "???",
        "😀🎉",
        '"',
        '"" -',
        "-",
        "path:",
        "\x00\x1b[31m",
        "a" * 100_000,
        "退货" * 50_000,
        "\ud800",
        '"unbalanced',
    ],
)
@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
async def test_no_query_is_too_odd(retriever: HybridRetriever, query: str, mode: str) -> None:
    retrieval = await retriever.search(query, mode=mode)  # type: ignore[arg-type]
    assert 0 <= retrieval.confidence <= 1
    assert not (retrieval.relevant and not retrieval.sources)


@pytest.mark.parametrize("query", ["", "😀🎉", "???"])
async def test_a_query_without_words_finds_nothing_relevant(retriever: HybridRetriever, query: str) -> None:
    assert not (await retriever.search(query)).relevant


async def test_copies_are_shown_once(retriever: HybridRetriever) -> None:
    sources = (await retriever.search("team met on Monday")).sources
    assert sum("office party" in source.text for source in sources) == 1


@pytest.mark.parametrize("copied", ["The router hums on Monday.", "路由器在星期一嗡嗡作响。"])
async def test_behind_many_copies_the_search_goes_on(folder: Folder, retriever: HybridRetriever, copied: str) -> None:
    others = ["router", "路由器"]
    for n in range(45):
        folder.add(f"copies/{n}.txt", "Copy", [copied])
    for n in range(5):
        folder.add(f"others/{n}.txt", f"Other {n}", [f"{word} {n}{n}, 第 {n}{n} 层" for word in others])
    sources = (await retriever.search(f"{copied} router 路由器", k=5)).sources
    assert len(sources) == 5
    assert sum(copied in source.text for source in sources) <= 1


async def test_neighbours_in_a_document_are_joined(retriever: HybridRetriever) -> None:
    first = (await retriever.search("refund return goods days paid")).sources[0]
    assert first.text == "Customers may return goods within 30 days.\n\nRefunds are paid in 5 days."
    assert first.lines == (1, 2)
    assert len(first.chunk_ids) == 2


async def test_operators_bind_both_legs(retriever: HybridRetriever) -> None:
    inside = (await retriever.search("expenses path:notes/")).sources
    assert inside
    assert all("/notes/" in source.path for source in inside)
    without = (await retriever.search("router or hotel -router")).sources
    assert without
    assert all("router" not in source.text for source in without)
    exact = (await retriever.search('restart "reset button"')).sources
    assert [source.path for source in exact] == ["/docs/manual/router.md"]


async def test_a_phrase_that_stands_nowhere_is_searched_by_its_words(retriever: HybridRetriever) -> None:
    assert (await retriever.search('"button reset"')).sources[0].path.endswith("router.md")


async def test_no_more_than_k_sources(retriever: HybridRetriever) -> None:
    assert len((await retriever.search("days", k=2)).sources) == 2


async def test_chunks_that_no_longer_count_are_left_out(folder: Folder, retriever: HybridRetriever) -> None:
    gone = [id for id, chunk in folder.stored.items() if "router" in chunk.path]
    for id in gone:
        del folder.stored[id]
    assert all("router" not in source.path for source in (await retriever.search("restart the router")).sources)


async def test_a_changed_collection_is_opened_again(folder: Folder, embedder: StaticEmbedder) -> None:
    opened: list[TantivyIndex] = []

    def open_keywords() -> TantivyIndex:
        opened.append(folder.keywords)
        return folder.keywords

    retriever = HybridRetriever(folder, lambda: folder, open_keywords, embedder)
    assert not opened
    await retriever.search("router")
    folder.add("new.txt", "New", ["The printer stands in the cellar."])
    folder.generation += 1
    assert (await retriever.search("Where is the printer?")).sources[0].path.endswith("new.txt")
    assert len(opened) == 2
    retriever.close()
    assert folder.closed


async def test_the_keyword_mode_needs_no_vectors(folder: Folder, embedder: StaticEmbedder) -> None:
    def broken() -> Folder:
        raise IndexDamaged("no vectors")

    retriever = HybridRetriever(folder, broken, folder.keywords, embedder)
    assert (await retriever.search("router", mode="keyword")).sources
    with pytest.raises(IndexDamaged):
        await retriever.search("router")


class Model:
    """A reranker that prefers hotels, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        if self.error:
            raise self.error
        return [float(text.count("hotel")) for text in texts]


async def test_a_model_may_order_the_candidates(folder: Folder, embedder: StaticEmbedder) -> None:
    retriever = HybridRetriever(folder, folder, folder.keywords, embedder, ranker=ModelRanker(Model(), timeout=60))
    sources = (await retriever.search("router")).sources
    assert "Travel expenses" in sources[0].text
    assert sources[0].score == sources[0].scores.rerank
    plain = (await retriever.search("router", rerank=False)).sources
    assert plain[0].path.endswith("router.md")


async def test_what_a_model_puts_first_does_not_make_the_folder_silent(
    folder: Folder, embedder: StaticEmbedder
) -> None:
    """The verdict is about what the folder holds: here the answer stands below the one hit that is shown."""
    retriever = HybridRetriever(folder, folder, folder.keywords, embedder, ranker=ModelRanker(Model(), timeout=60))
    found = await retriever.search("How do I restart the router?", k=1)
    assert "Travel expenses" in found.sources[0].text
    assert found.relevant
    assert not (await retriever.search("Who painted the Mona Lisa?", k=1)).relevant


@pytest.mark.parametrize("error", [ServerFailed("the endpoint answered 503"), TimeoutError()])
async def test_where_the_model_fails_the_order_before_it_stands(
    folder: Folder, embedder: StaticEmbedder, error: Exception
) -> None:
    retriever = HybridRetriever(folder, folder, folder.keywords, embedder, ranker=ModelRanker(Model(error), timeout=60))
    builtin = HybridRetriever(folder, folder, folder.keywords, embedder)
    reranked, plain = await retriever.search("router"), await builtin.search("router")
    assert reranked.sources == plain.sources
    assert [notice.kind for notice in reranked.notices] == ["rerank"]


async def test_settings_can_silence_a_leg_and_the_verdict(folder: Folder, embedder: StaticEmbedder) -> None:
    settings = Retrieve(vector_weight=0.0, min_confidence=0.0)
    retriever = HybridRetriever(folder, folder, folder.keywords, embedder, settings)
    retrieval = await retriever.search("zyxwv unheard-of")
    assert retrieval.relevant
    assert retrieval.sources[0].score == 0


async def test_one_document_does_not_fill_the_list(folder: Folder, embedder: StaticEmbedder) -> None:
    long = [f"Router chapter {n}: the router blinks {n} times." if n % 2 else f"Filler {n}." for n in range(20)]
    folder.add("manual/long.md", "Long manual", long)
    retriever = HybridRetriever(folder, folder, folder.keywords, embedder)
    sources = (await retriever.search("restart router", k=5)).sources
    assert len({source.path for source in sources}) >= 2
    assert replace(sources[0], n=1) == sources[0]
