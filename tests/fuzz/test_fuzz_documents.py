"""Whatever flows through: what is printed can be read back, and what is read is understood or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from ragcli.cli import documents, shapes
from ragcli.cli.arguments import FLAGS, VALUED, hoist
from ragcli.cli.batch import Question, read_questions
from ragcli.cli.results import Results
from ragcli.config import load, reference
from ragcli.errors import ConfigError, NothingRelevant, RagcliError, UsageError
from ragcli.providers.completion import Completion
from ragcli.providers.sse import EventReader
from ragcli.types import (
    Answer,
    Citation,
    Done,
    Event,
    Notice,
    Reasoning,
    Retrieval,
    Rewritten,
    Scores,
    Source,
    SourcesFound,
    Timings,
    Token,
    Usage,
)

TEXT = st.text(max_size=40) | st.sampled_from(["保修", "\x1b[31m", "\u2028", '"\\', "\x00"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | FLOATS
COUNTS = st.integers(0, 2**53)
SOURCES = st.builds(
    Source,
    n=st.integers(1, 99),
    path=TEXT,
    title=TEXT,
    format=TEXT,
    text=TEXT,
    score=FLOATS,
    page=st.none() | st.integers(1, 9999),
    lines=st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    heading=st.lists(TEXT, max_size=3).map(tuple),
    scores=st.builds(Scores, keyword=MAYBE, vector=MAYBE, fused=MAYBE, rerank=MAYBE),
)
ANSWERS = st.builds(
    Answer,
    question=TEXT,
    answer=TEXT,
    finish=st.sampled_from(["stop", "length", "interrupted", "error"]),
    grounded=st.booleans(),
    sources=st.lists(SOURCES, max_size=3).map(tuple),
    citations=st.lists(
        st.builds(Citation, st.integers(0, 99), TEXT, st.sampled_from(["supported", "unsupported", "unknown_source"])),
        max_size=3,
    ).map(tuple),
    provider=TEXT,
    model=TEXT,
    usage=st.builds(
        Usage, prompt_tokens=COUNTS, completion_tokens=COUNTS, total_tokens=COUNTS, estimated=st.booleans()
    ),
    cache=st.sampled_from(["miss", "memory", "disk", "redis", "semantic"]),
    timings=st.builds(Timings, retrieve_ms=MAYBE, first_token_ms=MAYBE, total_ms=MAYBE, tokens_per_s=MAYBE),
    session=st.none() | TEXT,
)
ERRORS = st.none() | st.builds(NothingRelevant, TEXT, remedy=TEXT)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Rewritten, TEXT),
    st.builds(Token, TEXT),
    st.builds(Reasoning, TEXT),
    st.builds(Notice, TEXT, TEXT, MAYBE),
    st.tuples(ANSWERS, ERRORS).map(lambda pair: Done(*pair)),
    st.lists(SOURCES, max_size=3).map(
        lambda found: SourcesFound(Retrieval(query="", mode="hybrid", sources=tuple(found)))
    ),
)
LINES = msgspec.json.Decoder(
    shapes.Rewritten | shapes.Token | shapes.Reasoning | shapes.Notice | shapes.Sources | shapes.Done
)


@given(EVENTS)
def test_an_event_is_one_line_that_says_the_same_when_it_is_read(event: Event) -> None:
    shape = documents.event(event)
    assert shape is not None
    line = documents.line(shape)
    assert line.count("\n") == 1
    assert LINES.decode(line) == shape


@given(st.integers() | TEXT, ANSWERS, ERRORS)
def test_a_line_of_a_batch_is_found_again_unless_it_tells_of_an_error(
    identity: int | str, answer: Answer, error: RagcliError | None
) -> None:
    shape = documents.batched(identity, answer, error)
    with TemporaryDirectory() as folder:
        out = Path(folder, "out.jsonl")
        with Results(out) as results:
            results.write(shape)
        with Results(out) as results:
            assert results.take(identity, answer.question) == (error is None)
            assert not results.take(identity, answer.question)


@given(st.lists(TEXT, min_size=1, max_size=4), st.data())
def test_a_file_of_answers_that_was_cut_anywhere_keeps_all_whole_lines(
    questions: list[str], data: st.DataObject
) -> None:
    lines = [documents.line(documents.batched(n, Answer(question=q))).encode() for n, q in enumerate(questions)]
    content = b"".join(lines)
    cut = data.draw(st.integers(0, len(content)))
    whole = sum(len(b"".join(lines[: n + 1])) <= cut for n in range(len(lines)))
    with TemporaryDirectory() as folder:
        out = Path(folder, "out.jsonl")
        out.write_bytes(content[:cut])
        with Results(out) as results:
            assert [results.take(n, q) for n, q in enumerate(questions)] == [n < whole for n in range(len(lines))]
        assert out.read_bytes() == b"".join(lines[:whole])


@given(st.lists(st.text(max_size=30) | st.sampled_from(['{"question": "q"}', '{"id": 1}', "{", '{"question": ""}'])))
def test_every_line_of_a_batch_is_a_question_or_says_why_not(lines: list[str]) -> None:
    read = list(read_questions(lines))
    assert len(read) == sum(bool(line.strip()) for line in lines)
    for question in read:
        assert isinstance(question, Question)
        assert question.text.strip()
        assert question.problem is None or question.problem.exit_code == UsageError.exit_code


KEYS = st.sampled_from([*reference(), "chat.modle", "nothing.here"])
VALUES = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3)
)


def refusal(read: Callable[[], Any]) -> RagcliError | None:
    """The one error that `read` may end with."""
    try:
        read()
    except RagcliError as error:
        return error
    return None


def load_or_refuse(file: Path, environment: dict[str, str]) -> None:
    error = refusal(lambda: load(file, environment))
    assert error is None or (isinstance(error, ConfigError) and error.remedy and "\n" not in str(error))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"\xff\xfe")
@example(b"[chat]\nmodel = 1979-05-27\n")
@example(b"chat.model.name = 1\n")
def test_any_config_file_loads_or_is_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.toml")
        file.write_bytes(content)
        load_or_refuse(file, {})


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, st.text(max_size=20), max_size=4))
def test_any_value_of_any_setting_loads_or_is_refused(settings: dict[str, Any], environment: dict[str, str]) -> None:
    tables: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        section, _, name = key.partition(".")
        tables.setdefault(section, {})[name] = value
    content = "\n".join(
        line
        for section, values in tables.items()
        for line in (f"[{section}]", *(f"{name} = {_toml(value)}" for name, value in values.items()))
    )
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.toml")
        file.write_text(content, encoding="utf-8")
        variables = {"RAGCLI_" + key.upper().replace(".", "_"): value for key, value in environment.items()}
        load_or_refuse(file, variables)


def _toml(value: Any) -> str:
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=True)


@given(st.lists(st.sampled_from([*FLAGS, *VALUED, "--home=x", "--", "ask", "-x"]) | st.text(max_size=5), max_size=8))
def test_moving_global_options_to_the_front_loses_and_changes_nothing(arguments: list[str]) -> None:
    moved = hoist(arguments)
    assert sorted(moved) == sorted(arguments)
    assert hoist(moved) == moved


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"data: ", b"\n\n", b"\r", b'{"choices":', b"[DONE]"])))
def test_no_bytes_of_a_server_do_more_than_end_the_answer(pieces: list[bytes]) -> None:
    """Events come out the same in one piece, and what is no answer is an error with a class."""
    reader, whole = EventReader(), EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
    assert events == whole.feed(b"".join(pieces)) + whole.end()
    completion = Completion()
    error = refusal(lambda: [*(completion.feed(piece) for piece in pieces), completion.end()])
    assert error is None or str(error)
