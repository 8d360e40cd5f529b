"""Passages that people wrote, as many as are asked for: runs of sentences of different lengths, none twice.

Out of the sets that are given (`sets.py` says what one is), else out of sample_docs/, whose sentences then meet by
chance as well. Vectors of such passages crowd where texts speak of the same things, as those of made-up words do not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from measure import REPOSITORY, SAMPLE_DOCS, Failed
from passages import CHUNKS, Made
from sets import QuestionSet, rows

from ragcli.text.sentences import sentences

LENGTHS = (1, 2, 3, 4, 6, 9)
"""Sentences of a passage."""
_SHORTEST = 25  # characters


def natural(folders: Sequence[Path], count: int, questions: int) -> tuple[list[str], list[str]]:
    """That many passages in the order of their documents, and questions about them. Raises Failed, OSError."""
    rng = random.Random(5)
    documents, asked = _sets(folders) if folders else _samples()
    made: dict[str, None] = {}
    for document in documents:
        for length in LENGTHS:
            for start in range(0, len(document), max(1, length // 2)):
                made[" ".join(document[start : start + length])] = None
    passages = [passage for passage in made if len(passage) >= _SHORTEST]
    if len(passages) > count:
        chosen = sorted(rng.sample(range(len(passages)), count))
        passages = [passages[index] for index in chosen]
    elif folders:
        raise Failed(f"the sets hold {len(passages):,} different passages, not {count:,}")
    else:
        passages += list(_mixed(documents, made, count - len(passages), rng))
    return passages, rng.sample(asked, min(questions, len(asked)))


def bound(passages: Sequence[str]) -> Iterator[Made]:
    """The passages as documents of CHUNKS each."""
    for n, start in enumerate(range(0, len(passages), CHUNKS)):
        yield Made(f"/natural/{n // 100:03d}/{n:05d}.md", f"Document {n}", tuple(passages[start : start + CHUNKS]), "")


def _sets(folders: Sequence[Path]) -> tuple[list[list[str]], list[str]]:
    texts = [row["text"] for folder in folders for row in rows(folder / "corpus.jsonl")]
    asked = [question for folder in folders for question in QuestionSet.read(folder).answered]
    return [_sentences(text) for text in texts], asked


def _samples() -> tuple[list[list[str]], list[str]]:
    paths = [path for path in sorted(SAMPLE_DOCS.rglob("*")) if path.suffix in {".md", ".html"}]
    lines = (REPOSITORY / "tests/sample/questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines]
    documents = [_sentences(path.read_text(encoding="utf-8")) for path in paths]
    return documents, asked + [sentence[:40] for document in documents for sentence in document]


def _mixed(documents: Sequence[Sequence[str]], known: dict[str, None], count: int, rng: random.Random) -> Iterator[str]:
    while count:
        one, other = rng.sample(documents, 2)
        start = rng.randrange(len(one))
        passage = " ".join([*one[start : start + rng.randint(1, 5)], rng.choice(other)])
        if passage not in known:
            known[passage] = None
            count -= 1
            yield passage


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]
