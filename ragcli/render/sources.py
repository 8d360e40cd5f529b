"""The numbered sources under an answer: where each passage stands, how well it fits, whether the answer cites it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ragcli.render.console import file_link, is_live, print_line, shown_path
from ragcli.render.wrap import print_hanging
from ragcli.text.analyze import terms
from ragcli.text.clean import cells, clean, one_line
from ragcli.text.question import content_terms
from ragcli.text.sentences import Span, sentences
from ragcli.types import Answer, Source

EXTRACTIVE = "extractive"
"""The provider whose answers are quotations."""

MOST_DOUBTS = 4
"""Sentences that are named of those that do not hold."""
PIPED_WIDTH = 120
"""Columns of a snippet where there is no screen to fit."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u30ff\u3130-\u318f\u31f0-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W{_UNSPACED}]+(?:[-_.'’][^\W{_UNSPACED}]+)*")


_CUT_WORD = re.compile(r"\A[!-~]+ ")
_MARKS = re.compile(r"^[ \t]*(?:#{1,6}|[-*+>])[ \t]+", re.MULTILINE)


def searched(question: str) -> frozenset[str]:
    """The terms of a question that are worth pointing at in a passage."""
    return frozenset(content_terms(question))


def print_sources(
    console: Console,
    sources: Sequence[Source],
    *,
    query: str,
    cited: Collection[int] = frozenset(),
    explain: bool = False,
    folder: Path | None = None,
) -> None:
    """Two lines a source: its place with its details, and a snippet with the words of the query emphasised.

    `cited` are marked, `explain` adds the score of each step. Paths are relative to `folder` (default: the working
    directory) where they lie below it.
    """
    words = searched(query)
    width = console.width - 1 if console.is_terminal else PIPED_WIDTH
    for source in sources:
        print_place(console, source, cited=source.n in cited, folder=folder)
        indent = " " * (len(str(source.n)) + 3)
        print_line(console, Text(indent) + snippet(source.text, words, max(20, width - len(indent))))
        if explain:
            print_line(console, Text(indent + _scores(source), "source.detail"))


def print_verdicts(console: Console, answer: Answer) -> None:
    """That an answer was extracted, and which of its citations do not hold."""
    width = console.width - 1 if console.is_terminal else PIPED_WIDTH
    if answer.provider == EXTRACTIVE and answer.answer:
        print_line(console, "Extractive answer: quoted from the sources, written by no model.", "note")
    doubtful = [citation for citation in answer.citations if citation.verdict != "supported"]
    for citation in doubtful[:MOST_DOUBTS]:
        what = "there is no source" if citation.verdict == "unknown_source" else "not confirmed by"
        head = f"? {what} [{citation.n}]: "
        print_line(console, head + one_line(citation.sentence, max(20, width - cells(head))), "note")
    if len(doubtful) > MOST_DOUBTS:
        print_line(console, f"? and {len(doubtful) - MOST_DOUBTS} more that their sources do not confirm", "note")


def source_line(source: Source, *, links: bool, folder: Path | None = None) -> Text:
    """Number, place (a clickable `file://` link where the terminal can), heading path and score."""
    place = Text(location(source, folder), "source.path")
    if links and (address := file_link(source.path)):
        place.stylize(f"link {address}")
    line = Text.assemble((f"[{source.n}] ", "source.number"), place)
    if heading := " › ".join(one_line(part, 60) for part in source.heading if part.strip()):
        line.append(f"  {heading}", "source.detail")
    return line.append(f"  {source.score:.2f}", "source.detail")


def print_place(console: Console, source: Source, *, cited: bool = False, folder: Path | None = None) -> None:
    """The line of a source, which hangs where the screen is narrow."""
    line = source_line(source, links=is_live(console), folder=folder)
    if cited:
        line.append("  cited", "cited")
    head, rest = line.divide([len(str(source.n)) + 3])
    print_hanging(console, head, rest)


def _scores(source: Source) -> str:
    """Score and place of each step: `keyword 6.500 #1  vector 0.373 #4  fused 0.565 #1  rerank 0.561`."""
    cells = []
    for step in source.scores.__struct_fields__:
        score, rank = getattr(source.scores, step), getattr(source.ranks, step, None)
        if score is not None:
            cells.append(f"{step} {score:.3f}" + (f" #{rank}" if rank else ""))
    return "  ".join(cells)


def location(source: Source, folder: Path | None = None) -> str:
    """`path:12-18`, `path p.3`, or the path alone; relative to the working directory where it lies below it."""
    path = shown_path(source.path, folder)
    if source.page is not None:
        return f"{path} p.{source.page}"
    if source.lines is None:
        return path
    first, last = source.lines
    return f"{path}:{first}" if first == last else f"{path}:{first}-{last}"


def snippet(text: str, words: frozenset[str], width: int) -> Text:
    """The part of a passage that has most of the words, on one line, the words emphasised."""
    text = _MARKS.sub("", clean(text))
    spans = sentences(text) or [Span(0, len(text))]
    counts = [len(words.intersection(terms(text[span[0] : span[1]]))) for span in spans]
    start = spans[counts.index(max(counts))][0]
    line = " ".join(text[start : start + 4 * width].split())
    matches = matching(line, words)
    if matches and cells(line[: matches[0][1]]) > width:
        first = matches[0][0]
        before = _CUT_WORD.sub("", line[max(0, first - width // 3) : first])
        line = f"…{before}{line[first:]}"
    line = one_line(line, width)
    styled = Text(line, "source.detail")
    for first, last in matching(line, words):
        styled.stylize("source.match", first, last)
    return styled


def matching(text: str, words: frozenset[str]) -> list[tuple[int, int]]:
    """Where words of the text are among `words` (terms of the analyzer); pairs in scripts without spaces."""
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if not match["unspaced"]:
            if words.intersection(terms(text[start:end])):
                found.append((start, end))
            continue
        for first in range(start, end - 1):
            if any(len(term) == 2 and term in words for term in terms(text[first : first + 2])):
                if found and found[-1][1] >= first:
                    found[-1] = (found[-1][0], first + 2)
                else:
                    found.append((first, first + 2))
    return found
