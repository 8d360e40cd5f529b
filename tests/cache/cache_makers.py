"""Keys and answers for the tests of the cache."""

from __future__ import annotations

from ragcli.ports import CachedAnswer, CacheKey
from ragcli.types import Answer, Citation, Source

COLLECTION = "c0ffee"


def key(question: str = "How long is the warranty?", *, generation: int = 3, scope: str = "s") -> CacheKey:
    return CacheKey(collection=COLLECTION, generation=generation, scope=f"{scope}{generation}", question=question)


def kept(text: str = "Two years [1].", *, asked: str = "How long is the warranty?", at: float = 1000.0) -> CachedAnswer:
    source = Source(
        n=1, path="保修.md", title="保修", format="markdown", text="Two years. 两年。", score=1.0, lines=(1, 2)
    )
    answer = Answer(
        question=asked, answer=text, grounded=True, sources=(source,), citations=(Citation(1, text, "supported"),)
    )
    return CachedAnswer(answer=answer, asked=asked, created_at=at)
