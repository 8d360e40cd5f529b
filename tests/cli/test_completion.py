"""Tab in bash, zsh and fish offers what there is: commands, collections, sessions, documents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SAMPLE_DOCS, clean_environment, run_inside

from ragcli.cli import completion
from ragcli.cli.shapes import SHAPES

NOT_LOADED = ["chromadb", "httpx2", "numpy", "tantivy", "rich", "asyncio", "prompt_toolkit", "kreuzberg"]


def offered(home: Path, line: str, shell: str = "bash", **environment: str) -> list[str]:
    """What the shell is told for a line that ends where Tab was pressed."""
    words = line.split(" ")
    env = {
        "_RAGCLI_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    return run_inside(home, env=env | environment).stdout.splitlines()


@pytest.fixture(scope="module")
def lived_in(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two collections and a session."""
    home = tmp_path_factory.mktemp("lived-in") / "home"
    shutil.copytree(sample_home, home)
    file = tmp_path_factory.mktemp("docs") / "锅炉.md"
    file.write_text("锅炉每分钟九千四百转。", encoding="utf-8")
    assert run_inside(home, "ingest", file, "-c", "设备").returncode == 0
    assert run_inside(home, "ask", "锅炉转速？", "-c", "设备", "--session", "boiler").returncode == 0
    return home


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_collections_are_offered_in_every_shell(lived_in: Path, shell: str) -> None:
    told = "\n".join(offered(lived_in, "ragcli ask -c ", shell))
    assert "default" in told
    assert "设备" in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ragcli col", ["collections"]),
        ("ragcli status --collection 设", ["设备"]),
        ("ragcli collections delete d", ["default"]),
        ("ragcli chat --session b", ["boiler"]),
        ("ragcli sessions show ", ["boiler"]),
        ("ragcli sessions delete x", [""]),
        ("ragcli show ret", ["returns-policy.md"]),
        ("ragcli remove -c 设备 锅", ["锅炉.md"]),
        ("ragcli search q --mode k", ["keyword"]),
        ("ragcli schema s", [name for name in SHAPES if name.startswith("s")]),
        ("ragcli --home /no/such/place status -c ", [""]),
    ],
)
def test_what_was_begun_is_completed_from_what_is_stored(lived_in: Path, line: str, expected: list[str]) -> None:
    assert sorted(offered(lived_in, line)) == sorted(expected)


def test_a_begun_folder_is_completed_to_the_paths_of_documents(lived_in: Path) -> None:
    assert offered(lived_in, f"ragcli list {SAMPLE_DOCS}/returns") == [str(SAMPLE_DOCS / "returns-policy.md")]


def test_a_name_that_would_steer_the_terminal_is_not_offered_and_trouble_is_silent() -> None:
    assert completion.offered(lambda: ["ev\x1b[31mil", "evening", "晚上"], "ev") == ["evening"]
    assert completion.offered(lambda: [str(1 // 0)], "") == []


def test_fish_is_told_where_files_are_to_be_offered(lived_in: Path) -> None:
    """By the exit code: 0 has our words, 1 its own."""
    env = {"_RAGCLI_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    for line, code in (("ragcli ask -c ", 0), ("ragcli ingest ", 1)):
        assert run_inside(lived_in, env=env | {"_TYPER_COMPLETE_ARGS": line}).returncode == code


def test_nothing_slow_is_loaded_for_a_key_press(lived_in: Path) -> None:
    program = (
        f"import sys\nfrom ragcli.cli.main import run\nrun([])\nprint([n for n in {NOT_LOADED} if n in sys.modules])"
    )
    env = {"_RAGCLI_COMPLETE": "complete_bash", "COMP_WORDS": "ragcli show ret", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(lived_in, **env),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["returns-policy.md", "[]"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_names_the_command(tmp_path: Path, shell: str) -> None:
    done = run_inside(tmp_path, env={"_RAGCLI_COMPLETE": f"source_{shell}"})
    assert "_RAGCLI_COMPLETE=complete_" + shell in done.stdout
