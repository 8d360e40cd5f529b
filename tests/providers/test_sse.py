"""Events come out the same however the bytes are cut, and never without a bound."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragcli.errors import ConnectionLost, ServerFailed
from ragcli.providers.completion import Completion
from ragcli.providers.sse import EventReader
from ragcli.types import Delta


def read(pieces: list[bytes]) -> list[bytes]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


@given(
    st.lists(st.text(alphabet="ab 你好é𝄞{}:", max_size=8), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.data(),
)
def test_any_way_to_cut_the_bytes_gives_the_same_events(
    texts: list[str], newline: str, comments: bool, data: st.DataObject
) -> None:
    keep_alive = f": keep-alive{newline}{newline}" if comments else ""
    content = "".join(f"{keep_alive}data: {text}{newline}{newline}" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=20)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert [event.decode() for event in read(pieces)] == texts


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data:a\n\ndata: \n\n", [b"a", b""]),
        (b"event: error\ndata: x\n\n", [b"x"]),
        (b"\xef\xbb\xbfdata: bom\n\n", [b"bom"]),
        (b"data: the end is cut", [b"the end is cut"]),
        (b"id: 7\nretry: 10\nnonsense\n\n", []),
        (b": only\n\n: comments\n\n", []),
        (b"data: \xff broken\n\n", [b"\xff broken"]),
        (b"data\n\n", [b""]),
        (b"", []),
    ],
)
def test_the_format_is_read_as_the_standard_says(content: bytes, events: list[bytes]) -> None:
    assert read([content]) == events
    assert read([bytes([byte]) for byte in content]) == events


@pytest.mark.parametrize("piece", [b"x" * 100, b"data: " + b"x" * 1000 + b"\n", b"data: xxxxx\n" * 50])
def test_a_line_or_event_without_end_is_an_error_and_not_a_full_memory(piece: bytes) -> None:
    reader = EventReader(longest_line=200)

    def feed_on() -> None:
        for _ in range(10):
            reader.feed(piece)

    with pytest.raises(ServerFailed, match="200 bytes"):
        feed_on()


def complete(content: bytes, cut: int) -> list[Delta]:
    completion = Completion()
    pieces = [content[start : start + cut] for start in range(0, len(content), cut)]
    return [delta for piece in pieces for delta in completion.feed(piece)] + completion.end()


@given(st.lists(st.text(min_size=1, max_size=5), max_size=5), st.integers(1, 50), st.booleans())
def test_a_completion_is_the_same_however_it_is_cut_and_whichever_form_it_has(
    texts: list[str], cut: int, as_object: bool
) -> None:
    if as_object:
        message = {"message": {"content": "".join(texts)}, "finish_reason": "stop"}
        content = json.dumps({"choices": [message]}, ensure_ascii=False).encode("utf-8", "replace")
    else:
        chunks = [{"choices": [{"delta": {"content": text}, "finish_reason": None}]} for text in texts]
        chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
        content = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode("utf-8", "replace")
    deltas = complete(content, cut)
    expected = "".join(texts).encode("utf-8", "replace").decode()
    assert "".join(delta.text for delta in deltas) == expected
    assert [delta.finish for delta in deltas if delta.finish] == ["stop"]
    assert deltas[-1].finish == "stop"


def chunk(delta: dict[str, object] | None = None, **fields: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta or {}} | fields]}).encode() + b"\n\n"


def test_a_server_that_never_speaks_of_a_finish_is_taken_at_its_word_that_it_is_done() -> None:
    assert complete(chunk({"content": "hi"}) + b"data: [DONE]\n\n", 7) == [Delta(text="hi"), Delta(finish="stop")]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
def test_a_finish_that_was_promised_and_never_came_is_a_broken_stream(end: bytes) -> None:
    with pytest.raises(ConnectionLost):
        complete(chunk({"content": "hi"}, finish_reason=None) + end, 7)


@pytest.mark.parametrize(
    ("sent", "finish"),
    [("stop", "stop"), ("length", "length"), ("max_tokens", "length"), ("EOS", "stop"), ("content_filter",) * 2],
)
def test_finish_reasons_of_other_servers_are_translated(sent: str, finish: str) -> None:
    assert complete(chunk({"content": "x"}, finish_reason=sent), 100)[-1].finish == finish


def test_pieces_that_carry_nothing_yield_nothing() -> None:
    content = (
        chunk({"role": "assistant", "content": ""})
        + b'data: {"choices": []}\n\n'
        + chunk({"content": None, "tool_calls": None})
        + b'data: {"choices": [{"index": 1, "delta": {"content": "another choice"}}]}\n\n'
        + chunk({"content": [{"type": "text", "text": "in parts"}]}, finish_reason="stop")
    )
    assert complete(content, 100) == [Delta(text="in parts"), Delta(finish="stop")]


@given(st.integers(1, 9))
@example(1)
def test_reasoning_between_tags_at_the_start_is_told_apart(cut: int) -> None:
    said = "\n<think>\n先想 <b> </thin k> hmm\n</think>\n\nThe answer 是 <think> a tag </think>."
    chunks = [chunk({"content": said[start : start + cut]}) for start in range(0, len(said), cut)]
    deltas = complete(b"".join(chunks) + chunk(finish_reason="stop"), 100)
    assert "".join(delta.text for delta in deltas) == "The answer 是 <think> a tag </think>."
    assert "".join(delta.reasoning for delta in deltas).strip() == "先想 <b> </thin k> hmm"


@pytest.mark.parametrize(("said", "text"), [("<thin", "<thin"), ("  <thirty", "  <thirty"), ("<think>cut off", "")])
def test_half_a_tag_is_text_and_a_block_without_end_is_reasoning(said: str, text: str) -> None:
    chunks = [chunk({"content": character}) for character in said]
    deltas = complete(b"".join(chunks) + chunk(finish_reason="stop"), 100)
    assert "".join(delta.text for delta in deltas) == text
