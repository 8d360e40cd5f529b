"""Text -> terms: the one analyzer of everything that compares words, for indexing and asking alike.

Three kinds of runs are told apart. Scripts that are written without spaces (Chinese, Japanese, Korean, Thai, ...)
become single characters and overlapping pairs, which needs no dictionary. Words are folded, stemmed and, where they are
among the commonest of English, dropped. Identifiers, paths, versions and codes are kept whole and taken apart:

    退貨期限          -> 退 退货 货 货期 期 期限 限
    refunded orders  -> refund order
    ERR_CONN_RESET   -> errconnreset err conn reset      (errConnReset and err-conn-reset give the same)
    v2.3.1           -> v2.3.1 2.3.1 v2 2 3 1

Neighbouring terms come from neighbouring text: a phrase in a text is a run of its terms among the text's terms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from operator import add
from string import punctuation

from ragcli.text.hanzi import SIMPLIFIED

STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
"""Lucene's English list: short on purpose, for "who" or "us" may be the very thing that is asked for."""

MAX_TERM = 64
"""Longer terms are cut: nobody types them, and a file of base64 would fill the index with them."""

_REMEMBERED = 1 << 14  # words; more cost memory in each process of an ingest and save next to nothing

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Hangul
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Ranges, for a character class, of the scripts that are matched by characters and pairs."""

_LETTER = rf"[^\W_{UNSPACED}]"
_RUN = re.compile(
    r"[A-Za-z0-9]++\Z"  # what the last line would find, too, only sooner
    rf"|[{UNSPACED}]+"
    rf"|{_LETTER}(?:\+\+|\#)(?!{_LETTER})"  # C++, F#
    rf"|{_LETTER}+(?:(?:://|::|->|_*[-./\\@:'’,&]_*|_+){_LETTER}+)*"
)
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]")
_TRADITIONAL = re.compile(f"[{''.join(map(chr, SIMPLIFIED))}]")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SEGMENT = re.compile(r"[^\W_]+(?:[_\-]+[^\W_]+)*")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_DOTTED_VERSION = re.compile(r"v(\d+(?:\.\d+)+.*)")
_MARKS = re.compile(r"[\u0300-\u036f]")


def terms(text: str, *, keep_stop_words: bool = False) -> list[str]:
    """The terms of a text in its order, repeats kept; none holds white space or is longer than MAX_TERM."""
    terms_of = _ALL_OF if keep_stop_words else _MOST_OF
    return list(chain.from_iterable(map(terms_of.__getitem__, simplify(text).split())))


def simplify(text: str) -> str:
    """The same text in one width (NFKC) and in simplified characters."""
    if text.isascii():
        return text
    normal = unicodedata.normalize("NFKC", text)
    return normal.translate(SIMPLIFIED) if _TRADITIONAL.search(normal) else normal


def fold(text: str) -> str:
    """Width, case and the two ways of writing Chinese made equal; nothing is dropped."""
    return simplify(text).casefold()


def _characters_and_pairs(run: str) -> list[str]:
    found = [""] * (2 * len(run) - 1)
    found[::2] = run
    found[1::2] = map(add, run, run[1:])
    return found


def _expand_all(word: str) -> tuple[str, ...]:
    """The terms of one run of letters, digits and what joins them in identifiers."""
    if word.isalpha() and (word.islower() or word.istitle()):
        return (_stem(_fold_word(word)),)
    if _THOUSANDS.fullmatch(word):
        return (word.replace(",", ""),)
    if _NUMBER.fullmatch(word):
        return (word[:MAX_TERM],)
    if word.endswith(("#", "++")):
        return (word.lower(), word[0].lower())
    return tuple(dict.fromkeys(term[:MAX_TERM] for term in _take_apart(word) if term))


def _expand(word: str) -> tuple[str, ...]:
    if word.lower() in STOP_WORDS:
        return ()
    return tuple(term for term in _ALL[word] if term not in STOP_WORDS)


class _Remembered(dict[str, Sequence[str]]):
    """The terms of each run, made when they are first asked for: words come back, runs without spaces do not."""

    def __init__(self, expand: Callable[[str], tuple[str, ...]]) -> None:
        super().__init__()
        self._expand = expand

    def __missing__(self, run: str) -> Sequence[str]:
        if run.isdecimal():
            return (run[:MAX_TERM],)
        if _UNSPACED_RUN.match(run):
            return _characters_and_pairs(run)
        found = self._expand(run)
        if len(run) <= MAX_TERM:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[run] = found
        return found


class _Tokens(dict[str, Sequence[str]]):
    """The terms of what stands between spaces: to look up a word with its comma is faster than to part them."""

    def __init__(self, runs: _Remembered) -> None:
        super().__init__()
        self._runs = runs

    def __missing__(self, token: str) -> Sequence[str]:
        ascii = token.isascii()
        word = token.strip(punctuation) if ascii else token
        if ascii and len(word) > 1 and word.isalnum():  # what _RUN would find; numbers in brackets do not come back
            found = self._runs[word]
        else:
            found = [term for run in _RUN.findall(token) for term in self._runs[run]]
        if ascii and len(token) <= MAX_TERM and (token[0].isalpha() or not word):
            if len(self) >= _REMEMBERED:
                self.clear()
            self[token] = found
        return found


_ALL = _Remembered(_expand_all)
_ALL_OF = _Tokens(_ALL)
_MOST_OF = _Tokens(_Remembered(_expand))


def _take_apart(word: str) -> Iterator[str]:
    """An identifier, path, version, address or contraction: as a whole, then its segments, then their parts."""
    word = re.sub(r"['’]s$", "", word, flags=re.IGNORECASE)
    word = re.sub(r"['’]", "", word)
    segments = _SEGMENT.findall(word)
    if len(segments) > 1:
        whole = re.sub(r"[_\-]", "", word)
        yield _stem(_fold_word(whole)) if "," not in whole else ""
        if version := _DOTTED_VERSION.fullmatch(whole.lower()):
            yield version[1]
    for segment in segments:
        pieces = re.split(r"[_\-]+", segment)
        yield _stem(_fold_word("".join(pieces)))
        for piece in pieces:
            if len(pieces) > 1:
                yield _stem(_fold_word(piece))
            parts = _CAMEL.findall(piece)
            if len(parts) > 1:
                yield from (_stem(_fold_word(part)) for part in parts if len(part) > 1 or part.isdigit())


def _fold_word(word: str) -> str:
    """Lower case without accents: Beyoncé is found as Beyonce."""
    if word.isascii():
        return word.lower()
    folded = unicodedata.normalize("NFD", word.casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", folded))


def _stem(word: str) -> str:
    return _stemmer()(word[:MAX_TERM]) if word.isalpha() else word


@cache
def _stemmer() -> Callable[[str], str]:
    import Stemmer  # type: ignore[import-not-found]  # a C extension without stubs

    stem: Callable[[str], str] = Stemmer.Stemmer("english", 0).stemWord
    return stem
