"""What several machines share through the Redis that the settings name: answers, chats, and the rate of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragcli.config import Settings
    from ragcli.ports import SessionStore
    from ragcli.store.redis_limit import SharedRateLimiter
    from ragcli.store.redis_link import RedisLink


class Sharing:
    """One connection for all that is shared; opened when first used, by a thread that ends with the process."""

    def __init__(self) -> None:
        self._link: RedisLink | None = None

    def link(self, settings: Settings) -> RedisLink | None:
        """None where nothing is shared. Raises ConfigError."""
        if self._link is None and settings.redis.url:
            from ragcli.store.redis_link import RedisLink

            self._link = RedisLink(settings.redis)
        return self._link

    def sessions(self, home: Path, settings: Settings) -> SessionStore:
        """In Redis, or in a file of this machine. Raises ConfigError."""
        link = self.link(settings)
        if link is None:
            from ragcli.store.sessions import SQLiteSessions

            return SQLiteSessions(home / "sessions.db")
        from ragcli.store.redis_sessions import RedisSessions
        from ragcli.store.shared_sessions import SharedSessions
        from ragcli.store.unsent import UnsentFile

        return SharedSessions(RedisSessions(link, ttl_s=settings.redis.session_ttl), UnsentFile(home / "unsent.db"))

    def limiter(self, settings: Settings) -> SharedRateLimiter | None:
        """Of requests to the endpoint and model that the settings name; None where each process has its own limit."""
        link = self.link(settings)
        if link is None:
            return None
        from ragcli.store.redis_limit import SharedRateLimiter

        chat = settings.chat
        return SharedRateLimiter(link, f"{chat.base_url}\n{chat.model}", chat.requests_per_second)

    def news(self) -> str:
        """What a person is to be told of Redis, once; else empty."""
        return self._link.news() if self._link else ""
