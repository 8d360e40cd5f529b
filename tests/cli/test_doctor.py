"""`ragcli doctor`: what is wrong is found, each with a command that mends it, and `--fix` mends what is safe."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from conftest import run_inside
from endpoint import ModelServer

from ragcli.cli.context import Context
from ragcli.cli.doctor.surroundings import surroundings


def examined(home: Path, *options: str | Path, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """The exit code, and the checks by name."""
    done = run_inside(home, "doctor", "--json", *options, env=env)
    checks = json.loads(done.stdout)["checks"]
    for check in checks:
        assert check["state"] != "fail" or check["remedy"]
    return done.returncode, {check["name"]: check for check in checks}


def failed(checks: dict[str, Any]) -> set[str]:
    return {name for name, check in checks.items() if check["state"] == "fail"}


def test_what_is_wrong_is_found_and_mended_without_loss(own_sample_home: Path, tmp_path: Path) -> None:
    """Permissions, an index that is gone, a deletion that was cut off, a readable file with a key in it."""
    home = own_sample_home
    config = tmp_path / "config.toml"
    config.write_text('[chat]\napi_key = "sk-secret"\nextractive = true\n', encoding="utf-8")
    config.chmod(0o600)
    code, checks = examined(home, "--config", config)
    assert (code, failed(checks)) == (0, set()), checks

    [vectors] = home.glob("collections/*/vectors")
    shutil.rmtree(vectors)
    (home / "collections" / "gone-0123456789ab").mkdir()
    wrong = {"collection default"}
    if os.name == "posix":
        (home / "collections").chmod(0o755)
        config.chmod(0o644)
        wrong |= {"home", "config file"}
    code, checks = examined(home, "--config", config)
    assert (code, failed(checks)) == (1, wrong)
    assert all("ragcli doctor --fix" in checks[name]["remedy"] for name in (*wrong, "left over"))

    code, checks = examined(home, "--config", config, "--fix")
    assert (code, failed(checks)) == (0, set())
    assert all(checks[name]["mended"] for name in (*wrong, "left over"))

    code, checks = examined(home, "--config", config)
    assert (code, failed(checks)) == (0, set())
    assert not any(check["mended"] for check in checks.values())
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (config, home, *home.rglob("*"))} == {0}
    found = json.loads(run_inside(home, "search", "保修", "--json").stdout)["hits"]
    assert found[0]["path"].endswith("产品说明书.pdf")


def test_a_damaged_catalog_is_found_and_the_command_that_is_named_clears_it_away(own_sample_home: Path) -> None:
    [catalog] = own_sample_home.glob("collections/*/catalog.db")
    for name in ("catalog.db-wal", "catalog.db-shm"):
        catalog.with_name(name).unlink(missing_ok=True)
    catalog.write_bytes(b"no database at all" * 500)
    code, checks = examined(own_sample_home, "--fix")
    assert (code, failed(checks)) == (1, {"collection default"})
    listed = run_inside(own_sample_home, "collections", "list", "--json")
    assert listed.returncode == 6
    assert json.loads(listed.stdout)[0]["error"]["kind"] == "index_damaged"
    command = checks["collection default"]["remedy"].replace("'", "").split()
    assert run_inside(own_sample_home, *command[1:], "--yes").returncode == 0
    assert examined(own_sample_home)[0] == 0


def test_documents_that_were_cut_off_name_the_folder_to_ingest_again(own_sample_home: Path) -> None:
    [catalog] = own_sample_home.glob("collections/*/catalog.db")
    with sqlite3.connect(catalog) as database:
        database.execute("UPDATE documents SET state = 'pending' WHERE path LIKE '%returns-policy.md'")
    database.close()
    _, checks = examined(own_sample_home)
    assert checks["collection default"]["state"] == "fail"


def test_a_clock_that_is_years_behind_is_wrong(tmp_path: Path) -> None:
    with patch.object(time, "time", return_value=0.0):
        states = {finding.check.name: finding.check.state for finding in surroundings(Context(home=tmp_path))}
    assert states["clock"] == "fail"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"OPENAI_API_KEY": "sk-right"}, None),
        ({"OPENAI_API_KEY": "sk-wrong-one"}, "key"),
        ({"OPENAI_API_KEY": "sk-right", "RAGCLI_CHAT_MODEL": "other"}, "other"),
        ({"OPENAI_API_KEY": "sk-right", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "127.0.0.1"),
    ],
)
def test_the_endpoint_is_tried_without_cost(sample_home: Path, env: dict[str, str], named: str | None) -> None:
    """Whether it is there, takes the key, and knows the model; no answer is asked for."""
    with ModelServer(key="sk-right", models=("gpt-5-mini",)) as server:
        code, checks = examined(sample_home, env={"OPENAI_BASE_URL": server.url} | env)
        assert server.requests() == []
    assert code == (1 if named else 0)
    assert failed(checks) == ({"model"} if named else set())
    if named:
        assert named in checks["model"]["message"]
        assert "sk-" not in json.dumps(checks)


def test_a_redis_that_is_away_is_found_and_its_password_is_not_shown(sample_home: Path) -> None:
    pytest.importorskip("redis")
    code, checks = examined(sample_home, env={"RAGCLI_REDIS_URL": "redis://me:hunter2@127.0.0.1:9/0"})
    assert code == 1
    assert failed(checks) == {"redis"}
    assert "hunter2" not in json.dumps(checks)
