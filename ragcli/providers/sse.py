"""Server-sent events out of bytes, however the network cut them.

Follows the event stream format of the WHATWG HTML standard, section 9.2.6. More lenient in one point: an event that the
end of the stream cut off before its empty line counts, because servers close right behind their last line.
"""

from __future__ import annotations

from dataclasses import dataclass

from ragcli.errors import ServerFailed

LONGEST_LINE = 4 << 20
"""Bytes; also the longest event. A stream that exceeds it is not one of events."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    data: str
    event: str = "message"


class EventReader:
    """Feed it bytes, it returns the events that they complete; `comments` counts the lines that only keep alive.

    Lines are cut at ASCII bytes, which never stand inside a UTF-8 character, and decoded whole: a character that is
    split over two pieces comes out in one.
    """

    def __init__(self, longest_line: int = LONGEST_LINE) -> None:
        self.comments = 0
        self._longest = longest_line
        self._rest = bytearray()
        self._data: list[str] = []
        self._data_size = 0
        self._event = ""
        self._at_start = True
        self._after_return = False

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Raises ServerFailed on a line or event that is too long."""
        if self._after_return and piece:
            self._after_return = False
            piece = piece.removeprefix(b"\n")
        if b"\n" not in piece and b"\r" not in piece:
            self._rest += piece
            self._check(len(self._rest))
            return []
        lines = piece.splitlines(keepends=True)
        lines[0] = bytes(self._rest) + lines[0]
        self._after_return = piece.endswith(b"\r")  # a newline that follows belongs to it
        self._rest = bytearray() if piece.endswith((b"\r", b"\n")) else bytearray(lines.pop())
        events = []
        for line in lines:
            self._check(len(line))
            event = self._take(line.rstrip(b"\r\n"))
            if event is not None:
                events.append(event)
        return events

    def end(self) -> list[ServerEvent]:
        """The event that the end of the stream cut off, if there is one."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            self._take(rest)
        event = self._dispatch()
        return [event] if event is not None else []

    def _take(self, line: bytes) -> ServerEvent | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if not name:
            self.comments += 1
        elif name == b"data":
            self._data_size += len(value)
            self._check(self._data_size)
            self._data.append(value.removeprefix(b" ").decode(errors="replace"))
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode(errors="replace")
        return None

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent("\n".join(self._data), self._event or "message") if self._data else None
        self._data, self._data_size, self._event = [], 0, ""
        return event

    def _check(self, size: int) -> None:
        if size > self._longest:
            raise ServerFailed(f"the endpoint sent a line of more than {self._longest} bytes, which is no event stream")
