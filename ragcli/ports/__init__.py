"""The seams: one small Protocol each, one adapter file each in `store/` or `providers/`; only `app` joins them."""

from ragcli.ports.cache import (
    AnswerTier,
    CachedAnswer,
    CacheKey,
    Flight,
    Flights,
    MeaningStore,
    Piece,
    TierStats,
    VectorCache,
)
from ragcli.ports.journeys import Assistant, Assistants, Caching, Retriever, SessionStore
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
    "AnswerTier",
    "Assistant",
    "Assistants",
    "CacheKey",
    "CachedAnswer",
    "Caching",
    "CatalogWriter",
    "ChatModel",
    "ChunkReader",
    "CollectionWriter",
    "Embedder",
    "Flight",
    "Flights",
    "Indexes",
    "KeywordEntry",
    "KeywordIndex",
    "KeywordQuery",
    "MeaningStore",
    "Piece",
    "Reranker",
    "ResumableModel",
    "Retriever",
    "SessionStore",
    "TierStats",
    "VectorCache",
    "VectorIndex",
]
