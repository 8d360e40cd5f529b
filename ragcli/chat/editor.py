"""The line editor of the chat, on prompt-toolkit: keys, history, completion, bottom bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ConditionalAutoSuggest
from prompt_toolkit.completion import Completer
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style

from ragcli.chat.interrupts import Interrupts
from ragcli.chat.keyboard import Keyboard
from ragcli.chat.reader import closed
from ragcli.config import Repl

SHORT = 2000
"""Characters up to which suggestions and completion look at an input on every key."""

STYLE = Style.from_dict(
    {
        "bottom-toolbar": "noreverse",
        "bottom-toolbar.text": "ansibrightblack",
        "prompt": "ansicyan",
        "checklist.current": "ansicyan",
        "checklist.detail": "ansibrightblack",
    }
)


class PrivateHistory(FileHistory):
    """Inputs of all runs, in a file for its owner alone; of this run alone where that file cannot be had."""

    def __init__(self, path: Path) -> None:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.chmod(0o600)
        super().__init__(str(path))

    def load_history_strings(self) -> Iterable[str]:
        try:
            return super().load_history_strings()
        except OSError:
            return ()

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)


class Editor:
    """Asks a person at a terminal."""

    interactive = True

    def __init__(
        self,
        *,
        input: Input,
        output: Output,
        keyboard: Keyboard,
        history_path: Path,
        settings: Repl,
        interrupts: Interrupts,
        completer: Completer,
        toolbar: Callable[[], str],
        color: bool = True,
    ) -> None:
        self._input = input
        self._output = output
        self._keyboard = keyboard
        self._interrupts = interrupts
        self._woken = False
        self._choosing: Application[Any] | None = None
        """What has the keys instead of the prompt."""
        self._kept: list[KeyPress] = []
        self._take: Callable[[list[KeyPress]], None] | None = None
        short = Condition(lambda: len(get_app().current_buffer.text) < SHORT)
        command = Condition(lambda: get_app().current_buffer.text[:1] in {"/", "."})
        self._session: PromptSession[str] = PromptSession(
            "❯ ",
            input=input,
            output=output,
            history=PrivateHistory(history_path),
            auto_suggest=ConditionalAutoSuggest(AutoSuggestFromHistory(), short),
            completer=completer,
            complete_while_typing=command & short,
            bottom_toolbar=toolbar,
            multiline=True,
            prompt_continuation=lambda _width, _line, wrapped: "  " if wrapped else "… ",
            key_bindings=self._bindings(),
            editing_mode=EditingMode.VI if settings.editing_mode == "vi" else EditingMode.EMACS,
            enable_open_in_editor=True,
            style=STYLE,
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
            reserve_space_for_menu=4,
        )

    async def read(self, default: str = "") -> str:
        if self._woken:
            raise EOFError
        self._type(self._keyboard.early())
        return await self._session.prompt_async(default=default)

    async def choose(self, prompt: str, default: str = "") -> str:
        if self._woken:
            raise EOFError
        session: PromptSession[str] = PromptSession(prompt, input=self._input, output=self._output, style=STYLE)
        with self._having_the_keys(session.app):
            return await session.prompt_async(default=default)

    async def select(self, rows: Sequence[tuple[int, str, str]]) -> tuple[int, ...] | None:
        if self._woken:
            raise EOFError
        from ragcli.chat.checklist import Checklist

        checklist = Checklist(rows, input=self._input, output=self._output, style=STYLE)
        with self._having_the_keys(checklist.app):
            return await checklist.run()

    @contextmanager
    def _having_the_keys(self, app: Application[Any]) -> Iterator[None]:
        """Keys go to this application; what is typed beyond its end is kept for the next question."""
        self._hand_over()
        self._choosing = app
        try:
            yield
        finally:
            self._choosing = None
            if self._take:
                self._take(get_typeahead(self._input))

    def wake(self) -> None:
        self._woken = True
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError())
        if self._choosing and self._choosing.is_running:
            self._choosing.exit(exception=EOFError())

    def listening(
        self, on_interrupt: Callable[[], object], on_typed: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        return self._listening(on_interrupt, on_typed)

    @contextmanager
    def _listening(self, on_interrupt: Callable[[], object], on_typed: Callable[[str], None]) -> Iterator[None]:
        kept = self._kept

        def take(presses: list[KeyPress]) -> None:
            for press in presses:
                if press.key == Keys.ControlC:
                    on_interrupt()
                elif press.key not in {Keys.CPRResponse, Keys.SIGINT}:
                    kept.append(press)
                    on_typed(echoed(kept))

        self._take = take
        with self._input.raw_mode(), self._input.attach(lambda: take(self._input.read_keys())):
            self._output.enable_bracketed_paste()
            self._output.flush()
            try:
                take(get_typeahead(self._input))  # what came in one go with the question
                yield
            finally:
                take(self._input.flush_keys())
                self._output.disable_bracketed_paste()
                self._output.flush()
                self._hand_over()

    def _type(self, text: str) -> None:
        """What came past the editor goes to the next prompt."""
        presses: list[KeyPress] = []
        parser = Vt100Parser(presses.append)
        parser.feed(text)
        parser.flush()
        store_typeahead(self._input, presses)

    def _hand_over(self) -> None:
        """What was typed meanwhile goes to the next prompt."""
        store_typeahead(self._input, self._kept)
        self._kept.clear()

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        typing = has_focus(DEFAULT_BUFFER)  # not searching

        @bindings.add("enter", filter=typing)
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            state = buffer.complete_state
            if state and state.current_completion:
                buffer.apply_completion(state.current_completion)
            elif buffer.text.lstrip().startswith('"""') and not closed(buffer.text):
                buffer.newline(copy_margin=False)
            else:
                buffer.validate_and_handle()

        @bindings.add("escape", "enter", filter=typing)
        @bindings.add("c-j", filter=typing)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.newline(copy_margin=False)

        @bindings.add("c-c", filter=typing)
        @bindings.add("<sigint>", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self._interrupts.press():
                event.app.exit(exception=EOFError())
            elif event.current_buffer.text:
                event.current_buffer.reset()
            else:
                event.app.exit(exception=KeyboardInterrupt())

        return bindings


def echoed(presses: list[KeyPress]) -> str:
    """What was typed, on one line, as far as it can be shown before the editor has it."""
    text = ""
    for press in presses:
        if press.key == Keys.ControlH:
            text = text[:-1]
        elif press.key == Keys.ControlM:
            text += "⏎ "
        elif press.key == Keys.BracketedPaste or len(press.key) == 1:
            text += press.data
    return text
