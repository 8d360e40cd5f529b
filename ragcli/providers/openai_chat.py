"""Chat with any OpenAI-compatible endpoint: OpenAI, Azure-style gateways, Ollama, vLLM, llama.cpp, DeepSeek, Qwen.

Speaks the protocol over httpx2, because importing the `openai` package alone takes longer than all that ragcli may take
before the first token. No retries here: they are visible, so they belong to the streams around it.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx2
from msgspec import Struct
from msgspec.structs import replace

from ragcli.config import Chat
from ragcli.errors import EndpointError, TimedOut, TransientError, UnknownModel
from ragcli.providers.completion import Completion, joined
from ragcli.providers.failures import Refused
from ragcli.providers.http import Endpoint, body_of
from ragcli.streams.step import Deadline
from ragcli.types import Delta, Prompt

GRACE_S = 0.5
"""Seconds to wait, behind the last piece of an answer, for the count of its tokens."""
CLOSING_S = 0.05
"""Seconds to wait, behind the end of an answer, for the end of the reply."""
NAMED_MODELS = 8
"""How many of the models that an endpoint serves an error lists."""


class OpenAIChat:
    """A chat model behind an endpoint; `aclose` it when done. Belongs to one event loop."""

    def __init__(self, settings: Chat) -> None:
        self._settings = settings
        self._endpoint = Endpoint(
            settings.base_url,
            settings.api_key,
            connect_timeout=settings.connect_timeout,
            idle_timeout=settings.idle_timeout,
        )
        official = self._endpoint.base.host.endswith(("openai.com", "azure.com"))
        self._dialect = Dialect(completion_tokens=official or bool(re.match(r"gpt-5|o\d", settings.model)))

    @property
    def provider(self) -> str:
        return "openai"

    @property
    def model(self) -> str:
        return self._settings.model

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Pieces of the answer as they come; the last one carries `finish` and, where the endpoint counts, `usage`.

        Raises EndpointError; after the first piece mostly TransientError: the stream broke, stalled, or ended early.
        """
        due = asyncio.get_running_loop().time() + self._settings.timeout
        while True:
            body = self._dialect.body(prompt, self._settings)
            try:
                async with self._endpoint.open("chat/completions", body, due=due) as response:
                    completion = Completion(self._endpoint.secret)
                    async with aclosing(self._pieces(response, completion, due)) as pieces:
                        async for piece in pieces:
                            for delta in joined(completion.feed(piece)):
                                yield delta
                            if completion.done:
                                break
                        for delta in completion.end():
                            yield delta
                        async for _ in pieces:  # the end of the body, so that the connection can serve again
                            pass
                return
            except UnknownModel as error:
                raise await self._naming_models(error) from error
            except Refused as error:
                dialect = self._dialect.simpler(body, error.detail)
                if dialect is None:
                    raise
                self._dialect = dialect

    async def _pieces(
        self, response: httpx2.Response, completion: Completion, due: float
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of the reply under its time limits; what goes wrong behind the end of the answer is no matter."""
        clock = asyncio.get_running_loop().time
        signs, since = completion.signs, clock()
        deadline = Deadline()
        try:
            async with aclosing(body_of(response)) as content:
                while True:
                    if completion.signs != signs:
                        signs, since = completion.signs, clock()
                    patience = self._settings.idle_timeout
                    if completion.finish is not None or completion.done:
                        patience = CLOSING_S if completion.done else GRACE_S
                    with deadline.until(min(due, since + patience)):
                        piece = await anext(content, b"")
                    if deadline.interrupted:
                        raise self._late(patience if clock() < due else None)
                    if not piece:
                        return
                    yield piece
        except (TransientError, httpx2.TransportError):
            if completion.finish is None and not completion.done:
                raise
        finally:
            deadline.close()

    def _late(self, patience: float | None) -> TimedOut:
        if patience is not None:
            return TimedOut(f"no token for {patience:g} s", remedy="raise chat.idle_timeout")
        return TimedOut(f"not finished after {self._settings.timeout:g} s", remedy="raise chat.timeout")

    async def _naming_models(self, error: UnknownModel) -> UnknownModel:
        """The same error with what the endpoint does serve, the likeliest names first."""
        try:
            names = await self._endpoint.models()
        except EndpointError:
            return error
        if not names:
            return error
        near = difflib.get_close_matches(self.model, names, n=NAMED_MODELS, cutoff=0.3)
        shown = [*near, *(name for name in names if name not in near)][:NAMED_MODELS]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        return UnknownModel(error.message, remedy=f"it serves {', '.join(shown)}{more}: set chat.model to one of them")


class Dialect(Struct, frozen=True):
    """What an endpoint takes of the optional parts of a request; learnt from what it refuses."""

    completion_tokens: bool = False
    renamed: bool = False
    usage: bool = True
    temperature: bool = True

    def body(self, prompt: Prompt, settings: Chat) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
            "stream": True,
            "max_completion_tokens" if self.completion_tokens else "max_tokens": prompt.max_tokens
            or settings.max_tokens,
        }
        if self.usage:
            body["stream_options"] = {"include_usage": True}
        if self.temperature and settings.temperature >= 0:
            body["temperature"] = settings.temperature
        return body

    def simpler(self, body: dict[str, Any], detail: str) -> Dialect | None:
        """The dialect to try after a refusal; None: it was about something that cannot be put another way.

        A refusal that names nothing is put down to `stream_options`, the newest part.
        """
        if "temperature" in body and "temperature" in detail:
            return replace(self, temperature=False)
        if not self.renamed and re.search(r"max_(?:completion_)?tokens", detail):
            return replace(self, completion_tokens=not self.completion_tokens, renamed=True)
        return replace(self, usage=False) if self.usage else None
