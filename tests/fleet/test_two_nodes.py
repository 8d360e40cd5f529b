"""The front door of a fleet: two homes with the same index, one Redis, one endpoint."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import clean_environment, run_inside, run_ragcli
from endpoint import ModelServer
from redis_server import OpenLink, RedisServer
from replies import answer

from ragcli.store import redis_flights
from ragcli.store.redis_sessions import RedisSessions

QUESTION = "How many days do customers have to return hardware ordered in 2026?"
FRAGE = "国内网关的保修期是几年？"
GROUNDED = "Hardware can be returned within 30 days [1]."
WHOLE = " ".join(
    f"Hardware of kind {kind} can be returned within {30 + kind} days of delivery [1]. 第{kind}类须附原包装 [1]。"
    for kind in range(1, 9)
)


@pytest.fixture
def nodes(sample_home: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two homes that hold the same index."""
    here, there = tmp_path / "one" / "home", tmp_path / "two" / "home"
    for home in (here, there):
        home.parent.mkdir()
        shutil.copytree(sample_home, home)
        for kept in home.glob("answers.db*"):
            kept.unlink()
    return here, there


def settings(server: RedisServer, endpoint: ModelServer | None = None, prefix: str = "test") -> dict[str, str]:
    shared = {"RAGCLI_REDIS_URL": server.url, "RAGCLI_REDIS_PREFIX": prefix, "RAGCLI_REDIS_TIMEOUT": "10"}
    online = {"OPENAI_API_KEY": "sk-test", "RAGCLI_CHAT_IDLE_TIMEOUT": "120"}
    return shared | ({"OPENAI_BASE_URL": endpoint.url} | online if endpoint else {})


@contextmanager
def chat(home: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "ragcli", "chat", "--session", "退货"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, env=clean_environment(home, **env), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_chat_goes_on_on_another_node_in_the_middle_of_an_answer(
    nodes: tuple[Path, Path], shared_redis: RedisServer, endpoint: ModelServer, prefix: str, open_link: OpenLink
) -> None:
    """The second sees what came; when the first is killed, it waits for the lease, and finishes it without a search."""
    here, there = nodes
    env = settings(shared_redis, endpoint, prefix)
    endpoint.enqueue(answer(WHOLE, hang_after=100), answer(WHOLE, follow=True, overlap=3))
    with chat(here, env) as first:
        assert first.stdin
        assert first.stdout
        first.stdin.write(f"{QUESTION}\n".encode())
        first.stdin.flush()
        said = b""
        while len(said) < 200:
            came = first.stdout.read1(64)
            assert came, first.communicate()[1]
            said += came
        sessions = RedisSessions(open_link(shared_redis), ttl_s=1000.0)
        while not sessions.turns("退货"):
            time.sleep(0.05)
        with chat(there, env) as second:
            assert second.stderr
            told = b""
            while b"Another chat is writing this answer" not in told:
                line = second.stderr.readline()
                assert line, told
                told += line
            first.kill()
            second.communicate(b"/continue\n", timeout=120)
            assert second.returncode == 0
    shown = run_inside(here, "sessions", "show", "退货", "--json", env=env)
    (exchange,) = json.loads(shown.stdout)["exchanges"]
    assert exchange["answer"].split() == WHOLE.split()
    assert exchange["finish"] == "stop"
    assert len([request for request in endpoint.history if request.path == "chat/completions"]) == 2
    assert not list(here.glob("sessions.db"))


async def test_equal_questions_on_two_nodes_at_the_same_time_cost_one_model_call(
    nodes: tuple[Path, Path], shared_redis: RedisServer, endpoint: ModelServer, prefix: str
) -> None:
    """A hundred askers in two processes follow along; and afterwards it costs none."""
    from fleet import node

    endpoint.enqueue(answer(GROUNDED, before_first=1.5, delay=0.005))
    env = settings(shared_redis, endpoint, prefix)
    started = [node.ask_at_once(home, QUESTION, env, 50, lease_ms=node.PATIENT_MS) for home in nodes]
    said = [
        json.loads((await asyncio.to_thread(each.communicate, timeout=240))[0].splitlines()[-1]) for each in started
    ]
    assert [each.returncode for each in started] == [0, 0]
    assert {text for texts, _ in said for text in texts} == {GROUNDED}
    assert len([request for request in endpoint.history if request.path == "chat/completions"]) == 1
    tiers = [tier for _, tiers in said for tier in tiers]
    assert (tiers.count("miss"), len(tiers)) == (1, 100)
    later = json.loads(run_ragcli(nodes[1], "ask", QUESTION, "--json", env=env).stdout)
    assert (later["cache"], later["answer"]) == ("redis", GROUNDED)


async def test_where_the_leader_is_killed_a_follower_goes_on_from_its_text(
    nodes: tuple[Path, Path], shared_redis: RedisServer, endpoint: ModelServer, prefix: str
) -> None:
    """The model is asked to go on, not to begin again; those who followed see every word once."""
    from fleet import node

    endpoint.enqueue(answer(WHOLE, hang_after=100), answer(WHOLE, follow=True, overlap=3))
    env = settings(shared_redis, endpoint, prefix)
    leader = node.ask_at_once(nodes[0], QUESTION, env, 3, lease_ms=redis_flights.LEASE_MS)
    with leader:
        assert leader.stdout
        assert await asyncio.to_thread(leader.stdout.readline) == "began\n"
        follower = node.ask_at_once(nodes[1], QUESTION, env, 3, lease_ms=redis_flights.LEASE_MS)
        assert follower.stdout
        assert await asyncio.to_thread(follower.stdout.readline) == "began\n"
        leader.kill()
    texts, tiers = json.loads((await asyncio.to_thread(follower.communicate, timeout=240))[0])
    assert follower.returncode == 0
    assert (texts, len(tiers)) == ([WHOLE], 3)
    first, second = (request.body for request in endpoint.history if request.path == "chat/completions")
    assert len(second["messages"]) > len(first["messages"])


def test_while_redis_is_away_every_command_works_and_says_so_once(
    nodes: tuple[Path, Path], own_redis: RedisServer
) -> None:
    env = settings(own_redis)
    own_redis.kill()
    first = run_ragcli(nodes[0], "ask", FRAGE, "--session", "s", env=env)
    assert (first.returncode, first.stderr.count("Redis")) == (0, 1)
    listed = run_inside(nodes[0], "sessions", "list", env=env)
    assert (listed.stdout.split()[0], listed.stderr.count("Redis is away")) == ("s", 1)
    own_redis.start()
    second = run_inside(nodes[0], "ask", FRAGE, "--session", "s", "--json", env=env)
    assert (json.loads(second.stdout)["cache"], "Redis" in second.stderr) == ("disk", False)
    shown = run_inside(nodes[1], "sessions", "show", "s", "--json", env=env)
    assert len(json.loads(shown.stdout)["exchanges"]) == 2


def test_the_url_of_redis_is_a_secret(nodes: tuple[Path, Path], own_redis: RedisServer) -> None:
    """Not printed, not stored, and not in what Redis is given."""
    env = settings(own_redis)
    said = []
    for command in (["config", "show"], ["--debug", "ask", FRAGE, "--session", "s"]):
        done = run_inside(nodes[0], *command, env=env)
        said.append(done.stdout + done.stderr)
    assert own_redis.password not in "".join(said)
    own_redis.command("SAVE")
    written = [file for folder in (nodes[0], own_redis.folder) for file in folder.rglob("*") if file.is_file()]
    assert [file for file in written if own_redis.password.encode() in file.read_bytes()] == []
