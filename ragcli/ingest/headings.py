"""Where the headings of a text stand, so that each passage can say which section it comes from."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

LONGEST_TITLE = 200


class Heading(Struct, frozen=True):
    """A heading from `start` up to `end` in the text, its underline included; `level` counts from 1."""

    start: int
    end: int
    level: int
    title: str


_MARKDOWN = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$"
    r"|^ {0,3}(?P<marks>#{1,6})(?:[ \t]+(?P<title>[^\n]*?))?(?:[ \t]+#+)?[ \t]*$"
    r"|^ {0,3}(?P<line>=+|-+)[ \t]*$",
    re.MULTILINE,
)
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_NO_PARAGRAPH = re.compile(r" {0,3}(?:[>|#]|[-*+][ \t]|\d{1,9}[.)][ \t]|`{3}|~{3}|<)| {4}|\t|[ \t]*$")
_INLINE = re.compile(
    r"!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])|<a\b[^>]*>|</a>|(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)|`"
)
_ASCIIDOC = re.compile(
    r"^(?P<block>-{4,}|\.{4,}|={4,}|`{3,})[ \t]*$|^(?P<marks>={1,6})[ \t]+(?P<title>\S.*)$", re.MULTILINE
)
_ORG = re.compile(
    r"^[ \t]*#\+(?P<block>begin|end)_.*$|^(?P<marks>\*{1,8})[ \t]+(?P<title>\S.*)$", re.MULTILINE | re.IGNORECASE
)
_TEX = re.compile(
    r"^[ \t]*\\(?P<name>part|chapter|(?:sub){0,2}section|paragraph)\*?[ \t]*(?:\[[^\]\n]*\])?"
    r"\{(?P<title>[^\n]*?)\}",
    re.MULTILINE,
)
_TEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph")
_RST = re.compile(
    r"^(?:(?P<over>([=\-`:'\"~^_*+#<>.])\2{2,})[ \t]*\n)?(?P<title>[ \t]*\S[^\n]*)\n"
    r"(?P<under>([=\-`:'\"~^_*+#<>.])\5{2,})[ \t]*$",
    re.MULTILINE,
)


def headings(text: str, *, format: str, markdown: bool) -> Iterator[Heading]:
    """The headings of a text in order; none for formats that have none."""
    if markdown:
        return _markdown(text)
    read = _READERS.get(format)
    return read(text) if read else iter(())


class Outline:
    """The headings of a text as sections: which of them hold a passage, which of them end it."""

    def __init__(self, text: str, found: Sequence[Heading], path: tuple[Heading, ...] = ()) -> None:
        self._text = text
        self._found = found
        self._starts = [heading.start for heading in found]
        self._paths = [path]
        front = _FRONT_MATTER.match(text)
        self._front = front.end() if front else 0  # it describes the document and belongs to no section
        for heading in found:
            outer = (above for above in self._paths[-1] if above.level < heading.level)
            self._paths.append((*outer, heading))

    @property
    def last_path(self) -> tuple[Heading, ...]:
        """The headings that hold at the end of the text."""
        return self._paths[-1]

    def path(self, start: int, end: int) -> tuple[str, ...]:
        """Titles of the sections that hold the whole passage; headings that it begins with are among them."""
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        paths = []
        position = max(start, self._front)
        for index in range(first, last):
            if self._text[position : self._found[index].start].strip():
                paths.append(self._paths[index])
            position = self._found[index].end
        if self._text[position:end].strip() or not paths:
            paths.append(self._paths[last])
        return _shared(paths)

    def trailing(self, start: int, end: int) -> int:
        """Where the run of headings begins that ends the passage, or `end` if it does not end with a heading."""
        index = bisect_left(self._starts, end) - 1
        cut = end
        while index >= 0 and self._starts[index] >= start and not self._text[self._found[index].end : cut].strip():
            cut = self._starts[index]
            index -= 1
        return cut


def _shared(paths: Sequence[tuple[Heading, ...]]) -> tuple[str, ...]:
    """Titles of the headings that all the paths begin with."""
    found = paths[0]
    for path in paths[1:]:
        same = 0
        while same < min(len(found), len(path)) and found[same] == path[same]:
            same += 1
        found = found[:same]
    return tuple(heading.title for heading in found)


def _clean(title: str) -> str:
    title = _INLINE.sub(lambda match: match.group(1) or "", title)
    return re.sub(r"\s+", " ", title).strip()[:LONGEST_TITLE]


def _markdown(text: str) -> Iterator[Heading]:
    """ATX and setext headings (CommonMark 4.2, 4.3), not inside fenced code or front matter."""
    front = _FRONT_MATTER.match(text)
    fence = ""
    for match in _MARKDOWN.finditer(text, front.end() if front else 0):
        if mark := match["fence"]:
            if not fence and not (mark[0] == "`" and "`" in match["info"]):
                fence = mark
            elif fence and mark.startswith(fence) and not match["info"].strip():
                fence = ""
        elif fence:
            continue
        elif match["marks"]:
            if title := _clean(match["title"] or ""):
                yield Heading(match.start(), match.end(), len(match["marks"]), title)
        elif (start := _line_above(text, match.start())) is not None and (title := _clean(text[start : match.start()])):
            yield Heading(start, match.end(), 1 if match["line"][0] == "=" else 2, title)


def _line_above(text: str, position: int) -> int | None:
    """Start of the line above `position` if that is a paragraph of one line, which an underline makes a heading."""
    if position < 2:
        return None
    start = text.rfind("\n", 0, position - 1) + 1
    if _NO_PARAGRAPH.match(text, start, position - 1):
        return None
    if start:
        above = text.rfind("\n", 0, start - 1) + 1
        if not _NO_PARAGRAPH.match(text, above, start - 1):
            return None
    return start


def _asciidoc(text: str) -> Iterator[Heading]:
    block = ""
    for match in _ASCIIDOC.finditer(text):
        if mark := match["block"]:
            block = "" if mark == block else block or mark
        elif not block:
            yield Heading(match.start(), match.end(), len(match["marks"]), _clean(match["title"]))


def _org(text: str) -> Iterator[Heading]:
    inside = False
    for match in _ORG.finditer(text):
        if match["block"]:
            inside = match["block"].lower() == "begin"
        elif not inside:
            yield Heading(match.start(), match.end(), len(match["marks"]), _clean(match["title"]))


def _tex(text: str) -> Iterator[Heading]:
    for match in _TEX.finditer(text):
        if title := _clean(match["title"]):
            yield Heading(match.start(), match.end(), _TEX_LEVELS.index(match["name"]) + 1, title)


def _rst(text: str) -> Iterator[Heading]:
    """Levels are the order in which the kinds of underline appear (reStructuredText, "Sections")."""
    kinds: list[tuple[bool, str]] = []
    for match in _RST.finditer(text):
        title = match["title"].strip()
        wide = sum(2 if ord(c) > 0x2E7F else 1 for c in title)
        if (
            len(match["under"]) < wide
            or (match["over"] and match["over"] != match["under"])
            or not title.strip("=-`:'\"~^_*+#<>.")
        ):
            continue
        kind = (bool(match["over"]), match["under"][0])
        if kind not in kinds:
            kinds.append(kind)
        yield Heading(match.start(), match.end(), kinds.index(kind) + 1, _clean(title))


_READERS: dict[str, Callable[[str], Iterator[Heading]]] = {"adoc": _asciidoc, "org": _org, "tex": _tex, "rst": _rst}
