"""Ranked passages become sources: each thing once, neighbours in one piece, no document alone."""

from __future__ import annotations

from ragcli.retrieve.assemble import assemble
from ragcli.retrieve.rerank import Candidate
from ragcli.types import Scores, StoredChunk


def passage(id: int, text: str, *, document: int = 0, n: int = 0, start: int = 0, score: float = 0.5) -> Candidate:
    chunk = StoredChunk(
        id,
        document or id,
        f"/{document or id}.txt",
        "T",
        "text",
        n,
        text,
        start,
        start + len(text),
        ("A", f"B{n}"),
        2,
        (n, n + 1),
    )
    return Candidate(chunk, Scores(keyword=score, vector=score, fused=score))


def test_a_copy_is_shown_once() -> None:
    text = "The gateway keeps its readings for forty days and sends them when the network is back."
    sources = assemble([passage(1, text), passage(2, text.upper()), passage(3, "Something else.")], 5)
    assert [source.chunk_ids for source in sources] == [(1,), (3,)]


def test_texts_that_differ_in_a_number_are_both_shown() -> None:
    text = "The gateway keeps its readings for {} days and sends them as soon as the network is back again."
    assert len(assemble([passage(1, text.format(40)), passage(2, text.format(30))], 5)) == 2


def test_neighbours_are_joined_without_repeating_what_they_share() -> None:
    first = passage(1, "One two three.", document=9, n=4, start=100)
    second = passage(2, "three. Four five.", document=9, n=5, start=108)
    (source,) = assemble([second, first], 5)
    assert source.text == "One two three. Four five."
    assert source.chunk_ids == (1, 2)
    assert source.lines == (4, 6)
    assert source.heading == ("A",)


def test_a_source_does_not_grow_without_end() -> None:
    chunks = [passage(n + 1, f"Part {n}", document=9, n=n, start=10 * n) for n in range(5)]
    assert [len(source.chunk_ids) for source in assemble(chunks, 5)] == [3, 2]


def test_one_document_leaves_room_for_others_that_have_something_to_say() -> None:
    greedy = [passage(n, f"Text of {n * 7}", document=99, n=3 * n, score=0.9 - n / 100) for n in range(1, 8)]
    other = passage(50, "Another voice", score=0.6)
    assert any(source.chunk_ids == (50,) for source in assemble([*greedy, other], 5))
    weak = passage(51, "A faint voice", score=0.1)
    assert not any(source.chunk_ids == (51,) for source in assemble([*greedy, weak], 5))


def test_a_document_alone_fills_the_list() -> None:
    alone = [passage(n, f"Text of {n * 7}", document=99, n=3 * n) for n in range(1, 9)]
    assert len(assemble(alone, 5)) == 5


def test_nothing_makes_nothing() -> None:
    assert assemble([], 5) == ()
