"""What times the stages of a journey for somebody outside who watches, such as an OpenTelemetry collector."""

from __future__ import annotations

from typing import Protocol


class Span(Protocol):
    """A stretch of time with a name. It is told counts, kinds and names of models: never a text, a path or a key."""

    def child(self, name: str) -> Span:
        """A span inside this one, which begins now."""
        ...

    def note(self, **facts: str | float | bool | None) -> None:
        """Facts about it, by name; None is no fact."""
        ...

    def end(self, failure: str = "") -> None:
        """It ends now, `failure` being the kind of error that ended it; ending it once more changes nothing."""
        ...


class Tracer(Protocol):
    def span(self, name: str) -> Span:
        """The first span of a journey, which begins now."""
        ...
