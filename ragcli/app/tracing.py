"""Tracing: whether somebody watches, and spans around calls of adapters that know nothing of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ragcli.errors import ConfigError
from ragcli.streams.trace import stage

if TYPE_CHECKING:
    from ragcli.ingest.read import FileReader, OpenReader
    from ragcli.ports import CollectionWriter, Indexes
    from ragcli.ports.tracing import Tracer
    from ragcli.types import IngestEvent

T = TypeVar("T")


def tracer(environ: Mapping[str, str]) -> Tracer | None:
    """What sends spans to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names; None where nobody does.

    Raises ConfigError where an `OTEL_...` variable makes no sense.
    """
    named = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if not named or off:
        return None
    from ragcli import __version__
    from ragcli.providers.telemetry import Telemetry, exporter

    try:
        return Telemetry(exporter(environ), version=__version__)
    except ValueError as error:
        raise ConfigError(f"cannot trace: {error}", remedy="correct the OTEL_... variables, or unset them") from error


def in_stages(adapter: T, tracer: Tracer | None, **stages: str) -> T:
    """The adapter; where somebody watches, each call of the named methods is a span: `embed="embed"`."""
    return adapter if tracer is None else cast("T", _InStages(adapter, stages))


class _InStages:
    def __init__(self, adapter: object, stages: Mapping[str, str]) -> None:
        self._adapter, self._stages = adapter, stages

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._adapter, name)
        return _timed(value, self._stages[name]) if name in self._stages else value


def _timed(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with stage(name):
            return method(*args, **kwargs)

    @wraps(method)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with stage(name):
            return await cast("Awaitable[Any]", method(*args, **kwargs))

    return call_async if iscoroutinefunction(method) else call


def reading(open_reader: OpenReader, tracer: Tracer | None) -> OpenReader:
    """Reading each file is a span."""
    if tracer is None:
        return open_reader
    from ragcli.streams.monitor import Stats, monitored

    watched = monitored(Stats(name="files"), span="read")

    @asynccontextmanager
    async def opened() -> AsyncIterator[FileReader]:
        async with open_reader() as reader:
            yield cast("FileReader", SimpleNamespace(read=watched(reader.read)))

    return opened


def indexing(collection: CollectionWriter, tracer: Tracer | None) -> CollectionWriter:
    """Writing a batch to the indexes is a span."""
    return collection if tracer is None else cast("CollectionWriter", _Indexing(collection, tracer))


class _Indexing:
    def __init__(self, collection: CollectionWriter, tracer: Tracer) -> None:
        self._collection, self._tracer = collection, tracer

    @property
    def indexes(self) -> Indexes:
        return in_stages(self._collection.indexes, self._tracer, add="index")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)


def report_facts(event: IngestEvent) -> Mapping[str, float]:
    """The counts of an ingest's last event; nothing of any other."""
    from ragcli.types import IngestReport

    if not isinstance(event, IngestReport):
        return {}
    names = ("added", "updated", "unchanged", "removed", "documents", "chunks", "embedded_chunks")
    return {name: getattr(event, name) for name in names} | {"failed": len(event.failed)}
