"""How much memory an ingest takes, and whether it grows with the folder. Linux only: it reads /proc."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bare
from corpus import write_folder
from measure import Failed, Row, environment, indexed, ragcli, say

FILES = 1_000
MANY_FILES = 10_000
_BOTH = (FILES, MANY_FILES)
GROWTH = 1.25
HNSW_OVERHEAD = 300
"""Bytes that Chroma's graph keeps for a vector beside the vector itself."""
_INTERVAL_S = 0.05


@dataclass(frozen=True, slots=True)
class Peak:
    """Highest resident memory in MB: of the process itself, and of its whole family, shared pages counted once."""

    own: float = 0.0
    family: float = 0.0


@dataclass(frozen=True, slots=True)
class Ingested:
    """A folder of documents and the home that they were ingested into; both are gone at the end of the program."""

    docs: Path
    env: Mapping[str, str]
    peak: Peak


@cache
def ingested(files: int) -> Ingested:
    """So many Markdown files, ingested once for all who measure something about that."""
    folder = Path(_temporary().name) / str(files)
    write_folder(folder / "docs", files)
    env = environment(folder / "home")
    return Ingested(folder / "docs", env, watched(ragcli("ingest", folder / "docs"), env))


def measure_memory() -> list[Row]:
    """Peaks at 1,000 files and at ten times as many, less the HNSW index itself: by a formula, and as Chroma has it.

    What Chroma has is what a bare script grows by that writes the same vectors: the formula knows nothing of its names
    of chunks and of what it writes at each flush.
    """
    rows = []
    less: list[float] = []
    sizes: list[int] = []
    bare_peaks: list[float] = []
    for files in _BOTH:
        known = ingested(files)
        peak, (chunks, dimensions) = known.peak, indexed(known.env)
        index = chunks * (dimensions * 4 + HNSW_OVERHEAD) / 1e6
        less.append(peak.family - index)
        sizes.append(chunks)
        bare_peaks.append(_bare_peak(known))
        say(f"memory: {files:,} files make {chunks:,} chunks and {index:.0f} MB of HNSW index")
        rows.append(Row(f"{files:,} files: peak of the process", peak.own, "MB"))
        rows.append(Row(f"{files:,} files: peak with its children", peak.family, "MB"))
    small, large = less
    rows.append(Row("peak with children, less HNSW", large, "MB", f"at {FILES:,} files", small, GROWTH))
    of_a_chunk = (bare_peaks[1] - bare_peaks[0]) / (sizes[1] - sizes[0])
    say(f"memory: a bare script grows by {of_a_chunk * 1e6:,.0f} bytes a chunk")
    small, large = (
        ingested(files).peak.family - of_a_chunk * chunks for files, chunks in zip(_BOTH, sizes, strict=True)
    )
    rows.append(Row("peak with children, less a bare Chroma", large, "MB", f"at {FILES:,} files", small, GROWTH))
    return rows


def _bare_peak(known: Ingested) -> float:
    """Resident MB of a script that writes the same vectors into Chroma, without those that it has from a file."""
    with tempfile.TemporaryDirectory() as name:
        vectors = Path(name) / "vectors.npy"
        save_vectors(Path(known.env["RAGCLI_HOME"]), vectors)
        peak = watched([sys.executable, bare.__file__, "upsert", str(vectors), f"{name}/chroma"], known.env)
        return peak.own - vectors.stat().st_size / 1e6


def save_vectors(home: Path, path: Path) -> int:
    """Writes the vectors of the one collection, for the bare script to write again; how many there are."""
    import numpy as np

    [catalog] = home.glob("collections/*/catalog.db")
    with closing(sqlite3.connect(catalog)) as connection:
        rows = [np.frombuffer(row, dtype=np.float32) for (row,) in connection.execute("SELECT vector FROM vectors")]
    np.save(path, np.stack(rows))
    return len(rows)


def watched(command: Sequence[str], env: Mapping[str, str]) -> Peak:
    """Runs a command and samples the memory of its family. Raises Failed."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(env)) as process:
        watch = _Watch(process.pid)
        watch.start()
        _, said = process.communicate(timeout=900)
        peak = watch.stop()
    if process.returncode:
        raise Failed(f"{' '.join(command)}: {said.decode(errors='replace')[-500:]}")
    return peak


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


class _Watch(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._peak = Peak()

    def stop(self) -> Peak:
        self._over.set()
        self.join()
        return self._peak

    def run(self) -> None:
        while not self._over.wait(_INTERVAL_S):
            own = _megabytes(self._pid, "Rss")
            family = sum(_megabytes(pid, "Pss") for pid in _family(self._pid))
            self._peak = Peak(max(self._peak.own, own), max(self._peak.family, family))


def _family(ancestor: int) -> list[int]:
    """The process and all that descend from it."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        children[int(fields[1])].append(int(path.parent.name))
    found = [ancestor]
    for pid in found:
        found.extend(children[pid])
    return found


def _megabytes(pid: int, field: str) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has just ended
        return 0.0
    match = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 / 1e6 if match else 0.0
