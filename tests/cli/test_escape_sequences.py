"""Nothing that a document, a file name, a model or an endpoint says ever steers the terminal or a pipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import run_inside, run_ragcli
from endpoint import ModelServer
from replies import answer, refusal

EVIL = "\x1b]0;pwned\x07"
TEXT = f"# Launch {EVIL} plan\n\nThe launch \x1b[5mdate\x1b[0m is Friday.\n发射\x1b[2J日期是星期五。\n"


@pytest.fixture(scope="module")
def evil_docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evil")
    (folder / "ev\x1b[31mil.md").write_text(TEXT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def evil_home(evil_docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For tests that only read it, or write it as it is."""
    home = tmp_path_factory.mktemp("evil-home") / "home"
    assert run_ragcli(home, "ingest", evil_docs).returncode == 0
    return home


@pytest.mark.parametrize(
    "command",
    [
        ["ask", "When is the launch date?"],
        ["ask", "发射日期是哪天？"],
        ["search", "launch date", "--explain"],
        ["show", "--all"],
        ["list"],
        ["status"],
        ["ingest", "--force"],
    ],
)
def test_nothing_from_a_document_or_its_name_steers_the_terminal(
    evil_home: Path, evil_docs: Path, command: list[str]
) -> None:
    if command[0] == "ingest":
        command = [*command, str(evil_docs)]
    done = run_inside(evil_home, *command)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "pwned" not in done.stdout + done.stderr
    if command[0] == "ask":
        assert "Friday" in done.stdout or "星期五" in done.stdout


def test_the_words_around_a_sequence_are_found_and_lines_stay_those_of_the_file(evil_home: Path) -> None:
    found = json.loads(run_inside(evil_home, "search", "launch date", "--json").stdout)
    assert "launch date is Friday" in found["hits"][0]["text"]
    assert found["hits"][0]["lines"] == [1, 4]


def test_nothing_from_a_model_or_an_endpoint_steers_the_terminal(evil_home: Path, endpoint: ModelServer) -> None:
    """Also where a sequence is split over two tokens."""
    env = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "k"}
    endpoint.enqueue(answer("", tokens=("It is \x1b", "]0;pwned", "\x07Friday", "\x1b[31m [1].")))
    done = run_inside(evil_home, "ask", "When is the launch date?", env=env)
    assert done.stdout.strip() == "It is Friday [1]."
    assert "\x1b" not in done.stderr
    endpoint.enqueue(refusal(401, message="wrong \x1b[31mkey\x1b[0m"))
    done = run_inside(evil_home, "ask", "When is the launch date?", "--no-cache", env=env)
    assert done.returncode == 4
    assert "\x1b" not in done.stdout + done.stderr
