"""Whatever happens on the wire, the reader sees every word of the answer once, or in time an error of its kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from endpoint import ModelServer
from replies import Reply, answer, hang, page, refusal, reset, tokenize

from ragcli.config import Chat
from ragcli.errors import ConnectionLost, EndpointError, RateLimited, ServerFailed, TimedOut, UnknownModel, WrongKey
from ragcli.providers import openai_chat
from ragcli.providers.openai_chat import OpenAIChat
from ragcli.streams.limit import RateLimiter
from ragcli.streams.monitor import Stats
from ragcli.streams.reliable import ReliableChat
from ragcli.streams.retry import RetryPolicy
from ragcli.types import Delta, Message, Notice, Prompt

ENGLISH = (
    "The handbook says that travel is booked through the portal, at least ten days ahead, and that hotel costs are "
    "covered up to 140 euros a night [1]; exceptions need the written approval of a manager, to be attached [2]."
)
CHINESE = (
    "手册规定，差旅须至少提前十天通过门户预订，酒店费用每晚最高报销一百四十欧元 [1]；例外须附上经理的书面批准 [2]。"
)
PROMPT = Prompt(question="?", sources=(), messages=(Message("user", "?"),))
AT_ONCE = RetryPolicy(max_retries=3, first_wait_s=0.0, budget_s=120)

Make = Callable[..., ReliableChat]


@pytest.fixture
async def make(endpoint: ModelServer) -> AsyncIterator[Make]:
    opened: list[OpenAIChat] = []

    def build(*, retry: RetryPolicy = AT_ONCE, **settings: Any) -> ReliableChat:
        defaults: dict[str, Any] = {
            "model": "test-model",
            "base_url": endpoint.url,
            "api_key": "sk-test-0123456789",
            "idle_timeout": 60.0,  # a busy machine must not look like a dead endpoint
            "connect_timeout": 60.0,
            "timeout": 120.0,
        }
        chosen = Chat(**(defaults | settings))
        opened.append(OpenAIChat(chosen))
        return ReliableChat(opened[-1], chosen, limiter=RateLimiter(1e6), retry=retry)

    yield build
    for model in opened:
        await model.aclose()


class Heard:
    """What a reader gets to see of a stream."""

    def __init__(self) -> None:
        self.text = ""
        self.notices: list[Notice] = []
        self.last = Delta()
        self.error: EndpointError | None = None

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.notices]


async def hear(model: ReliableChat, so_far: str = "") -> Heard:
    heard = Heard()
    try:
        async for item in model.stream(PROMPT, so_far):
            if isinstance(item, Notice):
                heard.notices.append(item)
            else:
                heard.text += item.text
                heard.last = item
    except EndpointError as error:
        heard.error = error
    return heard


@pytest.mark.parametrize("fault", ["drop_after", "end_after", "malformed_after", "error_after"])
@pytest.mark.parametrize("overlap", [0, 1, 5])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])
async def test_an_answer_that_breaks_after_any_token_is_whole(
    fault: str, overlap: int, text: str, endpoint: ModelServer, make: Make
) -> None:
    model = make()
    doubled = overlap == 1 and text == CHINESE  # one character more may be meant: 谢谢
    for after in range(1, len(tokenize(text)) + 1, 1 if fault == "drop_after" else 5):
        whole = Reply(text=text, follow=True, overlap=0 if doubled else overlap)
        endpoint.enqueue(answer(text, **{fault: after}), whole)
        heard = await hear(model)
        assert heard.text == text, after
        assert heard.kinds == ["resume"]
        assert heard.last.finish == "stop"


async def test_a_reset_in_mid_stream_loses_and_repeats_nothing(endpoint: ModelServer, make: Make) -> None:
    """What was in the air may be gone with the connection; the rest is asked for from what did arrive."""
    model = make()
    for after in range(1, 40, 3):
        endpoint.enqueue(answer(ENGLISH, reset_after=after), answer(ENGLISH, follow=True))
        assert (await hear(model)).text == ENGLISH


async def test_a_stalled_answer_goes_on(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(answer(ENGLISH, hang_after=9), answer(ENGLISH, follow=True))
    heard = await hear(make(idle_timeout=1))
    assert heard.text == ENGLISH
    assert heard.notices[0].message.startswith("no token for 1 s; going on")


async def test_several_breaks_and_refused_continuations_in_one_answer(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(
        refusal(429, retry_after="0"),
        answer(ENGLISH, drop_after=5),
        refusal(503),
        answer(ENGLISH, follow=True, drop_after=7),
        reset(),
        answer(ENGLISH, follow=True, malformed_after=3),
        answer(ENGLISH, follow=True),
    )
    model = make()
    heard = await hear(model)
    assert heard.text == ENGLISH
    assert heard.kinds == ["retry", "resume", "retry", "resume", "retry", "resume"]
    assert model.stats.failures == {"rate_limited": 1, "connection": 3, "server_error": 2}
    assert (model.stats.started, model.stats.finished) == (7, 1)


async def test_a_continuation_shows_the_model_its_text(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(answer(ENGLISH, drop_after=5), answer(ENGLISH, follow=True))
    await hear(make())
    user, assistant, instruction = endpoint.history[1].body["messages"]
    assert user == {"role": "user", "content": "?"}
    assert assistant == {"role": "assistant", "content": "The handbook says that travel"}
    assert instruction["role"] == "user"


async def test_what_was_stored_of_an_answer_is_continued(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(answer(CHINESE, follow=True, overlap=4))
    heard = await hear(make(), CHINESE[:12])
    assert CHINESE[:12] + heard.text == CHINESE


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal(429), "rate_limited"),
        (refusal(429, retry_after="0"), "rate_limited"),
        (refusal(500), "server_error"),
        (refusal(503), "server_error"),
        (reset(), "connection"),
        (hang(), "timeout"),
        (Reply(body=b""), "connection"),
    ],
)
async def test_what_passes_is_waited_out(
    fault: Reply, kind: str, times: int, endpoint: ModelServer, make: Make
) -> None:
    endpoint.enqueue(*[fault] * times, answer(CHINESE))
    model = make(idle_timeout=1) if fault.hang else make()
    heard = await hear(model)
    assert heard.text == CHINESE
    assert heard.kinds == ["retry"] * times
    assert all(notice.wait_s is not None for notice in heard.notices)
    assert model.stats.failures == {kind: times}


@pytest.mark.parametrize(
    ("fault", "expected", "requests"),
    [
        (refusal(429), RateLimited, 4),
        (refusal(503), ServerFailed, 4),
        (reset(), ConnectionLost, 4),
        (refusal(401), WrongKey, 1),
        (refusal(404, "model_not_found"), UnknownModel, 1),
        (refusal(429, "insufficient_quota"), EndpointError, 1),
        (page(), EndpointError, 1),
    ],
)
async def test_what_does_not_pass_comes_out_as_what_it_is(
    fault: Reply, expected: type[EndpointError], requests: int, endpoint: ModelServer, make: Make
) -> None:
    endpoint.enqueue(*[fault] * 9)
    heard = await hear(make())
    assert type(heard.error) is expected
    assert heard.text == ""
    assert len(endpoint.requests()) == requests


async def test_a_server_that_breaks_every_time_ends_with_what_came(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(*[answer(ENGLISH, follow=True, drop_after=4)] * 9)
    heard = await hear(make())
    assert isinstance(heard.error, ConnectionLost)
    assert heard.text == "".join(tokenize(ENGLISH)[:16])
    assert len(endpoint.requests()) == 4


@pytest.mark.parametrize("fault", [hang(), refusal(503), answer(ENGLISH, delay=0.05), answer(ENGLISH, hang_after=3)])
async def test_nothing_takes_longer_than_the_limit_of_the_whole(
    fault: Reply, endpoint: ModelServer, make: Make
) -> None:
    endpoint.enqueue(*[fault] * 99)
    policy = RetryPolicy(max_retries=20, first_wait_s=0.05, budget_s=0.6)
    started = asyncio.get_running_loop().time()
    heard = await hear(make(timeout=0.6, retry=policy))
    assert asyncio.get_running_loop().time() - started < 30
    assert isinstance(heard.error, TimedOut | ServerFailed)
    assert ENGLISH.startswith(heard.text)


async def test_an_answer_that_was_too_long_is_extended(
    endpoint: ModelServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_chat, "GRACE_S", 60.0)  # the count of the tokens may be late on a busy machine
    cut = answer("".join(tokenize(ENGLISH)[:10]), finish="length")
    endpoint.enqueue(cut, answer(ENGLISH, follow=True, overlap=3))
    heard = await hear(make())
    assert heard.text == ENGLISH
    assert heard.kinds == ["extend"]
    assert heard.last.usage is not None
    assert heard.last.usage.completion_tokens == 10 + len(tokenize(ENGLISH)) - 7


@pytest.mark.parametrize("moment", ["in the answer", "in a wait", "in a continuation"])
async def test_closing_at_any_moment_releases_the_connection(moment: str, endpoint: ModelServer, make: Make) -> None:
    if moment == "in a wait":
        endpoint.enqueue(refusal(503))
    if moment == "in a continuation":
        endpoint.enqueue(answer(ENGLISH, drop_after=2))
    endpoint.enqueue(answer(ENGLISH, follow=True, hang_after=4))
    model = make(idle_timeout=30, retry=RetryPolicy(first_wait_s=60, jitter=0, longest_wait_s=60))
    stream = model.stream(PROMPT)
    kinds = {"in the answer": [Delta], "in a wait": [Notice], "in a continuation": [Delta, Notice, Delta]}[moment]
    for kind in kinds:
        while not isinstance(await anext(stream), kind):
            pass
    await stream.aclose()
    assert await asyncio.to_thread(endpoint.wait_until_idle)
    assert model.stats.running == 0


async def test_the_reliable_model_is_still_that_model(endpoint: ModelServer, make: Make) -> None:
    stats = Stats()
    settings = Chat(model="m", base_url=endpoint.url)
    model = ReliableChat(OpenAIChat(settings), settings, stats=stats)
    assert (model.provider, model.model, model.stats) == ("openai", "m", stats)
