"""What ragcli calls: the embedder, the reranker, the chat model's endpoint, Redis; each within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from typing import TYPE_CHECKING

from ragcli.cli.doctor.finding import Finding
from ragcli.cli.settings import without_credentials
from ragcli.errors import RagcliError

if TYPE_CHECKING:
    from ragcli.app import Workspace

MODEL_SECONDS = 60.0
"""For a model of this machine to load and answer: its weights may have to be downloaded first."""
ENDPOINT_SECONDS = 15.0


async def services(workspace: Workspace) -> AsyncIterator[Finding]:
    yield await _tried("embedder", _embedder(workspace), MODEL_SECONDS)
    yield await _tried("reranker", _reranker(workspace), MODEL_SECONDS)
    chat = workspace.settings.chat
    if chat.extractive or not (chat.api_key or chat.base_url):
        yield Finding.ok("model", "extractive answers; set OPENAI_API_KEY or OPENAI_BASE_URL for a model's")
    else:
        yield await _tried("model", _model(workspace), ENDPOINT_SECONDS)
    if workspace.settings.redis.url:
        yield await _tried("redis", _redis(workspace), ENDPOINT_SECONDS)


async def _tried(name: str, used: Awaitable[str | Finding], seconds: float) -> Finding:
    """Whether a service does its work; `used` says what it is, or what is wrong."""
    try:
        async with asyncio.timeout(seconds):
            told = await used
    except TimeoutError:
        return Finding.fail(name, f"no answer in {seconds:g} s", "ragcli config show")
    except RagcliError as error:
        return Finding.of(name, error)
    return told if isinstance(told, Finding) else Finding.ok(name, told)


async def _embedder(workspace: Workspace) -> str:
    from ragcli.app import STATIC, loading

    settings = workspace.settings.embedding
    async with aclosing(workspace.models.embedder(settings.model or STATIC, settings.dimensions)) as embedder:
        async for _notice in loading(embedder):
            pass
        await embedder.embed_query("ragcli")
        return embedder.id


async def _reranker(workspace: Workspace) -> str:
    """A chat model that reranks is the endpoint's concern: asking it would cost something."""
    chosen = workspace.settings.rerank.model
    async with workspace.models.reranker() as reranker:
        if reranker is not None and chosen != "chat":
            await reranker.load()
            await reranker.rerank("ragcli", ["ragcli is a terminal tool", "something else"])
    return chosen


async def _model(workspace: Workspace) -> str | Finding:
    """Whether the endpoint is there, takes the key and serves the model; the list of its models costs nothing."""
    chat = workspace.settings.chat
    names = await workspace.models.served()
    if names and chat.model not in names:
        listed = ", ".join(names[:5])
        return Finding.fail(
            "model",
            f"the endpoint has no model {chat.model!r}; it has: {listed}",
            f"export RAGCLI_CHAT_MODEL={names[0]}",
        )
    return f"{chat.model} at {without_credentials(chat.base_url) or 'api.openai.com'}"


async def _redis(workspace: Workspace) -> str | Finding:
    from ragcli.errors import RedisAway
    from ragcli.store.redis_link import RedisLink

    link = await asyncio.to_thread(RedisLink, workspace.settings.redis)
    try:
        await link.ask(lambda client: client.set(link.key("doctor"), "", px=1000))  # one that is full answers, too
    except RedisAway as error:
        return Finding.fail("redis", error.message, "ragcli config show")
    finally:
        await asyncio.to_thread(link.close)
    return f"is read and written; its keys begin with {link.key('')}"
