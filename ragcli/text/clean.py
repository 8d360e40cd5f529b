"""Text from documents and models must not steer the terminal: control sequences are taken out before it is shown.

What goes: escape sequences with their parameters and payload (CSI, OSC, DCS, APC, PM, SOS, in their 7-bit and 8-bit
forms, as ECMA-48 defines them), every other C0 and C1 control but newline and tab, bidirectional embeddings and
overrides ("Trojan Source", CVE-2021-42574), invisible tag characters outside of flag emoji, and code points that no
stream can encode. What stays: all scripts, emoji with their joiners and selectors. Other line breaks (CR, VT, FF, NEL,
U+2028, U+2029) become newlines, so that no two words grow together.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_PAYLOAD = 4096
"""Characters after which a string that nothing terminates counts as text whose introducer alone is taken out."""

_FLAG = "\U0001f3f4"
_TAGS = "\U000e0020-\U000e007e"
_PAYLOAD = rf"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029{_FLAG}]{{0,{LONGEST_PAYLOAD}}}"
_STRING = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])"
_CSI = r"(?:\x1b\[|\x9b)"

_FOUND = re.compile(
    rf"(?P<flag>{_FLAG}[{_TAGS}]{{1,6}}\U000e007f)"
    rf"|{_STRING}{_PAYLOAD}(?:\x07|\x1b\\|\x9c)"
    rf"|{_CSI}[0-?]{{0,64}}[ -/]{{0,8}}[@-~]"
    r"|\x1b[ -/]{0,8}[0-~]"
    r"|(?P<newline>\r\n?|[\x0b\x0c\x85\u2028\u2029])"
    r"|(?P<broken>[\ud800-\udfff])"
    r"|[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u202a-\u202e\u2066-\u2069\u206a-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
    r"|[\U000e0000-\U000e007f]"
)
_UNFINISHED = re.compile(
    rf"(?:{_STRING}{_PAYLOAD}\x1b?|{_CSI}[0-?]{{0,64}}[ -/]{{0,8}}|\x1b[ -/]{{0,8}}|\r|{_FLAG}[{_TAGS}]{{0,6}})\Z"
)
_SUSPICIOUS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
    rf"{_FLAG}\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """The text without anything that a terminal would obey; cleaning twice changes nothing more."""
    if _SUSPICIOUS.search(text) is None:
        return text
    return _FOUND.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "flag":
            return match.group()
        case "newline":
            return "\n"
        case "broken":
            return "\ufffd"
        case _:
            return ""


class Cleaner:
    """`clean` for a text that comes in pieces: the pieces that it gives back join to `clean` of the whole.

    The start of a sequence is held back until the rest comes, so none gets through that was split over two pieces.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown after this piece."""
        if not self._held and _SUSPICIOUS.search(piece) is None:
            return piece
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._held = text[end:]
        return clean(text[:end])

    def flush(self) -> str:
        """What was held back when the text ended in the middle of something."""
        held, self._held = self._held, ""
        return clean(held)


def cells(text: str) -> int:
    """Columns of a terminal that the text takes: wide characters two, combining and format characters none."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def one_line(text: str, width: int = 80) -> str:
    """The text cleaned, on one line, in at most `width` columns; an ellipsis tells that it was longer."""
    line = " ".join(clean(text).split())
    if cells(line) <= width:
        return line
    room, kept = max(width, 1) - 1, 0
    for end, character in enumerate(line):
        kept += _cells(character)
        if kept > room:
            return line[:end].rstrip() + "…"
    return line
