"""`ragcli ask --batch`: many questions, a line each, and none asked twice however the run ended."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import clean_environment, run_inside
from endpoint import ModelServer
from replies import answer, refusal

from ragcli.cli import shapes
from ragcli.cli.batch import Question, Result, in_turn
from ragcli.cli.schema import schema

HARDWARE = "How many days do customers have to return hardware ordered in 2026?"
WARRANTY = "国内网关保修几年？"
NOWHERE = "Who won the football world cup in 1998?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "questions.jsonl"


def online(endpoint: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": endpoint.url, "RAGCLI_CHAT_MAX_RETRIES": "0", "RAGCLI_CHAT_REQUESTS_PER_SECOND": "1000"}


def lines(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n") or not text
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        jsonschema.validate(line, schema("batch"))
    return found


def asked(endpoint: ModelServer) -> list[str]:
    return [request.body["messages"][-1]["content"] for request in endpoint.history]


def test_each_line_is_answered_in_order_and_one_that_fails_stops_no_other(sample_home: Path, file: Path) -> None:
    """JSON and plain lines, English and Chinese, offline; a line is known by its id, else by its number."""
    content = [json.dumps({"id": "退货", "question": HARDWARE}), WARRANTY, "", '{"question": 5}', NOWHERE]
    file.write_text("\n".join(content), encoding="utf-8")
    done = run_inside(sample_home, "ask", "--batch", file, "--concurrency", "3")
    found = lines(done.stdout)
    assert [line["id"] for line in found] == ["退货", 2, 4, 5]
    assert "30 days" in found[0]["answer"]
    assert "三年" in found[1]["answer"]
    assert [line["error"]["kind"] for line in found[2:]] == ["usage", "nothing_relevant"]
    assert done.returncode == 5
    [told] = done.stderr.splitlines()
    assert "2 of 4" in told


def test_several_are_answered_at_once_and_each_has_its_line(
    sample_home: Path, file: Path, endpoint: ModelServer
) -> None:
    for option in ([], ["--as-completed"]):
        file.write_text("\n".join(f"{HARDWARE} {n} {option}" for n in range(3)), encoding="utf-8")
        endpoint.enqueue(answer("Slow [1].", company=2), answer("Quick [1]."), answer("Quick [1]."))
        done = run_inside(sample_home, "ask", "--batch", file, "--no-cache", *option, env=online(endpoint))
        assert done.returncode == 0, done.stderr
        found = lines(done.stdout)
        assert sorted(line["answer"] for line in found) == ["Quick [1].", "Quick [1].", "Slow [1]."]
        assert sorted(line["id"] for line in found) == [1, 2, 3]
        assert option or [line["id"] for line in found] == [1, 2, 3]
    assert endpoint.most_at_once > 1


@pytest.mark.parametrize(("as_completed", "expected"), [(False, [1, 2, 3]), (True, [2, 3, 1])])
async def test_a_slow_answer_holds_up_the_others_in_order_alone(as_completed: bool, expected: list[int]) -> None:
    others_are_done = asyncio.Event()

    async def ask(question: Question) -> Result:
        if question.id == 1:
            await others_are_done.wait()
        elif question.id == 3 and not as_completed:
            others_are_done.set()
        error = shapes.Error(kind="usage", message="")
        return Result(shapes.Unread(id=question.id, question=question.text, error=error), None)

    questions = [Question(number, HARDWARE) for number in (1, 2, 3)]
    found = []
    async for result in in_turn(questions, ask, 2 if as_completed else 3, as_completed=as_completed):
        assert result
        found.append(result.line.id)
        if result.line.id == 3:
            others_are_done.set()
    assert found == expected


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_cut_off_is_gone_on_with(
    sample_home: Path, file: Path, endpoint: ModelServer, tmp_path: Path, ending: signal.Signals
) -> None:
    """What is done stays and is not asked again; a line that was cut off is."""
    questions = [f"{HARDWARE} ({name})" for name in ("a", "二", "c")]
    file.write_text("\n".join(questions), encoding="utf-8")
    out = tmp_path / "answers.jsonl"
    endpoint.enqueue(answer("One [1]."), answer("Two [1]."), answer("Three never ends", hang_after=2))
    command = ["ask", "--batch", file, "--out", out, "--concurrency", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ragcli", *map(str, command)],
        env=clean_environment(sample_home, **online(endpoint)),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while len(endpoint.requests()) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(ending)
    _, told = process.communicate(timeout=240)
    assert process.returncode == (130 if ending == signal.SIGINT else -ending)
    assert [line["answer"] for line in lines(out.read_text(encoding="utf-8"))] == ["One [1].", "Two [1]."]
    if ending == signal.SIGINT:
        assert b"2 of 3" in told

    with out.open("a", encoding="utf-8") as stream:
        stream.write('{"schema":1,"question":"' + questions[2])
    endpoint.history.clear()
    endpoint.enqueue(answer("Three [1]."))
    done = run_inside(sample_home, *command, env=online(endpoint))
    assert done.returncode == 0, done.stderr
    assert [line["answer"] for line in lines(out.read_text(encoding="utf-8"))] == ["One [1].", "Two [1].", "Three [1]."]
    assert [questions[2] in prompt for prompt in asked(endpoint)] == [True]
    assert done.stdout == ""
    assert "2 were there" in done.stderr


def test_what_failed_is_asked_again_and_what_was_answered_is_not(
    sample_home: Path, file: Path, endpoint: ModelServer, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    file.write_text(f"{HARDWARE}\n{WARRANTY}", encoding="utf-8")
    endpoint.enqueue(refusal(503), answer("三年 [1]。"), answer("30 days [1]."))
    command = ["ask", "--batch", file, "--out", out, "--concurrency", "1"]
    assert run_inside(sample_home, *command, env=online(endpoint)).returncode == 5
    assert [("error" in line) for line in lines(out.read_text(encoding="utf-8"))] == [True, False]
    assert run_inside(sample_home, *command, env=online(endpoint)).returncode == 0
    assert [line["id"] for line in lines(out.read_text(encoding="utf-8"))] == [2, 1]
    assert len(endpoint.history) == 3


def test_a_key_that_is_wrong_is_tried_once(sample_home: Path, file: Path, endpoint: ModelServer) -> None:
    """A thousand questions would all be refused alike."""
    file.write_text("\n".join(f"{HARDWARE} {n}" for n in range(5)), encoding="utf-8")
    endpoint.enqueue(*[refusal(401)] * 5)
    done = run_inside(sample_home, "ask", "--batch", file, "--concurrency", "1", env=online(endpoint))
    assert done.returncode == 4
    assert [line["error"]["kind"] for line in lines(done.stdout)] == ["auth"]
    assert len(endpoint.history) <= 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--batch", "none.jsonl"], "none.jsonl"),
        (["what?", "--batch", "{file}"], "QUESTION"),
        (["--batch", "{file}", "--session", "a"], "--session"),
        (["what?", "--out", "{file}"], "batch"),
        (["--batch", "{file}", "--out", "{file}"], "line 1"),
        (["--batch", "{file}", "--out", "/no/such/folder/out"], "--out"),
    ],
)
def test_wrong_use_harms_no_file(sample_home: Path, file: Path, arguments: list[str], named: str) -> None:
    file.write_text(WARRANTY + "\n", encoding="utf-8")
    done = run_inside(sample_home, "ask", *(argument.format(file=file) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert file.read_text(encoding="utf-8") == WARRANTY + "\n"
