"""`ragcli search` as people and scripts meet it: what it shows, what it keeps to itself, what it makes of odd input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import run_inside

FOREIGN = "Who is the president of France?"


def test_what_is_not_relevant_is_not_printed_as_if_it_were(sample_home: Path) -> None:
    """A script that pipes the hits on gets none; a person is told how to see the nearest ones."""
    done = run_inside(sample_home, "search", FOREIGN)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "nothing in the index speaks of this" in done.stderr
    assert "--explain" in done.stderr
    explained = run_inside(sample_home, "search", FOREIGN, "--explain")
    assert explained.returncode == 3
    assert "[1] " in explained.stdout


def test_the_json_of_an_irrelevant_search_is_one_document_with_hits_and_error(sample_home: Path) -> None:
    done = run_inside(sample_home, "search", FOREIGN, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert document["error"]["kind"] == "nothing_relevant"
    assert document["hits"]
    assert done.stderr == ""


@pytest.mark.parametrize("query", ["warranty period of the gateway", "网关的保修期是几年？"])
def test_explain_shows_the_score_and_the_place_in_each_leg(sample_home: Path, query: str) -> None:
    done = run_inside(sample_home, "search", query, "--explain", "-k", "2")
    lines = [line for line in done.stdout.splitlines() if "fused" in line]
    assert len(lines) == 2
    for line in lines:
        assert re.fullmatch(
            r" +(keyword \d+\.\d{3} #\d+  )?vector -?\d\.\d{3} #\d+  fused \d\.\d{3} #\d+  rerank \d\.\d{3}", line
        )
    assert "#1" in lines[0]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 2),
        (" \t", 2),
        ("x" * 20_000, 3),
        pytest.param("How long is the warranty of the gateway? " * 500, 0, id="20,500 characters"),
        ("???", 3),
        ("😀🎉", 3),
        ("ما هي سياسة الإرجاع؟", 3),
        ('warranty "gateway', 0),
        ("\x07warranty\x1b[31m period", 0),
        ("path:nowhere warranty", 3),
        ("the of and", 0),
        ("的 了 是", 0),
        ('"no such phrase in any of them" -warranty', 3),
        ("path:faq", 0),
        ('"within 30 days of delivery"', 0),
        ("incident-2026-03", 0),
        ("gateway", 0),
        ("refund zebra", 3),
        ("保修", 0),
    ],
    ids=ascii,
)
def test_odd_queries_get_a_sensible_answer(sample_home: Path, query: str, code: int) -> None:
    done = run_inside(sample_home, "search", query)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout == "") == (code != 0)


def test_help_for_a_query_that_is_none_speaks_of_searching(sample_home: Path) -> None:
    for query in ("", "-"):
        done = run_inside(sample_home, "search", query)
        assert done.returncode == 2
        assert "ragcli search" in done.stderr
        assert "ragcli ask" not in done.stderr


def test_words_that_begin_with_a_dash_are_told_where_to_stand(sample_home: Path) -> None:
    done = run_inside(sample_home, "search", "-保修 网关")
    assert done.returncode == 2
    assert 'ragcli search -- "-word"' in done.stderr
    assert run_inside(sample_home, "search", "--", "-保修 网关").returncode == 0


def test_a_text_of_any_length_is_searched_for_by_its_beginning(sample_home: Path) -> None:
    done = run_inside(sample_home, "search", "How long is the warranty of the gateway? " * 500, "-k", "1")
    assert done.stdout.startswith("[1] ")
    assert "its first 10,000 are searched for" in done.stderr


def test_a_broken_line_of_a_query_file_is_named_and_the_others_run(sample_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    lines = [
        b'\xef\xbb\xbf{"id": "a", "text": "warranty"}',
        b"not json",
        '{"id": "b", "text": "保修\u2028期"}'.encode(),
        b"",
        b'{"id": "c", "text": "\xff"}',
        b'{"id": "d"}',
        b'{"id": "e", "text": ""}',
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    done = run_inside(sample_home, "search", "--queries", file, "-k", "3")
    assert done.returncode == 5
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["id"], len(answer["hits"])) for answer in answers] == [("a", 3), ("b", 3), ("e", 0)]
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[:-1]] == ["line 2", "line 5", "line 6"]
    assert "3 of 7 lines could not be read: lines 2, 5, 6" in done.stderr.splitlines()[-1]


def test_a_query_file_without_queries_is_a_mistake(sample_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text("\n\n", encoding="utf-8")
    assert run_inside(sample_home, "search", "--queries", file).returncode == 2
    assert "--queries" in run_inside(sample_home, "search", "gateway", "--queries", file).stderr
