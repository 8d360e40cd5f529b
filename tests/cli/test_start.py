"""Starting up: what `--help` and `--version` load, and how wrong use is answered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from conftest import Run, run_inside

from ragcli.cli.commands import app

HEAVY = ["chromadb", "openai", "httpx2", "numpy", "tantivy", "prompt_toolkit", "kreuzberg", "msgspec", "asyncio"]
PROBE = """
import sys
from ragcli.cli.main import run
code = run(sys.argv[1:])
loaded = [name for name in {heavy!r} if name in sys.modules]
print("LOADED", *loaded, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ask", "--help"], ["chat", "-h"], []])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    """A person who asks for help does not wait for a vector database."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "LOADED"
    assert "ragcli" in done.stdout


def test_help_of_every_command_opens_with_examples(tmp_path: Path) -> None:
    """Examples stand before options, also where commands come in groups."""
    group = typer.main.get_group(app)
    names = [[name, *inner] for name, each in group.commands.items() for inner in _inner(each)]
    assert ["ask"] in names
    assert ["collections", "delete"] in names
    for name in names:
        text = run_inside(tmp_path, *name, "--help").stdout
        examples, found, _ = text.partition("Options:")
        assert found, name
        assert f"ragcli {' '.join(name)}" in examples.partition("\n")[2], name


def _inner(command: object) -> list[list[str]]:
    return [[name] for name in getattr(command, "commands", {})] or [[]]


def test_no_arguments_show_the_help(ragcli: Run) -> None:
    done = ragcli()
    assert done.returncode == 0
    assert "ingest" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ask", "--hepl"], "--hepl"),
        (["aks", "x"], "aks"),
        (["search", "x", "-k", "none"], "-k"),
        (["search", "x", "--mode", "fuzzy"], "fuzzy"),
        (["ingest"], "PATH"),
        (["collections"], "command"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(ragcli: Run, arguments: list[str], named: str) -> None:
    """What was wrong is named, and where to read on."""
    done = ragcli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert named in line
    assert "--help" in line


def test_wrong_use_with_json_prints_a_document_too(ragcli: Run) -> None:
    """A script that reads JSON gets JSON, whatever happens."""
    import json

    done = ragcli("ask", "--json", "--nonsense")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert document["error"]["kind"] == "usage"


def test_global_options_count_behind_the_command_too(ragcli: Run, tmp_path: object) -> None:
    """`ragcli status --home X` and `ragcli --home X status` are the same."""
    before = ragcli("--home", f"{tmp_path}/other", "status")
    behind = ragcli("status", "--home", f"{tmp_path}/other")
    assert (before.returncode, before.stderr) == (behind.returncode, behind.stderr)
    assert before.returncode == 6


def test_what_follows_two_dashes_is_never_an_option() -> None:
    from ragcli.cli.arguments import hoist

    assert hoist(["ask", "-q", "--", "-v", "--debug"]) == ["-q", "ask", "--", "-v", "--debug"]
    assert hoist(["ask", "什么？", "--home", "/a b", "--home=/c"]) == ["--home", "/a b", "--home=/c", "ask", "什么？"]


def test_ctrl_c_while_it_is_loaded_ends_without_a_traceback() -> None:
    program = (
        "import sys, ragcli.__main__ as script\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'ragcli.cli.main': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "script.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
