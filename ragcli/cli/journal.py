"""The log that `--log-file` asks for: what was done and how it went, one line each, for whoever was not there.

Questions, answers and other people's words stand in it with `--debug` alone; keys never.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ragcli.errors import ConfigError, EndpointError, RagcliError

if TYPE_CHECKING:
    import logging

LARGEST_BYTES, FORMER_FILES = 5_000_000, 3
E = TypeVar("E")

_log: logging.Logger | None = None
_debug = False


def start(file: Path, *, debug: bool) -> None:
    """Begins to log to a file that its owner alone may read. Raises ConfigError where it cannot be written."""
    global _log, _debug
    import logging
    from logging.handlers import RotatingFileHandler

    class PrivateFiles(RotatingFileHandler):
        def _open(self) -> TextIOWrapper:
            def opener(path: str, flags: int) -> int:
                return os.open(path, flags, 0o600)

            return open(self.baseFilename, "a", encoding=self.encoding, opener=opener)

    try:
        handler = PrivateFiles(file.expanduser(), maxBytes=LARGEST_BYTES, backupCount=FORMER_FILES, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot write the log {file}: {exc.strerror}", remedy="name another --log-file") from exc
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    stop()
    _debug = debug
    _log = logging.Logger("ragcli")
    _log.addHandler(handler)


def stop() -> None:
    global _log
    if _log is not None:
        for handler in _log.handlers:
            handler.close()
    _log = None


def note(happened: str, *, private: dict[str, Any] | None = None, **facts: Any) -> None:
    """A line `happened name=value ...`; what is `private` is written with `--debug` alone."""
    if _log is not None:
        told = facts | ((private or {}) if _debug else {})
        _log.info("%s", " ".join([happened, *(f"{name}={_one_line(value)}" for name, value in told.items())]))


def failed(error: RagcliError, *, unexpected: bool = False) -> None:
    """The words of an error are ragcli's own, except where an endpoint is quoted."""
    if _log is not None:
        quoted = isinstance(error, EndpointError) or unexpected
        words = f" {_one_line(error)}" if _debug or not quoted else ""
        _log.error("error kind=%s%s", error.kind, words, exc_info=_debug and unexpected)


def heard(events: AsyncGenerator[E, Any]) -> AsyncGenerator[E, Any]:
    """The same events; where there is a log, what is worth a line is noted."""
    return events if _log is None else _noting(events)


async def _noting(events: AsyncGenerator[E, Any]) -> AsyncGenerator[E, None]:
    from ragcli.types import Done, Failure, IngestReport, Notice

    async with aclosing(events):
        async for event in events:
            match event:
                case Notice(kind, message):
                    note("notice", kind=kind, private={"message": message})
                case Failure(path, kind):
                    note("not_indexed", kind=kind, path=path)
                case IngestReport():
                    same = ("collection", "added", "updated", "unchanged", "removed", "documents", "chunks")
                    counts = {name: getattr(event, name) for name in same}
                    note("ingested", **counts, failed=len(event.failed), seconds=round(event.seconds, 3))
                case Done(answer):
                    note(
                        "answered",
                        finish=answer.finish,
                        model=answer.model,
                        sources=len(answer.sources),
                        cache=answer.cache,
                        tokens=answer.usage.total_tokens,
                        ms=round(answer.timings.total_ms or 0),
                        private={"question": answer.question, "answer": answer.answer},
                    )
            yield event


def _one_line(value: object) -> str:
    from ragcli.text.clean import clean

    text = " ".join(clean(str(value)).split())
    return repr(text) if " " in text or not text else text
