"""What is left of the answer: passages cut to a share of their tokens, and the answer that needs no model.

A set is a folder in the usual shape: `corpus.jsonl` {id, title, text}, `queries.jsonl` {id, text, answers} and
`qrels.tsv` (query id, passage id, gain; a gain above 0 is relevant); `answers` lists the strings any of which is
right, and questions without any are left out. None is part of this repository: `make bench-answers SETS="DIR DIR"`
takes yours.

Each question gets the five best passages of the keyword index, the right one in the last one's place where it is not
among them. `cut`: in how many questions one of the strings still stands in what `compress` leaves of the five at each
share of their tokens. `quoted`: in how many it stands in the extractive answer; its length and time beside it.

Every question is cut seven times; so 100 of each set are taken, evenly spaced, or `--questions N`; 0 takes all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import percentile, say

from ragcli.answer.compress import compress
from ragcli.answer.extractive import best
from ragcli.ports import KeywordEntry, KeywordQuery
from ragcli.store.keywords import TantivyIndex
from ragcli.text.tokens import estimate

SHARES = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.75)
PASSAGES = 5


@dataclass(frozen=True, slots=True)
class Question:
    """The five passages come best first; one of `answers` stands in one of them."""

    text: str
    answers: tuple[str, ...]
    passages: tuple[str, ...]

    def answered_by(self, text: str) -> bool:
        """Whether one of the right strings stands in the text; letter case and white space do not count."""
        return any(_plain(answer) in _plain(text) for answer in self.answers)


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 where a set cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--questions", type=int, default=100, metavar="N", help="of each set (100; 0: all)")
    options = parser.parse_args(arguments)
    say(f"{'':<16} {'questions':>9}  {'cut to':>6} " + " ".join(f"{share:>6.0%}" for share in SHARES))
    measured = {}
    for folder in options.sets:
        try:
            measured[folder.resolve().name] = questions = _spaced(list(read(folder)), options.questions)
        except (OSError, ValueError, KeyError) as failure:
            say(f"{folder}: {type(failure).__name__}: {failure}")
            return 1
        curve = " ".join(f"{kept(questions, share):>6.3f}" for share in SHARES)
        say(f"{folder.resolve().name:<16} {len(questions):>9}  {'':>6} {curve}")
    say("")
    say(f"{'':<16} {'quoted':>9} {'words':>7} {'characters':>11} {'sentences':>10} {'p50 ms':>7} {'p95 ms':>7}")
    for name, questions in measured.items():
        say(f"{name:<16} {_quoted(questions)}")
    return 0


def _spaced(questions: list[Question], most: int) -> list[Question]:
    """At most so many of them, evenly spaced; all for 0."""
    return questions[:: max(1, -(-len(questions) // most))] if most else questions


def read(folder: Path) -> Iterator[Question]:
    """The questions of a set. Raises OSError, ValueError and KeyError where the folder holds none."""
    corpus = [
        (row["id"], f"{row.get('title') or ''}\n\n{row['text']}".strip()) for row in _rows(folder / "corpus.jsonl")
    ]
    places = {id: place for place, (id, _) in enumerate(corpus)}
    relevant: dict[str, list[int]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, passage, gain = line.split("\t")[:3]
        if float(gain) > 0:
            relevant.setdefault(query, []).append(places[passage])
    index = TantivyIndex(None)
    index.add(KeywordEntry(place, "", "", "", text) for place, (_, text) in enumerate(corpus))
    index.commit()
    for row in _rows(folder / "queries.jsonl"):
        right = [place for place in relevant.get(row["id"], ()) if _holds(row, corpus[place][1])]
        if right:
            found = [place for place, _ in index.search(KeywordQuery(row["text"]), PASSAGES)]
            if not set(right) & set(found):
                found = [*found[: PASSAGES - 1], right[0]]
            yield Question(row["text"], tuple(row["answers"]), tuple(corpus[place][1] for place in found))
    index.close()


def kept(questions: Sequence[Question], share: float) -> float:
    """Share of the questions of which a right string is left at that share of the passages' tokens."""
    return statistics.fmean(
        question.answered_by("\n".join(_cut(question.text, question.passages, share))) for question in questions
    )


def _cut(question: str, passages: Sequence[str], share: float) -> list[str]:
    return compress(question, passages, int(share * sum(map(_count, passages))), _count)


def _count(text: str) -> int:
    return estimate(text, "o200k_base")


def _quoted(questions: Sequence[Question]) -> str:
    """One row: how many answers hold a right string, and the medians of their length and time."""
    right, words, characters, sentences, ms = [], [], [], [], []
    for question in questions:
        start = time.perf_counter()
        chosen = best(question.text, question.passages)
        ms.append(1000 * (time.perf_counter() - start))
        text = " ".join(sentence.text for sentence in chosen)
        right.append(question.answered_by(text))
        words.append(len(text.split()))
        characters.append(len(text))
        sentences.append(len(chosen))
    median = statistics.median
    return (
        f"{statistics.fmean(right):>9.3f} {median(words):>7.0f} {median(characters):>11.0f} {median(sentences):>10.0f} "
        f"{median(ms):>7.1f} {percentile(ms, 95):>7.1f}"
    )


def _holds(row: Mapping[str, Any], text: str) -> bool:
    return Question(row["text"], tuple(row.get("answers") or ()), ()).answered_by(text)


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    sys.exit(main())
