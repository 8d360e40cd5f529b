"""Any number of passages in two languages and questions about them, the same ones in every run, made of nothing.

Words follow Zipf's law, and each document repeats words of a topic of its own, as real ones do: so a question's words
are common and rare, posting lists long and short, and vectors lie in clusters. The words mean nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

CHUNKS = 20
"""Passages of a document."""
_COMMON = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
    "one were all their there been if more when will would who so no said what up its about into than them can only"
).split()
_ENGLISH_WORDS, _CHINESE_WORDS = 60_000, 30_000
_ENGLISH_LENGTH, _CHINESE_LENGTH = (150, 240), (220, 340)  # words: passages of the default size
_TOPIC_WORDS, _TOPIC_SHARE = 60, 0.25
_ASKED_EN = ("What is the {}?", "How does {} work?", "{}", "Which {} was used for {}?", "Explain {} in detail.")
_ASKED_ZH = ("什么是{}？", "{}是什么时候开始的？", "{}", "{}和{}有什么区别？", "为什么{}？")


@dataclass(frozen=True, slots=True)
class Made:
    """A document: its passages, and a question about one of them."""

    path: str
    title: str
    passages: tuple[str, ...]
    question: str


def made(documents: int, *, seed: int = 1) -> Iterator[Made]:
    """Every third one is Chinese."""
    rng = np.random.default_rng(seed)
    for n in range(documents):
        yield _document(n, rng, chinese=n % 3 == 2)


def _document(n: int, rng: np.random.Generator, *, chinese: bool) -> Made:
    words = _chinese_words() if chinese else _english_words()
    low, high = _CHINESE_LENGTH if chinese else _ENGLISH_LENGTH
    topic = _zipf(rng, len(words), _TOPIC_WORDS)
    texts = []
    for length in rng.integers(low, high, CHUNKS):
        drawn = _zipf(rng, len(words), length)
        of_topic = rng.random(length) < _TOPIC_SHARE
        drawn[of_topic] = topic[_zipf(rng, len(topic), int(of_topic.sum()))]
        texts.append(_sentences([words[index] for index in drawn], rng, chinese=chinese))
    title = "".join if chinese else " ".join
    passage = texts[int(rng.integers(CHUNKS))]
    return Made(
        f"/made/{n // 100:03d}/note-{n:05d}.md",
        title([words[index] for index in topic[:3]]),
        tuple(texts),
        _question(passage, rng, chinese=chinese),
    )


def _sentences(words: Sequence[str], rng: np.random.Generator, *, chinese: bool) -> str:
    pieces, start = [], 0
    while start < len(words):
        end = start + int(rng.integers(6, 22))
        pieces.append("".join(words[start:end]) + "。" if chinese else " ".join(words[start:end]).capitalize() + ".")
        start = end
    return "".join(pieces) if chinese else " ".join(pieces)


def _question(passage: str, rng: np.random.Generator, *, chinese: bool) -> str:
    """Two to eight of its words in a row, in words that ask; one question in ten is a paragraph."""
    units = passage if chinese else passage.split()
    length = int(rng.integers(40, 60)) if rng.random() < 0.1 else int(rng.integers(2, 9)) * (1 + chinese)
    forms = _ASKED_ZH if chinese else _ASKED_EN
    form = forms[int(rng.integers(len(forms)))]
    starts = rng.integers(0, len(units) - 60, 2)
    runs = [("" if chinese else " ").join(units[start : start + length]) for start in starts]
    return form.format(*(run.strip("。. ") for run in runs))


def _zipf(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Ranks from 0 with a frequency of about 1 / (rank + 3)."""
    return np.minimum((3 * ((count / 3 + 1) ** rng.random(size) - 1)).astype(np.int64), count - 1)


@cache
def _english_words() -> list[str]:
    rng = random.Random(7)
    onsets = "b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sl st str t th tr v w".split()
    vowels, codas = "a e i o u ai ea ee ou".split(), ["", "", "n", "r", "l", "s", "t", "ck", "nd", "st", "m", "ng"]
    ends = ["", "", "", "s", "ed", "ing", "er", "ly", "ment", "tion", "able"]
    words = dict.fromkeys(_COMMON)
    while len(words) < _ENGLISH_WORDS:
        syllables = 1 + (len(words) > 1_000) + rng.randrange(2) * (len(words) > 20_000)
        parts = [rng.choice(kind) for _ in range(syllables) for kind in (onsets, vowels, codas)]
        words["".join(parts) + rng.choice(ends)] = None
    return list(words)


@cache
def _chinese_words() -> list[str]:
    """Of one to three of the 3,755 commonest characters, which GB 2312 keeps together."""
    rng = random.Random(8)
    rows = (bytes((high, low)) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    characters = [character for pair in rows if (character := pair.decode("gb2312", "ignore"))]
    rng.shuffle(characters)
    words = dict.fromkeys("的一是不了在人有我他这中大来上国个到说们")
    while len(words) < _CHINESE_WORDS:
        length = rng.choice([1, 2, 2, 2, 3])
        words["".join(characters[int(len(characters) * rng.random() ** 2)] for _ in range(length))] = None
    return list(words)
