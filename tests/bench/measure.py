"""What every measurement shares: run a process, take the median of several, compare it with a yardstick."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE_DOCS = REPOSITORY / "sample_docs"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what was measured, against what, and how far it may go; no `limit`: for information."""

    name: str
    value: float
    unit: str = "s"
    yardstick: str = ""
    against: float | None = None
    limit: float | None = None

    @property
    def figure(self) -> float:
        """The number that `limit` bounds: a ratio where there is a yardstick, else the value itself."""
        return self.value if self.against is None else self.value / self.against

    @property
    def met(self) -> bool:
        return self.limit is None or self.figure <= self.limit


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds from the start of a process to its first and last byte on stdout and to its end; what it said."""

    first: float | None
    last: float | None
    end: float
    said: bytes = b""

    @property
    def tail(self) -> float:
        """Seconds from the last byte to the end."""
        return self.end - self.last if self.last is not None else float("nan")


class Failed(Exception):
    """A measured command did not do its work: its time means nothing."""


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a user who has set nothing, with a home of the bench's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RAGCLI_", "XDG_"))}
    return kept | {"HOME": str(home.parent), "RAGCLI_HOME": str(home)} | dict(extra or {})


def ragcli(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ragcli", *map(str, arguments)]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def timed(command: Sequence[str], env: Mapping[str, str] | None = None, *, timeout: float = 120) -> Timed:
    """Runs `command` with stdout through a pipe, as a script would. Raises Failed."""
    start = time.perf_counter()
    first = last = None
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=env) as process,
    ):
        assert process.stdout is not None
        said = []
        while data := os.read(process.stdout.fileno(), 65536):
            said.append(data)
            last = time.perf_counter() - start
            first = last if first is None else first
        process.wait(timeout)
        end = time.perf_counter() - start
        if process.returncode != 0:
            errors.seek(0)
            why = errors.read().decode(errors="replace").strip()
            raise Failed(f"{' '.join(command)}: exit code {process.returncode}: {why[-500:]}")
    return Timed(first, last, end, b"".join(said))


def indexed(env: Mapping[str, str]) -> tuple[int, int]:
    """Chunks of the collection and dimensions of their vectors."""
    status = json.loads(timed(ragcli("status", "--json"), env).said)
    return status["chunks"], status["dimensions"]


def in_turn(runs: int, *measurements: Callable[[], float], warm: bool = False) -> list[float]:
    """The median of each measurement; they take turns, so that a busy moment of the machine touches all of them.

    Unless they are `warm` already, each runs once uncounted, to fill the caches of pages and of bytecode.
    """
    samples: list[list[float]] = [[] for _ in measurements]
    for measurement in () if warm else measurements:
        measurement()
    for _ in range(runs):
        for measurement, sample in zip(measurements, samples, strict=True):
            sample.append(measurement())
    return [statistics.median(sample) for sample in samples]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of them do not exceed; not a number where there are none."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else float("nan")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned columns: measured, yardstick, ratio, goal, verdict."""
    cells = [("", "measured", "yardstick", "", "ratio", "goal", "")]
    for row in rows:
        ratio = "" if row.against is None else f"{row.figure:.2f}"
        goal = "" if row.limit is None else f"<= {row.limit:g}" + ("" if row.against is not None else f" {row.unit}")
        verdict = "" if row.limit is None else "ok" if row.met else "MISSED"
        against = "" if row.against is None else _amount(row.against, row.unit)
        cells.append((row.name, _amount(row.value, row.unit), row.yardstick, against, ratio, goal, verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    right = {1, 3, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.3f} {unit}" if unit == "s" else f"{value:.0f} {unit}"
