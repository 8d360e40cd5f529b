"""The cache at the command line: what scripts see of a hit, what people see, how to be rid of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from conftest import run_ragcli
from endpoint import ModelServer
from replies import answer

from ragcli.cli.schema import schema

HARDWARE = "How many days do customers have to return hardware ordered in 2026?"
GROUNDED = "Hardware can be returned within 30 days [1]."


def online(endpoint: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": endpoint.url, "RAGCLI_CHAT_MAX_RETRIES": "0"}


def test_an_answer_is_given_again_until_the_cache_is_cleared_or_refused(
    own_sample_home: Path, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("Anew [1]."))
    first = json.loads(run_ragcli(own_sample_home, "ask", HARDWARE, "--json", env=online(endpoint)).stdout)
    shown = run_ragcli(own_sample_home, "ask", f" {HARDWARE} ", env=online(endpoint))
    assert first["cache"] == "miss"
    assert shown.returncode == 0
    assert shown.stdout == f"{GROUNDED}\n"
    assert "cached just now, exact" in shown.stderr
    assert "returns-policy.md" in shown.stderr
    refused = json.loads(
        run_ragcli(own_sample_home, "ask", HARDWARE, "--json", "--no-cache", env=online(endpoint)).stdout
    )
    assert (refused["cache"], refused["answer"]) == ("miss", "Anew [1].")
    assert len(endpoint.requests()) == 2

    stats = json.loads(run_ragcli(own_sample_home, "cache", "stats", "--json").stdout)
    jsonschema.validate(stats, schema("cache"))
    [disk] = [place for place in stats["kept"] if place["place"] == "disk"]
    assert disk["entries"] == 1
    cleared = run_ragcli(own_sample_home, "cache", "clear", "--json")
    assert json.loads(cleared.stdout)["cleared"] == 1
