"""One question on its way to its answer: shown, stored as it grows, kept whatever stops it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ragcli.answer.doubts import Doubts
from ragcli.chat.choosing import Choosing
from ragcli.chat.saving import Saving
from ragcli.errors import RagcliError
from ragcli.render.answer import AnswerView
from ragcli.render.console import print_error
from ragcli.types import Answer, Done

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.ports import Caching

GOING_ON = "/continue goes on from there."


async def exchange(repl: Repl, question: str, *, again: bool = False, resume: Answer | None = None) -> None:
    """Answers a question; `again` puts the answer in the place of the last one, `resume` goes on with that one."""
    conversation = repl.conversation
    name = conversation.begin(question, again=again or resume is not None)
    stop = asyncio.Event()
    caching: Caching = "off" if not conversation.cache else "renew" if again else "use"
    events = conversation.assistant.answer(
        question, history=conversation.history, session=name, stop=stop, resume=resume, caching=caching
    )
    view = AnswerView(
        out=repl.out,
        err=repl.err,
        reasoning=conversation.reasoning,
        choose=Choosing(repl) if conversation.pick and resume is None else None,
        check=Doubts,
        waited=conversation.waited,
        so_far=resume.answer if resume else "",
    )

    saving = Saving(lambda: conversation.save(_partial(repl, view, question)))
    view.came = saving.came
    answering = asyncio.create_task(view.run(events))
    done: Done | None = None
    try:
        async with saving:
            with (
                repl.interrupts.answering(stop, answering),
                repl.reader.listening(repl.interrupts.press, view.display.typed),
            ):
                done = await answering
    except asyncio.CancelledError:
        if not answering.done() or (task := asyncio.current_task()) is None or task.cancelling():
            answering.cancel()
            raise
    finally:
        answer = done.answer if done else _partial(repl, view, question)
        _keep(repl, answer)
    view.show_sources(answer, hint=GOING_ON if answer.answer else "")
    if done and done.error:
        print_error(repl.err, done.error)
        if answer.answer:
            repl.note(f"The part above is kept; {GOING_ON}")
    repl.out.print()


def _partial(repl: Repl, view: AnswerView, question: str) -> Answer:
    assistant = repl.conversation.assistant
    return replace(
        view.answer, question=question, finish="interrupted", provider=assistant.provider, model=assistant.model
    )


def _keep(repl: Repl, answer: Answer) -> None:
    try:
        if repl.conversation.finish(answer):
            repl.note("Another chat writes in this session, too: both are kept, in the order of the answers.")
    except RagcliError as error:
        print_error(repl.err, error)
