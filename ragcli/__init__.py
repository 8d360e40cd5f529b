"""Talk to a folder of documents from the terminal.

document -> extract -> chunk -> embed -> index
question -> rewrite -> retrieve -> fuse -> rerank -> compress -> prompt -> stream -> verify -> render

For programs: `open_workspace().assistant(COLLECTION)` opens a collection, and its `answer(QUESTION)` is an async
generator of the events below, which takes the replies below by `asend`. Each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ragcli.app import Workspace, open_workspace
    from ragcli.errors import RagcliError
    from ragcli.types import (
        Answer,
        Done,
        Event,
        Notice,
        Pick,
        Reasoning,
        Reply,
        Rewritten,
        Search,
        Source,
        SourcesFound,
        Stop,
        Token,
        Turn,
        Usage,
    )

__all__ = [
    "Answer",
    "Done",
    "Event",
    "Notice",
    "Pick",
    "RagcliError",
    "Reasoning",
    "Reply",
    "Rewritten",
    "Search",
    "Source",
    "SourcesFound",
    "Stop",
    "Token",
    "Turn",
    "Usage",
    "Workspace",
    "open_workspace",
]

_ELSEWHERE = {"Workspace": "ragcli.app", "open_workspace": "ragcli.app", "RagcliError": "ragcli.errors"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_ELSEWHERE.get(name, "ragcli.types")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
