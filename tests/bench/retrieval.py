"""Ranking measured on retrieval sets through the real `ragcli ingest` and `ragcli search --queries`.

`make bench-retrieval SETS="DIR DIR"` takes your sets; `sets.py` says what one is. With ARGS=--refusals it prints how
many of their questions are refused, in the folder that answers them and in the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from measure import Failed, environment, percentile, ragcli, say, timed
from refusals import print_refusals
from sets import TIMEOUT_S, export, ingest, relevant, rows

from ragcli.retrieve.metrics import mean, ndcg, recall, reciprocal_rank

METHODS: Mapping[str, Sequence[str]] = {
    "keyword": ("--mode", "keyword", "--no-rerank"),
    "vector": ("--mode", "vector", "--no-rerank"),
    "hybrid": ("--mode", "hybrid", "--no-rerank"),
    "default": (),
}
"""Name of each row, and the flags that make it; the last is what a user gets."""
TOLERANCE = 0.003
"""How far fusion may stay behind the better of its legs: less than one question in 300."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the questions that something answers, and milliseconds a question."""

    ndcg: float
    recall: float
    rr: float
    median_ms: float
    p95_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 where a set cannot be measured, or with --check where fusion or the default falls behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a step makes the ranking worse")
    parser.add_argument("--refusals", action="store_true", help="measure confidence instead of ranking")
    options = parser.parse_args(arguments)
    if options.refusals:
        try:
            print_refusals(options.sets)
        except (Failed, OSError, ValueError, KeyError) as failure:
            say(f"{type(failure).__name__}: {failure}")
            return 1
        return 0
    behind: list[str] = []
    say(f"{'':<18} {'':<8} {'nDCG@10':>8} {'Recall@5':>9} {'MRR@10':>7} {'median ms':>10} {'p95 ms':>7}")
    for folder in options.sets:
        name = folder.resolve().name
        try:
            found = measure_set(folder)
        except (Failed, OSError, ValueError, KeyError) as failure:
            say(f"{name}: {type(failure).__name__}: {failure}")
            return 1
        for method, row in found.items():
            say(
                f"{name:<18} {method:<8} {row.ndcg:>8.3f} {row.recall:>9.3f} {row.rr:>7.3f} "
                f"{row.median_ms:>10.1f} {row.p95_ms:>7.1f}"
            )
        behind += [f"{name}: {what}" for what in _behind(found)]
    for what in behind:
        say(what)
    return int(bool(behind) and options.check)


def measure_set(folder: Path) -> dict[str, Quality]:
    """Raises Failed, and OSError, ValueError or KeyError for a folder that holds no such set."""
    gains = relevant(folder / "qrels.tsv")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        stems = export(folder, work / "docs")
        questions = [row for row in rows(folder / "queries.jsonl") if row["id"] in gains]
        lines = (json.dumps({"id": row["id"], "text": row["text"]}) + "\n" for row in questions)
        (work / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
        env = environment(work / "home")
        ingest(work / "docs", env)
        wanted = {query: {stems[id] for id in ids if id in stems} for query, ids in gains.items()}
        return {
            method: _scored(wanted, timed(_search(work / "queries.jsonl", *flags), env, timeout=TIMEOUT_S).said)
            for method, flags in METHODS.items()
        }


def _search(queries: Path, *flags: str) -> list[str]:
    return ragcli("search", "--queries", queries, "-k", "10", *flags)


def _scored(relevant: Mapping[str, set[str]], said: bytes) -> Quality:
    """Several hits of one file count once; a question without an answer in the output scores 0."""
    answers = {answer["id"]: answer for answer in map(json.loads, said.splitlines())}
    ranked = {
        id: [PurePath(hit["path"]).stem for hit in answers[id]["hits"]] if id in answers else [] for id in relevant
    }
    ms = [float(answer["ms"]) for answer in answers.values()]
    return Quality(
        mean([ndcg(ranked[id], wanted, 10) for id, wanted in relevant.items()]),
        mean([recall(ranked[id], wanted, 5) for id, wanted in relevant.items()]),
        mean([reciprocal_rank(ranked[id], wanted, 10) for id, wanted in relevant.items()]),
        statistics.median(ms),
        percentile(ms, 95),
    )


def _behind(found: Mapping[str, Quality]) -> list[str]:
    """What must hold on every folder, whatever its figures are."""
    figures = {method: row.ndcg for method, row in found.items()}
    better = max(figures["keyword"], figures["vector"])
    problems = []
    if figures["hybrid"] < better - TOLERANCE:
        problems.append(f"hybrid ({figures['hybrid']:.3f}) falls behind the better leg ({better:.3f})")
    if figures["default"] < figures["hybrid"]:
        problems.append(f"the default ({figures['default']:.3f}) falls behind hybrid ({figures['hybrid']:.3f})")
    return problems


if __name__ == "__main__":
    sys.exit(main())
