"""The values that flow through ragcli, in the order in which they flow; all frozen.

File -> Document -> Chunk                                      (ingest)
Hit -> Source -> Retrieval -> Prompt -> answer events -> Answer   (ask, chat)
"""

from typing import TYPE_CHECKING

from ragcli.types.answers import (
    Answer,
    Citation,
    Delta,
    Gist,
    Message,
    Prompt,
    Requests,
    SessionInfo,
    Timings,
    Turn,
    Usage,
)
from ragcli.types.common import CacheTier, Finish, Lines, Mode, Notice, Verdict
from ragcli.types.documents import (
    Chunk,
    Counts,
    Document,
    Failure,
    File,
    IngestEvent,
    IngestProgress,
    IngestReport,
    Passage,
    Planned,
    Postponed,
    Reading,
    StoredChunk,
    StoredDocument,
    Version,
    WatchEnded,
    WatchEvent,
)
from ragcli.types.events import Done, Event, Pick, Reasoning, Reply, Rewritten, Search, SourcesFound, Stop, Token
from ragcli.types.passages import Hit, Ranks, Retrieval, Scores, Source

if TYPE_CHECKING:
    from ragcli.types.common import Vector, Vectors

__all__ = [
    "Answer",
    "CacheTier",
    "Chunk",
    "Citation",
    "Counts",
    "Delta",
    "Document",
    "Done",
    "Event",
    "Failure",
    "File",
    "Finish",
    "Gist",
    "Hit",
    "IngestEvent",
    "IngestProgress",
    "IngestReport",
    "Lines",
    "Message",
    "Mode",
    "Notice",
    "Passage",
    "Pick",
    "Planned",
    "Postponed",
    "Prompt",
    "Ranks",
    "Reading",
    "Reasoning",
    "Reply",
    "Requests",
    "Retrieval",
    "Rewritten",
    "Scores",
    "Search",
    "SessionInfo",
    "Source",
    "SourcesFound",
    "Stop",
    "StoredChunk",
    "StoredDocument",
    "Timings",
    "Token",
    "Turn",
    "Usage",
    "Vector",
    "Vectors",
    "Verdict",
    "Version",
    "WatchEnded",
    "WatchEvent",
]
