"""The yardsticks of ingest: scripts that do nothing but what cannot be left out. Run as processes of their own.

`bare.py upsert VECTORS.npy FOLDER` writes vectors into Chroma. `bare.py embed TEXTS.json URL FOLDER` embeds texts
through an endpoint, several requests in flight, and writes the vectors. Both print the seconds without imports.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from typing import Any

BATCH = 1_000
REQUEST = 128
IN_FLIGHT = 8


def collection(folder: str) -> Any:
    """With the settings that ragcli gives its own."""
    import chromadb
    from chromadb.config import Settings

    from ragcli.store.chroma_child import CONFIGURATION

    client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
    configuration: Any = CONFIGURATION
    return client.create_collection("bare", configuration=configuration, embedding_function=None)


def upsert(vectors: str, folder: str) -> float:
    import numpy as np

    rows = np.load(vectors)
    target = collection(folder)
    start = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        target.upsert(ids=[str(first + n) for n in range(len(part))], embeddings=part)
    return time.perf_counter() - start


def embed(texts: str, url: str, folder: str) -> float:
    with open(texts, encoding="utf-8") as file:
        chunks: list[str] = json.load(file)
    target = collection(folder)
    start = time.perf_counter()
    asyncio.run(_embed(chunks, url, target))
    return time.perf_counter() - start


async def _embed(chunks: list[str], url: str, target: Any) -> None:
    import httpx2
    import numpy as np

    limit = asyncio.Semaphore(IN_FLIGHT)
    async with httpx2.AsyncClient(timeout=60) as client:

        async def request(texts: list[str]) -> Any:
            body = {"model": "bench", "input": texts, "encoding_format": "base64"}
            async with limit:
                reply = await client.post(f"{url}/embeddings", json=body)
            reply.raise_for_status()
            data = [base64.b64decode(item["embedding"]) for item in reply.json()["data"]]
            return np.frombuffer(b"".join(data), dtype=np.float32).reshape(len(texts), -1)

        requests = [asyncio.ensure_future(request(chunks[n : n + REQUEST])) for n in range(0, len(chunks), REQUEST)]
        waiting: list[Any] = []
        written = 0
        for number, done in enumerate(requests, 1):
            waiting.append(await done)
            if sum(map(len, waiting)) >= BATCH or number == len(requests):
                rows = np.concatenate(waiting)
                ids = [str(written + n) for n in range(len(rows))]
                await asyncio.to_thread(target.upsert, ids=ids, embeddings=rows)
                written += len(rows)
                waiting = []


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    seconds = upsert(*arguments) if command == "upsert" else embed(*arguments)
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")
