"""The front doors of every test: the command line in a subprocess, a home of its own, a real endpoint."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLE_DOCS = REPOSITORY / "sample_docs"
sys.path.insert(0, str(Path(__file__).parent))

from endpoint import endpoint  # noqa: E402 - tests/ is on the path since the line above
from redis_server import open_link, own_redis, prefix, shared_redis  # noqa: E402
from warm_chroma import Nursery  # noqa: E402

__all__ = ["endpoint", "open_link", "own_redis", "prefix", "shared_redis"]

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", settings.get_profile("suite"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

if TYPE_CHECKING:
    from chat.desk import Desk

SHARED = "sample"
"""Folder of the home that tests share."""
Run = Callable[..., subprocess.CompletedProcess[str]]


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """The environment of a user who has set nothing: no keys, no settings, a home folder of the test's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "RAGCLI_", "XDG_")) and name not in {"NO_COLOR", "FORCE_COLOR", "TERM"}
    }
    if home.parent.name.startswith(SHARED):
        kept["RAGCLI_CACHE_ENABLED"] = "false"  # what one test was answered is not given to another
    return kept | {"HOME": str(home.parent), "RAGCLI_HOME": str(home)} | extra


def run_ragcli(
    home: Path, *args: str | Path, input: str | bytes = "", env: Mapping[str, str] | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """`ragcli ARGS` in a subprocess; stdout and stderr apart, decoded as UTF-8."""
    done = subprocess.run(
        [sys.executable, "-m", "ragcli", *map(str, args)],
        input=input.encode() if isinstance(input, str) else input,
        capture_output=True,
        env=clean_environment(home, **(env or {})),
        timeout=timeout,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def run_inside(home: Path, *args: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own, ten times as fast; standard input is empty.

    For variants of what a subprocess has shown once.
    """
    from ragcli.cli.main import run

    arguments = list(map(str, args))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        patch.dict(os.environ, clean_environment(home, **(env or {})), clear=True),
        patch.object(sys, "stdin", None),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(arguments)
    shown, told = (stream.buffer.getvalue().decode() for stream in (out, err) if not stream.flush())  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, code, shown, told)


@pytest.fixture(scope="session", autouse=True)
def warm_chroma() -> Iterator[None]:
    """What is indexed within this process does not start Chroma's process anew each time."""
    if sys.platform != "linux":
        yield
        return
    from ragcli.store import chroma

    nursery = Nursery()
    with patch.object(chroma, "subprocess", nursery.standing_in()):
        yield
    nursery.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def ragcli(home: Path) -> Run:
    """`ragcli("ask", "question", input=..., env=...)` on a home of its own."""

    def run(*args: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        return run_ragcli(home, *args, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which sample_docs/ is indexed; for tests that only read it."""
    home = tmp_path_factory.mktemp(SHARED) / "home"
    done = run_ragcli(home, "ingest", SAMPLE_DOCS, "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def own_sample_home(sample_home: Path, home: Path) -> Path:
    """A copy of the indexed sample_docs/ that the test may change, without the answers of other tests."""
    shutil.copytree(sample_home, home, ignore=shutil.ignore_patterns("answers.db*"))
    return home


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Where a chat is held through a pipe."""
    from chat.desk import open_desk

    with open_desk(tmp_path) as desk:
        yield desk
