"""Whether a claim is a passage's own sentence with something else put in one place of it.

"Lena stands in for Jakub" has every word of "Jakub stands in for Lena", and "南宋画家" all but one character of
"北宋画家". Counting words cannot tell; so the claim is laid along the clause that is most like it. Where most of it is
the same, a stretch that stands in the place of another one may say something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from operator import itemgetter

from msgspec import Struct

from ragcli.answer.meaning import Known, says_something
from ragcli.answer.quantities import Date, Quantity
from ragcli.text.analyze import STOP_WORDS, UNSPACED, fold, terms

WORTH_A_LOOK = 0.4
"""Share of the words that the most alike clause has in common with the claim, for another one to be laid along it."""
NEARLY = 0.75
"""Share of the most that is the same, from which on a shorter part of the passage is taken to be what is meant."""
BESIDE = 2
"""Words next to another one that are looked at."""
AROUND = 6
"""Words before and behind an amount among which what it counts may stand."""
FEW = 5
"""Words (or characters of a script without spaces) beyond which a replaced stretch is another way to say it."""

AMOUNT = "#"
"""Begins the token that stands for an amount: whether it is the right one is looked at elsewhere."""

_TOKEN = re.compile(rf"[{UNSPACED}]|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PRONOUN = re.compile(
    r"(?:he|she|it|they|him|her|them|his|its|their|this|that|these|those|who|which|both|one|such)\b"
    r"|[他她它其该此这那]|两者|双方|前者|后者",
    re.IGNORECASE,
)
_ADJUNCT = re.compile(
    r"(?:to|in|on|at|by|for|after|before|with|until|during|because|since|under|from|within)\s|[在从自于为]"
)
_SLIGHT = frozenset(
    "自于到足起任须得要可能将给使让着过已曾又再更最很太约近达至每各几该此其所者式性化些做作成地用以不没未无勿别只仅还仍都均同样请了有必应当许准"
)
"""Characters of which one in the place of another makes no other fact."""
_RELATIONS = frozenset(
    "through by via per upon into onto toward against within without across along not no never cannot does now still "
    "only just then also too".split()
)
"""Words that name nothing; what denies is looked at elsewhere."""
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
    """A clause as the sequence of its words, stemmed, or of its characters, and of its amounts, each as a whole."""

    def __init__(self, text: str, amounts: tuple[Sequence[Quantity], Sequence[Date]] = ((), ())) -> None:
        self.text = text
        folded = fold(text)
        told: dict[int, tuple[int, str]] = {}
        if len(folded) == len(text):  # else they do not stand where they were found
            told |= {one.start: (one.end, f"{AMOUNT}{one.value:g} {one.measure}") for one in amounts[0]}
            told |= {one.start: (one.end, f"{AMOUNT}{one.year}-{one.month}-{one.day}") for one in amounts[1]}
        self.tokens: list[str] = []
        self._spans: list[tuple[int, int]] = []
        self._folded = folded
        start = 0
        for at, (end, written) in [*sorted(told.items()), (len(folded), (0, ""))]:
            for match in _TOKEN.finditer(folded, start, at):
                self.tokens.append(_plain(match.group()))
                self._spans.append(match.span())
            if written:
                self.tokens.append(written)
                self._spans.append((at, at))
                start = end

    @cached_property
    def content(self) -> int:
        return sum(_tells(token) for token in self.tokens)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(filter(_tells, self.tokens))

    @cached_property
    def passive(self) -> bool:
        return _PASSIVE.search(self.text) is not None

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each word stands, or pair of characters, of those that stand there once."""
        held = [term for term in terms(self.text) if len(term) > 1 and says_something(term)]
        return {term: place for place, term in enumerate(held) if held.count(term) == 1}

    def between(self, start: int, end: int) -> str:
        """The folded text of the tokens [start:end], without amounts."""
        text, last = "", None
        for (begin, stop), token in zip(self._spans[start:end], self.tokens[start:end], strict=True):
            if not token.startswith(AMOUNT):
                text += (" " if text and begin != last else "") + self._folded[begin:stop]
                last = stop
        return text


class Departures(Struct, frozen=True):
    """How a clause of a claim stands to the part of the passage that is most like it.

    `same`: the share of its content that stands there, too. `fits`: nothing but the subject is missing there. `swapped`
    and `novel`: `same` where a word stands in the place of another one, a word that the passage has elsewhere, or
    nowhere. `lone`: that word is the only difference. `amount`: `same` where an amount stands in the place of another.
    """

    content: int
    same: float = 0.0
    like: str = ""
    fits: bool = False
    swapped: float = 0.0
    novel: float = 0.0
    lone: bool = False
    amount: float = 0.0


