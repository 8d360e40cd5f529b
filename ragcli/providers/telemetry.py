"""Spans to an OpenTelemetry collector, by the SDK that chromadb brings; imported where a collector is named alone.

Exporting happens in a thread of the SDK. Where the collector is down nothing is said and nothing waits, but for the
end of the process: `FLUSH_S` at the longest.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as OtelTracer

from ragcli.ports.tracing import Span

FLUSH_S = 1.0
"""Seconds that the end of the process waits for the last spans to be taken."""
GRPC_PORT = 4317


class Telemetry:
    """Implements `ports.Tracer`; headers, sampling and what else the SDK reads from `OTEL_...` variables counts."""

    def __init__(self, exporter: SpanExporter, *, version: str) -> None:
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # else a dead collector speaks on stderr
        resource = Resource({"service.name": "ragcli", "service.version": version})
        provider = TracerProvider(resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._processor = BatchSpanProcessor(exporter)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("ragcli", version)
        atexit.register(self.flush)

    def span(self, name: str) -> Span:
        return _Span(self._tracer, self._tracer.start_span(name))

    def flush(self, seconds: float = FLUSH_S) -> None:
        """Waits until the collector has what has ended, or the time is over."""
        sending = threading.Thread(target=self._processor.force_flush, daemon=True)
        sending.start()
        sending.join(seconds)


class _Span:
    """Implements `ports.Span`."""

    def __init__(self, tracer: OtelTracer, span: OtelSpan) -> None:
        self._tracer, self._span = tracer, span

    def child(self, name: str) -> Span:
        return _Span(self._tracer, self._tracer.start_span(name, set_span_in_context(self._span)))

    def note(self, **facts: str | float | bool | None) -> None:
        for name, value in facts.items():
            if value is not None:
                self._span.set_attribute(f"ragcli.{name}", value)

    def end(self, failure: str = "") -> None:
        if not self._span.is_recording():
            return
        if failure:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def exporter(environ: Mapping[str, str]) -> SpanExporter:
    """What speaks `OTEL_EXPORTER_OTLP_PROTOCOL`, else gRPC to its usual port and HTTP to any other."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if not protocol:
        protocol = "grpc" if urlsplit(endpoint).port == GRPC_PORT else "http/protobuf"
    if protocol == "grpc":
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its core writes to stderr as it likes
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter()
