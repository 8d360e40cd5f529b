"""Spans of answers and ingests, as a collector on loopback gets them by OTLP."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import clean_environment
from endpoint import ModelServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from replies import answer, refusal

from ragcli.app import open_workspace
from ragcli.app.tracing import tracer
from ragcli.errors import ConfigError
from ragcli.providers.telemetry import Telemetry
from ragcli.types import Token

QUESTION = "How many days do customers have to return hardware ordered in 2026?"
KEY = "sk-secret-0123456789"


class Collector:
    """Takes spans by HTTP; `bodies` is all that came, as bytes."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def spans_of(requests: list[ExportTraceServiceRequest]) -> list[Span]:
    return [span for r in requests for rs in r.resource_spans for scope in rs.scope_spans for span in scope.spans]


def facts(span: Span) -> dict[str, object]:
    return {fact.key: getattr(fact.value, fact.value.WhichOneof("value") or "") for fact in span.attributes}


def tree(spans: list[Span]) -> set[tuple[str, str]]:
    """(name of the parent or nothing, name) of each."""
    names = {span.span_id: span.name for span in spans}
    return {(names.get(span.parent_span_id, ""), span.name) for span in spans}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, collector: Collector, endpoint: ModelServer) -> dict[str, str]:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": KEY,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


async def test_the_stages_of_an_answer_are_spans_of_one_trace(
    sample_home: Path, environ: dict[str, str], collector: Collector, endpoint: ModelServer
) -> None:
    """Requests with their times and failures among them; no text of question, documents or answer, and no key."""
    rest = threading.Event()
    endpoint.enqueue(refusal(429, retry_after="0"), answer("Thirty days [1].", held=rest, held_at=1))
    workspace = open_workspace(sample_home, environ=environ)
    async with workspace.assistant("default") as assistant:
        async for event in assistant.answer(QUESTION):
            if isinstance(event, Token):
                rest.set()
    assert isinstance(workspace.tracer, Telemetry)
    workspace.tracer.flush(60)
    spans = spans_of(collector.requests)
    stages = ("retrieve", "first_token", "stream", "verify", "request")
    assert tree(spans) == {("", "answer"), ("retrieve", "rerank"), *(("answer", stage) for stage in stages)}
    assert len({span.trace_id for span in spans}) == 1
    [root] = [span for span in spans if span.name == "answer"]
    assert facts(root)["ragcli.provider"] == "openai"
    assert facts(root)["ragcli.finish"] == "stop"
    failed, good = sorted(
        (span for span in spans if span.name == "request"), key=lambda span: span.start_time_unix_nano
    )
    assert facts(failed)["error.type"] == "rate_limited"
    assert facts(good)["ragcli.items"] in (2, 3, 4), "tokens that come at once are one"
    assert set(facts(good)) >= {"ragcli.first_item_ms", "ragcli.items_per_s"}
    everything = "".join(map(str, collector.requests))
    for secret in (KEY, "hardware", "Thirty", "returns", ".md"):
        assert secret not in everything


async def test_the_stages_of_an_ingest_are_spans(
    home: Path, tmp_path: Path, environ: dict[str, str], collector: Collector
) -> None:
    (tmp_path / "机密.md").write_text("# 标题\n\n秘密的内容。", encoding="utf-8")
    workspace = open_workspace(home, environ=environ)
    async for _ in workspace.ingest([str(tmp_path / "机密.md")], "default"):
        pass
    assert isinstance(workspace.tracer, Telemetry)
    workspace.tracer.flush(60)
    spans = spans_of(collector.requests)
    assert tree(spans) == {("", "ingest"), ("ingest", "read"), ("ingest", "embed"), ("ingest", "index")}
    [root] = [span for span in spans if span.name == "ingest"]
    assert (facts(root)["ragcli.added"], facts(root)["ragcli.chunks"]) == (1, 1)
    assert "密" not in "".join(map(str, collector.requests))


def test_a_command_sends_its_spans_before_it_ends(sample_home: Path, collector: Collector) -> None:
    patient = (  # the second that it waits may be too short on a busy machine
        "from ragcli.__main__ import main; from ragcli.providers.telemetry import Telemetry\n"
        "Telemetry.flush.__defaults__ = (60.0,)\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", patient, "ask", QUESTION, "-q"],
        env=clean_environment(sample_home, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert {"answer", "retrieve", "verify"} <= {span.name for span in spans_of(collector.requests)}


def test_a_collector_that_hangs_delays_the_end_by_a_bounded_time_and_is_no_noise(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        traced = tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        assert isinstance(traced, Telemetry)
        traced.span("answer").end()
        began = time.monotonic()
        traced.flush(0.1)
        assert time.monotonic() - began < 30
    assert capfd.readouterr() == ("", "")


def test_spans_go_by_grpc_where_the_protocol_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

    came: list[ExportTraceServiceRequest] = []

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: ExportTraceServiceRequest, context: object) -> object:  # noqa: N802 - gRPC's name
            came.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    traced = tracer(environ)
    assert isinstance(traced, Telemetry)
    span = traced.span("answer")
    span.child("retrieve").end("index_missing")
    span.end()
    span.end("twice")
    traced.flush(60)
    server.stop(None)
    assert tree(spans_of(came)) == {("", "answer"), ("answer", "retrieve")}


def test_where_nobody_watches_nothing_is_loaded_and_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:4317"
    assert tracer({}) is None
    assert tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_SDK_DISABLED": "true"}) is None
    assert tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_TRACES_EXPORTER": "none"}) is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    with pytest.raises(ConfigError, match="cannot trace"):
        tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
