"""From argument list to exit code: the only place where an exception becomes words."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

from typer.exceptions import TyperException

from ragcli.cli import journal
from ragcli.cli.arguments import hoist
from ragcli.cli.commands import app
from ragcli.errors import Interrupted, RagcliError, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    _prepare_streams()
    # One search is a few milliseconds of arithmetic: starting a thread a core for it costs more than it saves.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = hoist(arguments or ["--help"])
    try:
        code = _run(arguments)
        journal.note("ended", code=code)
        return code
    finally:
        journal.stop()


def _run(arguments: Sequence[str]) -> int:
    try:
        code = app(arguments, prog_name="ragcli", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (BrokenPipeError, SystemExit) as ending:
        if "_RAGCLI_COMPLETE" in os.environ and isinstance(ending, SystemExit):  # a shell asks what Tab may offer
            return ending.code if isinstance(ending.code, int) else 0
        # The reader has seen enough, as in `| head -1`; Typer makes an exit of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as exc:
        error = _as_ragcli_error(exc)
        if "--debug" in arguments:
            traceback.print_exc()
    except KeyboardInterrupt:
        error = Interrupted("interrupted")
    report(error, arguments)
    return error.exit_code


def _prepare_streams() -> None:
    """One encoding everywhere, and something to write to where the caller has closed a stream.

    Its number would otherwise go to the next file that is opened, and a stray word into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            if number == 0:
                sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lasts as long as we
        stream = getattr(sys, name)
        if stream is None and number:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - lasts as long as we
        elif isinstance(stream, TextIOWrapper) and number:  # a file name that is no Unicode still prints
            stream.reconfigure(encoding="utf-8", errors="replace")
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, TextIOWrapper) and not sys.stderr.isatty():
        heedless = BufferedWriter(_Heedless(2, "w", closefd=False))
        sys.stderr = TextIOWrapper(heedless, encoding="utf-8", errors="replace", line_buffering=True)


class _Heedless(FileIO):
    """What is said beside an answer is no reason to end it where the log that takes it is full."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return memoryview(data).nbytes


def _as_ragcli_error(exc: Exception) -> RagcliError:
    if isinstance(exc, RagcliError):
        return exc
    if isinstance(exc, TyperException):
        context = getattr(exc, "ctx", None)
        command = context.command_path if context else "ragcli"
        message = exc.format_message() if hasattr(exc, "format_message") else str(exc)
        remedy = f"see: {command} --help"
        if type(exc).__name__ == "NoSuchOption" and command.endswith((" ask", " search")):
            remedy += f'; words that begin with a dash stand behind two: {command} -- "-word"'
        return UsageError(message.rstrip("."), remedy=remedy)
    if isinstance(exc, OSError) and exc.errno in _FULL and exc.filename is None:
        return RagcliError(f"cannot write the output: {exc.strerror}", remedy="free space, or send it elsewhere")
    return RagcliError(
        f"unexpected error: {type(exc).__name__}: {exc}", remedy="add --debug to see where, and please report it"
    )


def report(error: RagcliError, arguments: Sequence[str]) -> None:
    """One line on stderr; with `--json` or `--stream-json` a document on stdout besides."""
    from ragcli.text.clean import clean

    journal.failed(error, unexpected=type(error) is RagcliError)
    with suppress(OSError):  # nobody is left to be told
        line = " ".join(clean(str(error)).split())
        print(f"ragcli: {line}", file=sys.stderr, flush=True)  # noqa: T201
        if "--json" in arguments or "--stream-json" in arguments:
            from ragcli.cli import documents

            documents.emit(documents.failure(error, event="--stream-json" in arguments))