def departures(claim: Wording, clauses: Sequence[Wording], passage: str) -> Departures:
    """The claim's clause held against those of the passage; `passage` is its folded text."""
    shared = [len(claim.vocabulary & one.vocabulary) for one in clauses]
    most = max(shared, default=0)
    if not claim.content or not most:
        return Departures(claim.content)
    compared = [
        (SequenceMatcher(None, claim.tokens, one.tokens, autojunk=False), one)
        for one, count in zip(clauses, shared, strict=True)
        if count >= max(WORTH_A_LOOK * most, 1)
    ]
    same = [
        sum(_content(claim, block.a, block.size) for block in matcher.get_matching_blocks()) for matcher, _ in compared
    ]
    best = max(same)
    share = best / claim.content
    alike = [(matcher, other) for (matcher, other), count in zip(compared, same, strict=True) if count == best]
    matcher, other = min(alike, key=lambda one: len(one[1].tokens))
    nearly = (one for (_, one), count in zip(compared, same, strict=True) if count >= NEARLY * best)
    like = min(nearly, key=lambda one: len(one.tokens)).text
    slots = list(_slots(matcher))
    amount = share * any(_amounts_differ(claim.tokens[a:b], other.tokens[c:d]) for a, b, c, d in slots)
    if any(_fits(claim, other, matcher, passage) for matcher, other in compared):
        return Departures(claim.content, share, like, fits=True, amount=amount)
    kinds = [(_departs(claim, other, slot, passage), slot) for slot in slots]
    return Departures(
        claim.content,
        share,
        like,
        swapped=share * any(kind == "swapped" for kind, _ in kinds),
        novel=share * any(kind == "novel" for kind, _ in kinds),
        lone=any(kind and best + _content(claim, a, b - a) == claim.content for kind, (a, b, _, _) in kinds),
        amount=amount,
    )


def _amounts_differ(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether there is an amount of one measure on both sides, and not the same."""
    ours, others = (
        {
            token[len(AMOUNT) :].partition(" ")[::2]
            for token in tokens
            if token.startswith(AMOUNT) and "None" not in token
        }
        for tokens in (mine, theirs)
    )
    measures = {measure for _, measure in ours} & {measure for _, measure in others}
    return any(
        {value for value, measure in ours if measure == one}.isdisjoint(
            value for value, measure in others if measure == one
        )
        for one in measures
    )


def counted_otherwise(claim: Wording, passage: Sequence[Wording]) -> bool:
    """Whether an amount of the claim is one of something else there: two oranges, of two lemons."""
    for i, token in enumerate(claim.tokens):
        mine = _behind(claim, i)
        if not token.startswith(AMOUNT) or token.endswith(" rank") or not mine or not all(map(str.isascii, mine)):
            continue
        theirs = [(one, at) for one in passage for at, other in enumerate(one.tokens) if other == token]
        counted = [(_behind(one, at), one.tokens[max(0, at - AROUND) : at + AROUND]) for one, at in theirs]
        if counted and all(behind and not mine & behind and mine.isdisjoint(around) for behind, around in counted):
            return True
    return False


def _behind(wording: Wording, amount: int) -> frozenset[str]:
    """What an amount counts: the words that say something directly behind it."""
    found = []
    for token in wording.tokens[amount + 1 : amount + 1 + BESIDE]:
        if token.startswith(AMOUNT) or not _tells(token):
            break
        found.append(token)
    return frozenset(found)


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


def _departs(claim: Wording, other: Wording, slot: tuple[int, int, int, int], passage: str) -> str | None:
    """How the claim says another thing in the slot: with a word "swapped" for one of the passage, or a "novel" one."""
    mine, theirs = claim.between(*slot[:2]), other.between(*slot[2:])
    said = [term for term in _told(mine) if term not in theirs]
    instead = _told(theirs)
    if (
        not said
        or not instead
        or _PRONOUN.match(theirs)
        or _PRONOUN.match(mine)
        or max(slot[1] - slot[0], slot[3] - slot[2]) > FEW
    ):
        return None
    known = Known(instead)
    said = [term for term in said if not known.akin(term)]
    if not mine.isascii() and len(mine) == 1 < len(theirs):  # one character for several is another way to say it
        return None
    if not said or (_ADJUNCT.match(mine) and mine in passage):
        return None
    if not all(term in passage for term in said):
        return "novel"
    turned_round = claim.passive != other.passive and all(term in fold(claim.text) for term in instead)
    return None if turned_round else "swapped"


def _content(wording: Wording, start: int, size: int) -> int:
    return sum(_tells(token) for token in wording.tokens[start : start + size])


@lru_cache(maxsize=1 << 14)
def _tells(token: str) -> bool:
    return token not in STOP_WORDS and token not in _RELATIONS and says_something(token)


def _told(text: str) -> list[str]:
    return [
        term for term in terms(text) if says_something(term) and not set(term) <= _SLIGHT and term not in _RELATIONS
    ]


@lru_cache(maxsize=1 << 14)
def _plain(token: str) -> str:
    found = terms(token, keep_stop_words=True) if token.isascii() else None
    return found[0] if found else token
