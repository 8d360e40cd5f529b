"""Taking things out by name and by glob, and what a kill in the middle of it leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environment, run_inside

from ragcli.cli.choose import listing, means, named
from ragcli.errors import UsageError

KILLED_IN = """
import os, signal, sys
from importlib import import_module
module, _, name = sys.argv[1].rpartition(":")
target = import_module(module)
*path, last = name.split(".")
for part in path:
    target = getattr(target, part)
setattr(target, last, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
from ragcli.cli.main import run
run(sys.argv[2:])
"""


def killed_in(home: Path, place: str, *command: str) -> None:
    """Runs a command that is killed where it comes to a function."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_IN, place, *command],
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("name", "path", "meant"),
    [
        ("b.md", "/docs/a/b.md", True),
        ("a/b.md", "/docs/a/b.md", True),
        ("/docs/a", "/docs/a/b.md", True),
        ("a", "/docs/a/b.md", False),
        ("*.md", "/docs/a/b.md", True),
        ("docs/*.md", "/docs/a/b.md", False),
        ("docs/**", "/docs/a/b.md", True),
        ("docs/**/*.md", "/docs/a/c/b.md", True),
        ("手册[12].md", "/docs/手册1.md", True),
        ("手册[12].md", "/docs/手册[12].md", True),
        ("?.md", "/docs/bb.md", False),
    ],
)
def test_a_name_means_a_path_the_end_of_one_a_folder_or_a_glob(name: str, path: str, meant: bool) -> None:
    assert means(name, path) == meant


def test_exact_names_come_before_globs_and_each_is_meant_once() -> None:
    known = ["草稿1", "草稿2", "[a]", "a"]
    assert named(["草稿*", "草稿1"], known, what="session", listed="x") == ["草稿1", "草稿2"]
    assert named(["[a]"], known, what="session", listed="x") == ["[a]"]
    with pytest.raises(UsageError, match="x"):
        named(["b*"], known, what="session", listed="x")
    assert listing(["a"], "session") == "session 'a'"
    assert listing(list("abcde"), "session") == "5 sessions ('a', 'b', 'c', ...)"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the kill is POSIX's")
def test_documents_are_removed_together(own_sample_home: Path) -> None:
    """A kill before the indexes have followed: `list` and `search` agree, and the next command finishes it."""
    home = own_sample_home
    killed_in(home, "ragcli.ingest.index:Indexer.finish", "remove", "returns-policy.md", "中文/**", "--yes")
    listed = {Path(row["path"]).name for row in json.loads(run_inside(home, "list", "--json").stdout)}
    found = json.loads(run_inside(home, "search", "return hardware 30 days", "--json").stdout)["hits"]
    assert not listed & {"returns-policy.md", "产品说明书.pdf"}
    assert "returns-policy.md" not in {Path(hit["path"]).name for hit in found}
    assert run_inside(home, "remove", "faq.html", "--yes").returncode == 0
    assert run_inside(home, "doctor").returncode == 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the kill is POSIX's")
def test_a_collection_is_there_or_gone(own_sample_home: Path) -> None:
    """What a cut-off deletion leaves is no collection, and `doctor --fix` clears it away."""
    home = own_sample_home
    killed_in(home, "shutil:rmtree", "collections", "delete", "default", "--yes")
    assert run_inside(home, "collections", "list", "--json").stdout.strip() == "[]"
    assert run_inside(home, "ask", "warranty?").returncode == 6
    assert list((home / "collections").iterdir())
    assert run_inside(home, "doctor", "--fix").returncode == 0
    assert not list((home / "collections").iterdir())
