"""Whether a claim is a passage's own sentence with something else put in one place of it.

"Lena stands in for Jakub" has every word of "Jakub stands in for Lena", and "南宋画家" all but one character of
"北宋画家". Counting words cannot tell; so the claim is laid along the clause that is most like it. Where most of it is
the same, a stretch that stands in the place of another one says something else, unless the two mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from operator import itemgetter

from ragcli.answer import quantities
from ragcli.answer.meaning import Known, says_something
from ragcli.text.analyze import UNSPACED, fold, terms

SAME = 0.6
"""Share of a claim's clause that must stand in the passage's clause for the two to be compared word by word."""
VERBATIM = 0.7
"""The same, for a word that the passage does not hold anywhere to be taken for another thing."""
WORTH_A_LOOK = 0.4
"""Share of the words that the most alike clause has in common with the claim, for another one to be laid along it."""
FEW = 5
"""Words (or characters of a script without spaces) beyond which a replaced stretch is another way to say it."""

_TOKEN = re.compile(rf"[{UNSPACED}]|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PRONOUN = re.compile(
    r"(?:he|she|it|they|him|her|them|his|its|their|this|that|these|those|who|which|both|one|such)\b"
    r"|[他她它其该此这那]|两者|双方|前者|后者",
    re.IGNORECASE,
)
_ADJUNCT = re.compile(
    r"(?:to|in|on|at|by|for|after|before|with|until|during|because|since|under|from|within)\s|[在从自于为]"
)
_AMOUNT = re.compile(
    r"[\d.,:%\s〇零一二两三四五六七八九十百千万亿]+|(?:and )?(?:one|two|three|four|five|six|seven|eight|nine|ten)"
)
_SLIGHT = frozenset("自于到足起任须得要可能将给使让着过已曾又再更最很太约近达至每各几该此其所者式性化些做作成地用以")
"""Characters of which one in the place of another makes no other fact."""
_PASSIVE = re.compile(r"\b(?:am|is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?\w+\s+(?:\w+\s+)?by\b|被", re.IGNORECASE)


_ONE_WAY = re.compile(
    r"\b(?:than|beat\w*|defeat\w*|won against|lost to|s[eo]ld|bought|gave|gives?|lends?|lent|acquire[sd]?|succeed\w*"
    r"|replace[sd]?|reports? to|led|leads|married|taught|sued|owes?|paid|pays|for|from|before|after|against"
    r"|in place of)\b"
    r"|[胜赢败比先再给向嫁娶教]|改为|改成|高于|低于|大于|小于|多于|少于|早于|晚于|优于|输给|领导|批准|审批|收购|起诉|取代|接替",
    re.IGNORECASE,
)
"""What says another thing the other way round."""


class Wording:
    """A clause as the sequence of its words, stemmed, or of its characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found = list(_TOKEN.finditer(fold(text)))
        self.tokens = [_plain(match.group()) for match in self._found]

    @cached_property
    def content(self) -> int:
        return sum(says_something(token) for token in self.tokens)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(filter(says_something, self.tokens))

    @cached_property
    def passive(self) -> bool:
        return _PASSIVE.search(self.text) is not None

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each word stands, or pair of characters, of those that stand there once."""
        held = [term for term in terms(self.text) if len(term) > 1 and says_something(term)]
        return {term: place for place, term in enumerate(held) if held.count(term) == 1}

    def between(self, start: int, end: int) -> str:
        """The text of the tokens [start:end]."""
        return fold(self.text)[self._found[start].start() : self._found[end - 1].end()] if start < end else ""


def says_something_else(claim: Wording, clauses: Sequence[Wording], passage: str) -> bool:
    """Whether the claim departs in one place from each of the clauses that are most like it."""
    if not claim.content:
        return False
    shared = [len(claim.vocabulary & one.vocabulary) for one in clauses]
    least = max(WORTH_A_LOOK * max(shared, default=0), 1)
    compared = [
        (SequenceMatcher(None, claim.tokens, one.tokens, autojunk=False), one)
        for one, count in zip(clauses, shared, strict=True)
        if count >= least
    ]
    same = [
        sum(_content(claim, block.a, block.size) for block in matcher.get_matching_blocks()) for matcher, _ in compared
    ]
    best = max(same, default=0)
    if not best or any(_fits(claim, other, matcher, passage) for matcher, other in compared):
        return False
    alike = [(matcher, other) for (matcher, other), count in zip(compared, same, strict=True) if count == best]
    shortest = min(len(other.tokens) for _, other in alike)
    return all(_differs(claim, other, matcher, passage) for matcher, other in alike if len(other.tokens) == shortest)


def _fits(claim: Wording, other: Wording, matcher: SequenceMatcher[str], passage: str) -> bool:
    """Whether the clause says all that the claim does but its subject, which was named before."""
    same = 0
    for what, mine, my_end, theirs, their_end in matcher.get_opcodes():
        told = _content(claim, mine, my_end - mine)
        if what == "equal":
            same += told
        elif told and (
            same
            or claim.between(mine, my_end) not in passage
            or (what == "replace" and not _PRONOUN.fullmatch(other.between(theirs, their_end)))
        ):
            return False
    return 2 * same >= max(other.content, 4)


def _known(claim: Wording, start: int, end: int, passage: str) -> bool:
    return all(token in passage or not says_something(token) for token in claim.tokens[start:end])


def _differs(claim: Wording, other: Wording, matcher: SequenceMatcher[str], passage: str) -> bool:
    same = sum(_content(claim, block.a, block.size) for block in matcher.get_matching_blocks())
    named = sum(
        _content(claim, mine, my_end - mine)
        for what, mine, my_end, _, _ in matcher.get_opcodes()
        if what == "delete" and _known(claim, mine, my_end, passage)
    )
    share = same / max(claim.content - named, 1)
    return share >= SAME and any(_departs(claim, other, slot, share, passage) for slot in _slots(matcher))


def turned(claim: Wording, other: Wording) -> bool:
    """Whether two things have changed places around what makes the difference between them: "A beat B", "B beat A"."""
    if not _ONE_WAY.search(claim.text) or claim.passive or other.passive:
        return False
    mine, theirs = claim.places, other.places
    order = [theirs[term] for term, _ in sorted(mine.items(), key=itemgetter(1)) if term in theirs]
    rank = {place: number for number, place in enumerate(sorted(order))}
    blocks: list[list[int]] = []
    for place in order:
        if blocks and rank[place] == blocks[-1][-1] + 1:
            blocks[-1].append(rank[place])
        else:
            blocks.append([rank[place]])
    return any(
        one[0] > two[-1] and two[0] > three[-1] for one, two, three in zip(blocks, blocks[1:], blocks[2:], strict=False)
    )


def _slots(matcher: SequenceMatcher[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches of the claim that stand in the place of others."""
    return (
        (mine, my_end, theirs, their_end)
        for what, mine, my_end, theirs, their_end in matcher.get_opcodes()
        if what == "replace"
    )


