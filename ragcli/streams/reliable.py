"""A chat model with everything around it that a network asks for."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ragcli.config import Chat
from ragcli.ports import ChatModel
from ragcli.streams.limit import Limiter, rate_limit, time_limit
from ragcli.streams.monitor import Stats, monitored
from ragcli.streams.resume import Resumable, ResumePolicy, continuation, resumable
from ragcli.streams.retry import RetryPolicy, retry_with_backoff
from ragcli.types import Delta, Notice, Prompt, Requests


class ReliableChat:
    """The model, its requests limited in rate, retried before the first token, resumed after it, timed and counted.

    `stats` counts requests: those that were retried or broke are its failures. A `limiter` may be shared among models
    and machines.
    """

    def __init__(
        self,
        model: ChatModel,
        settings: Chat,
        *,
        limiter: Limiter | None = None,
        stats: Stats | None = None,
        retry: RetryPolicy | None = None,
        resume: ResumePolicy | None = None,
    ) -> None:
        self._model = model
        self.stats = stats if stats is not None else Stats(name=model.model)
        retry = retry or RetryPolicy(max_retries=settings.max_retries, budget_s=settings.timeout)

        @time_limit(settings.timeout)
        @resumable(resume)
        @retry_with_backoff(policy=retry)
        @rate_limit(settings.requests_per_second, limiter=limiter)
        @monitored(self.stats, span="request")
        def stream(prompt: Prompt, so_far: str) -> AsyncGenerator[Delta | Notice, None]:
            return model.stream(continuation(prompt, so_far))

        self._stream: Resumable = stream

    @property
    def requests(self) -> Requests:
        first = self.stats.mean_first_item_s
        return Requests(
            started=self.stats.started,
            failures=dict(self.stats.failures),
            first_item_ms=None if first is None else 1000 * first,
            items_per_s=self.stats.mean_items_per_s,
        )

    @property
    def provider(self) -> str:
        return self._model.provider

    @property
    def model(self) -> str:
        return self._model.model

    def stream(self, prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta | Notice, None]:
        """The answer, or with `so_far` the rest of one that broke off there. Raises EndpointError."""
        return self._stream(prompt, so_far)
