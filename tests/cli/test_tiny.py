"""A folder of one small file is a folder, too: what it says is found, what it does not say is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import run_ragcli

FILES = {
    "engine.md": "# Engine\n\nThe turbine spins at 9,400 rpm.\n",
    "锅炉.md": "# 锅炉\n\n锅炉的额定压力是十二兆帕，每年检修一次。\n",
}


@pytest.mark.parametrize(
    ("file", "question", "fact"),
    [
        ("engine.md", "How fast does the turbine spin?", "9,400"),
        ("engine.md", "turbine", "9,400"),
        ("锅炉.md", "锅炉的压力是多少？", "十二兆帕"),
        ("锅炉.md", "锅炉多久检修一次？", "每年"),
    ],
)
def test_the_only_file_answers_what_it_holds(home: Path, tmp_path: Path, file: str, question: str, fact: str) -> None:
    (tmp_path / file).write_text(FILES[file], encoding="utf-8")
    assert run_ragcli(home, "ingest", tmp_path / file).returncode == 0
    done = run_ragcli(home, "ask", question)
    assert done.returncode == 0, done.stderr
    assert fact in done.stdout


@pytest.mark.parametrize("question", ["Who is the president of France?", "红烧肉怎么做？"])
def test_the_only_file_is_not_said_to_answer_anything_else(home: Path, tmp_path: Path, question: str) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run_ragcli(home, "ingest", *(tmp_path / name for name in FILES))
    assert run_ragcli(home, "ask", question).returncode == 3