def _departs(claim: Wording, other: Wording, slot: tuple[int, int, int, int], share: float, passage: str) -> bool:
    mine, theirs = claim.between(*slot[:2]), other.between(*slot[2:])
    said = [term for term in _told(mine) if term not in theirs]
    instead = _told(theirs)
    if not said or not instead or _PRONOUN.match(theirs) or max(slot[1] - slot[0], slot[3] - slot[2]) > FEW:
        return False
    known = Known(instead)
    if any(known.akin(term) for term in said) or _same_amounts(mine, theirs):
        return False
    if _ADJUNCT.match(mine) and mine in passage:
        return False
    if all(term in passage for term in said):
        return not (claim.passive != other.passive and all(term in fold(claim.text) for term in instead))
    return share >= VERBATIM


def _same_amounts(mine: str, theirs: str) -> bool:
    """Whether the stretch is no more than an amount that stands there, too, or where no other amount does."""
    if not _AMOUNT.fullmatch(mine):
        return False
    told, others = ({quantity.value for quantity in quantities.read(text)[0]} for text in (mine, theirs))
    return told <= others if told and others else not _AMOUNT.fullmatch(theirs)


def _content(wording: Wording, start: int, size: int) -> int:
    return sum(says_something(token) for token in wording.tokens[start : start + size])


def _told(text: str) -> list[str]:
    return [term for term in terms(text) if says_something(term) and not set(term) <= _SLIGHT]


def _plain(token: str) -> str:
    found = terms(token, keep_stop_words=True) if token.isascii() else None
    return found[0] if found else token
