"""Folders of Markdown files of any size, the same ones in every run: sentences of the sample documents, shuffled.

Each sentence carries a number of its own, so that no two passages are alike and none can be recognised.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from measure import SAMPLE_DOCS

SECTIONS = 6
SENTENCES = 14
"""A section is about one passage of the default size: six to eight passages a file."""


def write_folder(folder: Path, files: int, *, seed: int = 1) -> int:
    """Writes `files` Markdown files in sub-folders of 100 and returns their bytes."""
    rng = random.Random(seed)
    sentences = _sentences()
    size = 0
    for n in range(files):
        path = folder / f"{n // 100:03d}" / f"note-{n:05d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = _document(n, rng, sentences).encode()
        path.write_bytes(data)
        size += len(data)
    return size


def _sentences() -> list[str]:
    text = "\n\n".join(path.read_text("utf-8") for path in sorted(SAMPLE_DOCS.rglob("*.md")))
    prose = [part for part in text.split("\n\n") if not part.startswith(("#", "|", "-"))]
    pieces = [piece for part in prose for piece in re.split(r"(?<=[.!?。！？])\s*", " ".join(part.split()))]
    return [piece for piece in pieces if len(piece) > 20]


def _document(n: int, rng: random.Random, sentences: list[str]) -> str:
    parts = [f"# Note {n}"]
    for section in range(1, SECTIONS + 1):
        parts.append(f"## {section}. Case {rng.randrange(10**6)}")
        chosen = [f"{sentence} ({rng.randrange(10**9)})" for sentence in rng.choices(sentences, k=SENTENCES)]
        third = len(chosen) // 3 + 1
        parts.extend(" ".join(chosen[start : start + third]) for start in range(0, len(chosen), third))
    return "\n\n".join(parts) + "\n"
