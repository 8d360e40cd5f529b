"""Settings: one name in three places, `chat.model` in the file, `RAGCLI_CHAT_MODEL` in the environment, a flag before both.

The classes below are the whole truth: names, types, ranges, defaults and what each means. Everything else that speaks
of settings (`config init`, `config show`, the README's reference) is made from them.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from ragcli.errors import ConfigError


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the config file."""


def _of(description: str, **limits: Any) -> Meta:
    return Meta(description=description, **limits)


class Ingest(Section, frozen=True):
    jobs: Annotated[int, _of("worker processes that read files; 0: one a core", ge=0, le=64)] = 0
    timeout: Annotated[float, _of("seconds that reading one file may take", gt=0)] = 60.0
    memory_mb: Annotated[int, _of("memory that reading one file may take", ge=64)] = 1024
    max_file_mb: Annotated[int, _of("larger files are reported as too_large; text is read as a stream", ge=1)] = 512
    chunk_tokens: Annotated[int, _of("size of a passage, in tokens of the embedder, about", ge=32, le=8192)] = 400
    include: Annotated[tuple[str, ...], _of("only files that match one of these globs")] = ()
    exclude: Annotated[tuple[str, ...], _of("no files that match one of these globs")] = ()
    follow_symlinks: Annotated[bool, _of("follow links that lead out of the folder")] = False
    prune: Annotated[bool, _of("take out what is gone below the given folders")] = True
    wait: Annotated[float, _of("seconds to wait for another ingest of the collection", ge=0)] = 60.0


class Embedding(Section, frozen=True):
    model: Annotated[str, _of("static, openai:MODEL or fastembed:MODEL")] = "static"
    base_url: Annotated[str, _of("endpoint of openai:MODEL; empty: OPENAI_BASE_URL")] = ""
    api_key: Annotated[str, _of("its key; empty: OPENAI_API_KEY")] = ""
    dimensions: Annotated[int, _of("shorten vectors to this many dimensions; 0: as the model gives them", ge=0)] = 0
    batch: Annotated[int, _of("texts in one request", ge=1, le=2048)] = 128
    concurrency: Annotated[int, _of("requests in flight", ge=1, le=64)] = 8
    timeout: Annotated[float, _of("seconds that one request may take", gt=0)] = 60.0


class Retrieve(Section, frozen=True):
    top_k: Annotated[int, _of("candidates after fusion", ge=1, le=100)] = 5
    context_k: Annotated[int, _of("passages given to the model", ge=1, le=50)] = 3
    candidates: Annotated[int, _of("chunks that each leg hands to fusion", ge=10, le=1000)] = 100
    vector_weight: Annotated[float, _of("weight of the vector leg; -1: by embedder and script", ge=-1, le=10)] = -1.0
    min_confidence: Annotated[float, _of("below this nothing is relevant; -1: calibrated", ge=-1, le=1)] = -1.0


class Rerank(Section, frozen=True):
    model: Annotated[str, _of("builtin, none, fastembed:MODEL, http:MODEL or chat")] = "builtin"
    base_url: Annotated[str, _of("endpoint of http:MODEL")] = ""
    api_key: Annotated[str, _of("its key")] = ""
    timeout: Annotated[float, _of("seconds after which the fused order stands", gt=0)] = 5.0
    device: Annotated[str, _of("auto, cpu or cuda")] = "auto"


class Chat(Section, frozen=True):
    model: Annotated[str, _of("name that the endpoint knows")] = "gpt-5-mini"
    base_url: Annotated[str, _of("OpenAI-compatible endpoint; empty: OPENAI_BASE_URL")] = ""
    api_key: Annotated[str, _of("its key; empty: OPENAI_API_KEY")] = ""
    extractive: Annotated[bool, _of("quote the sources even where an endpoint is configured")] = False
    temperature: Annotated[float, _of("-1: as the endpoint likes", ge=-1, le=2)] = -1.0
    max_tokens: Annotated[int, _of("longest answer", ge=16)] = 1024
    context_tokens: Annotated[int, _of("budget of instructions, history, sources and answer", ge=512)] = 8192
    timeout: Annotated[float, _of("seconds that one answer may take", gt=0)] = 120.0
    connect_timeout: Annotated[float, _of("seconds to reach the endpoint", gt=0)] = 10.0
    idle_timeout: Annotated[float, _of("seconds without a token before the stream counts as broken", gt=0)] = 30.0
    max_retries: Annotated[int, _of("retries before the first token", ge=0, le=20)] = 3
    requests_per_second: Annotated[float, _of("limit shared by all streams of the process", gt=0)] = 10.0
    system: Annotated[str, _of("instructions to the model; empty: ragcli's own")] = ""


class Repl(Section, frozen=True):
    editing_mode: Annotated[str, _of("emacs or vi", pattern="^(emacs|vi)$")] = "emacs"
    pick: Annotated[bool, _of("choose the sources before each answer")] = False
    reasoning: Annotated[bool, _of("show the reasoning of models that send it")] = True


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ingest: Ingest = field(default_factory=Ingest)
    embedding: Embedding = field(default_factory=Embedding)
    retrieve: Retrieve = field(default_factory=Retrieve)
    rerank: Rerank = field(default_factory=Rerank)
    chat: Chat = field(default_factory=Chat)
    repl: Repl = field(default_factory=Repl)
