"""What an answer is made of, and the answer."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from ragcli.types.common import CacheTier, Finish, Verdict
from ragcli.types.passages import Source


class Message(Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    content: str


class Gist(Struct, frozen=True):
    """What was said in the first `turns` of a chat, as the model summed it up; `digest` tells those from others."""

    turns: int
    digest: str
    text: str


class Turn(Struct, frozen=True):
    """One finished exchange of a chat; `gist` is of the turns before it, where they had grown too long to be told."""

    question: str
    answer: str
    gist: Gist | None = None


class SessionInfo(Struct, frozen=True):
    """A stored chat in a listing; moments in seconds since 1970, `bytes` of its exchanges together."""

    name: str
    exchanges: int
    bytes: int
    created_at: float
    updated_at: float


class Prompt(Struct, frozen=True, kw_only=True):
    """What a chat model is given: messages for a model that reads them, question and sources for one that does not."""

    question: str
    sources: tuple[Source, ...]
    messages: tuple[Message, ...]
    max_tokens: int | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one answer; `estimated` where the endpoint did not count them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    estimated: bool = True


class Delta(Struct, frozen=True, kw_only=True, gc=False):
    """One piece of a model's stream; the last one carries `finish`."""

    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    usage: Usage | None = None


class Citation(Struct, frozen=True):
    """A sentence of the answer, the source it cites, and whether that source says so."""

    n: int
    sentence: str
    verdict: Verdict


class Timings(Struct, frozen=True, kw_only=True):
    """Milliseconds since the question was put; None where that moment never came."""

    retrieve_ms: float | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    tokens_per_s: float | None = None
    """Pieces of the answer a second, behind the first one."""


class Requests(Struct, frozen=True, kw_only=True):
    """What was counted of a model's requests since it was opened; `failures` by the kind of error, times are means."""

    started: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    first_item_ms: float | None = None
    items_per_s: float | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """The whole answer, as the last event carries it and `ask --json` prints it."""

    question: str
    answer: str = ""
    finish: Finish = "stop"
    grounded: bool = False
    sources: tuple[Source, ...] = ()
    citations: tuple[Citation, ...] = ()
    provider: str = ""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    cache: CacheTier = "miss"
    timings: Timings = field(default_factory=Timings)
    session: str | None = None
    gist: Gist | None = None

    @property
    def cited(self) -> frozenset[int]:
        """Numbers of the sources that the answer cites."""
        return frozenset(citation.n for citation in self.citations)
