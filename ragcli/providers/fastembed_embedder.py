"""Embeddings on this machine, by an ONNX model that fastembed knows by name or that lies in a folder."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ragcli.errors import ConfigError, EndpointError
from ragcli.providers import fastembed_models as models_

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import PoolingType

    from ragcli.types import Vector, Vectors

BATCH = 16
"""Texts at once: attention over longer batches of 512 tokens takes gigabytes."""

PREFIXES: tuple[tuple[str, str, str], ...] = (
    (r"(^|[/-])e5-", "query: ", "passage: "),
    (r"nomic-embed", "search_query: ", "search_document: "),
    (
        r"bge-(small|base|large)-en|arctic-embed|mxbai-embed",
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    (r"bge-(small|base|large)-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    (
        r"qwen3-embedding",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        "",
    ),
    (r"embeddinggemma", "task: search result | query: ", "title: none | text: "),
)
"""(name, before a question, before a passage): what these models were trained with, by their model cards."""


class _Model(Struct, frozen=True):
    embedding: TextEmbedding
    dimensions: int
    query: str
    passage: str


class FastembedEmbedder:
    """Implements `Embedder`. `load` it before `id` and `dimensions` are read, unless they are `known`.

    Belongs to one event loop.
    """

    def __init__(self, name: str, *, models: Path, device: str = "auto", dimensions: int = 0) -> None:
        """`dimensions` shortens the vectors (0: whole); `models` is the folder that keeps what is downloaded.

        Raises ConfigError where fastembed or the folder is not there.
        """
        self._choice = models_.choose(name, device)
        self._models = models
        self._dimensions = dimensions
        self._loaded = models_.Loaded(self._choice, self._build, self._missing, class_="TextEmbedding", models=models)
        self._turn = asyncio.Lock()

    @property
    def label(self) -> str:
        return self._choice.label

    @cached_property
    def weights(self) -> str:
        """Names the model and, where it lies in a folder, the state of its files when this was first asked for."""
        files = [file for file in self._choice.folder.rglob("*") if file.is_file()] if self._choice.folder else []
        return f"{self.id} {max((file.stat().st_mtime_ns for file in files), default='')}"

    @property
    def known(self) -> bool:
        return self._dimensions > 0

    @property
    def id(self) -> str:
        return f"{self._prefix}{self.dimensions}"

    @property
    def dimensions(self) -> int:
        if not self.known:
            raise RuntimeError("load the embedder first")
        return self._dimensions

    @property
    def _prefix(self) -> str:
        return f"fastembed:{self._choice.name}:"

    def recall(self, id: str) -> None:
        """Takes the dimensions from an id that this very model had, so that nothing need be loaded to know them."""
        rest = id.removeprefix(self._prefix)
        if rest != id and rest.isdecimal() and not self.known:
            self._dimensions = int(rest)

    async def load(self) -> None:
        """Gets the model ready, from the network where it is not on this machine. Raises ConfigError, EndpointError."""
        model = await self._loaded.get()
        if self._dimensions > model.dimensions:
            raise ConfigError(
                f"{self.label} makes {model.dimensions} dimensions, not {self._dimensions}",
                remedy="put the former model back, or embed again with: ragcli ingest --force --embedding MODEL PATH",
            )
        self._dimensions = self._dimensions or model.dimensions

    async def aclose(self) -> None:
        """Nothing to let go of."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions). Raises ConfigError, EndpointError."""
        import numpy as np

        await self.load()
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        model = await self._loaded.get()
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # alike lengths together: less padding
        async with self._turn:  # one call has all cores
            for start in range(0, len(texts), BATCH):
                part = order[start : start + BATCH]
                rows[part] = await asyncio.to_thread(self._vectors, model, [texts[n] for n in part])
        return rows

    async def embed_query(self, text: str) -> Vector:
        """Shape (dimensions,). Raises ConfigError, EndpointError."""
        await self.load()
        model = await self._loaded.get()
        async with self._turn:
            rows = await asyncio.to_thread(self._vectors, model, [text], query=True)
        vector: Vector = rows[0]
        return vector

    def _vectors(self, model: _Model, texts: list[str], *, query: bool = False) -> Vectors:
        import numpy as np

        try:
            if query:
                found = list(model.embedding.query_embed([model.query + text for text in texts]))
            else:
                found = list(model.embedding.passage_embed([model.passage + text for text in texts], batch_size=BATCH))
            rows = np.asarray(found, dtype=np.float32)[:, : self.dimensions]
        except Exception as error:  # onnxruntime's errors have no common class
            why = models_.one_line(error)
            raise EndpointError(f"{self.label} failed: {why}", remedy="try embedding.device = cpu") from error
        if not np.isfinite(rows).all():
            raise EndpointError(f"{self.label} made vectors that are not numbers", remedy="choose another model")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit

    def _missing(self) -> str | None:
        from fastembed import TextEmbedding

        if self._choice.folder is not None:
            return None
        return models_.repository_of_missing(TextEmbedding, self._choice.name, self._models)

    def _build(self) -> _Model:
        from fastembed import TextEmbedding

        folder = self._choice.folder
        name = _register(folder) if folder else self._choice.name
        embedding = models_.built(
            lambda: TextEmbedding(name, **models_.options(self._choice, self._models)), self._choice
        )
        (probe,) = embedding.embed(["probe"])
        query, passage = _prompts(folder) if folder else (None, None)
        known_query, known_passage = prefixes(self._choice.name)
        return _Model(
            embedding,
            len(probe),
            known_query if query is None else query,
            known_passage if passage is None else passage,
        )


def prefixes(name: str) -> tuple[str, str]:
    """What stands before a question and before a passage, for a model of this name."""
    for pattern, query, passage in PREFIXES:
        if re.search(pattern, name.lower()):
            return query, passage
    return "", ""


def _register(folder: Path) -> str:
    """Tells fastembed of a model in a folder: its file, which output to use, and how to pool it."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    file = models_.onnx_file(folder)
    output, pooled, dimensions = _output(folder / file)
    name = models_.registered_name(folder)
    TextEmbedding.add_custom_model(
        name,
        pooling=PoolingType.DISABLED if pooled else _pooling(folder),
        normalization=True,
        sources=ModelSource(url="file:"),
        dim=dimensions,
        model_file=file,
        output_name=output,
    )
    return name


def _output(file: Path) -> tuple[str, bool, int]:
    """(name, whether it is one vector a text, dimensions or 0) of the output that holds the embedding."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    outputs = session.get_outputs()
    chosen = next((output for output in outputs if output.name == "sentence_embedding"), outputs[0])
    shape = list(chosen.shape or ())
    size = shape[-1] if shape and isinstance(shape[-1], int) else 0
    return chosen.name, len(shape) == 2, size


def _pooling(folder: Path) -> PoolingType:
    """As sentence-transformers writes it beside a model; the mean where it does not."""
    from fastembed.common.model_description import PoolingType

    modes = _json(folder / "1_Pooling" / "config.json")
    if modes.get("pooling_mode_cls_token"):
        return PoolingType.CLS
    if modes.get("pooling_mode_lasttoken"):
        return PoolingType.LAST_TOKEN
    return PoolingType.MEAN


def _prompts(folder: Path) -> tuple[str | None, str | None]:
    """What sentence-transformers' own file says to put before a question and before a passage."""
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return prompts.get("query"), prompts.get("document", prompts.get("passage"))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
