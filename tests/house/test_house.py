"""The house rules that a machine can check: layers, generated documentation, what a wheel brings."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

import ragcli

MODULES = sorted((REPOSITORY / "ragcli").rglob("*.py"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_imports_follow_the_layers() -> None:
    """Each layer imports only from layers below it, and the core knows no vendor SDK."""
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_the_generated_parts_of_the_readme_are_fresh() -> None:
    done = run(sys.executable, "tests/docs/generate.py", "--check")
    assert done.returncode == 0, done.stderr


def test_two_lines_open_the_readme_and_the_package() -> None:
    """The whole design in two lines, the same in both places."""
    lines = [line.strip() for line in (ragcli.__doc__ or "").splitlines() if "->" in line]
    assert len(lines) == 2
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert all(line in readme for line in lines)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_module_says_why_it_exists(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))


def test_no_module_imports_what_only_one_system_has() -> None:
    """Windows has neither of these; a module that needs one imports it where it is used."""
    for module in MODULES:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
        assert not imported & {"fcntl", "resource", "termios", "tty", "pwd", "grp", "msvcrt", "winreg"}, module


def test_the_manual_page_has_every_command_and_is_sound_troff(tmp_path: Path) -> None:
    page = tmp_path / "ragcli.1"
    done = run(sys.executable, "tests/docs/man.py", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    for heading in (".SS ragcli ask", ".SS ragcli collections delete", ".SH EXIT STATUS", "OPENAI_API_KEY"):
        assert heading in text
    if shutil.which("groff"):
        checked = run("groff", "-k", "-man", "-Tutf8", "-ww", "-z", str(page))
        assert (checked.returncode, checked.stderr) == (0, "")


def test_every_target_of_make_is_listed_by_help() -> None:
    shown = run("make", "help").stdout
    for target in ("demo", "test", "lint", "types", "bench", "docs", "fuzz", "man", "wheel-smoke"):
        assert f"make {target} " in shown
