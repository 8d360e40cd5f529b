"""`ragcli eval`: how well the user's own questions find the documents that answer them, step by step."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, Struct, field

from ragcli.cli import documents, shapes
from ragcli.cli.inputs import content
from ragcli.cli.loop import run_async
from ragcli.cli.progress import counting
from ragcli.errors import Interrupted, PartialIngest, RagcliError, UsageError, reason
from ragcli.retrieve.metrics import mean, ndcg, recall, reciprocal_rank
from ragcli.text.figures import counted
from ragcli.types import Mode, Retrieval

if TYPE_CHECKING:
    from ragcli.cli.context import Context
    from ragcli.ports import Retriever

HITS = 10
"""What each search is asked for, as `ragcli search` is."""
METHODS: dict[str, tuple[Mode, bool]] = {
    "keyword": ("keyword", False),
    "vector": ("vector", False),
    "hybrid": ("hybrid", False),
    "reranked": ("hybrid", True),
}
"""Name of each row: which legs, and whether the reranker looks at what they found. The last is the default."""
TOLD = 5
"""Lines of each kind of trouble that are told one by one; the rest are counted."""


class _Line(msgspec.Struct):
    question: str
    expect: list[str]
    id: str | int | None = None


class Case(Struct, frozen=True):
    """A question with the documents that answer it: each expectation is met by any one of its paths."""

    question: str
    expected: dict[str, frozenset[str]]

    def ranking(self, paths: Iterable[str]) -> list[str]:
        """Which expectation each path meets; a path that meets none stands for itself."""
        named = {path: name for name, meant in self.expected.items() for path in meant}
        return [named.get(path, path) for path in paths]


class Tally(Struct):
    """The measures of one method, a value for each question."""

    ndcg: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    rr: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def add(self, case: Case, retrieval: Retrieval) -> None:
        ranked = case.ranking(source.path for source in retrieval.sources)
        self.ndcg.append(ndcg(ranked, case.expected, 10))
        self.recall.append(recall(ranked, case.expected, 5))
        self.rr.append(reciprocal_rank(ranked, case.expected, 10))
        self.ms.append(retrieval.ms)

    def summary(self) -> shapes.Measures:
        return shapes.Measures(
            ndcg=round(mean(self.ndcg), 6),
            recall=round(mean(self.recall), 6),
            mrr=round(mean(self.rr), 6),
            median_ms=round(median(self.ms), 3) if self.ms else 0.0,
        )


class Evaluation(Struct):
    """What came out, and what went wrong on the way."""

    lines: int
    broken: list[tuple[int, str]] = field(default_factory=list)
    unmatched: list[tuple[int, str]] = field(default_factory=list)
    notices: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in METHODS})
    questions: int = 0
    stopped: bool = False

    @property
    def error(self) -> RagcliError | None:
        if self.stopped:
            return Interrupted(
                f"stopped after {counted(self.questions, 'question')}", remedy="the figures are of these"
            )
        if not self.broken:
            return None
        told = "; ".join(f"line {number}: {why}" for number, why in self.broken[:TOLD])
        more = "; ..." if len(self.broken) > TOLD else ""
        return PartialIngest(
            f"{len(self.broken)} of {self.lines} lines could not be read: {told}{more}",
            remedy='each line is JSON: {"question": "...", "expect": ["path", ...]}',
        )


def run(context: Context, file: Path, collection: str, *, json: bool) -> int:
    workspace = context.workspace()
    lines = _lines(file)

    async def main(stop: asyncio.Event) -> int:
        result = Evaluation(sum(bool(line.strip()) for line in lines))
        async with workspace.open(collection) as opened:
            known = Paths(document.path for document in opened.catalog.documents())
            cases = _cases(lines, known, result)
            with counting(context, len(cases)) as done:
                await _evaluate(cases, opened.retriever, result, stop, done)
        if json:
            documents.emit(_document(collection, result))
        else:
            _print(context, result)
        if result.error is None:
            return 0
        if json:
            return result.error.exit_code
        raise result.error

    return run_async(main)


def _lines(file: Path) -> list[str]:
    remedy = "give a file of JSON lines {question, expect: [path, ...]}"
    try:
        lines = content(file).decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read {file}: {reason(exc)}", remedy=remedy) from exc
    if not any(line.strip() for line in lines):
        raise UsageError(f"{file} is empty", remedy=remedy)
    return lines


class Paths:
    """The indexed documents, by the path that `list` shows or the end of one."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_name[PurePath(path).name].append(path)

    def meant(self, name: str) -> frozenset[str]:
        """All documents whose path is `name`, or ends in it at a folder's border."""
        parts = PurePath(name).parts
        if not parts:
            return frozenset()
        here = os.path.abspath(name)
        return frozenset(
            path
            for path in self._by_name.get(parts[-1], ())
            if path in (name, here) or PurePath(path).parts[-len(parts) :] == parts
        )


