"""A cross-encoder on this machine: it reads the question and a passage together and says how well they fit."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.errors import EndpointError
from ragcli.providers import fastembed_models as models_

if TYPE_CHECKING:
    from fastembed.rerank.cross_encoder import TextCrossEncoder

BATCH = 8
"""Passages at once; between two batches it is asked whether anybody still waits."""


class FastembedReranker:
    """Implements `Reranker`; `load` it first, where scoring has a time limit. Belongs to one event loop."""

    def __init__(self, name: str, *, models: Path, device: str = "auto") -> None:
        """Raises ConfigError where fastembed or the folder is not there."""
        self._choice = models_.choose(name, device)
        self._models = models
        self._loaded = models_.Loaded(
            self._choice, self._build, self._missing, class_="TextCrossEncoder", models=models
        )
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Gets the model ready, from the network where it is not on this machine. Raises ConfigError, EndpointError."""
        await self._loaded.get()

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """In 0..1, the logistic function of what the model gives. Raises ConfigError, EndpointError."""
        if not texts:
            return []
        model = await self._loaded.get()
        unwanted = threading.Event()
        try:
            async with self._turn:  # one call has all cores
                return await asyncio.to_thread(self._scores, model, query, list(texts), unwanted)
        finally:
            unwanted.set()

    def _scores(self, model: TextCrossEncoder, query: str, texts: list[str], unwanted: threading.Event) -> list[float]:
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # alike lengths together: less padding
        scores = [0.0] * len(texts)
        try:
            for start in range(0, len(order), BATCH):
                if unwanted.is_set():
                    break
                part = order[start : start + BATCH]
                for n, score in zip(part, model.rerank(query, [texts[n] for n in part]), strict=True):
                    scores[n] = 1 / (1 + math.exp(-max(-50.0, min(50.0, float(score)))))
        except Exception as error:  # onnxruntime's errors have no common class
            why = models_.one_line(error)
            raise EndpointError(f"{self._choice.label} failed: {why}", remedy="try rerank.device = cpu") from error
        return scores

    def _missing(self) -> str | None:
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        if self._choice.folder is not None:
            return None
        return models_.repository_of_missing(TextCrossEncoder, self._choice.name, self._models)

    def _build(self) -> TextCrossEncoder:
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        name = _register(self._choice.folder) if self._choice.folder else self._choice.name
        return models_.built(
            lambda: TextCrossEncoder(name, **models_.options(self._choice, self._models)), self._choice
        )


def _register(folder: Path) -> str:
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    name = models_.registered_name(folder)
    file = models_.onnx_file(folder)
    TextCrossEncoder.add_custom_model(name, sources=ModelSource(url="file:"), model_file=file)
    return name
