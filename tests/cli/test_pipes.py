"""`ragcli` in shell scripts: loops, substitutions, closed streams, full disks, and places that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environment, run_inside, run_ragcli
from endpoint import ModelServer
from replies import answer

from ragcli.cli.inputs import checked_question
from ragcli.errors import UsageError

HARDWARE = "How many days do customers have to return hardware ordered in 2026?"
WARRANTY = "国内网关保修几年？"


@pytest.fixture
def shell(tmp_path: Path, sample_home: Path):  # type: ignore[no-untyped-def]
    """Runs a bash script in which `ragcli` is the command; its stdout, stderr and exit code apart."""
    if os.name != "posix":
        pytest.skip("needs bash")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ragcli").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ragcli "$@"\n', encoding="utf-8")
    (folder / "ragcli").chmod(0o700)

    def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        env = clean_environment(sample_home, PATH=path, HARDWARE=HARDWARE, WARRANTY=WARRANTY, **environment)
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", script], env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_loop_over_lines_and_a_substitution_get_their_answers(shell) -> None:  # type: ignore[no-untyped-def]
    """`ask` inside `while read` leaves the loop's input alone."""
    done = shell(
        'printf "%s\\n" "$HARDWARE" "$WARRANTY" > "$HOME/questions"\n'
        'while read -r question; do answer=$(ragcli ask -q "$question" | tee -a "$HOME/answers") || exit; '
        'echo "ANSWER $answer"; done < "$HOME/questions"'
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ANSWER") == 2
    assert "30 days" in done.stdout
    assert "三年" in done.stdout
    assert done.stderr == ""


def test_many_at_once_on_one_collection_all_answer(shell) -> None:  # type: ignore[no-untyped-def]
    done = shell('printf "%s\\n" "$HARDWARE" "$WARRANTY" {1..4} | xargs -P8 -d "\\n" -I{} ragcli ask -q "{} $WARRANTY"')
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("三年") >= 5
    assert done.stderr == ""


def test_closed_streams_are_no_reason_to_fail(shell) -> None:  # type: ignore[no-untyped-def]
    """Nor may a file that is opened take the number of a closed one and get stray words."""
    done = shell(
        'ragcli ask "$WARRANTY" -q <&-; echo " $?"\n'
        'ragcli ask "$WARRANTY" <&- >&- 2>&-; echo "closed $?"\n'
        "ragcli --version >&-; echo version $?\n"
        "ragcli chat <&-; echo chat $?"
    )
    assert "三年" in done.stdout
    assert done.stdout.splitlines()[-4].endswith(" 0")
    assert done.stdout.splitlines()[-3:] == ["closed 0", "version 0", "chat 0"]
    assert done.stderr == ""


def test_a_full_disk_behind_a_redirection_is_one_line(shell) -> None:  # type: ignore[no-untyped-def]
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = shell('ragcli ask "$WARRANTY" --json > /dev/full')
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "cannot write the output: No space left on device" in line
    done = shell('ragcli ask "$WARRANTY" 2> /dev/full')
    assert done.returncode == 0, "a log that is full costs no answer"
    assert "三年" in done.stdout


def test_events_go_through_a_filter_as_they_come(shell, endpoint: ModelServer) -> None:  # type: ignore[no-untyped-def]
    """`--stream-json | filter | head`: the filter has the first tokens while the model still writes, and ends it."""
    endpoint.enqueue(answer("one two" + " more" * 400, delay=0.02))
    done = shell(
        'ragcli ask "$WARRANTY" --stream-json | grep --line-buffered token | head -2', OPENAI_BASE_URL=endpoint.url
    )
    first, second = (json.loads(line)["text"] for line in done.stdout.splitlines())
    assert f"{first}{second} more".startswith("one two")
    assert len(first + second) < 1000, "the model has not come to the end by then"
    assert endpoint.wait_until_idle()


def test_a_home_that_cannot_be_written_answers_and_says_that_nothing_is_stored(
    own_sample_home: Path, tmp_path: Path
) -> None:
    """As it is from a read-only medium, for root, too. What is stored there already can be read."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a file system")
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    assert run_inside(own_sample_home, "ask", "Who approves travel?", "--session", "保修").returncode == 0
    if subprocess.run(["mount", "--bind", own_sample_home, frozen], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", frozen], check=True)
        done = run_ragcli(frozen, "ask", WARRANTY, "--session", "保修")
        listed = run_inside(frozen, "sessions", "list", "--json")
    finally:
        subprocess.run(["umount", "-l", frozen], check=True)
    assert done.returncode == 0
    assert "三年" in done.stdout
    assert f"nothing is stored in {frozen / 'answers.db'}" in done.stderr
    assert "this exchange is not stored" in done.stderr
    assert [(each["name"], each["exchanges"]) for each in json.loads(listed.stdout)] == [("保修", 1)]


def test_a_question_from_a_locale_without_utf_8_is_still_understood() -> None:
    """Such a locale hands the bytes over undecoded."""
    undecoded = WARRANTY.encode().decode("ascii", "surrogateescape")
    assert checked_question(undecoded) == WARRANTY
    with pytest.raises(UsageError, match="UTF-8"):
        checked_question(b"\xff\xfe what?".decode("utf-8", "surrogateescape"))


def test_a_yes_cannot_be_asked_for_without_standard_input(sample_home: Path) -> None:
    done = run_inside(sample_home, "remove", "*.md")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--yes" in done.stderr
