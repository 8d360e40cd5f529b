"""Completion of commands and their arguments, from the command table."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from ragcli.chat.commands import resolve
from ragcli.chat.table import TABLE
from ragcli.text.clean import one_line

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl


class CommandCompleter(Completer):
    """Completes an input that begins with `/` or `.`; a question is left alone."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith(("/", ".")) or "\n" in text:
            return
        name, blank, argument = text.partition(" ")
        if not blank:
            for command in TABLE:
                for known in (command.name, *command.aliases):
                    if known.startswith(name[1:].lower()) and not command.unavailable(self._repl):
                        yield Completion(text[0] + known, -len(text), display_meta=command.help)
            return
        found, _ = resolve(TABLE, text)
        if found is not None and found.complete == "path":
            yield from self._paths.get_completions(Document(argument), complete_event)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """As above, and arguments that have to be asked for."""
        for completion in self.get_completions(document, complete_event):
            yield completion
        text = document.text_before_cursor
        if not text.startswith(("/", ".")) or " " not in text or "\n" in text:
            return
        found, _ = resolve(TABLE, text)
        if found is None or found.complete is None or found.complete == "path" or found.unavailable(self._repl):
            return
        argument = text.partition(" ")[2]
        choices = found.complete(self._repl)
        for choice in await choices if isinstance(choices, Awaitable) else choices:
            if choice.lower().startswith(argument.lower()):
                yield Completion(choice, -len(argument), display=one_line(choice, 60))
