"""The chat: read, answer, save, again; every way out leaves the terminal and the session as they should be."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ragcli.chat.commands import is_command, nearest, resolve
from ragcli.chat.conversation import Conversation
from ragcli.chat.exchange import exchange
from ragcli.chat.interrupts import Interrupts, signals
from ragcli.chat.keyboard import Keyboard
from ragcli.chat.reader import Reader, unquoted
from ragcli.chat.table import TABLE
from ragcli.chat.welcome import answerer, greet, part, recall
from ragcli.errors import RagcliError, UsageError
from ragcli.render.console import print_error, print_line
from ragcli.text.clean import one_line
from ragcli.text.figures import counted
from ragcli.types import Answer

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from ragcli.config import Repl as Settings
    from ragcli.ports import Assistant, Assistants, SessionStore

HANGUP = 1
"""The number of SIGHUP, on systems that lack it, too."""
LIST_S = 3.0
"""How long the endpoint may take to list its models."""


async def chat(
    assistant: Assistant,
    sessions: SessionStore,
    *,
    console: Console,
    settings: Settings,
    history_path: Path,
    err: Console | None = None,
    assistants: Assistants | None = None,
    session: str | None = None,
    resume: bool = False,
    pick: bool = False,
    cache: bool = True,
    environment: Mapping[str, str] | None = None,
    reader: Reader | None = None,
    keyboard: Keyboard | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> int:
    """Runs a chat to its end and returns the exit code: 0, or 128 + n where signal n ended it.

    Without `reader`, a person at a terminal is asked through prompt-toolkit (`input` and `output` stand in for the
    terminal's), and `keyboard` is that terminal's, entered; a program passes a `LineReader`. With `assistants` the
    person can switch to another one.
    """
    conversation = Conversation(assistant, sessions, pick=pick or settings.pick, reasoning=settings.reasoning)
    conversation.cache = cache
    interrupts = Interrupts()
    repl = Repl(
        conversation,
        interrupts,
        out=console,
        err=err or console,
        environment=environment or {},
        keyboard=keyboard or Keyboard(),
        assistants=assistants,
    )
    repl.reader = reader or _editor(repl, settings, history_path, input, output)
    with signals(interrupts, repl.reader.wake):
        try:
            repl.begin(session, resume)
            await repl.run()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            interrupts.end(HANGUP)  # the terminal has gone away: there is nobody to tell, and all is saved
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
        keyboard=repl.keyboard,
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
        keyboard: Keyboard,
        assistants: Assistants | None = None,
    ) -> None:
        self.conversation = conversation
        self.interrupts = interrupts
        self.out = out
        self.err = err
        self.environment = environment
        self.keyboard = keyboard
        self.assistants = assistants
        self._models: Sequence[str] | None = None
        self._generation = conversation.assistant.generation
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
            greet(self)
        if resume and not name:
            self.note("There is no session to resume yet: this one is new.")
        if known:
            recall(self)

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
        part(self)

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

    async def ask(self, question: str, *, again: bool = False, resume: Answer | None = None) -> None:
        """Answers a question from what is indexed now."""
        await self._follow_index()
        await exchange(self, question, again=again, resume=resume)

    # --- what answers ---------------------------------------------------------------------------------

    async def switch(
        self, *, collection: str | None = None, model: str | None = None, top_k: int | None = None
    ) -> Assistant:
        """Goes on with another assistant. Raises RagcliError, and then the former one stays."""
        if self.assistants is None:
            raise UsageError("this chat has one assistant alone", remedy="start another chat")
        assistant = await self.assistants.reopen(collection=collection, model=model, top_k=top_k)
        self.conversation.assistant = assistant
        self._generation = assistant.generation
        return assistant

    async def models(self) -> Sequence[str]:
        """What the endpoint serves; asked once, with a time limit, and empty where it does not say."""
        if self._models is None and self.assistants is not None:
            self._models = ()
            with suppress(RagcliError, TimeoutError):
                async with asyncio.timeout(LIST_S):
                    self._models = tuple(await self.assistants.models())
        return self._models or ()

    async def _follow_index(self) -> None:
        """Notices that another process has changed the collection, and opens it as it is now."""
        assistant = self.conversation.assistant
        with suppress(RagcliError):  # the answer will say what is wrong
            if assistant.generation == self._generation:
                return
            self._generation = assistant.generation
            if self.assistants is not None:
                assistant = await self.switch()
            self.note(f"index updated: {counted(assistant.documents, 'document')}")

    # --- words ----------------------------------------------------------------------------------------

    def note(self, text: str, style: str = "note") -> None:
        """A line that is no answer."""
        print_line(self.err, text, style)

    def toolbar(self) -> str:
        """Collection, documents, model, session and how much of the context the last prompt took."""
        assistant, last = self.conversation.assistant, self.conversation.last
        parts = [
            one_line(assistant.collection, 24),
            counted(self._documents, "document"),
            one_line(answerer(assistant), 28),
            one_line(self.conversation.name or "new session", 32),
        ]
        if last and last.usage.prompt_tokens:
            parts.append(f"context {100 * last.usage.prompt_tokens // max(1, assistant.context_tokens)} %")
        return one_line("  ·  ".join(parts), max(10, self.out.width - 2))
