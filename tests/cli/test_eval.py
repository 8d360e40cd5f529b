"""`ragcli eval` measures retrieval on the user's own questions, and tells what in the file it could not use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Run, run_inside, run_ragcli

GOOD = [
    {"id": "en", "question": "How many days to return hardware ordered in 2026?", "expect": ["returns-policy.md"]},
    {"id": 2, "question": "国内网关保修几年？", "expect": ["产品说明书.pdf"]},
]
METHODS = ["keyword", "vector", "hybrid", "reranked"]
MEASURES = ["ndcg@10", "recall@5", "mrr@10", "median_ms"]


def questions(folder: Path, *lines: object) -> Path:
    file = folder / "questions.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def test_the_table_has_a_row_for_each_method_and_a_column_for_each_measure(sample_home: Path, tmp_path: Path) -> None:
    done = run_ragcli(sample_home, "eval", questions(tmp_path, *GOOD))
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["nDCG@10", "Recall@5", "MRR@10", "median", "ms"]
    assert [row.split()[0] for row in rows] == METHODS
    assert all(float(figure) >= 0 for row in rows for figure in row.split()[1:])
    assert "2 questions" in done.stderr


def test_json_holds_the_same_figures(sample_home: Path, tmp_path: Path) -> None:
    """English and Chinese questions whose documents are found on top have full marks."""
    done = run_inside(sample_home, "eval", questions(tmp_path, *GOOD), "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["schema"], document["questions"]) == (0, 1, 2)
    assert list(document["results"]) == METHODS
    assert all(list(row) == MEASURES for row in document["results"].values())
    assert document["results"]["reranked"]["mrr@10"] == document["results"]["reranked"]["ndcg@10"] == 1.0
    assert document["unmatched"] == document["broken"] == document["notices"] == []
    assert "error" not in document


@pytest.mark.parametrize("shape", [(), ("--json",)])
def test_broken_lines_are_told_by_number_and_the_others_run(
    sample_home: Path, tmp_path: Path, shape: tuple[str, ...]
) -> None:
    lines = [GOOD[0], "no json", '{"question": "?"}', {"question": " ", "expect": ["a"]}, "", GOOD[1]]
    done = run_inside(sample_home, "eval", questions(tmp_path, *lines, {"question": "空", "expect": []}), *shape)
    assert done.returncode == 5
    if shape:
        document = json.loads(done.stdout)
        assert [item["line"] for item in document["broken"]] == [2, 3, 4, 7]
        assert document["questions"] == 2
        assert document["error"]["kind"] == "partial"
    else:
        assert "reranked" in done.stdout
        assert all(f"line {number}:" in done.stderr for number in (2, 3, 4, 7))


def test_an_expected_document_that_is_not_indexed_is_told_and_counts_as_not_found(
    sample_home: Path, tmp_path: Path
) -> None:
    """A part of a file's name is not the end of a path."""
    lines = [GOOD[0] | {"expect": ["policy.md"]}, GOOD[1] | {"expect": ["没有.md", "产品说明书.pdf"]}]
    file = questions(tmp_path, *lines)
    document = json.loads(run_inside(sample_home, "eval", file, "--json").stdout)
    assert document["unmatched"] == [{"line": 1, "path": "policy.md"}, {"line": 2, "path": "没有.md"}]
    assert document["results"]["reranked"]["recall@5"] == 0.25
    told = run_inside(sample_home, "eval", file)
    assert told.returncode == 0
    assert "'policy.md'" in told.stderr
    assert "没有.md" in told.stderr


def test_a_path_may_be_whole_or_the_end_of_one(sample_home: Path, tmp_path: Path) -> None:
    """And a document that is named twice is expected once."""
    listed = json.loads(run_inside(sample_home, "list", "--json").stdout)
    whole = next(item["path"] for item in listed if item["path"].endswith("returns-policy.md"))
    parts = Path(whole).parts
    lines = [GOOD[0] | {"expect": [name]} for name in (whole, parts[-1], str(Path(*parts[-2:])))]
    lines.append(GOOD[0] | {"expect": [whole, parts[-1]]})
    document = json.loads(run_inside(sample_home, "eval", questions(tmp_path, *lines), "--json").stdout)
    assert document["unmatched"] == []
    assert document["results"]["keyword"]["ndcg@10"] == 1.0


def test_a_name_that_means_several_documents_is_met_by_any_of_them(ragcli: Run, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for folder, text in (("a", "the warranty is two years"), ("b", "保修期是两年"), ("c", "holidays in spring")):
        (docs / folder).mkdir(parents=True)
        (docs / folder / "README.md").write_text(text, encoding="utf-8")
    assert ragcli("ingest", docs).returncode == 0
    lines = [{"question": "warranty", "expect": ["README.md"]}, {"question": "保修期", "expect": ["b/README.md"]}]
    document = json.loads(ragcli("eval", questions(tmp_path, *lines), "--json").stdout)
    assert document["results"]["keyword"] | {"median_ms": 0} == dict.fromkeys(MEASURES[:3], 1.0) | {"median_ms": 0}


@pytest.mark.parametrize(
    ("content", "code"), [(None, 2), ("", 2), ("\n \n", 2), ('{"question": "?", "expect": ["a"]}', 6)]
)
def test_what_cannot_be_measured_is_one_line_and_its_exit_code(
    ragcli: Run, tmp_path: Path, content: str | None, code: int
) -> None:
    """No file, an empty one, and no index to ask."""
    file = tmp_path / "q.jsonl"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    done = ragcli("eval", file)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="counts the time of processes that have ended")
def test_many_questions_cost_little_more_than_one(sample_home: Path, tmp_path: Path) -> None:
    """All of them share one process and one open index: one alone costs hardly less."""
    single = _seconds(sample_home, questions(tmp_path, GOOD[0]))
    many = _seconds(sample_home, questions(tmp_path, *(GOOD * 15)))
    assert many < 30 * single / 3


def _seconds(home: Path, file: Path) -> float:
    """Of the processor's time, which other processes do not take."""
    before = os.times()
    assert run_ragcli(home, "eval", file).returncode == 0
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
