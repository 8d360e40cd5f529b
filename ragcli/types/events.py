"""What an answer says while it comes, and what it can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from ragcli.types.answers import Answer, Usage
from ragcli.types.common import Notice
from ragcli.types.passages import Retrieval

if TYPE_CHECKING:
    from ragcli.errors import RagcliError


class Rewritten(Struct, frozen=True):
    """The question as it is searched for, where a follow-up was made to stand alone."""

    question: str


class SourcesFound(Struct, frozen=True):
    """What retrieval found; answer with `Pick` to choose among them."""

    retrieval: Retrieval


class Token(Struct, frozen=True, gc=False):
    """The next piece of the answer."""

    text: str


class Reasoning(Struct, frozen=True):
    """A piece of the model's reasoning: never part of the answer."""

    text: str


class Done(Struct, frozen=True):
    """The last event; `error` tells why the answer is missing or incomplete."""

    answer: Answer
    error: RagcliError | None = None


Event: TypeAlias = Rewritten | SourcesFound | Token | Reasoning | Notice | Usage | Done


class Pick(Struct, frozen=True):
    """Reply to `SourcesFound`: use only the sources with these numbers."""

    numbers: tuple[int, ...]


class Search(Struct, frozen=True):
    """Reply to `SourcesFound`: search with these words instead; the question stays, `SourcesFound` comes again."""

    query: str


class Stop(Struct, frozen=True):
    """Reply to any event: end here and keep what came."""


Reply: TypeAlias = Pick | Search | Stop
