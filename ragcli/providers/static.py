"""The embedder that needs no network: token vectors averaged over a text, from the weights in the wordllama wheel.

Only the two data files of that wheel are used. Importing the package itself would cost more time than everything here,
and its own loader looks for the tokenizer in the wrong place.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ragcli.errors import RagcliError

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer

    from ragcli.types import Vector, Vectors

    _Rows: TypeAlias = npt.NDArray[np.float16] | npt.NDArray[np.float32]

_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENS_AT_ONCE = 1 << 14  # 16 MB of token vectors
_TEXTS_AT_ONCE = 256
_MANY = 32  # texts in one call that are worth rows of single precision
_SHORT = 1_000  # characters of a question that take less time than the way into a thread and back
_UNKNOWN = 0


class _Model(NamedTuple):
    tokenizer: Tokenizer
    rows: npt.NDArray[np.float16]
    """Shape (vocabulary, 256); half precision as it is stored: the few rows of a question are converted alone."""


class StaticEmbedder:
    """Implements `Embedder`; loads at first use and is safe to share between threads."""

    def __init__(self, dimensions: int = 256) -> None:
        """The weights are trained to be cut: the first `dimensions` (at most 256) of each vector stand for all."""
        if not 1 <= dimensions <= 256:
            raise ValueError(f"the static embedder has 1 to 256 dimensions, not {dimensions}")
        self._dimensions = dimensions
        self._loaded: _Model | None = None
        self._loading = threading.Lock()
        self._wide: _Rows | None = None

    @property
    def id(self) -> str:
        return f"static:wordllama-l2-{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.to_thread(self.embed_now, texts)

    async def embed_query(self, text: str) -> Vector:
        if self._loaded and len(text) <= _SHORT:
            vectors = self.embed_now([text])
        else:
            vectors = await asyncio.to_thread(self.embed_now, [text])
        return vectors[0]  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Nothing is held that another could want."""

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions); memory is bounded however many or long the texts are."""
        import numpy as np  # an ingest that finds nothing changed knows the embedder and does without it

        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        rows = self._model.rows if len(texts) < _MANY else self._wide_rows
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            for offset, tokens in enumerate(self._tokens(texts[start : start + _TEXTS_AT_ONCE])):
                vectors[start + offset] = self._mean(tokens, rows)
        return vectors

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text, add_special_tokens=False).ids)

    def _tokens(self, texts: Sequence[str]) -> Iterator[list[int]]:
        encodings = self._model.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return (encoding.ids or [_UNKNOWN] for encoding in encodings)

    def _mean(self, tokens: Sequence[int], rows: _Rows) -> Vector:
        """The direction of the mean of the tokens' vectors."""
        import numpy as np

        total = np.zeros(self._dimensions, dtype=np.float32)
        for start in range(0, len(tokens), _TOKENS_AT_ONCE):
            total += rows[tokens[start : start + _TOKENS_AT_ONCE], : self._dimensions].sum(axis=0, dtype=np.float32)
        length = float(np.linalg.norm(total))
        return total / length if length > 0 else self._mean([_UNKNOWN], rows)

    @property
    def _wide_rows(self) -> _Rows:
        """In single precision: 33 MB more, and a third of the time a text."""
        import numpy as np

        if self._wide is None:
            self._wide = self._model.rows.astype(np.float32)
        return self._wide

    @property
    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


def _load() -> _Model:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

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
    return _Model(tokenizer, rows)
