"""Where an answer is shown: a terminal that can be drawn on, or anything else that takes text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ragcli.render.console import is_live, print_line
from ragcli.text.clean import clean

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.render.markdown import Marking


class Display(Protocol):
    """Where an answer is shown; all text that it is given is clean."""

    def stage(self, name: str | None) -> None:
        """What is being waited for; None once tokens come."""
        ...

    def token(self, text: str) -> None: ...

    def reasoning(self, text: str) -> None: ...

    def note(self, text: str, style: str = "note") -> None:
        """A line that is not part of the answer."""
        ...

    def typed(self, text: str) -> None:
        """What the person types meanwhile, for the next question."""
        ...

    def tick(self) -> None:
        """Called some 20 times a second."""
        ...

    def close(self) -> None:
        """Leaves nothing on the screen but what is final, and the cursor on a line of its own."""
        ...


def display_on(out: Console, err: Console, mark: Marking | None = None) -> Display:
    """`mark` marks the doubtful citations of what has not been written yet: a pipe gets the text as it comes."""
    if is_live(out):
        from ragcli.render.screen import LiveDisplay

        return LiveDisplay(out, mark) if mark else LiveDisplay(out)
    return PlainDisplay(out, err)


class PlainDisplay:
    """For pipes, files and terminals that can do nothing: the text as it comes."""

    def __init__(self, out: Console, err: Console) -> None:
        self._out = out
        self._err = err
        self._at_line_start = True

    def stage(self, name: str | None) -> None:
        """Nothing moves here."""

    def token(self, text: str) -> None:
        self._out.file.write(text)
        self._out.file.flush()
        self._at_line_start = text.endswith("\n")

    def reasoning(self, text: str) -> None:
        """Reasoning is no part of the answer, and a pipe gets the answer."""

    def note(self, text: str, style: str = "note") -> None:
        if self._out.is_terminal and not self._at_line_start:
            self.token("\n")
        print_line(self._err, clean(text), style)

    def typed(self, text: str) -> None:
        """No place to show it: the prompt will."""

    def tick(self) -> None:
        """Nothing is pending: each token was flushed."""

    def close(self) -> None:
        if not self._at_line_start:
            self.token("\n")
