"""ragcli as a library: the README's example as it stands, and what importing the package costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, clean_environment

import ragcli

HEAVY = ("asyncio", "msgspec", "numpy", "httpx2", "chromadb", "tantivy", "typer")


def example() -> str:
    [code] = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def test_the_example_of_the_readme_works_when_pasted(sample_home: Path) -> None:
    """On the sample documents; the package that it imports from has loaded nothing by itself."""
    assert sum(bool(line) for line in example().splitlines()) <= 12
    check = f"import sys, ragcli; assert not set({HEAVY!r}) & set(sys.modules), sys.modules\n"
    done = subprocess.run(
        [sys.executable, "-c", check + example()],
        env=clean_environment(sample_home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "days" in done.stdout
    assert set(re.findall(r"\[(\d+)\]", done.stdout)) <= {"1", "2"}


def test_every_public_name_is_there_and_documented() -> None:
    for name in ragcli.__all__:
        value = getattr(ragcli, name)
        assert value.__doc__ or not isinstance(value, type), name
    assert set(ragcli.__all__) <= set(dir(ragcli))
    with pytest.raises(AttributeError, match="no attribute 'Pik'"):
        ragcli.Pik  # noqa: B018


async def test_a_program_may_choose_home_and_settings(tmp_path: Path) -> None:
    """What is given goes before the environment; a wrong setting is named as it is on the command line."""
    environ = {"RAGCLI_HOME": "/nowhere", "RAGCLI_CONFIG": str(tmp_path / "c.toml"), "RAGCLI_CHAT_MODEL": "a"}
    (tmp_path / "c.toml").write_text("[retrieve]\ntop_k = 7\n", encoding="utf-8")
    workspace = ragcli.open_workspace(tmp_path, settings={"chat.model": "b"}, environ=environ)
    assert workspace.path == tmp_path
    assert (workspace.settings.chat.model, workspace.settings.retrieve.top_k) == ("b", 7)
    with pytest.raises(ragcli.RagcliError, match=r"chat\.timeout"):
        ragcli.open_workspace(tmp_path, settings={"chat.timeout": -1}, environ={})
