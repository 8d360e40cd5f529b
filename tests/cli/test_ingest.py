"""`ragcli ingest` and what looks at its result, as a script uses them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import SAMPLE_DOCS, Run, clean_environment, run_inside, run_ragcli


def ingest(home: Path, *args: str | Path, **options: Any) -> dict[str, Any]:
    done = run_inside(home, "ingest", *args, "--json", **options)
    report = json.loads(done.stdout)
    report["code"] = done.returncode
    return report


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A small folder with an English and a Chinese document."""
    folder = tmp_path / "资料 docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "engine.md").write_text("# Engine\n\nThe turbine spins at 9,400 rpm.\n", encoding="utf-8")
    (folder / "sub" / "锅炉.txt").write_text("锅炉的额定压力是十二兆帕。\n", encoding="gb18030")
    return folder


def search(home: Path, query: str) -> list[str]:
    hits = json.loads(run_inside(home, "search", query, "--json").stdout)["hits"]
    return [Path(hit["path"]).name for hit in hits]


def test_a_folder_is_indexed_found_and_then_left_alone(home: Path, docs: Path) -> None:
    done = run_ragcli(home, "ingest", docs, "--json")
    report = json.loads(done.stdout) | {"code": done.returncode}
    assert (report["code"], report["added"], report["documents"]) == (0, 2, 2)
    assert report["chunks"] == report["embedded_chunks"] > 0
    assert report["failed"] == []
    assert search(home, "turbine speed")[0] == "engine.md"
    assert search(home, "锅炉压力")[0] == "锅炉.txt"
    again = ingest(home, docs)
    assert (again["added"], again["updated"], again["unchanged"], again["embedded_chunks"]) == (0, 0, 2, 0)


def test_edited_renamed_and_deleted_files_are_followed(home: Path, docs: Path) -> None:
    ingest(home, docs)
    (docs / "engine.md").write_text(
        "# Engine\n\nThe turbine spins at 7,100 rpm since the retrofit.\n", encoding="utf-8"
    )
    (docs / "sub" / "锅炉.txt").rename(docs / "锅炉说明.txt")
    (docs / "new.md").write_text("# Pump\n\nThe pump is green.\n", encoding="utf-8")
    report = ingest(home, docs)
    assert report["documents"] == 3
    found = search(home, "锅炉压力")
    assert found[0] == "锅炉说明.txt"
    assert "锅炉.txt" not in found
    assert "7,100" in run_inside(home, "ask", "How fast does the turbine spin?").stdout
    (docs / "new.md").unlink()
    assert ingest(home, docs)["removed"] == 1
    assert "new.md" not in search(home, "green pump")


def test_no_prune_keeps_what_is_gone(home: Path, docs: Path) -> None:
    ingest(home, docs)
    (docs / "engine.md").unlink()
    assert ingest(home, docs, "--no-prune")["removed"] == 0
    assert search(home, "turbine")[0] == "engine.md"


def test_dry_run_tells_and_changes_nothing(home: Path, docs: Path) -> None:
    report = ingest(home, docs, "--dry-run")
    assert report["added"] == 2
    assert run_inside(home, "status").returncode == 6


def test_a_broken_file_is_reported_and_the_rest_is_indexed(home: Path, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(3000))
    (docs / "空.md").write_text("", encoding="utf-8")
    report = ingest(home, docs)
    kinds = {Path(failure["path"]).name: failure["kind"] for failure in report["failed"]}
    assert kinds == {"broken.pdf": "corrupt", "空.md": "empty"}
    assert report["code"] == 5
    assert report["documents"] == 2
    (docs / "broken.pdf").unlink()
    assert ingest(home, docs)["code"] == 0
    assert ingest(home, docs / "空.md")["code"] == 5


def test_the_summary_for_a_person_names_failed_files(home: Path, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(3000))
    done = run_ragcli(home, "ingest", docs)
    assert done.returncode == 5
    assert "broken.pdf" in done.stdout + done.stderr
    assert "corrupt" in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_an_empty_folder_is_told_as_such(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run_inside(home, "ingest", tmp_path / "empty")
    assert done.returncode == 0
    assert "no documents" in done.stdout


def test_a_path_that_does_not_exist_is_exit_code_2_and_nothing_is_lost(home: Path, docs: Path) -> None:
    ingest(home, docs)
    done = run_ragcli(home, "ingest", docs, docs / "没有", "--json")
    assert done.returncode == 2
    assert "没有" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert json.loads(done.stdout)["error"]["kind"] == "usage"
    assert search(home, "turbine")[0] == "engine.md"


def test_another_embedder_is_refused_with_the_command_that_re_embeds(home: Path, docs: Path, endpoint: Any) -> None:
    ingest(home, docs)
    env = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "k"}
    done = run_inside(home, "ingest", docs, "--embedding", "openai:small", env=env)
    assert done.returncode == 2
    assert "--force" in done.stderr
    report = ingest(home, docs, "--embedding", "openai:small", "--force", env=env)
    assert report["code"] == 0
    status = json.loads(run_inside(home, "status", "--json").stdout)
    assert status["embedder"].startswith("openai:small")
    assert status["documents"] == 2
    found = run_inside(home, "search", "turbine", "--json", env=env)
    assert json.loads(found.stdout)["hits"][0]["path"].endswith("engine.md")


