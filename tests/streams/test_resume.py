"""An answer that breaks off is continued from where it broke: no word twice, none lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ragcli.errors import ConnectionLost, ServerFailed, TimedOut, TransientError, WrongKey
from ragcli.streams.resume import Resumable, ResumePolicy, continuation, resumable
from ragcli.streams.seam import Seam
from ragcli.types import Delta, Message, Notice, Prompt, Usage

ENGLISH = (
    "The retention period is 30 days [1]. After that, backups are deleted; exceptions need written approval from the "
    "data-protection officer, who answers within 5 working days [2]. See also the handbook’s chapter 7."
)
CHINESE = (
    "备份保留三十天 [1]。到期后系统会自动删除，例外情况须经数据保护官书面批准 [2]。谢谢您的耐心，常常有人问起这一点。"
)
MIXED = "在 RAG 系统 中, the index 使用 HNSW 算法 (ef=200)，recall 可达 0.98。\n\n- 第一项: see [3]\n- 第二项: 见 [4]"
TEXTS = [ENGLISH, CHINESE, MIXED]
PROMPT = Prompt(question="?", sources=(), messages=(Message("system", "be brief"), Message("user", "?")))


def joined(said: str, rest: str, cut: int) -> str:
    seam = Seam(said)
    pieces = [seam.feed(rest[start : start + cut]) for start in range(0, len(rest), cut)]
    return said + "".join(pieces) + seam.flush()


@given(st.sampled_from(TEXTS), st.data(), st.integers(1, 9))
def test_an_exact_continuation_is_joined_as_it_is(text: str, data: st.DataObject, cut: int) -> None:
    at = data.draw(st.integers(1, len(text)))
    said, rest = text[:at], text[at:]
    assume(not said.rstrip().endswith(tuple(rest.lstrip()[:n] for n in range(1, 3))))  # what looks like a repetition
    assert joined(said, rest, cut) == text


def word_starts(text: str) -> list[int]:
    return [
        at
        for at in range(1, len(text))
        if not text[at].isspace() and (text[at - 1].isspace() or not text[at - 1].isascii() or not text[at].isascii())
    ]


@given(st.sampled_from(TEXTS), st.data(), st.integers(1, 9), st.booleans())
@example(ENGLISH, None, 1, True)
def test_whatever_the_continuation_repeats_is_left_out(
    text: str, data: st.DataObject | None, cut: int, spaced: bool
) -> None:
    """The broken word written whole, the last words, the last sentence or everything once more."""
    at = data.draw(st.integers(4, len(text))) if data else 30
    begin = data.draw(st.sampled_from(word_starts(text))) if data else word_starts(text)[3]
    assume(begin <= at - 2)
    said = text[:at]
    assume(len(said[begin:].strip()) >= 2 and any(map(str.isalnum, said[begin:])))
    broken_word = not any(map(str.isspace, said[begin:].strip()))
    rest = (" " if spaced and not broken_word else "") + text[begin:]
    assert joined(said, rest, cut) == text


@pytest.mark.parametrize(
    ("said", "rest", "whole"),
    [
        ("The quick bro", "brown fox", "The quick brown fox"),
        ("The quick bro", "wn fox", "The quick brown fox"),
        ("The quick brown", " fox", "The quick brown fox"),
        ("The quick brown ", "brown fox", "The quick brown fox"),
        ("The quick brown", " brown fox", "The quick brown fox"),
        ("It is made in", " india and china", "It is made in india and china"),
        ("Wait...", "... for it", "Wait...... for it"),
        ("我们常", "常去", "我们常常去"),
        ("保留三十天", "三十天后删除", "保留三十天后删除"),
        ("The first item.\n", "\n- next", "The first item.\n\n- next"),
        ("A b c.", "A b c. D e.", "A b c. D e."),
        ("said", "", "said"),
        ("said it", "said it", "said it"),
        ("", " from the start", " from the start"),
    ],
)
def test_seams(said: str, rest: str, whole: str) -> None:
    assert {joined(said, rest, cut) for cut in (1, 2, 3, 100)} == {whole}


def test_a_model_that_starts_a_long_answer_all_over_repeats_nothing() -> None:
    whole = "".join(f"Sentence {n} 说明第{n}条规定. " for n in range(2000))
    assert len(whole) > 40_000
    assert joined(whole[:40_000], whole, 5) == whole


class Model:
    """Streams `text` token by token, continuing what it is told it said; breaks where the plan says."""

    def __init__(
        self,
        text: str,
        plan: Sequence[tuple[int, Exception | str | None]],
        *,
        overlap: int = 0,
        tokenize: Callable[[str], list[str]] = list,
    ) -> None:
        self.text, self.plan, self.overlap, self.tokenize = text, list(plan), overlap, tokenize
        self.calls: list[str] = []
        self.open = 0

    async def __call__(self, prompt: Prompt, so_far: str) -> AsyncGenerator[Delta | Notice, None]:
        self.calls.append(so_far)
        self.open += 1
        try:
            assert self.text.startswith(so_far)
            tokens = self.tokenize(self.text[max(0, len(so_far) - self.overlap) :])
            count, end = self.plan.pop(0) if self.plan else (len(tokens), "stop")
            for token in tokens[:count]:
                yield Delta(text=token)
            if isinstance(end, Exception):
                raise end
            if end is not None:
                yield Delta(finish=end, usage=Usage(prompt_tokens=10, completion_tokens=count, total_tokens=10 + count))
        finally:
            self.open -= 1


async def collect(stream: AsyncGenerator[Delta | Notice, None]) -> tuple[str, list[Notice], Delta]:
    items = [item async for item in stream]
    deltas = [item for item in items if isinstance(item, Delta)]
    assert [delta.finish for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
    return "".join(delta.text for delta in deltas), [item for item in items if isinstance(item, Notice)], deltas[-1]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("overlap", [0, 12])
@pytest.mark.parametrize("error", [ConnectionLost("dropped"), TimedOut("stalled"), ServerFailed("chunk"), None])
async def test_an_answer_that_breaks_anywhere_comes_out_whole(
    text: str, overlap: int, error: TransientError | None
) -> None:
    for at in range(1, len(text)):
        model = Model(text, [(at, error)], overlap=min(overlap, at))
        said, notices, last = await collect(resumable()(model)(PROMPT))
        looks_repeated = not overlap and text[:at].rstrip().endswith(text[at:].lstrip()[:2])
        assert said == text or looks_repeated
        assert [notice.kind for notice in notices] == ["resume"]
        assert last.finish == "stop"
        assert model.calls == ["", text[:at]]
        assert model.open == 0


async def test_it_is_continued_three_times_and_then_the_error_comes_out() -> None:
    model = Model(ENGLISH, [(10, ConnectionLost(f"drop {n}")) for n in range(9)])
    seen: list[Delta | Notice] = []
    stream = resumable()(model)(PROMPT)
    with pytest.raises(ConnectionLost, match="drop 3"):
        await drain(stream, seen)
    assert "".join(item.text for item in seen if isinstance(item, Delta)) == ENGLISH[:40]
    assert [item.message for item in seen if isinstance(item, Notice)] == [
        f"drop {n}; going on from there ({n + 1} of 3)" for n in range(3)
    ]


async def drain(stream: AsyncGenerator[Delta | Notice, None], seen: list[Delta | Notice]) -> None:
    async for item in stream:
        seen.append(item)


async def test_a_failure_before_the_first_item_is_left_to_the_retries() -> None:
    model = Model(ENGLISH, [(0, ConnectionLost("refused"))])
    with pytest.raises(ConnectionLost):
        await collect(resumable()(model)(PROMPT))
    assert model.calls == [""]


async def test_a_continuation_that_brings_nothing_ends_the_attempts() -> None:
    """The retries around each request have tried long enough by then."""
    model = Model(ENGLISH, [(5, ConnectionLost("dropped")), (0, ConnectionLost("refused"))])
    with pytest.raises(ConnectionLost, match="refused"):
        await collect(resumable()(model)(PROMPT))
    assert len(model.calls) == 2


async def test_a_permanent_error_in_mid_stream_is_not_resumed() -> None:
    model = Model(ENGLISH, [(5, WrongKey("revoked"))])
    with pytest.raises(WrongKey):
        await collect(resumable()(model)(PROMPT))


async def test_an_answer_cut_for_its_length_is_continued_within_a_limit() -> None:
    model = Model(ENGLISH, [(20, "length")] * 9)
    said, notices, last = await collect(resumable(ResumePolicy(max_extensions=2))(model)(PROMPT))
    assert said == ENGLISH[:60]
    assert [notice.kind for notice in notices] == ["extend", "extend"]
    assert last.finish == "length"
    assert last.usage == Usage(prompt_tokens=30, completion_tokens=60, total_tokens=90)


async def test_a_continuation_without_progress_is_not_asked_for_again() -> None:
    model = Model("done.", [(5, "length"), (0, "length")])
    said, notices, last = await collect(resumable()(model)(PROMPT))
    assert (said, len(notices), last.finish) == ("done.", 1, "length")


async def test_a_stored_part_is_continued_without_repeating_it() -> None:
    model = Model(CHINESE, [], overlap=6)
    said, _, last = await collect(resumable()(model)(PROMPT, CHINESE[:20]))
    assert CHINESE[:20] + said == CHINESE
    assert last.finish == "stop"


async def test_a_break_while_a_repetition_is_held_back_loses_nothing() -> None:
    model = Model(ENGLISH, [(30, ConnectionLost("drop")), (4, ConnectionLost("drop"))], overlap=15)
    said, notices, _ = await collect(resumable()(model)(PROMPT))
    assert said == ENGLISH
    assert len(notices) == 2


async def test_a_break_within_the_reasoning_starts_over() -> None:
    calls: list[str] = []

    async def thinking(prompt: Prompt, so_far: str) -> AsyncGenerator[Delta | Notice, None]:
        calls.append(so_far)
        yield Delta(reasoning="hm")
        if len(calls) == 1:
            raise ConnectionLost("dropped")
        yield Delta(text="yes", finish="stop")

    said, notices, last = await collect(resumable()(thinking)(PROMPT))
    assert (said, len(notices), last.finish) == ("yes", 1, "stop")
    assert calls == ["", ""]


async def test_notices_of_the_stream_pass_through() -> None:
    async def noticing(prompt: Prompt, so_far: str) -> AsyncGenerator[Delta | Notice, None]:
        yield Notice("retry", "waiting", 1.0)
        yield Delta(text="yes", finish="stop")

    items = [item async for item in resumable()(noticing)(PROMPT)]
    assert items == [Notice("retry", "waiting", 1.0), Delta(text="yes"), Delta(finish="stop")]


@pytest.mark.parametrize("end", ["close", "cancel"])
async def test_closing_and_cancelling_close_the_stream_in_use(end: str) -> None:
    closed = asyncio.Event()

    async def stuck(prompt: Prompt, so_far: str) -> AsyncGenerator[Delta | Notice, None]:
        try:
            yield Delta(text="a")
            await asyncio.Event().wait()
        finally:
            closed.set()

    function: Resumable = resumable()(stuck)
    stream = function(PROMPT)
    await anext(stream)
    if end == "close":
        await stream.aclose()
    else:
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert closed.is_set()


def test_the_model_is_shown_its_text_and_told_where_it_broke() -> None:
    asked = continuation(PROMPT, ENGLISH[:50])
    assert asked.messages[:-2] == PROMPT.messages
    assert asked.messages[-2] == Message("assistant", ENGLISH[:50])
    assert asked.messages[-1].role == "user"
    assert f"“{' '.join(ENGLISH[:50].split()[-4:])}”" in asked.messages[-1].content
    assert continuation(PROMPT, " ") is PROMPT
