"""HTML as Markdown; XML as the text it holds, feeds and records told apart from running text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree

from ragcli.errors import FileFailure
from ragcli.ingest.decode import decode
from ragcli.ingest.extract import stem
from ragcli.ingest.office import convert
from ragcli.ingest.package import Element, local, paragraphs
from ragcli.types import Document

_ATTRIBUTES = r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*+"
_HEAD = re.compile(
    rf"(?is)<head\b{_ATTRIBUTES}>.*?(?:</head\s*>|(?=<body\b))|<meta\b{_ATTRIBUTES}>|<title\b.*?</title\s*>"
)
_INLINE = re.compile(
    rf"</?(?:a|b|i|u|s|em|strong|mark|font|small|big|cite|abbr|ins|sub|sup|span|bdi|bdo|wbr)\b{_ATTRIBUTES}>",
    re.IGNORECASE,
)
_FORM = re.compile(rf"<(/?)form\b{_ATTRIBUTES}>", re.IGNORECASE)
_TABLE_PART = re.compile(rf"<(/?)(table|thead|tbody|tfoot|tr|td|th)\b{_ATTRIBUTES}>", re.IGNORECASE)
_DRAWN = re.compile(r"(?is)<(svg|math)\b.*?</\1\s*>")
_FORMULA = re.compile(r"(?is)<annotation\b[^>]*tex[^>]*>(.*?)</annotation\s*>")
_PICTURE = re.compile(rf"<img\b{_ATTRIBUTES}>", re.IGNORECASE)
_ALT = re.compile(r"(?is)\balt\s*=\s*([\"'])(.*?)\1")
_VERBATIM = re.compile(r"(<pre\b.*?</pre\s*>|<textarea\b.*?</textarea\s*>)", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>")
_TITLE = re.compile(r"(?is)<title\b[^>]*>(.*?)</title\s*>")
_HEADING = re.compile(r"(?is)<h1\b[^>]*>(.*?)</h1\s*>")
_TAG = re.compile(r"(?s)<!--.*?-->|<[/!?a-zA-Z][^>]*>")
_ENCODED_MARKUP = re.compile(r"<(?:p|br|div|a|img|b|i|ul|table|span|strong|h\d)\b[^>]*/?>", re.IGNORECASE)
_WORD_PROCESSING = frozenset({"wordDocument", "package"})  # Word's own XML, of 2003 and later: words cut into runs
_AMPLIFICATION = 43  # XML_ERROR_AMPLIFICATION_LIMIT_BREACH of expat
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def read_html(path: str, data: bytes) -> Document:
    markup = decode(data).text
    if "<!ENTITY" in markup[:10_000]:
        return read_xml(path, data)
    text, title = html_text(markup)
    return Document(path, title or stem(path), "html", text, markdown=True)


def html_text(markup: str) -> tuple[str, str]:
    """(Markdown, title) of an HTML page or fragment."""
    title = ""
    for found in (_TITLE.search(markup), _HEADING.search(markup)):
        if found and not title:
            title = " ".join(unescape(_TAG.sub(" ", found[1])).split())
    # Links and emphasis go before the conversion: the text is searched and quoted, and a phrase must stay in one piece.
    # The head goes because the converter makes front matter of it, and would believe its former encoding.
    markup = _INLINE.sub("", _PICTURE.sub(_alternative, _DRAWN.sub(_written, _HEAD.sub("", markup))))
    markup = _FORM.sub(r"<\1div>", markup)  # the converter leaves out forms, and some pages are one
    markup = _closed_cells(markup)
    # White space means one space in HTML, but the converter keeps line ends.
    parts = _VERBATIM.split(markup)
    parts[::2] = [re.sub(r"\s+", " ", part) for part in parts[::2]]
    text, _ = convert("".join(parts).encode("utf-8"), "html")
    if not text.strip():  # nested more deeply than the converter goes
        text = _without_tags(markup)
    return text.strip("\n"), title[:200]


def _closed_cells(markup: str) -> str:
    """With the end of each table cell, which HTML may leave out: the converter would drop what follows."""
    parts: list[str] = []
    open_cells: list[str] = []  # of each table that the position is in, the cell that is open or ""
    position = 0
    for found in _TABLE_PART.finditer(markup):
        closing, name = bool(found[1]), found[2].lower()
        if name == "table" and not closing:
            open_cells.append("")
        elif open_cells:
            own_end = closing and name == open_cells[-1]
            if open_cells[-1] and not own_end:
                parts += (markup[position : found.start()], f"</{open_cells[-1]}>")
                position = found.start()
            open_cells[-1] = name if name in ("td", "th") and not closing else ""
            if name == "table":
                open_cells.pop()
    return "".join((*parts, markup[position:]))


def _alternative(picture: re.Match[str]) -> str:
    found = _ALT.search(picture[0])
    return found[2] if found else ""


def _written(drawn: re.Match[str]) -> str:
    """The words of a drawing, a formula as TeX where it says so; the converter would keep both as code."""
    formula = _FORMULA.search(drawn[0])
    return formula[1] if formula else " ".join(_TAG.sub(" ", _HIDDEN.sub(" ", drawn[0])).split())


def read_xml(path: str, data: bytes) -> Document:
    """The text of the elements; damaged XML without its tags."""
    markup = decode(data).text
    try:
        root = ElementTree.fromstring(_DECLARATION.sub("", markup))  # noqa: S314 - expat limits entity expansion itself
    except ElementTree.ParseError as error:
        if error.code == _AMPLIFICATION:
            raise FileFailure("too_large", "its entities unpack to far more than the file") from error
        text = _without_tags(re.sub(r"<!\[CDATA\[(.*?)\]\]>", lambda match: match[1], markup, flags=re.DOTALL))
        return Document(path, stem(path), "xml", text)
    if local(root.tag) in _WORD_PROCESSING:
        return Document(path, stem(path), "xml", "\n\n".join(paragraphs(root)), markdown=True)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(_blocks(root))).strip()
    title = next(
        (" ".join(e.text.split()) for e in root.iter() if local(e.tag) == "title" and e.text and e.text.strip()), ""
    )
    return Document(path, title[:200] or stem(path), "xml", text, markdown=True)


def _without_tags(markup: str) -> str:
    text = unescape(_TAG.sub(" ", _HIDDEN.sub(" ", markup)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _blocks(element: Element) -> Iterator[str]:
    """Lines of text: running text as paragraphs, records as `name: value`, a blank line between groups."""
    stack: list[tuple[Element, bool]] = [(element, False)]
    while stack:
        element, closing = stack.pop()
        if closing:
            yield ""
            continue
        if not isinstance(element.tag, str):
            continue
        children = len(element)
        if not children or _is_running_text(element):
            text = " ".join("".join(element.itertext()).split())
            if text:
                yield from _leaf(local(element.tag), text, running=children > 0)
            elif element.attrib and not children:
                yield " ".join(f"{local(name)}: {value}" for name, value in element.attrib.items())
            continue
        if element.attrib:
            yield " ".join(f"{local(name)}: {value}" for name, value in element.attrib.items())
        stack.append((element, True))
        stack.extend((child, False) for child in reversed(element))


def _is_running_text(element: Element) -> bool:
    return bool((element.text and element.text.strip()) or any(child.tail and child.tail.strip() for child in element))


def _leaf(name: str, text: str, *, running: bool) -> Iterator[str]:
    if name == "title":
        yield from ("", f"## {text}", "")
    elif _ENCODED_MARKUP.search(text):
        yield from ("", html_text(text)[0].strip(), "")
    elif running or name in ("p", "para", "description", "summary", "content", "encoded") or len(text) > 200:
        yield from ("", text, "")
    else:
        yield f"{name}: {text}"
