"""The question and the text that comes with it: arguments, standard input, and what is refused as neither."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path

from ragcli.errors import FileFailure, UsageError

QUESTION_LIMIT = 10_000
"""Characters. A longer text is a document: it belongs on standard input beside a question."""
PIPED_LIMIT = 4_000_000
"""Characters read from standard input; the prompt's budget is far below."""


def question_and_extra(argument: str | None) -> tuple[str, str]:
    """The question, and the text piped in beside it (empty where there is none). Raises UsageError."""
    if argument is None or argument == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("no question", remedy='put one behind the command: ragcli ask "..."')
        return checked_question(_read_all()), ""
    extra = _read_all() if _is_piped() else ""
    return checked_question(argument), extra if extra.strip() else ""


def query(argument: str | None) -> str:
    """What to search for, of any length; beside an argument nothing is read. Raises UsageError."""
    if argument is None or argument == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("nothing to search for", remedy='put it behind the command: ragcli search "..."')
        argument = _read_all()
    text = _unicode(argument).strip()
    if not text:
        raise UsageError("the query is empty", remedy='search for something: ragcli search "..."')
    return text


def checked_question(text: str) -> str:
    """The question without the white space around it. Raises UsageError where it is none."""
    text = _unicode(text).strip()
    if not text:
        raise UsageError("the question is empty", remedy='ask something: ragcli ask "..."')
    if len(text) > QUESTION_LIMIT:
        raise UsageError(
            f"the question is {len(text):,} characters long, more than {QUESTION_LIMIT:,}",
            remedy='pipe the long text in beside a short question: ragcli ask "..." < FILE',
        )
    return text


def content(file: Path) -> bytes:
    """What a file holds, or standard input where it is named `-`. Raises OSError."""
    return sys.stdin.buffer.read() if file == Path("-") and sys.stdin is not None else file.read_bytes()


def session_name(name: str | None) -> str | None:
    """As it was given. Raises UsageError where it is no name."""
    if name is not None and not name.strip():
        raise UsageError("a session needs a name", remedy="give one with --session NAME")
    return None if name is None else _unicode(name, "the session's name")


def _unicode(text: str, what: str = "the question") -> str:
    """An argument that a locale without UTF-8 has left undecoded. Raises UsageError where it is none."""
    try:
        return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        raise UsageError(f"{what} is not valid UTF-8", remedy="check the terminal's encoding") from None


def _is_piped() -> bool:
    """Whether somebody sends text: a pipe, or a file that nobody has begun to read.

    A file that stands at another place than its start belongs to a loop such as `while read line; do ...; done < file`.
    """
    try:
        descriptor = sys.stdin.fileno()
        mode = os.fstat(descriptor).st_mode
        return stat.S_ISFIFO(mode) or (stat.S_ISREG(mode) and os.lseek(descriptor, 0, os.SEEK_CUR) == 0)
    except (OSError, ValueError, AttributeError):  # no standard input at all
        return False


def _tell_of_waiting() -> None:
    """Says so when nothing comes in: a script may have left standard input open without meaning to."""
    if os.name == "posix":  # elsewhere `select` takes sockets alone
        ready, _, _ = select.select([sys.stdin], [], [], 2.0)
        if not ready:
            sys.stderr.write("ragcli: waiting for standard input; add </dev/null if there is none\n")


def _read_all() -> str:
    _tell_of_waiting()
    data = sys.stdin.buffer.read(PIPED_LIMIT * 4)
    from ragcli.ingest.decode import decode

    try:
        return decode(data).text[:PIPED_LIMIT]
    except FileFailure as failure:
        raise UsageError(f"standard input: {failure.message}", remedy="convert it to text first") from failure
