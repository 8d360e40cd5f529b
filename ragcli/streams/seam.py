"""The seam between an answer that broke off and its continuation: no word twice, none lost.

Asked to go on, a model may go on exactly, begin with the last words once more, finish the broken word whole, or start
a sentence or the whole answer again. What it repeats is found as the longest end of the text so far with which the
continuation begins, a short one only from the start of a word; text is held back only as long as that is undecided.
"""

from __future__ import annotations

WINDOW = 50_000
"""Characters at the end of the text so far in which a repetition is looked for."""
LONG = 8
"""Characters that are not repeated by chance, wherever they begin."""

_WITHOUT_SPACES = (("\u0e00", "\u0eff"), ("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\U00020000", "\U0003ffff"))


class Seam:
    """Feed it the pieces of the continuation; it gives back what is new. `flush` when no more come."""

    def __init__(self, said: str) -> None:
        self._said = said.rstrip()[-WINDOW:]
        self._space = said[len(said.rstrip()) :]
        self._starts = [
            start
            for start in range(len(self._said))
            if len(self._said) - start >= LONG or _starts_word(self._said, start)
        ]
        self._possible = self._starts  # those that the continuation may still turn out to begin at
        self._held = ""
        self._open = bool(self._said)

    def feed(self, piece: str) -> str:
        """What of the continuation so far is new; empty while that is undecided."""
        if not self._open:
            return piece
        self._held += piece
        head = self._held.strip()
        self._possible = [start for start in self._possible if self._said.startswith(head, start)]
        return "" if self._possible else self.flush()

    def flush(self) -> str:
        """What is new of the text that is held back."""
        held, self._held, self._open = self._held, "", False
        head = held.lstrip()
        for start in self._starts:  # the longest repetition first
            size = len(self._said) - start
            if size > len(head) or not self._said.startswith(head[:size], start):
                continue
            rest = head[size:]
            if self._counts(head[:size], rest, indented=held != head):
                return rest.removeprefix(self._space) if rest.startswith(self._space) else rest.lstrip()
        return held

    def _counts(self, repeated: str, rest: str, *, indented: bool) -> bool:
        """Whether a match is a repetition, not chance."""
        if not any(map(str.isalnum, repeated)):
            return False
        if len(repeated) == 1 and _stands_alone(repeated) and repeated != self._said:
            return False  # 谢谢, 常常: Chinese doubles single characters
        short_word = len(repeated) < LONG and not any(map(str.isspace, repeated))
        broken_word = _joins(repeated[-1], rest[:1])
        return not (short_word and broken_word and indented)  # "in", then " india": another word


def _starts_word(text: str, start: int) -> bool:
    return not text[start].isspace() and (start == 0 or not _joins(text[start - 1], text[start]))


def _joins(before: str, after: str) -> bool:
    """Whether two characters stand in one word."""
    return before.isalnum() and after.isalnum() and not _stands_alone(before) and not _stands_alone(after)


def _stands_alone(character: str) -> bool:
    """Whether words of the character's script are written without spaces: Chinese, Japanese kana, Thai."""
    return any(first <= character <= last for first, last in _WITHOUT_SPACES)
