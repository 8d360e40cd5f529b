"""How many tokens a text is for a chat model: counted where the encoding is on this machine, else over-estimated.

tiktoken fetches an encoding from the network when it is first used, and can hang there; so it is only asked for one
whose file is already in its cache, whole. The estimate sums what each word, number, symbol and character costs at most,
about; it was fitted per encoding on passages of known count and then raised, so that none comes out under its count.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

Encoding = Literal["cl100k_base", "o200k_base"]
Count = Callable[[str], int]

_FILES: dict[Encoding, tuple[str, str]] = {
    "cl100k_base": (
        "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": (
        "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
"""Where tiktoken loads an encoding from (which names its file in the cache), and the file's SHA-256."""

_OF_MODELS: tuple[tuple[re.Pattern[str], Encoding], ...] = (
    (re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.[15]|gpt-[5-9]|gpt-oss|chatgpt|o[1-9](?:-|$))"), "o200k_base"),
    (re.compile(r"(?:ft:)?(?:gpt-4(?:-|$)|gpt-3\.?5|text-embedding-)"), "cl100k_base"),
)

_PIECE = re.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+)|(?P<digits>[0-9]{1,3})|(?P<space>[ \t]{2,}|[ \t]*[\r\n]\s*)|[ \t]"
    r"|(?P<symbols>[!-/:-@\[-`{-~]+)|(?P<han>[\u3400-\u9fff])|(?P<mark>[，。、：；（）？！\u2010-\u2027])"
    r"|(?P<syllable>[\u3040-\u30ff\uac00-\ud7af])|(?P<accented>[\u00a0-\u024f])|(?P<alphabet>[\u0250-\u07ff])"
    r"|(?P<other>.)",
    re.DOTALL,
)

_RUNS = re.compile(r"[!-~]+(?: (?=[!-~]))?|[^!-~\s]|\s+")
"""Words with what clings to them, single characters of other scripts, space: none cuts a piece in two."""
_BREAK = re.compile(r"[\r\n]\s*")
"""A piece of space with an end of line in it."""

_COMMON_HAN = frozenset(
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起"
    "发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两"
    "次使身者被高已亲其进此话常与活正感见明问力理尔点文几定本公特做外相西果走将月十实向声车全信重三机工物气每并别真打太新比才便"
    "夫再书部水像眼等体却加电主界门利海受听表德少克代员许先口由死安写性马光白或住难望教命花结乐色更拉东神记处让母父应直字场平报"
    "友关放至张认接告入内英军候民往何度山路带万男边风解叫任金快原变通师立象数四失满战远格士音轻目条"
)

_Weights = Mapping[str, float]
_SHARED = {
    "low4": 1.1, "low7": 1.3, "low10": 1.4, "low11": 1.8, "cap4": 1.5, "cap7": 1.5, "cap10": 2.1, "cap11": 3.0,
    "letter over 11": 0.45, "upper": 1.6, "upper letter": 0.55, "digits": 1.05, "space": 1.8, "symbols": 1.1,
    "symbol more": 0.6, "mark": 1.12, "accented": 1.6, "alphabet": 1.6, "astral": 3.0,
}  # fmt: skip
_WEIGHTS: dict[Encoding, _Weights] = {
    "cl100k_base": _SHARED | {"common han": 1.15, "han": 1.98, "rare han": 2.3, "syllable": 1.3, "other": 2.4},
    "o200k_base": _SHARED | {"common han": 0.93, "han": 1.2, "rare han": 2.1, "syllable": 1.1, "other": 2.2},
}
"""Tokens of each kind of piece."""
_MOST_KNOWN, _LONGEST_KNOWN, _LONGEST_RECENT = 20_000, 16, 4_000
_MARGIN: dict[Encoding, float] = {"cl100k_base": 1.1, "o200k_base": 1.07}
"""What the fitted estimate is raised by, for passages that it was not fitted on."""


def encoding_of(model: str) -> Encoding | None:
    """The encoding of one of OpenAI's models, also behind a gateway's prefix (`openai/gpt-5`); None: not known."""
    name = model.rsplit("/", 1)[-1].lower()
    return next((encoding for pattern, encoding in _OF_MODELS if pattern.match(name)), None)


