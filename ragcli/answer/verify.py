"""Is it true that the source says so? Every cited sentence of an answer is held against the passages that it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from ragcli.answer.claims import supported
from ragcli.answer.meaning import content_terms
from ragcli.answer.statements import Evidence
from ragcli.answer.tables import rows_told
from ragcli.text.sentences import Span, sentences
from ragcli.types import Citation, Source, Verdict

MARK = re.compile(r"\s*(?:\[\^?(\d{1,3}(?:\s*[,，、;-]\s*\d{1,3})*)\]|【(\d{1,3}(?:\s*[,，、;-]\s*\d{1,3})*)】)")
"""`[1]`, `[1, 3]`, `[1-3]`, and the brackets that some Chinese models use."""

FACT = 3
"""Content terms from which on an uncited sentence counts as the statement of a fact."""

_NO_FACT = re.compile(
    r"\b(?:not (?:in|found in|mentioned in|covered by|stated in|part of) (?:the|these|your|any of the) (?:\w+ "
    r")?(?:documents?|sources?|texts?|passages?)"
    r"|(?:documents?|sources?|passages?|texts?) (?:provided )?(?:do|does|did) ?n[o']t "
    r"(?:say|mention|contain|state|cover|specify|provide|include|answer|tell|give)"
    r"|(?:no|not enough|insufficient) (?:information|mention|answer|details?)|cannot (?:be "
    r")?(?:answer|determine|find|tell)|could not find|couldn't find"
    r"|let me know|hope this helps|feel free|based on the (?:sources|documents)|here (?:is|are)|in summary:?$)"
    r"|(?:文档|资料|来源|文件|文中|材料)[^。]{0,6}(?:没有|未|并未|不)[^。]{0,4}(?:提|说|包含|涉及|找到|给出|记载|回答"
    r"|说明)|无法(?:回答|确定|得知)|没有(?:相关|找到"
    r"|足够)|根据(?:资料|文档|来源)[：:]?$"
    r"|希望(?:这|以上)|如需|请随时",
    re.IGNORECASE,
)
_CODE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(r"^[\s>#*+\-•·|]*(?:\d{1,3}[.)]\s+)?|\*\*|__|`")
_LEADS_IN = re.compile(r"[:：]\s*$")
_ASKS = re.compile(r"[?？]\s*$")


class Checked(Struct, frozen=True):
    """`grounded`: something is cited, every citation holds, and no fact stands without one."""

    citations: tuple[Citation, ...]
    grounded: bool


def verify(answer: str, sources: Sequence[Source]) -> Checked:
    """Checks each citation in the answer, in order; a sentence that cites two sources makes two citations."""
    return next(checked for checked in verifying(answer, sources) if checked is not None)


def verifying(answer: str, sources: Sequence[Source]) -> Iterator[Checked | None]:
    """The same sentence by sentence, for who has other things to do in between: None after each, then the result."""
    evidence = Passages(sources)
    prose = without_code(answer)
    citations: list[Citation] = []
    uncited = 0
    waiting: list[str] = []
    """Facts without a mark, which the next mark of their paragraph may stand for, too."""
    spans = statements(prose)
    for (start, end), following in zip(spans, [*spans[1:], Span(len(answer), 0)], strict=False):
        sentence = answer[start:end]
        numbers = numbers_in(prose[start:end])
        claim = _claim(sentence)
        citations += check(sentence, numbers, evidence)
        if numbers:
            uncited += sum(not _any_supports(numbers, fact, evidence) for fact in waiting)
            waiting = []
        elif _states_a_fact(sentence, claim):
            waiting.append(claim)
        if "\n\n" in answer[end : following.start]:
            uncited += len(waiting)
            waiting = []
        yield None
    uncited += len(waiting)
    proven = bool(citations) and all(citation.verdict == "supported" for citation in citations)
    yield Checked(tuple(citations), proven and not uncited)


class Passages:
    """What claims are held against, by the numbers of the sources; each is read when it is first cited."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.n: source for source in sources}
        self._read: dict[int, Evidence] = {}

    def get(self, number: int) -> Evidence | None:
        if number not in self._read and number in self._sources:
            self._read[number] = Evidence(_whole(self._sources[number]))
        return self._read.get(number)


def _any_supports(numbers: Sequence[int], claim: str, evidence: Passages) -> bool:
    return any(_verdict(claim, evidence.get(number), together=False) == "supported" for number in numbers)


def check(sentence: str, numbers: Sequence[int], evidence: Passages) -> list[Citation]:
    """A citation for each of the sources that the sentence cites."""
    claim = _claim(sentence)
    known = [passage for number in numbers if (passage := evidence.get(number)) is not None]
    together = len(known) > 1 and supported(claim, Evidence("\n".join(one.text for one in known)))
    return [Citation(number, claim, _verdict(claim, evidence.get(number), together=together)) for number in numbers]


def _verdict(claim: str, evidence: Evidence | None, *, together: bool) -> Verdict:
    """A source also supports a claim that it knows a part of and that all cited sources support together."""
    if evidence is None:
        return "unknown_source"
    if (
        _plain(claim) in _plain(evidence.text)
        or supported(claim, evidence)
        or (together and evidence.share(claim) > 0.25)
    ):
        return "supported"
    return "unsupported"


def _plain(text: str) -> str:
    return "".join(text.split())


def _whole(source: Source) -> str:
    """What the model was shown of a source: its text, with the rows of tables also told in words, and its heading."""
    return "\n".join((*source.heading, source.text, *rows_told(source.text)))


def without_code(answer: str) -> str:
    """The answer with the brackets of its code, which cite nothing, made round; offsets stay."""
    return _CODE.sub(lambda code: code.group().replace("[", "("), answer)


def statements(answer: str) -> list[Span]:
    """Sentences with the marks behind them, also where the mark stands before the full stop or alone on a line."""
    found: list[Span] = []
    for start, end in sentences(answer):
        if found and not MARK.sub("", answer[start:end]).strip(" \t\n.。"):
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return found


def numbers_in(sentence: str) -> list[int]:
    """The numbers of the sources that a sentence cites, each once."""
    numbers: dict[int, None] = {}
    for match in MARK.finditer(sentence):
        for part in re.split(r"[,，、;]", match[1] or match[2]):
            low, _, high = part.partition("-")
            numbers |= dict.fromkeys(range(int(low), min(int(high or low), int(low) + 20) + 1))
    return list(numbers)


def _claim(sentence: str) -> str:
    return _MARKUP.sub("", MARK.sub("", sentence)).strip()


def _states_a_fact(sentence: str, claim: str) -> bool:
    if sentence.lstrip().startswith("#") or _ASKS.search(claim) or _LEADS_IN.search(claim) or _NO_FACT.search(claim):
        return False
    return len(content_terms(claim)) >= FACT
