"""How soon ragcli is there: help, the first word of an answer, and the end after the last one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from measure import SAMPLE_DOCS, Row, Timed, environment, in_turn, python, ragcli, say, timed

sys.path.insert(0, str(Path(__file__).parents[1]))

from endpoint import ModelServer

QUESTION = "How long is the warranty of the WB-2 gateway?"
TAIL_S = 0.1


def measure_start(runs: int, openai_path: str | None) -> list[Row]:
    """`openai_path`: a folder to import openai from, where it is not installed."""
    with tempfile.TemporaryDirectory() as folder, ModelServer() as server:
        home = Path(folder) / "home"
        timed(ragcli("ingest", SAMPLE_DOCS), environment(home))
        online = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "bench"}
        return [
            *_help(runs, environment(home)),
            *_answer(runs, environment(home), "offline", "chromadb", 1.0, os.environ),
            *_answer(runs, environment(home, online), "endpoint", "openai", 1.3, _importing_from(openai_path)),
        ]


def _help(runs: int, env: Mapping[str, str]) -> list[Row]:
    yardstick = "import typer, rich"
    shown, version, against = in_turn(
        runs,
        lambda: timed(ragcli("--help"), env).end,
        lambda: timed(ragcli("--version"), env).end,
        lambda: timed(python(yardstick), env).end,
    )
    return [
        Row("ragcli --help", shown, yardstick=yardstick, against=against, limit=1.5),
        Row("ragcli --version", version, yardstick=yardstick, against=against, limit=1.5),
    ]


def _answer(
    runs: int, env: Mapping[str, str], how: str, module: str, limit: float, importing: Mapping[str, str]
) -> list[Row]:
    answers: list[Timed] = []

    def first_byte() -> float:
        question = f"{QUESTION} ({len(answers)})"  # another one each time: nothing is given again
        answers.append(timed(ragcli("ask", question), env))
        return answers[-1].first or float("inf")

    if subprocess.run(python(f"import {module}"), env=dict(importing), capture_output=True, check=False).returncode:
        say(f"start: {module} cannot be imported here, so there is nothing to compare the first token with")
        [first] = in_turn(runs, first_byte)
        row = Row(f"ask, {how}: first token", first)
    else:
        first, against = in_turn(runs, first_byte, lambda: timed(python(f"import {module}"), importing).end)
        row = Row(f"ask, {how}: first token", first, yardstick=f"import {module}", against=against, limit=limit)
    tail = statistics.median(answer.tail for answer in answers[1:])
    return [row, Row(f"ask, {how}: from the last token to the end", tail, limit=TAIL_S)]


def _importing_from(folder: str | None) -> Mapping[str, str]:
    return os.environ if folder is None else os.environ | {"PYTHONPATH": folder}