def estimator(model: str) -> Count:
    """An over-estimate of tokens for a model, in a microsecond a token; an unknown model gets the larger."""
    encoding = encoding_of(model)
    encodings: tuple[Encoding, ...] = (encoding,) if encoding else ("cl100k_base", "o200k_base")
    return lambda text: estimate(text, *encodings)


def counter(model: str) -> Count:
    """The true count where the model's encoding is on this machine, else `estimator`; never the network."""
    encoding = encoding_of(model)
    return (encoding and _exact(encoding)) or estimator(model)


def is_exact(model: str) -> bool:
    """Whether `counter` counts the tokens of this model rather than estimating them."""
    encoding = encoding_of(model)
    return encoding is not None and _exact(encoding) is not None


def estimate(text: str, *encodings: Encoding) -> int:
    """Tokens of a text, over-estimated by a quarter or so; of several encodings under that which needs most."""
    lines = _BREAK.split(text)
    costs = list(map(sum, zip(*map(_cost_of_line, lines), strict=True)))
    breaks = (len(lines) - 1) * _SHARED["space"]
    most = max((cost + breaks) * _MARGIN[name] for name, cost in zip(_WEIGHTS, costs, strict=True) if name in encodings)
    return min(int(most + 0.999), len(text.encode(errors="replace")))


def _cost_of_line(line: str) -> Sequence[float]:
    """Under each encoding; remembered: on its way into a prompt a passage is counted several times."""
    return _recent(line) if len(line) <= _LONGEST_RECENT else _summed(line)


def _summed(line: str) -> Sequence[float]:
    runs = _RUNS.findall(line)
    return list(map(sum, zip(*map(_costs.__getitem__, runs), strict=True))) if runs else _NOTHING


_recent = lru_cache(maxsize=2_000)(_summed)


class _Costs(dict[str, tuple[float, ...]]):
    """Of runs that were met before, under each encoding: words come again."""

    def __missing__(self, run: str) -> tuple[float, ...]:
        pieces = [(piece.lastgroup, piece.group()) for piece in _PIECE.finditer(run) if piece.lastgroup]
        costs = tuple(sum(_cost(kind, piece, weights) for kind, piece in pieces) for weights in _WEIGHTS.values())
        if len(self) < _MOST_KNOWN and len(run) <= _LONGEST_KNOWN:
            self[run] = costs
        return costs


_costs = _Costs()
_NOTHING = (0.0,) * len(_WEIGHTS)


def _cost(kind: str | None, piece: str, weights: _Weights) -> float:
    if kind == "word":
        return _word(piece, weights)
    if kind == "han":
        return weights[_han(piece)]
    if kind == "symbols":
        return weights["symbols"] + weights["symbol more"] * (len(piece) - 1)
    if kind == "other":
        return weights["other" if piece <= "\uffff" else "astral"]
    return weights[kind or "other"]


def _word(word: str, weights: _Weights) -> float:
    letters = len(word)
    if letters > 1 and word.isupper():
        return weights["upper"] + weights["upper letter"] * (letters - 2)
    size = "4" if letters <= 4 else "7" if letters <= 7 else "10" if letters <= 10 else "11"
    return weights[("cap" if word[0].isupper() else "low") + size] + weights["letter over 11"] * max(letters - 11, 0)


@cache
def _han(character: str) -> str:
    """The commonest characters are one token; the second level of GB 2312 and all beyond it are mostly three bytes."""
    if character in _COMMON_HAN:
        return "common han"
    try:
        return "han" if character.encode("gb2312")[0] <= 0xD7 else "rare han"
    except UnicodeEncodeError:
        return "rare han"


@cache
def _exact(encoding: Encoding) -> Count | None:
    """tiktoken's own count, where the file of the encoding is in its cache and is what it should be."""
    url, sha256 = _FILES[encoding]
    folder = _cache_folder()
    if folder is None:
        return None
    try:
        found = (folder / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(found).hexdigest() != sha256:
        return None
    import tiktoken

    loaded = tiktoken.get_encoding(encoding)
    return lambda text: len(loaded.encode(text, disallowed_special=()))


def _cache_folder() -> Path | None:
    """tiktoken's cache, found as tiktoken finds it: its own variables are read, for it will read them too."""
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if name in os.environ:
            return Path(os.environ[name]) if os.environ[name] else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"
