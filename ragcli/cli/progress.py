"""How far a run over many questions is, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragcli.cli.context import Context

STEPS = 10
"""Lines that tell the progress of a long run where no terminal shows it."""


@contextmanager
def counting(context: Context, total: int, *, lines: bool = False) -> Iterator[Callable[[int], None]]:
    """A function that is told how many questions are done: a terminal shows it, elsewhere `lines` are written."""
    from ragcli.render.console import is_live

    err = context.err()
    if context.quiet or (not is_live(err) and not lines):
        yield lambda done: None
    elif not is_live(err):
        every = -(-total // STEPS)

        def tell(done: int) -> None:
            if total > STEPS and done % every == 0 and done < total:
                err.print(f"{done} of {total} questions", soft_wrap=True)

        yield tell
    else:
        with err.status(f"0 of {total} questions") as status:
            yield lambda done: status.update(f"{done} of {total} questions")
