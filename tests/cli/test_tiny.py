"""A folder of one small file is a folder, too: what it says is found, what it does not say is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import run_inside, run_ragcli

FILES = {
    "engine.md": "# Engine\n\nThe turbine spins at 9,400 rpm.\n\nRead it with getRotorSpeed() every second.\n",
    "锅炉.md": "# 锅炉\n\n锅炉的额定压力是十二兆帕，每年检修一次。控制器采用Modbus协议。\n",
}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A home for each file alone, and one for both, by the names of the files."""
    folder = tmp_path_factory.mktemp("tiny")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    made = {}
    for names in (*([name] for name in FILES), list(FILES)):
        home = made["+".join(names)] = folder / f"home-{len(made)}"
        assert run_ragcli(home, "ingest", *(folder / name for name in names)).returncode == 0
    return made


@pytest.mark.parametrize(
    ("file", "question", "fact"),
    [
        ("engine.md", "How fast does the turbine spin?", "9,400"),
        ("engine.md", "turbine", "9,400"),
        ("锅炉.md", "锅炉的压力是多少？", "十二兆帕"),
        ("锅炉.md", "锅炉多久检修一次？", "每年"),
    ],
)
def test_the_only_file_answers_what_it_holds(homes: dict[str, Path], file: str, question: str, fact: str) -> None:
    done = run_inside(homes[file], "ask", question)
    assert done.returncode == 0, done.stderr
    assert fact in done.stdout


@pytest.mark.parametrize("question", ["Who is the president of France?", "红烧肉怎么做？"])
def test_the_only_files_are_not_said_to_answer_anything_else(homes: dict[str, Path], question: str) -> None:
    assert run_inside(homes["+".join(FILES)], "ask", question).returncode == 3


@pytest.mark.parametrize(
    ("file", "words"), [("engine.md", "rotor speed"), ("engine.md", "9400"), ("锅炉.md", "modbus"), ("锅炉.md", "鍋爐")]
)
def test_words_within_others_are_found_and_are_not_said_to_be_missing(
    homes: dict[str, Path], file: str, words: str
) -> None:
    """In the parts of an identifier, in a number that is written otherwise, in the middle of Chinese."""
    done = run_inside(homes["+".join(FILES)], "search", words, "-k", "1")
    assert done.returncode == 0, done.stderr
    assert file in done.stdout
