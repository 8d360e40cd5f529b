"""Every trouble that one can have with a Redis: told once, over within the time limit, and gone when Redis is back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis_server import PASSWORD, OpenLink, RedisServer, free_port, hurried

from ragcli.config import Redis, load
from ragcli.errors import ConfigError, RedisAway
from ragcli.store.redis_link import RedisLink
from ragcli.streams.breaker import Breaker


async def ping(link: RedisLink) -> bool:
    return bool(await link.ask(lambda client: client.set("ragcli:probe", "x", px=1000)))


async def away(link: RedisLink, match: str) -> None:
    """The attempt is given up, for this reason."""
    with pytest.raises(RedisAway, match=match):
        await ping(link)


def eager() -> Breaker:
    return Breaker(first_s=0)


async def test_down_at_the_start_is_told_once_and_over_when_it_comes(
    own_redis: RedisServer, open_link: OpenLink
) -> None:
    own_redis.kill()
    link = open_link(own_redis, breaker=eager())
    await away(link, "away")
    await away(link, "away")
    assert link.news().startswith("Redis is away: ")
    assert link.news() == ""
    own_redis.start()
    assert await ping(link)


async def test_dying_between_two_calls_is_an_outage_of_its_own(own_redis: RedisServer, open_link: OpenLink) -> None:
    link = open_link(own_redis, breaker=eager())
    for _ in range(2):
        assert await ping(link)
        own_redis.kill()
        await away(link, "away")
        await away(link, "away")
        assert (bool(link.news()), link.news()) == (True, "")
        own_redis.start()
    assert await ping(link)


async def test_a_redis_that_does_not_answer_costs_one_attempt_and_then_nothing_for_a_while(
    own_redis: RedisServer, open_link: OpenLink
) -> None:
    now = 0.0
    attempts: list[object] = []
    link = open_link(own_redis, breaker=Breaker(first_s=10, clock=lambda: now))
    assert await ping(link)
    with own_redis.stopped(), hurried(link, 0.25):
        await asyncio.gather(*(away(link, "within 0.25 s") for _ in range(20)))
        with pytest.raises(RedisAway, match=r"within 0\.25 s"):
            await link.ask(lambda client: attempts.append(client) or client.ping())
    await away(link, "within 0.25 s")
    assert attempts == []
    now = 11.0
    assert await ping(link)


async def test_one_that_is_full_is_still_read(own_redis: RedisServer, open_link: OpenLink) -> None:
    link = open_link(own_redis)
    assert await ping(link)
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    await away(link, "refuses: .*maxmemory")
    await away(link, "refuses: .*maxmemory")
    assert await link.ask(lambda client: client.get("ragcli:probe")) == b"x"
    assert ("maxmemory" in link.news(), link.news()) == (True, "")
    own_redis.command("CONFIG", "SET", "maxmemory", "0")
    assert await ping(link)


async def test_a_wrong_password_is_called_so_and_not_shown(shared_redis: RedisServer, open_link: OpenLink) -> None:
    for url in (f"redis://:geheim@127.0.0.1:{shared_redis.port}", f"redis://127.0.0.1:{shared_redis.port}"):
        link = open_link(shared_redis, url=url)
        await away(link, "refuses the user or the password of redis.url")
        assert "geheim" not in link.news()


async def test_a_user_with_rights_to_the_prefix_alone_is_enough(shared_redis: RedisServer, open_link: OpenLink) -> None:
    shared_redis.command("ACL", "SETUSER", "node", "on", ">pass@word", "~ragcli:*", "+@all", "-@dangerous", "-@admin")
    link = open_link(shared_redis, url=f"redis://node:pass%40word@127.0.0.1:{shared_redis.port}/0")
    assert await ping(link)
    with pytest.raises(RedisAway, match=r"refuses: .*permission"):
        await link.ask(lambda client: client.get("another's"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_tls_is_spoken_and_a_strange_certificate_refused(
    tmp_path: Path, shared_redis: RedisServer, open_link: OpenLink
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    options = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    with RedisServer(tmp_path, *options, "--tls-auth-clients", "no"):
        url = f"rediss://:{PASSWORD}@127.0.0.1:{port}/0"
        assert await ping(open_link(shared_redis, url=f"{url}?ssl_ca_certs={certificate}", breaker=eager()))
        await away(open_link(shared_redis, url=url), "(?i)certificate verify failed")


def test_what_blocks_is_answered_too(shared_redis: RedisServer, open_link: OpenLink) -> None:
    link = open_link(shared_redis)
    work: Callable[..., Awaitable[object]] = lambda client: client.set("ragcli:probe", "y", px=1000)  # noqa: E731
    assert link.call(work)
    assert link.key("a", "b").startswith("ragcli:test-")


@pytest.mark.parametrize("url", ["redis://:geheim@host:port/0", "redis://:geheim@", "redis://:geheim@[::1"])
def test_an_unusable_address_is_an_error_that_shows_no_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"redis\.url is no usable address") as error:
        RedisLink(Redis(url=url))
    assert "geheim" not in str(error.value)


async def test_an_address_with_unknown_options_is_an_error_and_no_outage() -> None:
    for url in ("redis://127.0.0.1:1/0?no_such_option=1", "redis://127.0.0.1:1/0?socket_timeout=many"):
        link = RedisLink(Redis(url=url))
        with pytest.raises(ConfigError, match=r"redis\.url is no usable address"):
            await ping(link)
        link.close()


def test_an_address_of_something_else_is_an_error_that_shows_no_password() -> None:
    with pytest.raises(ConfigError, match=r"redis\.url") as error:
        load(None, {"RAGCLI_REDIS_URL": "http://:geheim@host"})
    assert "geheim" not in str(error.value)
