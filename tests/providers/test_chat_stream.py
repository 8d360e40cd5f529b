"""The chat provider against a real HTTP server: every form of an answer, every way to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from endpoint import ModelServer
from replies import Reply, answer, hang, page, refusal, reset

from ragcli.config import Chat
from ragcli.errors import (
    ConnectionLost,
    ContextTooLong,
    EndpointError,
    RateLimited,
    ServerFailed,
    TimedOut,
    UnknownModel,
    WrongKey,
)
from ragcli.providers import openai_chat
from ragcli.providers.openai_chat import OpenAIChat
from ragcli.types import Delta, Message, Prompt, Usage

TEXT = "保留期是 30 days 🗓️, see 手册 [1] — naïve café."
PROMPT = Prompt(question="?", sources=(), messages=(Message("system", "简短"), Message("user", "how long? 多久？")))
KEY = "sk-test-0123456789"


@pytest.fixture
async def models(endpoint: ModelServer) -> AsyncIterator[Callable[..., OpenAIChat]]:
    opened: list[OpenAIChat] = []

    def make(**settings: Any) -> OpenAIChat:
        defaults: dict[str, Any] = {"model": "test-model", "base_url": endpoint.url, "api_key": KEY}
        opened.append(OpenAIChat(Chat(**(defaults | settings))))
        return opened[-1]

    yield make
    for model in opened:
        await model.aclose()


@pytest.fixture
def model(models: Callable[..., OpenAIChat]) -> OpenAIChat:
    return models(idle_timeout=60, timeout=120)


async def collect(model: OpenAIChat, prompt: Prompt = PROMPT) -> list[Delta]:
    return [delta async for delta in model.stream(prompt)]


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


FORMS = {
    "plain": answer(TEXT),
    "cut into single bytes": answer(TEXT, split=1),
    "cut into seven bytes": answer(TEXT, split=7),
    "Windows line ends and comments": answer(TEXT, newline=b"\r\n", comments=True),
    "Windows line ends in single bytes": answer(TEXT, newline=b"\r\n", split=1),
    "old Mac line ends": answer(TEXT, newline=b"\r"),
    "no role chunk": answer(TEXT, empty_chunks=False),
    "no [DONE]": answer(TEXT, done=False),
    "no usage": answer(TEXT, usage=False),
    "the wrong content type": answer(TEXT, content_type="application/json"),
    "a refusal": answer(TEXT, refusal=True),
    "one JSON object": Reply(
        body=json.dumps({"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]}).encode()
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_comes_out_whole_in_whatever_form_it_is_sent(
    form: str, endpoint: ModelServer, model: OpenAIChat
) -> None:
    endpoint.enqueue(FORMS[form])
    deltas = await collect(model)
    assert said(deltas) == TEXT
    assert [delta.finish for delta in deltas if delta.finish] == ["stop"]
    assert deltas[-1].finish == "stop"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/event-stream", b'data: {"choices":[{"delta":{"content":"a \xff\xfe b"},"finish_reason":"stop"}]}\n\n'),
        ("application/json", b'{"choices":[{"message":{"content":"a \xff\xfe b"},"finish_reason":"stop"}]}'),
    ],
)
async def test_bytes_that_are_no_text_are_replaced(
    kind: str, body: bytes, endpoint: ModelServer, model: OpenAIChat
) -> None:
    """As from a server that cuts tokens within a character."""
    endpoint.enqueue(Reply(body=body, content_type=kind))
    assert said(await collect(model)) == "a \ufffd\ufffd b"


async def test_the_request_holds_the_messages_and_asks_for_a_stream_and_its_usage(
    endpoint: ModelServer, model: OpenAIChat
) -> None:
    await collect(model, Prompt(question="?", sources=(), messages=PROMPT.messages, max_tokens=77))
    request = endpoint.history[0]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "test-model",
        "messages": [{"role": "system", "content": "简短"}, {"role": "user", "content": "how long? 多久？"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 77,
    }


async def test_usage_is_what_the_endpoint_counted(
    endpoint: ModelServer, model: OpenAIChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_chat, "GRACE_S", 60.0)
    endpoint.enqueue(answer("one two three"))
    assert (await collect(model))[-1].usage == Usage(
        prompt_tokens=4, completion_tokens=3, total_tokens=7, estimated=False
    )


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_stays_apart_from_the_answer(field: str, endpoint: ModelServer, model: OpenAIChat) -> None:
    endpoint.enqueue(answer(TEXT, reasoning=("先想想", " hmm"), reasoning_field=field))
    deltas = await collect(model)
    assert "".join(delta.reasoning for delta in deltas) == "先想想 hmm"
    assert said(deltas) == TEXT


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_the_reason_of_the_finish_is_told(finish: str, endpoint: ModelServer, model: OpenAIChat) -> None:
    endpoint.enqueue(answer("half an", finish=finish))
    assert (await collect(model))[-1].finish == finish


@pytest.mark.parametrize(("temperature", "sent"), [(-1.0, None), (0.0, 0.0), (0.7, 0.7)])
async def test_the_temperature_is_left_to_the_endpoint_unless_it_is_set(
    temperature: float, sent: float | None, endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    await collect(models(temperature=temperature))
    assert endpoint.history[0].body.get("temperature") == sent


@pytest.mark.parametrize(
    ("message", "gone", "kept"),
    [
        ("Unrecognized request argument supplied: stream_options", "stream_options", "max_tokens"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens", "stream_options"),
        ("Unsupported value: 'temperature' does not support 0.5", "temperature", "max_tokens"),
        ("Bad Request", "stream_options", "max_tokens"),
    ],
)
async def test_what_an_endpoint_refuses_is_put_another_way_and_remembered(
    message: str, gone: str, kept: str, endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    model = models(temperature=0.5)
    endpoint.enqueue(refusal(400, message=message))
    assert said(await collect(model))
    await collect(model)
    first, second, third = (request.body for request in endpoint.history)
    assert gone in first
    assert gone not in second
    assert kept in second
    assert ("max_completion_tokens" in second) == (gone == "max_tokens")
    assert second == third


async def test_a_refusal_that_nothing_helps_comes_out(endpoint: ModelServer, model: OpenAIChat) -> None:
    endpoint.enqueue(*[refusal(400, message="max_tokens and stream_options and everything")] * 9)
    with pytest.raises(EndpointError, match="everything"):
        await collect(model)
    assert len(endpoint.history) <= 4


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refusal(429), RateLimited),
        (refusal(500), ServerFailed),
        (refusal(503), ServerFailed),
        (refusal(401, "invalid_api_key"), WrongKey),
        (refusal(403), WrongKey),
        (refusal(400, "context_length_exceeded"), ContextTooLong),
        (reset(), ConnectionLost),
        (page(), EndpointError),
        (page(status=502), ServerFailed),
        (Reply(body=b'{"error": {"message": "overloaded", "type": "server_error"}}'), ServerFailed),
        (Reply(body=b"{}"), EndpointError),
        (Reply(body=b"[1]"), ServerFailed),
        (Reply(body=b"{broken"), ServerFailed),
        (Reply(body=b""), ConnectionLost),
        (Reply(body=b"OK"), ConnectionLost),
    ],
)
async def test_a_failure_before_the_first_token_has_its_class(
    reply: Reply, expected: type[EndpointError], endpoint: ModelServer, model: OpenAIChat
) -> None:
    endpoint.enqueue(reply)
    with pytest.raises(EndpointError) as raised:
        await collect(model)
    assert type(raised.value) is expected
    assert len(endpoint.requests()) == 1
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"drop_after": 3}, ConnectionLost),
        ({"reset_after": 3}, ConnectionLost),
        ({"end_after": 3}, ConnectionLost),
        ({"finish": None}, ConnectionLost),
        ({"malformed_after": 3}, ServerFailed),
        ({"error_after": 3}, ServerFailed),
    ],
)
async def test_a_failure_in_mid_stream_comes_after_the_tokens_before_it(
    fault: dict[str, Any], expected: type[EndpointError], endpoint: ModelServer, model: OpenAIChat
) -> None:
    reply = answer("a b c" if "finish" in fault else "a b c d e", **fault)
    endpoint.enqueue(reply)
    seen: list[Delta] = []
    with pytest.raises(EndpointError) as raised:
        await drain(model, seen)
    assert type(raised.value) is expected
    if "reset_after" not in fault:  # a reset may overtake what was sent before it
        assert said(seen) == "a b c"


async def drain(model: OpenAIChat, seen: list[Delta]) -> None:
    async for delta in model.stream(PROMPT):
        seen.append(delta)


async def test_a_refused_connection_is_a_lost_one(endpoint: ModelServer, model: OpenAIChat) -> None:
    with endpoint.down(), pytest.raises(ConnectionLost, match="cannot connect"):
        await collect(model)


@pytest.mark.parametrize(
    "reply",
    [hang(), answer("a b", before_headers=60), answer("a b c", hang_after=2), answer("a b c", keep_alive_after=2)],
)
async def test_silence_and_keep_alives_without_a_token_end_at_the_idle_limit(
    reply: Reply, endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    endpoint.enqueue(reply)
    started = asyncio.get_running_loop().time()
    with pytest.raises(TimedOut):
        await collect(models(idle_timeout=0.2, connect_timeout=0.2))
    assert asyncio.get_running_loop().time() - started < 30  # the limit of the whole is 120


async def test_a_queue_that_shows_signs_of_life_is_waited_for(
    endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    """Before the first token comments count, up to the limit of the whole."""
    endpoint.enqueue(answer("a b c", empty_chunks=False, keep_alive_after=0))
    started = asyncio.get_running_loop().time()
    with pytest.raises(TimedOut):
        await collect(models(idle_timeout=1, timeout=2))
    assert asyncio.get_running_loop().time() - started > 1.9


async def test_a_stream_that_drips_ends_at_the_limit_of_the_whole(
    endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    endpoint.enqueue(answer("a " * 10_000, delay=0.02))
    with pytest.raises(TimedOut):
        await collect(models(idle_timeout=60, timeout=0.4))


async def test_a_missing_end_behind_a_finished_answer_is_not_waited_for(
    endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    endpoint.enqueue(answer("all there", held_open=True))
    started = asyncio.get_running_loop().time()
    assert said(await collect(models(idle_timeout=60))) == "all there"
    assert asyncio.get_running_loop().time() - started < 30


async def test_an_unknown_model_names_those_that_the_endpoint_serves(endpoint: ModelServer, model: OpenAIChat) -> None:
    endpoint.models = ("qwen3:8b", "test-model-2", "通义")
    with pytest.raises(UnknownModel) as raised:
        await collect(model)
    assert raised.value.remedy.startswith("it serves test-model-2, qwen3:8b, 通义")
    assert len(endpoint.requests()) == 1


@pytest.mark.parametrize("listing", [refusal(500), hang(), page(), Reply(body=b'{"data": 7}'), Reply(body=b"[]")])
async def test_an_unknown_model_is_told_even_where_the_list_is_not_to_be_had(
    listing: Reply, endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    endpoint.enqueue(refusal(404, "model_not_found"))
    endpoint.enqueue(listing, to="models")
    with pytest.raises(UnknownModel):
        await collect(models(idle_timeout=1) if listing.hang else models())


@pytest.mark.parametrize("end", ["close", "cancel"])
async def test_closing_and_cancelling_close_the_connection(end: str, endpoint: ModelServer, model: OpenAIChat) -> None:
    endpoint.enqueue(answer("a b c", hang_after=1))
    stream = model.stream(PROMPT)
    assert (await anext(stream)).text == "a"
    assert endpoint.open_connections == 1
    if end == "close":
        await stream.aclose()
    else:
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(endpoint.wait_until_idle)


async def test_answers_one_after_the_other_share_a_connection(
    endpoint: ModelServer, model: OpenAIChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_chat, "CLOSING_S", 60.0)  # the end of a reply may be late on a busy machine
    for _ in range(3):
        await collect(model)
    assert endpoint.accepted == 1


@pytest.mark.parametrize("given", ["", "/", "/gateway", "/gateway/"])
@pytest.mark.parametrize("served", ["", "/v1"])
async def test_a_base_without_version_finds_the_service_with_and_without_one(
    given: str, served: str, endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    root = given.rstrip("/") + served
    endpoint.root = root
    model = models(base_url=endpoint.url.removesuffix("/v1") + given)
    assert said(await collect(model))
    await collect(model)
    assert [request.target for request in endpoint.history[-2:]] == [f"{root}/chat/completions"] * 2
    assert len(endpoint.history) <= 3


async def test_an_azure_gateway_gets_its_key_and_version(
    endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    base = endpoint.url.replace("/v1", "/openai/deployments/gpt?api-version=2024-10-21")
    endpoint.key = KEY
    assert said(await collect(models(base_url=base)))
    request = endpoint.history[0]
    assert request.target == "/openai/deployments/gpt/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == KEY


async def test_requests_go_through_the_proxy_of_the_environment(
    endpoint: ModelServer, models: Callable[..., OpenAIChat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", endpoint.url.removesuffix("/v1"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    await collect(models(base_url="http://model.invalid/v1"))
    assert endpoint.history[0].target == "http://model.invalid/v1/chat/completions"


async def test_hundreds_of_streams_at_once_each_get_their_own_answer(
    endpoint: ModelServer, models: Callable[..., OpenAIChat]
) -> None:
    model = models(timeout=60, connect_timeout=60)
    texts = await asyncio.gather(*(collect(model) for _ in range(300)))
    assert {said(deltas) for deltas in texts} == {"文档中有相关说明 [1]。"}
