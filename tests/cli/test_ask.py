"""`ragcli ask` as a script uses it: stdout, stderr and the exit code apart, offline and through an endpoint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, clean_environment, run_inside, run_ragcli
from endpoint import ModelServer
from replies import answer, refusal

Done = subprocess.CompletedProcess[str]
QUESTIONS = [
    ("How many days do customers have to return hardware ordered in 2026?", "30 days", "returns-policy.md"),
    ("国内网关保修几年？", "三年", "产品说明书.pdf"),
]


def ask(home: Path, *args: str, input: str | bytes = "", env: dict[str, str] | None = None) -> Done:
    """In a process of its own only where something is piped into it: test_pipes.py has the rest of the front door."""
    if input or not args:
        return run_ragcli(home, "ask", *args, input=input, env=env)
    return run_inside(home, "ask", *args, env=env)


def online(endpoint: ModelServer, **more: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-test", **more}


@pytest.mark.parametrize(("question", "fact", "file"), QUESTIONS)
def test_the_answer_goes_to_stdout_and_its_sources_to_stderr(
    sample_home: Path, question: str, fact: str, file: str
) -> None:
    """Offline, without any setting, in English and Chinese."""
    done = ask(sample_home, question)
    assert done.returncode == 0
    assert fact in done.stdout
    assert "[1]" in done.stdout
    assert file in done.stderr
    assert "xtractive" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(("question", "fact", "file"), QUESTIONS)
def test_json_is_one_document_with_all_that_the_contract_names(
    sample_home: Path, question: str, fact: str, file: str
) -> None:
    done = ask(sample_home, question, "--json", "--no-cache")
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert document["question"] == question
    assert fact in document["answer"]
    assert document["finish"] == "stop"
    assert document["grounded"] is True
    assert document["provider"] == document["model"] == "extractive"
    assert set(document["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens", "estimated"}
    assert document["cache"] == "miss"
    assert document["timings"]["total_ms"] >= document["timings"]["first_token_ms"] >= 0
    first = document["sources"][0]
    assert set(first) == {"n", "path", "title", "format", "page", "lines", "heading", "score", "text", "cited"}
    assert any(source["path"].endswith(file) and source["cited"] for source in document["sources"])
    assert {citation["verdict"] for citation in document["citations"]} == {"supported"}
    assert done.stderr == ""


def test_stream_json_ends_with_the_document_and_its_tokens_make_the_answer(sample_home: Path) -> None:
    done = ask(sample_home, QUESTIONS[0][0], "--stream-json", "--no-cache")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "sources"
    assert kinds[-1] == "done"
    assert "".join(event["text"] for event in events if event["event"] == "token") == events[-1]["answer"]


def test_a_model_answers_from_the_same_sources(sample_home: Path, endpoint: ModelServer) -> None:
    """What the endpoint streams is the answer; what it is sent holds the passages, numbered."""
    endpoint.enqueue(answer("Hardware can be returned within 30 days of delivery [1]."))
    done = ask(sample_home, QUESTIONS[0][0], "--json", "--model", "qwen3", env=online(endpoint))
    document = json.loads(done.stdout)
    assert document["answer"] == "Hardware can be returned within 30 days of delivery [1]."
    assert (document["provider"], document["model"]) == ("openai", "qwen3")
    assert document["citations"][0]["verdict"] == "supported"
    [request] = endpoint.history
    assert request.body["model"] == "qwen3"
    prompt = json.dumps(request.body["messages"], ensure_ascii=False)
    assert document["sources"][0]["text"][:40] in json.loads(json.dumps(request.body["messages"][-1]["content"])) or (
        "30 days" in prompt
    )


def test_a_citation_that_its_source_does_not_bear_out_is_marked(sample_home: Path, endpoint: ModelServer) -> None:
    endpoint.enqueue(answer("Hardware can be returned within 47 days of delivery [1]. It is free [7]."))
    document = json.loads(ask(sample_home, QUESTIONS[0][0], "--json", env=online(endpoint)).stdout)
    assert [citation["verdict"] for citation in document["citations"]] == ["unsupported", "unknown_source"]
    assert document["grounded"] is False


def test_a_rate_limit_is_waited_for_and_told_on_stderr(sample_home: Path, endpoint: ModelServer) -> None:
    endpoint.enqueue(refusal(429, retry_after="0"), answer("Thirty days [1]."))
    done = ask(sample_home, QUESTIONS[0][0], env=online(endpoint))
    assert done.returncode == 0
    assert done.stdout.strip() == "Thirty days [1]."
    assert "retry 1 of 3" in done.stderr


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (503, "server_error"), (429, "rate_limited")])
def test_an_endpoint_that_fails_for_good_is_exit_code_4(
    sample_home: Path, endpoint: ModelServer, status: int, kind: str
) -> None:
    """One line, the right kind, no key in it."""
    endpoint.enqueue(*[refusal(status)] * 2)
    env = online(endpoint, RAGCLI_CHAT_MAX_RETRIES="1" if status != 401 else "3")
    done = ask(sample_home, QUESTIONS[0][0], "--json", env=env)
    assert done.returncode == 4
    document = json.loads(done.stdout)
    assert document["error"]["kind"] == kind
    assert document["finish"] == "error"
    assert document["sources"]
    assert len(done.stderr.strip().splitlines()) <= 1
    assert "sk-test" not in done.stdout + done.stderr
    assert len(endpoint.history) == (1 if status == 401 else 2)


def test_an_endpoint_that_is_not_there_is_exit_code_4(sample_home: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "RAGCLI_CHAT_MAX_RETRIES": "0"}
    done = ask(sample_home, QUESTIONS[1][0], env=env)
    assert done.returncode == 4
    assert done.stdout.strip() == ""
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("question", ["Who won the football world cup in 1998?", "谁是法国的总统？"])
def test_a_question_that_the_folder_does_not_speak_of_is_exit_code_3(sample_home: Path, question: str) -> None:
    done = ask(sample_home, question)
    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "piped", "code", "named"),
    [
        ([""], "", 2, "empty"),
        (["   "], "", 2, "empty"),
        ([], "", 2, "empty"),
        (["x" * 100_000], "", 2, "100,000"),
        (["问" * 40_000], "", 2, "40,000"),
        (["-"], b"\x00\x01\x02\x80\xff" * 100, 2, "binary"),
        (["what is this?"], b"\x00\x01\x02\x80\xff" * 100, 2, "binary"),
        (["what?", "-c", "没有这个"], "", 6, "没有这个"),
        (["what?", "--session", ""], "", 2, "session"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    sample_home: Path, arguments: list[str], piped: str | bytes, code: int, named: str
) -> None:
    done = ask(sample_home, *arguments, input=piped)
    assert done.returncode == code
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert named in line


def test_no_index_yet_is_exit_code_6_and_says_how_to_make_one(home: Path) -> None:
    done = ask(home, "what?", "--json")
    assert done.returncode == 6
    assert json.loads(done.stdout)["error"]["kind"] == "index_missing"
    assert "ragcli ingest" in done.stderr


def test_the_question_may_come_from_a_pipe(sample_home: Path) -> None:
    for arguments in ([], ["-"]):
        done = ask(sample_home, *arguments, input=QUESTIONS[0][0])
        assert done.returncode == 0
        assert "30 days" in done.stdout


def test_text_piped_in_beside_a_question_is_a_source(sample_home: Path) -> None:
    """`git diff | ragcli ask ...`, also in a legacy encoding."""
    note = "会议纪要：潮雀三号仓库的钥匙由周梅保管，备用钥匙放在前台。"
    done = ask(sample_home, "三号仓库的钥匙由谁保管？", "--json", input=note.encode("gb18030"))
    document = json.loads(done.stdout)
    assert "周梅" in document["answer"]
    assert document["sources"][0]["path"] == "<stdin>"


def test_a_closed_pipe_ends_the_run_quietly(sample_home: Path) -> None:
    command = f"'{sys.executable}' -m ragcli ask '{QUESTIONS[0][0]}' --stream-json -q --no-cache | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=clean_environment(sample_home), capture_output=True, check=False
    )
    assert json.loads(done.stdout)["event"] == "sources"
    assert done.stderr == b""
    assert done.returncode == 0


def test_the_first_token_reaches_a_pipe_while_the_model_still_writes(sample_home: Path, endpoint: ModelServer) -> None:
    """Nobody waits for a whole answer: the stream hangs after three tokens and these are there."""
    endpoint.enqueue(answer("one two three four five", hang_after=3))
    process = subprocess.Popen(
        [sys.executable, "-m", "ragcli", "ask", QUESTIONS[0][0]],
        env=clean_environment(sample_home, **online(endpoint)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    came = b""
    while b"three" not in came:
        piece = os.read(process.stdout.fileno(), 100)
        assert piece, process.communicate()
        came += piece
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert (came + rest).decode().split() == ["one", "two", "three"]


def test_ctrl_c_keeps_what_came_and_json_says_interrupted(sample_home: Path, endpoint: ModelServer) -> None:
    endpoint.enqueue(answer("one two three four five", hang_after=3))
    process = subprocess.Popen(
        [sys.executable, "-m", "ragcli", "ask", QUESTIONS[0][0], "--stream-json"],
        env=clean_environment(sample_home, **online(endpoint)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"three"' in line or "three" in json.loads(line).get("text", ""):
            process.send_signal(signal.SIGINT)
            break
    rest, err = process.communicate(timeout=240)
    last = json.loads(rest.splitlines()[-1])
    assert (last["event"], last["finish"]) == ("done", "interrupted")
    assert last["answer"].split() == ["one", "two", "three"]
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_session_remembers_and_a_follow_up_is_understood(own_sample_home: Path) -> None:
    first = ask(own_sample_home, "How many characters must a password have?", "--session", "密码")
    assert "14" in first.stdout
    second = ask(own_sample_home, "And how often must it be changed?", "--session", "密码", "--json")
    assert json.loads(second.stdout)["session"] == "密码"
    stored = run_ragcli(own_sample_home, "sessions", "show", "密码", "--json")
    assert len(json.loads(stored.stdout)["exchanges"]) == 2
    assert json.loads(run_ragcli(own_sample_home, "sessions", "list", "--json").stdout)[0]["name"] == "密码"
    exported = run_ragcli(own_sample_home, "sessions", "export", "密码").stdout
    assert exported.startswith("# 密码\n")
    assert "## How many characters must a password have?" in exported
    assert run_ragcli(own_sample_home, "sessions", "delete", "密码", "--yes").returncode == 0
    assert run_ragcli(own_sample_home, "sessions", "show", "密码").returncode == 2


def test_a_home_that_cannot_be_written_still_answers(own_sample_home: Path) -> None:
    """A read-only mount answers as any other place; nothing is stored."""
    if os.name == "posix" and os.geteuid() == 0:
        pytest.skip("root may write everywhere, whatever the modes say")
    for path in [own_sample_home, *own_sample_home.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        done = ask(own_sample_home, QUESTIONS[0][0])
    finally:
        for path in [own_sample_home, *own_sample_home.rglob("*")]:
            path.chmod(0o700)
    assert done.returncode == 0
    assert "30 days" in done.stdout


def test_it_works_without_home_term_and_locale(sample_home: Path) -> None:
    """As cron starts it: next to nothing in the environment."""
    env = {"RAGCLI_HOME": str(sample_home), "PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "ragcli", "ask", QUESTIONS[1][0]],
        env=env,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert "三年" in done.stdout.decode()