def _cases(lines: Sequence[str], known: Paths, result: Evaluation) -> list[Case]:
    """The questions of a file; `result` is told of lines that are none and of paths that are not indexed."""
    decode = msgspec.json.Decoder(_Line).decode
    cases = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            read = decode(line)
        except (msgspec.MsgspecError, UnicodeEncodeError) as exc:
            result.broken.append((number, str(exc)))
            continue
        expected = [path for path in dict.fromkeys(read.expect) if path.strip()]
        if not read.question.strip() or not expected:
            result.broken.append((number, "expect names no path" if read.question.strip() else "question is empty"))
            continue
        meant = {path: known.meant(path) for path in expected}
        result.unmatched.extend((number, path) for path, found in meant.items() if not found)
        different = {found or path: path for path, found in meant.items()}  # two names of one document are one
        cases.append(Case(read.question.strip(), {path: meant[path] for path in different.values()}))
    return cases


async def _evaluate(
    cases: Sequence[Case],
    retriever: Retriever,
    result: Evaluation,
    stop: asyncio.Event,
    done: Callable[[int], None],
) -> None:
    """Puts each question to each method in turn, so that all meet the same state of the machine."""
    for case in cases:
        found = {}
        for name, (mode, rerank) in METHODS.items():
            if stop.is_set():
                result.stopped = True
                return
            found[name] = await retriever.search(case.question, mode=mode, k=HITS, rerank=rerank)
        for name, retrieval in found.items():
            result.tallies[name].add(case, retrieval)
            result.notices.update({notice.message for notice in retrieval.notices})
        result.questions += 1
        done(result.questions)


def _document(collection: str, result: Evaluation) -> shapes.Evaluation:
    return shapes.Evaluation(
        collection=collection,
        questions=result.questions,
        results={name: tally.summary() for name, tally in result.tallies.items()},
        unmatched=[shapes.LinePath(line=number, path=path) for number, path in result.unmatched],
        broken=[shapes.LineMessage(line=number, message=why) for number, why in result.broken],
        notices=[shapes.Counted(message=message, questions=count) for message, count in result.notices.most_common()],
        error=documents.error_of(result.error) if result.error else UNSET,
    )


def _print(context: Context, result: Evaluation) -> None:
    """The table on stdout, everything else on stderr."""
    out = context.out()
    rows = [f"{'':<9} {'nDCG@10':>8} {'Recall@5':>9} {'MRR@10':>7} {'median ms':>10}"]
    for name, tally in result.tallies.items():
        row = tally.summary()
        figures = f"{row.ndcg:>8.3f} {row.recall:>9.3f} {row.mrr:>7.3f} {row.median_ms:>10.1f}"
        rows.append(f"{name:<9} {figures}")
    out.print("\n".join(rows), highlight=False, markup=False, soft_wrap=True)

    tell = context.tell
    tell(counted(result.questions, "question"))
    for number, path in result.unmatched[:TOLD]:
        tell(f"line {number}: no indexed document is {path!r}: it counts as not found; see: ragcli list")
    if len(result.unmatched) > TOLD:
        tell(f"{len(result.unmatched) - TOLD} more expected paths are not indexed")
    for message, count in result.notices.most_common():
        tell(f"{message} ({count} questions)")
