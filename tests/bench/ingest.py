"""How long an ingest takes against bare scripts that write the same vectors, and a second one against a bare walk."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import bare
from corpus import write_folder
from measure import Row, environment, in_turn, python, ragcli, say, timed
from memory import MANY_FILES, ingested, save_vectors, watched
from server import serving

FILES = 1_000
DIMENSIONS = 1_536
DELAYS_S = (0.020, 0.200)
MEMORY_MB = 300.0
WALK = """
import os, sys
for root, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(root, name))
"""


def measure_ingest(runs: int) -> list[Row]:
    """A first ingest of 1,000 files: with the static embedder, and through an endpoint at two speeds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_folder(folder / "docs", FILES)
        say(f"ingest: {FILES:,} files, {size / 1e6:.1f} MB")
        rows = _static(runs, folder)
        for delay in DELAYS_S:
            rows += _endpoint(runs, folder, delay)
        return rows


def measure_again(runs: int) -> list[Row]:
    """An ingest of 10,000 files that finds nothing changed."""
    known = ingested(MANY_FILES)
    command = ragcli("ingest", known.docs)
    again, walk = in_turn(
        runs, lambda: timed(command, known.env).end, lambda: timed([*python(WALK), str(known.docs)]).end
    )
    return [Row(f"again, {MANY_FILES:,} unchanged files", again, yardstick="walk and stat", against=walk, limit=5)]


def _static(runs: int, folder: Path) -> list[Row]:
    _first_ingest(folder, {})
    say(f"ingest: {save_vectors(folder / 'home', folder / 'vectors.npy'):,} chunks")
    loops: list[float] = []

    def script() -> float:
        seconds, loop = _bare(folder, "upsert", folder / "vectors.npy")
        loops.append(loop)
        return seconds

    whole, against = in_turn(runs, lambda: _first_ingest(folder, {}), script, warm=True)
    return [
        Row("static embedder", whole, yardstick="bare upsert", against=against, limit=1.5),
        Row("static embedder", whole, yardstick="its loop alone", against=sorted(loops)[len(loops) // 2]),
    ]


def _endpoint(runs: int, folder: Path, delay: float) -> list[Row]:
    name = f"endpoint, {delay * 1000:.0f} ms a request"
    with serving(delay=delay, dimensions=DIMENSIONS) as url:
        extra = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "bench", "RAGCLI_EMBEDDING_MODEL": "openai:bench"}
        env = environment(folder / "home", extra)
        shutil.rmtree(folder / "home")
        peak = watched(ragcli("ingest", folder / "docs"), env)
        _save_texts(folder, env)
        whole, against = in_turn(
            runs,
            lambda: _first_ingest(folder, extra),
            lambda: _bare(folder, "embed", folder / "texts.json", url)[0],
            warm=True,
        )
    return [
        Row(name, whole, yardstick="bare embed and upsert", against=against, limit=1.3),
        Row(f"{name}: peak of the process", peak.own, "MB", limit=MEMORY_MB),
        Row(f"{name}: peak with its children", peak.family, "MB"),
    ]


def _first_ingest(folder: Path, extra: Mapping[str, str]) -> float:
    """Seconds that the ingest into a fresh home takes."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    return timed(ragcli("ingest", folder / "docs"), environment(folder / "home", extra), timeout=300).end


def _bare(folder: Path, command: str, *arguments: str | Path) -> tuple[float, float]:
    """Seconds of the whole script and of its work without the imports."""
    target = folder / "bare"
    shutil.rmtree(target, ignore_errors=True)
    run = timed([sys.executable, bare.__file__, command, *map(str, arguments), str(target)], timeout=300)
    return run.end, json.loads(run.said)["seconds"]


def _save_texts(folder: Path, env: Mapping[str, str]) -> None:
    """The texts of the collection, for the bare script to embed again."""
    lines = timed(ragcli("show", "--all", "--json"), env).said.splitlines()
    texts = [chunk["text"] for line in lines for chunk in json.loads(line)["chunks"]]
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
