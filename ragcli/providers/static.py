"""The embedder that needs no network: token vectors averaged over a text, from the weights in the wordllama wheel.

Only the two data files of that wheel are used. Importing the package itself would cost more time than everything here,
and its own loader looks for the tokenizer in the wrong place.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import re
import struct
import sys
import threading
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ragcli.errors import RagcliError
from ragcli.streams.helper import Helper
from ragcli.streams.helper import serve as serve_requests

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer

    from ragcli.types import Vector, Vectors

_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_LONGEST = 256
_PARTS_AT_ONCE = 1 << 14  # 16 MB of vectors
_SHORT = 1_000  # characters of a question that take less time than the way into a thread and back
_UNKNOWN = 0
_WARM = 100
"""Texts of one embedder after which a process of its own is worth its start: an ingest has more to do meanwhile."""

_MOST_WORDS = 1 << 16
_MOST_PARTS_A_WORD = 3  # longer ones are numbers and sentences without spaces: they do not come back
_MOST_STRETCHES = 1 << 15
_MOST_PARTS_A_STRETCH = 6
_MOST_PARTS = 1 << 14  # 16 MB of vectors
_FEW_PARTS = 256
_MANY_PARTS = 64  # worth the tokenizer's threads
_NUMBER_BYTES = struct.calcsize("P")
_BESIDE_NUMBERS = "".join(sign for sign in map(chr, range(0x20, 0x7F)) if not sign.isdecimal())


class _Model(NamedTuple):
    tokenizer: Tokenizer
    rows: npt.NDArray[np.float16]
    """Shape (vocabulary, 256)."""


class StaticEmbedder:
    """Implements `Embedder`; loads at first use and is safe to share between threads."""

    def __init__(self, dimensions: int = _LONGEST) -> None:
        """The weights are trained to be cut: the first `dimensions` (at most 256) of each vector stand for all."""
        if not 1 <= dimensions <= _LONGEST:
            raise ValueError(f"the static embedder has 1 to {_LONGEST} dimensions, not {dimensions}")
        self._dimensions = dimensions
        self._loaded: _Model | None = None
        self._loading = threading.Lock()
        self._parts: _Parts | None = None
        self._embedding = threading.Lock()
        self._helper: Helper | None = None
        self._seen = 0

    @property
    def id(self) -> str:
        return f"static:wordllama-l2-{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions); by another process once there were many."""
        return await asyncio.to_thread(self._embed, texts)

    async def embed_query(self, text: str) -> Vector:
        if self._loaded and len(text) <= _SHORT and not self._embedding.locked():
            vectors = self.embed_now([text])
        else:
            vectors = await asyncio.to_thread(self.embed_now, [text])
        return vectors[0]  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            await asyncio.to_thread(helper.close)

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions); memory is bounded however many or long the texts are."""
        import numpy as np  # an ingest that finds nothing changed knows the embedder and does without it

        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        with self._embedding:
            for number, text in enumerate(texts):
                vectors[number] = self._mean(text)
        return vectors

    def _embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np  # while the process starts

        helper = self._helping(len(texts))
        answer = helper.ask(msgspec.msgpack.encode((self._dimensions, texts))) if helper else None
        if helper is not None and helper.closed:
            raise RagcliError("the embedder was closed while it embedded")
        if answer is None:
            return self.embed_now(texts)
        vectors: Vectors = np.frombuffer(answer, dtype=np.float32).reshape(len(texts), self._dimensions)
        return vectors

    def _helping(self, texts: int) -> Helper | None:
        with self._loading:
            before, self._seen = self._seen, self._seen + texts
            if before < _WARM <= self._seen and (os.cpu_count() or 1) > 1:
                self._helper = Helper(__name__, "serve")
            return self._helper

    def expect(self, texts: int) -> None:
        """Starts the process for many texts now; it loads the weights while they are read."""
        self._helping(texts)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def _mean(self, text: str) -> Vector:
        """The direction of the mean of the tokens' vectors."""
        import numpy as np

        if self._parts is None or self._parts.full:
            self._parts = _Parts(self._model, self._dimensions)
        parts = self._parts
        total = np.zeros(self._dimensions, dtype=np.float32)
        found = parts.of(text)
        for start in range(0, len(found) if text else 0, _PARTS_AT_ONCE):
            total += parts.total(found[start : start + _PARTS_AT_ONCE])
        length = math.sqrt(total.dot(total))
        if length == 0:
            total = self._model.rows[_UNKNOWN, : self._dimensions].astype(np.float32)
            length = math.sqrt(total.dot(total))
        return total / length

    @property
    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


def serve() -> None:
    """The process that embeds: (dimensions, texts) in, rows of float32 out."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would turn idly beside those who have work
    embedders = {_LONGEST: StaticEmbedder(_LONGEST)}
    embedders[_LONGEST].embed_now(["ready"])  # the weights are there when the first texts are

    def answer(request: bytes) -> bytes:
        dimensions, texts = msgspec.msgpack.decode(request, type=tuple[int, list[str]])
        embedder = embedders.setdefault(dimensions, StaticEmbedder(dimensions))
        return embedder.embed_now(texts).tobytes()

    serve_requests(answer)


class _Patterns(NamedTuple):
    words: re.Pattern[str]
    single: re.Pattern[str]
    parts: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """How a text is taken apart, for no token of the vocabulary to reach across a border.

    A part is a digit, a line end, a character of the scripts without spaces, or a run of letters or signs with the
    spaces before it; endless runs are cut. A word is a run of single ones, or what ends where one of them or a space
    comes. Compiled when there is a text: an ingest that finds nothing changed has none.
    """
    single = "\\d\\n\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff"
    return _Patterns(
        words=re.compile(rf"[{single}]+| *[^ {single}]+| +"),
        single=re.compile(rf"[{single}]"),
        parts=re.compile(rf" *[^\W_²{single}]{{1,64}}| *(?:[^\w {single}]|[_²]){{1,64}}| {{1,64}}|.", re.DOTALL),
    )


class _Numbers(dict[str, bytes]):
    """Numbers what it is asked for, from 0, as NumPy's index type."""

    def __missing__(self, part: str) -> bytes:
        number = self[part] = len(self).to_bytes(_NUMBER_BYTES, sys.byteorder)
        return number


