"""The seams: one small Protocol each, one adapter file each in `store/` or `providers/`; only `app` joins them."""

from ragcli.ports.journeys import Assistant, Assistants, Retriever, SessionStore
from ragcli.ports.models import ChatModel, Embedder, Reranker, ResumableModel
from ragcli.ports.store import (
    CatalogWriter,
    ChunkReader,
    CollectionWriter,
    Indexes,
    KeywordEntry,
    KeywordIndex,
    KeywordQuery,
    VectorIndex,
)

__all__ = [
    "Assistant",
    "Assistants",
    "CatalogWriter",
    "ChatModel",
    "ChunkReader",
    "CollectionWriter",
    "Embedder",
    "Indexes",
    "KeywordEntry",
    "KeywordIndex",
    "KeywordQuery",
    "Reranker",
    "ResumableModel",
    "Retriever",
    "SessionStore",
    "VectorIndex",
]