def test_a_passage_that_is_too_long_for_the_model_is_cut_and_reported(home: Path, docs: Path, endpoint: Any) -> None:
    endpoint.longest_input = 300
    (docs / "long.md").write_text("长 long " * 90, encoding="utf-8")
    env = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "k"}
    done = run_inside(home, "ingest", docs, "--embedding", "openai:m", env=env)
    assert done.returncode == 0
    assert 'cut to what the embedding model takes: 1 passage, such as "' in done.stderr
    assert "cut to" not in run_inside(home, "ingest", docs, env=env).stderr


@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter")
def test_everything_that_is_stored_is_private_even_under_a_loose_umask(home: Path, docs: Path) -> None:
    before = os.umask(0)
    try:
        ingest(home, docs)
        run_ragcli(home, "ask", "turbine speed?", "--session", "s")
    finally:
        os.umask(before)
    for path in [home, *home.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_what_a_killed_ingest_has_written_is_private_already(
    home: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not come to close anything to others."""
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    former = os.umask(0o022)
    try:
        assert ingest(home, docs)["code"] == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(former)
    assert [path for path in home.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_collections_are_apart_and_may_have_any_name(home: Path, docs: Path) -> None:
    ingest(home, docs / "engine.md", "-c", "发动机 / engines")
    ingest(home, docs / "sub")
    names = [row["collection"] for row in json.loads(run_inside(home, "collections", "list", "--json").stdout)]
    assert sorted(names) == sorted(["default", "发动机 / engines"])
    assert "engine.md" not in search(home, "turbine speed")
    gone = run_inside(home, "collections", "delete", "发动机 / engines", "--yes")
    assert gone.returncode == 0
    assert run_inside(home, "status", "-c", "发动机 / engines").returncode == 6


def test_status_list_show_and_remove_agree(own_sample_home: Path) -> None:
    home = own_sample_home
    status = json.loads(run_inside(home, "status", "--json").stdout)
    listed = json.loads(run_inside(home, "list", "--json").stdout)
    files = [path for path in SAMPLE_DOCS.rglob("*") if path.is_file()]
    assert status["documents"] == len(listed) == len(files)
    assert status["chunks"] == sum(document["chunks"] for document in listed)
    assert (status["failed"], status["pending"], status["collection"]) == (0, 0, "default")
    assert {document["state"] for document in listed} == {"ready"}
    shown = [json.loads(line) for line in run_inside(home, "show", "--all", "--json").stdout.splitlines()]
    assert [document["path"] for document in shown] == [document["path"] for document in listed]
    assert all(document["chunks"] for document in shown)
    one = run_inside(home, "show", "warranty.txt").stdout
    assert (SAMPLE_DOCS / "warranty.txt").read_text(encoding="utf-8").split()[-1] in one
    removed = run_inside(home, "remove", "warranty.txt", "中文/*", "--yes", "--json")
    assert removed.returncode == 0
    left = json.loads(run_inside(home, "list", "--json").stdout)
    assert not any("warranty.txt" in document["path"] or "中文" in document["path"] for document in left)
    assert run_inside(home, "remove", "warranty.txt", "--yes").returncode == 2


def test_remove_without_a_terminal_needs_a_yes(own_sample_home: Path) -> None:
    done = run_inside(own_sample_home, "remove", "warranty.txt")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert json.loads(run_inside(own_sample_home, "status", "--json").stdout)["documents"] >= 12


def test_a_search_that_finds_nothing_is_exit_code_3(ragcli: Run, sample_home: Path) -> None:
    done = run_inside(sample_home, "search", "zxqwv", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["schema"] == 1


def test_many_queries_in_one_process_keep_their_order(sample_home: Path) -> None:
    """A broken line is reported with its number and the others run; `-` is standard input."""
    lines = ['{"id": "1", "text": "warranty"}', "{broken", '{"id": 3, "text": "保修"}', ""]
    done = run_ragcli(sample_home, "search", "--queries", "-", "-k", "2", input="\n".join(lines))
    assert done.returncode == 5
    assert "line 2" in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["1", 3]
    assert all(len(row["hits"]) == 2 and set(row) == {"id", "hits", "ms"} for row in rows)


def test_a_second_ingest_waits_and_says_for_whom(home: Path, docs: Path) -> None:
    from filelock import FileLock

    ingest(home, docs)
    [lock] = home.glob("collections/*/write.lock")
    with FileLock(lock):
        done: subprocess.CompletedProcess[str] = run_ragcli(home, "ingest", docs, "--wait", "0.3", "--json")
    assert done.returncode == 6
    assert "waiting" in done.stderr.splitlines()[0]
    assert "--wait" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no such names")
def test_names_that_are_no_text_are_refused_in_words(home: Path, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 arrive as lone surrogates."""
    odd = tmp_path / os.fsdecode(b"bad \xff.txt")
    odd.write_text("The tram leaves at nine.", encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "ragcli", "ingest", odd, "--json"], env=clean_environment(home), capture_output=True
    )
    assert told.returncode == 5, told.stderr
    [failed] = json.loads(told.stdout)["failed"]
    assert (Path(failed["path"]).name, failed["kind"]) == ("bad \\xff.txt", "unreadable")
    bad = os.fsdecode(b"bad \xff")
    for arguments in (["ingest", tmp_path, "-c", bad], ["ask", "what?", "--session", bad], ["--home", bad, "status"]):
        done = run_inside(home, *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "UTF-8" in done.stderr
