"""One question on its way to its answer: shown, stored as it grows, kept whatever stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ragcli.answer.doubts import Doubts
from ragcli.chat.choosing import Choosing
from ragcli.errors import RagcliError
from ragcli.render.answer import AnswerView
from ragcli.render.console import print_error
from ragcli.types import Answer, Done

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.ports import Caching

SAVE_EVERY_S = 0.5
SAVE_EVERY_TOKENS = 32
"""How often a growing answer is stored, by whichever comes first: no more of it can a crash take."""
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

    def save() -> None:
        with suppress(RagcliError):  # told once, at the end
            conversation.save(_partial(repl, view, question))

    view.came = _every(SAVE_EVERY_TOKENS, save)
    answering = asyncio.create_task(view.run(events))
    saving = asyncio.create_task(_often(save))
    done: Done | None = None
    try:
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
        saving.cancel()
        with suppress(asyncio.CancelledError):
            await saving
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


def _every(count: int, act: Callable[[], None]) -> Callable[[], None]:
    """Acts on the first call and on every `count`th one after it."""
    calls = 0

    def call() -> None:
        nonlocal calls
        if calls % count == 0:
            act()
        calls += 1

    return call


async def _often(act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(SAVE_EVERY_S)
        act()
