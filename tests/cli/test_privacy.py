"""Keys stay where they are, the log holds no texts, and links are no way out of the folder."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from conftest import run_inside
from endpoint import ModelServer
from replies import answer, refusal

from ragcli.cli import journal

KEY = "sk-planted-4f1c9a"
WORDS = "The tide gauge stands at pier four."
QUESTION = "Where does the tide gauge stand?"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "gauge.md").write_text(f"# Gauge\n\n{WORDS}\n\n潮位计在四号码头。\n", encoding="utf-8")
    return folder


def written_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_key_is_in_nothing_that_is_written_or_printed(
    home: Path, docs: Path, tmp_path: Path, endpoint: ModelServer
) -> None:
    """With all of them planted: in answers, failures that quote it, debug output, the log, sessions and caches."""
    log, config = tmp_path / "logs" / "ragcli.log", tmp_path / "config.toml"
    log.parent.mkdir()
    config.write_text(
        f'[rerank]\nmodel = "http:r"\nbase_url = "{endpoint.url}"\napi_key = "{KEY}-r"\n', encoding="utf-8"
    )
    env = {
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": KEY,
        "RAGCLI_CHAT_API_KEY": f"{KEY}-c",
        "RAGCLI_CHAT_MAX_RETRIES": "0",
        "RAGCLI_REDIS_URL": f"redis://me:{KEY}-p@127.0.0.1:9/0",
    }
    quoted = f"Incorrect API key provided: {KEY}-c."
    told = []
    for command, replies in [
        (["ingest", docs, "--embedding", "openai:e"], []),
        (["ask", QUESTION, "--session", "s", "--stream-json"], [answer("At pier four [1].")]),
        (["ask", QUESTION + " Again?", "--json"], [refusal(401, message=quoted)]),
        (["ask", QUESTION + " Now?"], [refusal(500, message=quoted)]),
        (["ask", QUESTION + " So?"], [refusal(400, message=quoted)] * 4),
        (["ask", QUESTION + " Then?"], [answer("At pier", error_after=1)]),
        (["search", "gauge"], []),
        (["doctor", "--json"], []),
        (["config", "show"], []),
        (["config", "show", "--json"], []),
        (["sessions", "export", "s", "--json"], []),
        (["list", "--json"], []),
    ]:
        endpoint.enqueue(*replies)
        done = run_inside(home, *command, "--debug", "--config", config, "--log-file", log, env=env)
        told.append(done.stdout + done.stderr)
    down = env | {"RAGCLI_CHAT_BASE_URL": f"http://user:{KEY}-u@127.0.0.1:9/v1"}
    for command in (["ask", QUESTION + " Hello?"], ["doctor"], ["config", "show"]):
        done = run_inside(home, *command, "--debug", "--config", config, "--log-file", log, env=down)
        assert command[0] == "config" or done.returncode, done.stdout
        told.append(done.stdout + done.stderr)
    assert any("pier four" in text for text in told)
    assert not [text for text in told if KEY in text]
    sent = {request.headers.get("authorization") for request in endpoint.history}
    assert {f"Bearer {KEY}", f"Bearer {KEY}-c", f"Bearer {KEY}-r"} <= sent
    assert b"error kind=auth" in log.read_bytes()
    config.unlink()
    assert KEY.encode() not in written_in(tmp_path)


def test_the_log_tells_what_was_done_and_has_texts_with_debug_alone(home: Path, docs: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    former = os.umask(0)
    try:
        for command in (["ingest", docs], ["ask", QUESTION], ["ask", "Who was Caesar?"], ["status", "-c", "none"]):
            run_inside(home, *command, "--log-file", log)
    finally:
        os.umask(former)
    text = log.read_text(encoding="utf-8")
    for told in ("started command=ingest", "added=1", "answered finish=stop", "kind=nothing_relevant", "ended code=6"):
        assert told in text
    assert not [word for word in ("tide", "pier", "Caesar", "潮位计") if word in text]
    if os.name == "posix":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    run_inside(home, "ask", QUESTION, "--log-file", log, "--debug")
    assert QUESTION in log.read_text(encoding="utf-8")


def test_the_log_rotates_and_each_file_of_it_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LARGEST_BYTES", 2_000)
    log = tmp_path / "log.txt"
    journal.start(log, debug=False)
    try:
        for number in range(200):
            journal.note("round", number=number, private={"text": WORDS})
    finally:
        journal.stop()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log.txt", "log.txt.1", "log.txt.2", "log.txt.3"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    if os.name == "posix":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert "number=199" in log.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_is_a_usage_error(home: Path) -> None:
    done = run_inside(home, "status", "--log-file", "/no/such/folder/log")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_link_out_of_the_folder_is_followed_only_when_asked(home: Path, docs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("The vault code is 7741. 金库密码是7741。", encoding="utf-8")
    try:
        (docs / "way-out").symlink_to(outside)
        (docs / "secret.md").symlink_to(outside / "secret.md")
    except OSError:
        pytest.skip("this system lets users make no links")
    assert json.loads(run_inside(home, "ingest", docs, "--json").stdout)["documents"] == 1
    asked = json.loads(run_inside(home, "ingest", docs, "--json", "--follow-symlinks").stdout)
    assert asked["documents"] > 1
