"""`ragcli ask --batch`: many questions in one process, a JSON line each; what is done survives Ctrl-C and kill -9."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from ragcli.cli import documents, journal, shapes
from ragcli.cli.inputs import checked_question, content
from ragcli.cli.loop import run_async
from ragcli.cli.progress import counting
from ragcli.cli.results import Results
from ragcli.errors import Interrupted, PartialIngest, RagcliError, UnknownModel, UsageError, WrongKey, reason
from ragcli.streams.operators import map_concurrent
from ragcli.types import Done

if TYPE_CHECKING:
    from ragcli.app.assistants import CollectionAssistant
    from ragcli.cli.context import Context

HOPELESS = (WrongKey, UnknownModel)
"""What every further question would fail with as well."""


class Question(Struct, frozen=True):
    """A line of the file; `problem` is set where it holds no question."""

    id: str | int
    text: str
    problem: UsageError | None = None


class _Line(Struct, frozen=True):
    question: str
    id: str | int | None = None


class Result(Struct, frozen=True):
    """A line for the output, and what the question failed with."""

    line: shapes.Batched | shapes.Unread
    error: RagcliError | None


def run(
    context: Context,
    file: Path,
    collection: str,
    flags: Mapping[str, Any],
    *,
    concurrency: int,
    as_completed: bool,
    out: Path | None,
) -> int:
    """Answers the questions of a file, `concurrency` at a time; `out` is gone on with behind what it holds already."""
    questions = list(read_questions(_text(file).split("\n")))
    workspace = context.workspace(flags)

    async def main(stop: asyncio.Event) -> int:
        with Results(out) as results:
            left = [question for question in questions if not results.take(question.id, question.text)]
            tally = _Tally(total=len(left))
            async with workspace.assistant(collection) as assistant:
                asked = in_turn(
                    left, lambda question: _asked(question, assistant, stop), concurrency, as_completed=as_completed
                )
                with counting(context, len(left), lines=True) as tell:
                    async with aclosing(asked):
                        async for result in asked:
                            if result is None:
                                continue
                            results.write(result.line)
                            tally.count(result)
                            if isinstance(result.error, HOPELESS):
                                tally.hopeless = result.error
                                break
                            tell(tally.done)
        if news := workspace.sharing.news():
            context.tell(news)
        return _end(context, tally, known=len(questions) - len(left), stopped=stop.is_set())

    return run_async(main)


class _Tally(Struct):
    total: int
    done: int = 0
    failed: list[tuple[str | int, RagcliError]] = msgspec.field(default_factory=list)
    hopeless: RagcliError | None = None

    def count(self, result: Result) -> None:
        self.done += 1
        if result.error is not None:
            self.failed.append((result.line.id, result.error))


def _end(context: Context, tally: _Tally, *, known: int, stopped: bool) -> int:
    """Says on stderr how it went, and returns the exit code."""
    from ragcli.cli.main import report

    error: RagcliError | None = tally.hopeless
    if error is None and stopped:
        error = Interrupted(
            f"stopped after {tally.done} of {tally.total} questions",
            remedy="with --out FILE the same command goes on behind them",
        )
    if error is None and tally.failed:
        number, first = tally.failed[0]
        error = PartialIngest(
            f"{len(tally.failed)} of {tally.total} questions failed; the first is {number}: {first.message}",
            remedy="each has its error in its line; with --out FILE the same command asks them again",
        )
    if error is not None:
        report(error, [])
        return error.exit_code
    before = f", {known} were there already" if known else ""
    context.tell(f"{tally.done} questions answered{before}")
    return 0


async def _asked(question: Question, assistant: CollectionAssistant, stop: asyncio.Event) -> Result | None:
    """None where the answer was stopped: it is left to the next run."""
    if stop.is_set():
        return None
    if question.problem is not None:
        number = question.id
        line = shapes.Unread(id=number, question=question.text, error=documents.error_of(question.problem))
        return Result(line, question.problem)
    async with aclosing(journal.heard(assistant.answer(question.text, stop=stop))) as events:
        async for event in events:
            if isinstance(event, Done) and event.answer.finish != "interrupted":
                return Result(documents.batched(question.id, event.answer, event.error), event.error)
    return None


async def in_turn(
    questions: Iterable[Question],
    ask: Callable[[Question], Awaitable[Result | None]],
    concurrency: int,
    *,
    as_completed: bool,
) -> AsyncGenerator[Result | None, None]:
    """What `ask` makes of each question, at most `concurrency` at a time, in their order or as they are completed."""
    if as_completed:
        results = _as_completed(questions, ask, concurrency)
    else:
        results = map_concurrent(_async(questions), ask, limit=concurrency)
    async with aclosing(results):
        async for result in results:
            yield result


async def _async(questions: Iterable[Question]) -> AsyncGenerator[Question, None]:
    for question in questions:
        yield question


async def _as_completed(
    questions: Iterable[Question], ask: Callable[[Question], Awaitable[Result | None]], concurrency: int
) -> AsyncGenerator[Result | None, None]:
    running: set[asyncio.Future[Result | None]] = set()
    waiting = iter(questions)
    try:
        while True:
            while len(running) < concurrency and (question := next(waiting, None)) is not None:
                running.add(asyncio.ensure_future(ask(question)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                yield each.result()
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _text(file: Path) -> str:
    try:
        return content(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read {file}: {reason(exc)}", remedy="give a file of questions, one a line") from exc


def read_questions(lines: Iterable[str]) -> Iterable[Question]:
    """A question a line: JSON `{id?, question}`, or the words as they are. Empty lines count, and hold none."""
    decode = msgspec.json.Decoder(_Line).decode
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line:
            continue
        try:
            read = decode(line) if line.startswith("{") else _Line(line)
            yield Question(number if read.id is None else read.id, checked_question(read.question))
        except UsageError as error:
            yield Question(number, line, error)
        except (msgspec.MsgspecError, UnicodeEncodeError) as error:
            yield Question(number, line, UsageError(f"line {number} is no question: {error}", remedy=FORM))


FORM = 'write {"id": 1, "question": "..."} or the question alone'
