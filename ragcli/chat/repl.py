"""The chat: read, answer, save, again; every way out leaves the terminal and the session as they should be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ragcli.chat.commands import is_command, nearest, resolve
from ragcli.chat.conversation import Conversation
from ragcli.chat.interrupts import Interrupts, signals
from ragcli.chat.reader import Reader, unquoted
from ragcli.chat.table import TABLE
from ragcli.errors import RagcliError
from ragcli.render.answer import AnswerView, print_answer
from ragcli.render.console import print_error, print_line
from ragcli.render.sources import print_sources
from ragcli.text.clean import one_line
from ragcli.types import Answer, Done, Pick, Reply, Retrieval, Stop

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from ragcli.config import Repl as Settings
    from ragcli.ports import Assistant, SessionStore

SAVE_EVERY_S = 1.0
"""How often a growing answer is stored: so much of it a crash can take."""


async def chat(
    assistant: Assistant,
    sessions: SessionStore,
    *,
    console: Console,
    settings: Settings,
    history_path: Path,
    err: Console | None = None,
    session: str | None = None,
    resume: bool = False,
    pick: bool = False,
    environment: Mapping[str, str] | None = None,
    reader: Reader | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> int:
    """Runs a chat to its end and returns the exit code: 0, or 128 + n where signal n ended it.

    Without `reader`, a person at a terminal is asked through prompt-toolkit (`input` and `output` stand in for the
    terminal's); a program passes a `LineReader`.
    """
    conversation = Conversation(assistant, sessions, pick=pick or settings.pick, reasoning=settings.reasoning)
    interrupts = Interrupts()
    repl = Repl(conversation, interrupts, out=console, err=err or console, environment=environment or {})
    repl.reader = reader or _editor(repl, settings, history_path, input, output)
    with signals(interrupts, repl.reader.wake):
        repl.begin(session, resume)
        await repl.run()
    return 128 + interrupts.signal if interrupts.signal else 0


def _editor(repl: Repl, settings: Settings, history_path: Path, input: Input | None, output: Output | None) -> Reader:
    from prompt_toolkit.input import create_input
    from prompt_toolkit.output import create_output

    from ragcli.chat.completion import CommandCompleter
    from ragcli.chat.editor import Editor

    completer: Completer = CommandCompleter(repl)
    return Editor(
        input=input or create_input(),
        output=output or create_output(),
        history_path=history_path,
        settings=settings,
        interrupts=repl.interrupts,
        completer=completer,
        toolbar=repl.toolbar,
        color=not repl.out.no_color,
    )


class Repl:
    """One running chat, as its commands see it."""

    reader: Reader

    def __init__(
        self,
        conversation: Conversation,
        interrupts: Interrupts,
        *,
        out: Console,
        err: Console,
        environment: Mapping[str, str],
    ) -> None:
        self.conversation = conversation
        self.interrupts = interrupts
        self.out = out
        self.err = err
        self.environment = environment
        self._documents = 0
        """As counted when the prompt was drawn: the bar is drawn anew for every key."""
        self.draft = ""
        """What the next prompt begins with."""

    # --- the loop -------------------------------------------------------------------------------------

    def begin(self, session: str | None, resume: bool) -> None:
        """Greets, and shows the last exchange of a session that goes on."""
        name = session or (self.conversation.sessions.latest() if resume else None)
        known = self.conversation.load(name) if name else False
        if self.reader.interactive:
            self._greet()
        if resume and not name:
            self.note("There is no session to resume yet: this one is new.")
        if known and self.reader.interactive:
            self.recall()

    async def run(self) -> None:
        """Reads and obeys until it is told to leave."""
        while not self.interrupts.leaving:
            try:
                draft, self.draft = self.draft, ""
                self._documents = self.conversation.assistant.documents
                text = unquoted(await self.reader.read(draft))
            except KeyboardInterrupt:
                self.note("Ctrl-D or /exit leaves; /help lists the commands.")
                continue
            except EOFError:
                break
            if text.strip():
                try:
                    await self._obey(text)
                except RagcliError as error:
                    print_error(self.err, error)
        self._farewell()

    async def _obey(self, text: str) -> None:
        if not is_command(text):
            await self.ask(text)
            return
        command, argument = resolve(TABLE, text)
        if command is None:
            meant = nearest(TABLE, argument)
            hint = f"did you mean /{meant}?" if meant else "/help lists the commands"
            self.note(f"There is no command {text[0]}{one_line(argument, 40)}: {hint}", "warning")
        elif command.needs_argument and not argument:
            self.note(f"/{command.name} needs {command.argument}: {command.help}", "warning")
        elif reason := command.unavailable(self):
            self.note(f"/{command.name}: {reason}", "warning")
        else:
            await command.run(self, argument)

    # --- answers --------------------------------------------------------------------------------------

    async def ask(self, question: str, *, again: bool = False) -> None:
        """Answers a question, shows it, keeps it. Whatever stops it, the part that came is kept."""
        conversation = self.conversation
        name = conversation.begin(question, again=again)
        stop = asyncio.Event()
        events = conversation.assistant.answer(question, history=conversation.history, session=name, stop=stop)
        choosing = Choosing(self) if conversation.pick and self.reader.interactive else None
        view = AnswerView(
            out=self.out, err=self.err, choose=choosing, reasoning=conversation.reasoning, waited=conversation.waited
        )
        answering = asyncio.create_task(view.run(events))
        saving = asyncio.create_task(self._save(view, question))
        done: Done | None = None
        try:
            with (
                self.interrupts.answering(stop, answering),
                self.reader.listening(self.interrupts.press, view.display.typed),
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
            answer = done.answer if done else _partial(view, question)
            self._keep(answer)
        if choosing and choosing.words:
            await self.ask(choosing.words)
            return
        view.show_sources(answer)
        if done and done.error:
            print_error(self.err, done.error)
        self.out.print()

    def _keep(self, answer: Answer) -> None:
        try:
            if self.conversation.finish(answer):
                self.note("Another chat writes in this session, too: both are kept, in the order of the answers.")
        except RagcliError as error:
            print_error(self.err, error)

    async def _save(self, view: AnswerView, question: str) -> None:
        """Stores the growing answer now and then; a failure is told once, at the end."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            with suppress(RagcliError):
                self.conversation.save(_partial(view, question))

    # --- words ----------------------------------------------------------------------------------------

    def note(self, text: str, style: str = "note") -> None:
        """A line that is no answer."""
        print_line(self.err, text, style)

    def toolbar(self) -> str:
        """Collection, documents, model, session and how much of the context the last prompt took."""
        assistant, last = self.conversation.assistant, self.conversation.last
        parts = [
            one_line(assistant.collection, 24),
            f"{self._documents} document{'' if self._documents == 1 else 's'}",
            one_line(assistant.model or assistant.provider, 28),
            one_line(self.conversation.name or "new session", 32),
        ]
        if last and last.usage.prompt_tokens:
            parts.append(f"context {100 * last.usage.prompt_tokens // max(1, assistant.context_tokens)} %")
        return one_line("  ·  ".join(parts), max(10, self.out.width - 2))

    def recall(self) -> None:
        """Shows the last exchange again."""
        last = self.conversation.last
        if last is None:
            return
        count = len(self.conversation.answers)
        self.note(f"Session {self.conversation.name}: {count} exchange{'' if count == 1 else 's'} so far.")
        print_line(self.out, Text.assemble(("❯ ", "status"), last.question))
        self.show_text(last.answer)
        self.out.print()

    def show_text(self, markdown: str) -> None:
        """A stored text, rendered as it was when it came."""
        print_answer(self.out, markdown)

    def _greet(self) -> None:
        assistant = self.conversation.assistant
        if assistant.documents:
            self.note(
                f"{assistant.documents} documents in {assistant.collection}, answers by "
                f"{assistant.model or assistant.provider}. /help lists the commands, Ctrl-D leaves."
            )
        else:
            self.note(
                f"Nothing is indexed in {assistant.collection} yet. Leave with Ctrl-D, then: ragcli ingest FOLDER"
            )

    def _farewell(self) -> None:
        name = self.conversation.name
        if not self.reader.interactive or name is None or not self.conversation.history:
            return
        quoted = f'"{name}"' if " " in name or not name.isascii() else name
        with suppress(OSError):
            self.note(f"Saved as {name}. Go on with: ragcli chat --resume, or: ragcli chat --session {quoted}")


class Choosing:
    """Lets the person choose the sources of one answer, or search with other words."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        self.words = ""
        """What to search for instead."""

    async def __call__(self, retrieval: Retrieval) -> Reply | None:
        known = [source.n for source in retrieval.sources]
        print_sources(self._repl.out, retrieval.sources, query=retrieval.query)
        while True:
            try:
                text = (await self._repl.reader.choose("Use which? Enter: all, 1 3: these, e: other words ")).strip()
                if text.lower() == "e":
                    self.words = (await self._repl.reader.choose("Search for: ", retrieval.query)).strip()
                    return Stop()
            except (EOFError, KeyboardInterrupt):
                return Stop()
            if text.lower() in {"", "a", "all"}:
                return None
            chosen = [int(number) for number in re.findall(r"\d+", text)]
            if chosen and set(chosen) <= set(known) and not re.search(r"[^\d\s,，、]", text):
                return Pick(tuple(dict.fromkeys(chosen)))
            self._repl.note(f"There are {', '.join(map(str, known))}.", "warning")


def _partial(view: AnswerView, question: str) -> Answer:
    return replace(view.answer, question=question, finish="interrupted")
