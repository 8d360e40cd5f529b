"""`ragcli ask`: one answer on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from ragcli.cli import journal
from ragcli.cli.inputs import question_and_extra, session_name
from ragcli.cli.loop import run_async
from ragcli.errors import Interrupted, RagcliError, StoreUnwritable
from ragcli.types import Done, Notice

if TYPE_CHECKING:
    from ragcli.cli.context import Context
    from ragcli.types import Event, Reply

Shape = Literal["text", "document", "events"]


def run(
    context: Context,
    question: str | None,
    collection: str,
    flags: Mapping[str, Any],
    *,
    session: str | None,
    shape: Shape,
) -> int:
    text, extra = question_and_extra(question)
    session = session_name(session)
    workspace = context.workspace(flags)

    async def main(stop: asyncio.Event) -> int:
        async with workspace.assistant(collection) as assistant:
            history = workspace.sessions().turns(session) if session else ()
            events = assistant.answer(text, history=history, session=session, stop=stop, extra=extra)
            done = await _show(journal.heard(events), context, shape)
        if session:
            try:
                workspace.sessions().append(session, done.answer)
            except StoreUnwritable as error:  # the answer stands: it is worth more than its record
                context.tell(f"this exchange is not stored: {error.message}")
        if news := workspace.sharing.news():
            context.tell(news)
        return _exit_code(done)

    return run_async(main)


async def _show(events: AsyncGenerator[Event, Reply | None], context: Context, shape: Shape) -> Done:
    if shape == "text":
        from ragcli.answer.doubts import Doubts
        from ragcli.render.answer import show

        return await show(events, out=context.out(), err=context.err(), quiet=context.quiet, check=Doubts)
    from ragcli.cli import documents

    async with aclosing(events):
        async for event in events:
            if shape == "events" and (line := documents.event(event)):
                documents.emit(line)
            if shape == "document" and isinstance(event, Notice) and event.kind == "cache":
                context.tell(event.message)
            if isinstance(event, Done):
                if shape == "document":
                    documents.emit(documents.answer(event.answer, event.error))
                return event
    raise RagcliError("the answer ended without its last event")


def _exit_code(done: Done) -> int:
    """Says on stderr besides why the answer is missing or incomplete."""
    if done.error is not None:
        from ragcli.cli.main import report

        report(done.error, [])
        return done.error.exit_code
    return Interrupted.exit_code if done.answer.finish == "interrupted" else 0
