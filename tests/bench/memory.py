"""How much memory an ingest takes, and whether it grows with the folder. Linux only: it reads /proc."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from corpus import write_folder
from measure import Failed, Row, environment, indexed, ragcli, say

FILES = 1_000
MANY_FILES = 10_000
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
    """Peaks at 1,000 files and at ten times as many, less the growth of the HNSW index itself."""
    rows = []
    less: list[float] = []
    for files in (FILES, MANY_FILES):
        known = ingested(files)
        peak, (chunks, dimensions) = known.peak, indexed(known.env)
        index = chunks * (dimensions * 4 + HNSW_OVERHEAD) / 1e6
        less.append(peak.family - index)
        say(f"memory: {files:,} files make {chunks:,} chunks and {index:.0f} MB of HNSW index")
        rows.append(Row(f"{files:,} files: peak of the process", peak.own, "MB"))
        rows.append(Row(f"{files:,} files: peak with its children", peak.family, "MB"))
    small, large = less
    rows.append(Row("peak with children, less HNSW", large, "MB", f"at {FILES:,} files", small, GROWTH))
    return rows


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
