"""The sample folder is what the README promises, and the command line answers questions about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import SAMPLE_DOCS, run_ragcli

QUESTIONS = [
    json.loads(line) for line in (Path(__file__).parent / "questions.jsonl").read_text("utf-8").splitlines() if line
]
IN_SCOPE = [question for question in QUESTIONS if question["expect"]]
OUT_OF_SCOPE = [question for question in QUESTIONS if not question["expect"]]


def sample_files() -> list[Path]:
    return sorted(path for path in SAMPLE_DOCS.rglob("*") if path.is_file())


def squeezed(text: str) -> str:
    """Text without white space: a PDF breaks its lines anywhere."""
    return "".join(text.split())


def expected(path: str, suffixes: list[str]) -> bool:
    return any(Path(path).as_posix().endswith("/" + suffix) for suffix in suffixes)


def test_the_folder_is_small_and_holds_every_kind_of_file() -> None:
    """12 to 20 files, under 1 MB, one folder deep, eight formats, Chinese names among them."""
    files = sample_files()
    assert 12 <= len(files) <= 20
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert {path.suffix for path in files} == {".md", ".txt", ".html", ".pdf", ".docx", ".xlsx", ".csv"}
    assert {len(path.relative_to(SAMPLE_DOCS).parts) for path in files} == {1, 2}
    assert any(not path.name.isascii() for path in files)


def test_one_text_is_in_gb18030() -> None:
    """A legacy encoding is part of the demo: not UTF-8, and sensible Chinese when read as GB18030."""
    raw = (SAMPLE_DOCS / "中文" / "考勤与休假制度.txt").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    assert "住宿标准" in raw.decode("gb18030")


def test_the_questions_are_in_both_languages() -> None:
    chinese = [question for question in IN_SCOPE if not question["question"].isascii()]
    assert len(IN_SCOPE) >= 30
    assert len(OUT_OF_SCOPE) >= 8
    assert 0.4 <= len(chinese) / len(IN_SCOPE) <= 0.6
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)


@pytest.fixture(scope="module")
def texts(sample_home: Path) -> dict[str, str]:
    """What was read from each file, by its path."""
    done = run_ragcli(sample_home, "show", "--all", "--json")
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    return {document["path"]: " ".join(chunk["text"] for chunk in document["chunks"]) for document in documents}


def test_every_file_is_read(texts: dict[str, str]) -> None:
    assert sorted(texts) == [str(path) for path in sample_files()]


@pytest.mark.parametrize("question", IN_SCOPE, ids=lambda question: question["id"])
def test_every_answer_stands_in_its_file(question: dict[str, list[str]], texts: dict[str, str]) -> None:
    for suffix in question["expect"]:
        [text] = [text for path, text in texts.items() if expected(path, [suffix])]
        assert all(squeezed(answer) in squeezed(text) for answer in question["answers"]), suffix


@pytest.fixture(scope="module")
def rankings(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The paths found for each question, best first."""
    queries = tmp_path_factory.mktemp("queries") / "queries.jsonl"
    lines = [json.dumps({"id": question["id"], "text": question["question"]}) for question in IN_SCOPE]
    queries.write_text("\n".join(lines), "utf-8")
    done = run_ragcli(sample_home, "search", "--queries", queries, "-k", "3")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [question["id"] for question in IN_SCOPE]
    return {answer["id"]: [hit["path"] for hit in answer["hits"]] for answer in answers}


@pytest.mark.parametrize("question", IN_SCOPE, ids=lambda question: question["id"])
def test_the_right_file_is_among_the_first_three(question: dict[str, str], rankings: dict[str, list[str]]) -> None:
    found = rankings[question["id"]]
    assert any(expected(path, list(question["expect"])) for path in found), found


@pytest.fixture(scope="module")
def replies(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `ragcli ask` answers to each question, offline, in one batch."""
    batch = tmp_path_factory.mktemp("batch") / "questions.jsonl"
    batch.write_text(
        "\n".join(json.dumps({key: question[key] for key in ("id", "question")}) for question in QUESTIONS)
    )
    done = run_ragcli(sample_home, "ask", "--batch", batch, "--no-cache")
    assert done.returncode == 5, done.stderr  # those about something else have no answer
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [question["id"] for question in QUESTIONS]
    return {answer["id"]: answer for answer in answers}


def failure(reply: dict[str, Any]) -> str:
    return str(reply["error"]["kind"]) if "error" in reply else ""


def test_offline_answers_say_what_the_documents_say(replies: dict[str, dict[str, Any]]) -> None:
    """Nine of ten extractive answers hold the words that answer the question, in either language."""
    wrong = [
        question["id"]
        for question in IN_SCOPE
        if not any(squeezed(answer) in squeezed(replies[question["id"]]["answer"]) for answer in question["answers"])
    ]
    assert len(wrong) <= len(IN_SCOPE) // 10, wrong


def test_every_question_within_the_documents_is_answered(replies: dict[str, dict[str, Any]]) -> None:
    assert [question["id"] for question in IN_SCOPE if failure(replies[question["id"]])] == []


def test_a_question_about_something_else_has_no_answer(replies: dict[str, dict[str, Any]]) -> None:
    """Questions that share no subject with the documents; two that sound like the company's may be mistaken."""
    failures = {question["id"]: failure(replies[question["id"]]) for question in OUT_OF_SCOPE}
    assert set(failures.values()) <= {"", "nothing_relevant"}
    assert [id for id, kind in failures.items() if not kind and not id.startswith("near-")] == []


def test_no_answer_is_exit_code_3(sample_home: Path) -> None:
    done = run_ragcli(sample_home, "ask", OUT_OF_SCOPE[0]["question"], "--json")
    assert (done.returncode, failure(json.loads(done.stdout))) == (3, "nothing_relevant")