class _Words(dict[str, bytes]):
    """The numbers of a word's parts; remembers all words but the long ones."""

    def __init__(self, numbers: _Numbers) -> None:
        super().__init__()
        self._numbers = numbers
        self._patterns = _patterns()

    def __missing__(self, word: str) -> bytes:
        found = word if self._patterns.single.match(word) else self._patterns.parts.findall(word)
        parts = b"".join(map(self._numbers.__getitem__, found))
        if len(parts) <= _MOST_PARTS_A_WORD * _NUMBER_BYTES:
            self[word] = parts
        return parts


class _Stretches(dict[str, bytes]):
    """The same for what stands after a space or at the beginning of a line: a word with its comma, mostly."""

    def __init__(self, words: _Words, numbers: _Numbers) -> None:
        super().__init__()
        self._words = words
        self._numbers = numbers
        self._find_words = _patterns().words.findall

    def __missing__(self, stretch: str) -> bytes:
        whole = stretch if stretch.startswith("\n") else f" {stretch}"
        number = whole.strip(_BESIDE_NUMBERS)
        if number.isdecimal() and number.isascii():  # what stands beside a number comes back, if it does not
            before, _, after = whole.partition(number)
            digits = b"".join(map(self._numbers.__getitem__, number))
            parts = self._words[before] + digits + self._words[after]
        else:
            parts = b"".join(map(self._words.__getitem__, self._find_words(whole)))
        if len(parts) <= _MOST_PARTS_A_STRETCH * _NUMBER_BYTES:
            if len(self) >= _MOST_STRETCHES:
                self.clear()
            self[stretch] = parts
        return parts


class _Parts:
    """Sums of the token vectors of words that were met: most words of a text come back.

    Tokenizing each once and looking it up from then on takes a fifth of the time. Not safe to share between threads.
    """

    def __init__(self, model: _Model, dimensions: int) -> None:
        import numpy as np

        self._model = model
        self._numbers = _Numbers()
        self._words = _Words(self._numbers)
        self._stretches = _Stretches(self._words, self._numbers)
        self._find_words = _patterns().words.findall
        self._sums = np.empty((_FEW_PARTS, dimensions), dtype=np.float32)
        self._summed = 0

    @property
    def full(self) -> bool:
        return len(self._words) >= _MOST_WORDS or len(self._numbers) >= _MOST_PARTS

    def of(self, text: str) -> npt.NDArray[np.intp]:
        """Numbers of the parts of a text, for `total`."""
        import numpy as np

        text = " " + text.replace("▁", " ")
        apart = text.replace("\n", " \n")
        if "  " in apart:  # a part may begin with several spaces
            found = map(self._words.__getitem__, self._find_words(text))
        else:
            found = map(self._stretches.__getitem__, apart.split(" ")[1:])
        numbers = b"".join(found)
        if len(self._numbers) > self._summed:
            self._add()
        return np.frombuffer(numbers, dtype=np.intp)

    def total(self, parts: npt.NDArray[np.intp]) -> Vector:
        """Shape (dimensions,): the sum over all tokens of these parts."""
        import numpy as np

        total: Vector = np.add.reduce(self._sums.take(parts, axis=0), axis=0)
        return total

    def _add(self) -> None:
        """Tokenizes the parts that are new."""
        import numpy as np

        new = list(islice(reversed(self._numbers), len(self._numbers) - self._summed))[::-1]
        if len(self._numbers) > len(self._sums):
            sums, self._sums = self._sums, np.empty((2 * len(self._numbers), self._sums.shape[1]), np.float32)
            self._sums[: len(sums)] = sums
        tokenizer = self._model.tokenizer
        if len(new) < _MANY_PARTS:
            encodings = [tokenizer.encode(part, add_special_tokens=False) for part in new]
        else:
            encodings = tokenizer.encode_batch_fast(new, add_special_tokens=False)
        for number, encoding in enumerate(encodings, self._summed):
            rows = self._model.rows[encoding.ids or [_UNKNOWN], : self._sums.shape[1]]
            self._sums[number] = rows.sum(axis=0, dtype=np.float32)
        self._summed = len(self._numbers)


def _load() -> _Model:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Replace

    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise RagcliError("the offline embedder's weights are missing", remedy="install ragcli again")
    folder = Path(spec.origin).parent
    try:
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        (rows,) = load_file(folder / _WEIGHTS).values()
    except Exception as error:  # the tokenizers and safetensors bindings raise bare Exceptions
        raise RagcliError("the offline embedder's weights cannot be read", remedy="install ragcli again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.normalizer = Replace(" ", "▁")  # it would also put one before every part
    return _Model(tokenizer, rows)
