"""How much of an unfinished block is final already, so that a long one flows up the screen like any other text.

Two kinds of blocks allow it: the lines of open fenced code, and a paragraph up to the last place where no emphasis,
link or code span is open. The rest of Markdown must be seen whole.
"""

from __future__ import annotations

import re

from ragcli.render.blocks import parser
from ragcli.render.wrap import break_offsets

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^\n`]*\n")
_STABLE = re.compile(
    r"(?:[^*_`\[\]<~$\\&!|\n]"
    r"|\n(?=[^\W\d_])"  # a line that begins with a letter opens no other block
    r"|\[\d{1,3}\??\](?=[^(])"
    r"|(?<=[^\W_])_(?=[^\W_])"
    r"|[&<](?=\s)|!(?=[^\[])"
    r"|(?<!`)`[^`\n]+`(?=[^`])"
    r"|(?<!\*)\*\*(?=[^\s*])[^*_`\[\]<~$\\&!|\n]+(?<=[^\s*])\*\*(?=[^*])"
    r")*"
)
_PARAGRAPH = re.compile(r"[^\W\d_]")
_MARKS = frozenset("*`")


def settled_code(source: str, skip: int) -> int:
    """How many lines of the open fenced code are final, blank ones at the end not counted.

    `skip` where the source is something else, or the fence is closed and the whole block is about to be.
    """
    fence = _FENCE.match(source)
    if fence is None:
        return skip
    body = source[fence.end() : source.rfind("\n") + 1]
    if re.search(rf"^ {{0,3}}{re.escape(fence[1])}[`~]*[ \t]*$", body, re.MULTILINE):
        return skip
    code = body.rstrip("\n")
    return max(skip, code.count("\n") + 1) if code else skip


def settled_text(source: str, skip: int, width: int) -> int:
    """How many characters of the text of the paragraph that the source is stand on final rows.

    `skip` of them were final before, and were printed in rows that ended there.
    """
    if not _PARAGRAPH.match(source):
        return skip
    stable = _STABLE.match(source)
    prefix = source[: stable.end()] if stable else ""
    if len(prefix) < skip + 2 * width:
        return skip
    tokens = parser().parse(prefix)
    if len(tokens) != 3 or tokens[0].type != "paragraph_open":
        return skip
    plain = "".join(" " if child.type == "softbreak" else child.content for child in tokens[1].children or [])
    if "\n" in plain or _MARKS.intersection(plain):
        return skip
    breaks = break_offsets(plain[skip:], width)
    return skip + breaks[-2] if len(breaks) > 1 else skip
