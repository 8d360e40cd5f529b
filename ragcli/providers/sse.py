"""Server-sent events out of bytes, however the network cut them.

Follows the event stream format of the WHATWG HTML standard, section 9.2.6. More lenient in one point: an event that the
end of the stream cut off before its empty line counts, because servers close right behind their last line.
"""

from __future__ import annotations

from ragcli.errors import ServerFailed

LONGEST_LINE = 4 << 20
"""Bytes; also the longest event. A stream that exceeds it is not one of events."""

_LINE_ENDS = (b"\n", b"\r\n", b"\r")


class EventReader:
    """Feed it bytes, it returns the data of the events that they complete; what else events carry is left out.

    `comments` counts the lines that only keep alive. Lines are cut at ASCII bytes, which never stand inside a UTF-8
    character: one that is split over two pieces comes out whole.
    """

    def __init__(self, longest_line: int = LONGEST_LINE) -> None:
        self.comments = 0
        self._longest = longest_line
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._data_size = 0
        self._at_start = True
        self._after_return = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Raises ServerFailed on a line or event that is too long."""
        if self._after_return and piece:
            self._after_return = False
            piece = piece.removeprefix(b"\n")
        if (
            piece.startswith(b"data: ")
            and piece.endswith(b"\n\n")
            and len(piece) < self._longest
            and piece.count(b"\n") == 2
            and b"\r" not in piece
            and not self._rest
            and not self._data
        ):  # one whole event, which is how tokens come
            self._at_start = False
            return [piece[6:-2]]
        if b"\n" not in piece and b"\r" not in piece:
            self._rest += piece
            self._check(len(self._rest))
            return []
        lines = piece.splitlines(keepends=True)
        if self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._after_return = piece.endswith(b"\r")  # a newline that follows belongs to it
        if not piece.endswith((b"\r", b"\n")):
            self._rest += lines.pop()
        events: list[bytes] = []
        for line in lines:
            if line in _LINE_ENDS:
                self._dispatch(events)
            else:
                self._take(line.rstrip(b"\r\n"))
        return events

    def end(self) -> list[bytes]:
        """The event that the end of the stream cut off, if there is one."""
        events: list[bytes] = []
        if self._rest:
            self._take(bytes(self._rest))
            self._rest.clear()
        self._dispatch(events)
        return events

    def _take(self, line: bytes) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"data:"):
            self._data_size += len(line)
            self._check(self._data_size)
            self._data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b":"):
            self.comments += 1
            self._check(len(line))
        elif line == b"data":
            self._data.append(b"")

    def _dispatch(self, events: list[bytes]) -> None:
        if self._data:
            events.append(b"\n".join(self._data))
            self._data, self._data_size = [], 0

    def _check(self, size: int) -> None:
        if size > self._longest:
            raise ServerFailed(f"the endpoint sent a line of more than {self._longest} bytes, which is no event stream")
