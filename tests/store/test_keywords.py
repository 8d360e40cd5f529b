"""The keyword index finds what was written, in either language, and says so when its files are not whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragcli.errors import IndexDamaged
from ragcli.ports import KeywordEntry, KeywordQuery
from ragcli.store.keywords import TantivyIndex

DOCUMENTS = (
    KeywordEntry(
        1, "Refund policy", "Refunds > Deadlines", "/docs/policies/refund.md", "Customers return goods in 30 days."
    ),
    KeywordEntry(
        2, "退货政策", "退货 > 期限", "/docs/policies/退货政策.md", "自签收之日起三十天内可以退货，运费由公司承担。"
    ),
    KeywordEntry(
        3, "Errors", "Network", "/docs/manual/errors.txt", "ERR_CONN_RESET means that v2.3.1 lost its router."
    ),
    KeywordEntry(
        4, "Notes", "", "/docs/notes.txt", "The router was bought. The customer likes the days off in 30 places."
    ),
    KeywordEntry(5, "RAG系统说明", "", "/docs/rag.md", "本文介绍RAG系统的检索部分。"),
    KeywordEntry(6, "Hamlet", "", "/docs/hamlet.txt", "To be or not to be."),
)


@pytest.fixture
def index() -> Iterator[TantivyIndex]:
    index = TantivyIndex(None)
    index.add(DOCUMENTS)
    index.commit()
    yield index
    index.close()


@pytest.fixture
def find(index: TantivyIndex) -> Callable[..., list[int]]:
    return lambda text="", **operators: [id for id, _ in index.search(KeywordQuery(text, **operators), 10)]


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("How many days do I have to return goods?", 1),
        ("退貨的期限是多久？", 2),
        ("运费谁承担", 2),
        ("conn reset", 3),
        ("2.3.1", 3),
        ("rag 检索", 5),
        ("refund", 1),
        ("hamlet", 6),
        ("errors.txt", 3),
    ],
)
def test_the_chunk_that_speaks_of_it_comes_first(find: Callable[..., list[int]], text: str, best: int) -> None:
    assert find(text)[0] == best


def test_a_question_of_stop_words_finds_them(find: Callable[..., list[int]]) -> None:
    assert find("to be or not to be")[0] == 6
    assert find("的") == [5]


@pytest.mark.parametrize("text", ["", "???", "😀", "zyxwv"])
def test_what_nothing_speaks_of_finds_nothing(find: Callable[..., list[int]], text: str) -> None:
    assert find(text) == []


def test_a_phrase_must_stand_in_its_order(find: Callable[..., list[int]]) -> None:
    assert find(phrases=("return goods",)) == [1]
    assert find(phrases=("goods return",)) == []
    assert find(phrases=("三十天内",)) == [2]
    assert find("router", phrases=("Conn Reset",)) == [3]


def test_an_excluded_word_takes_chunks_out(find: Callable[..., list[int]]) -> None:
    assert sorted(find("router")) == [3, 4]
    assert find("router", excluded=("bought",)) == [3]
    assert find("days 退货", excluded=("运费", "return goods")) == [4]


@pytest.mark.parametrize("path", ["policies/", "*.md", "/docs/policies/*", "REFUND.md", "policies\\refund"])
def test_a_path_filter_keeps_what_lies_there(find: Callable[..., list[int]], path: str) -> None:
    assert 1 in find("days router", paths=(path,))
    assert not {3, 4} & set(find("days router", paths=(path,)))
    assert 1 in find(paths=(path,))


def test_a_repeated_term_counts_twice(index: TantivyIndex) -> None:
    once = dict(index.search(KeywordQuery("router"), 9))
    twice = dict(index.search(KeywordQuery("router router"), 9))
    assert twice[4] == pytest.approx(2 * once[4])


def test_a_very_long_question_is_answered(find: Callable[..., list[int]]) -> None:
    others = (str(n).translate(str.maketrans("0123456789", "bcdfghjklm")) for n in range(20_000))
    assert find("router " + " ".join(others)) == find("router")


def test_rare_terms_weigh_more_than_common_ones(index: TantivyIndex) -> None:
    rarity = index.rarity(["router", "return", "nowhere"])
    assert 0 < rarity["router"] < rarity["return"] < rarity["nowhere"]


def test_deleted_chunks_are_gone_after_the_commit(index: TantivyIndex, find: Callable[..., list[int]]) -> None:
    index.delete([3])
    index.commit()
    assert find("router") == [4]


def test_a_reader_sees_the_writers_commits_when_it_reloads(tmp_path: Path) -> None:
    writer = TantivyIndex(tmp_path / "keywords", create=True)
    reader = TantivyIndex(tmp_path / "keywords")
    writer.add(DOCUMENTS[:1])
    assert reader.search(KeywordQuery("goods"), 5) == []
    writer.commit()
    reader.reload()
    assert [id for id, _ in reader.search(KeywordQuery("goods"), 5)] == [1]
    writer.close()
    reader.close()


def test_what_was_not_committed_is_gone_when_it_is_opened_again(tmp_path: Path) -> None:
    first = TantivyIndex(tmp_path, create=True)
    first.add(DOCUMENTS[:1])
    first.commit()
    first.add(DOCUMENTS[1:])
    first.close()
    assert len(TantivyIndex(tmp_path, create=True)) == 1


def test_a_missing_index_is_reported_as_damaged(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="ragcli ingest"):
        TantivyIndex(tmp_path / "nowhere")


def test_an_index_of_another_format_is_reported_as_damaged(tmp_path: Path) -> None:
    TantivyIndex(tmp_path, create=True).close()
    (tmp_path / "FORMAT").write_text("0")
    with pytest.raises(IndexDamaged, match="another version"):
        TantivyIndex(tmp_path)


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"\x00" * 64), lambda file: file.unlink()])
def test_spoilt_files_are_reported_as_damage(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    index = TantivyIndex(tmp_path, create=True)
    index.add(DOCUMENTS)
    index.commit()
    index.close()
    for file in tmp_path.iterdir():
        if file.suffix in {".idx", ".term", ".store", ".fast", ".pos"}:
            spoil(file)
    with pytest.raises(IndexDamaged):
        TantivyIndex(tmp_path).search(KeywordQuery("router"), 5)
