"""Files that are text already: Markdown, notes, source code, tables, data, and notebooks."""

from __future__ import annotations

import json
import re
from typing import Any

from ragcli.errors import FileFailure
from ragcli.ingest.decode import decode
from ragcli.ingest.extract import stem
from ragcli.ingest.headings import headings
from ragcli.ingest.sniff import text_format
from ragcli.types import Document

MARKDOWN = frozenset({"md"})
_WITH_HEADINGS = frozenset({"md", "adoc", "org", "tex", "rst"})
_FRONT_TITLE = re.compile(r"\A---[ \t]*\n(?:.*\n)*?title:[ \t]*(?P<title>[^\n]+)\n(?:.*\n)*?---", re.IGNORECASE)
_TEX_TITLE = re.compile(r"\\title\{(?P<title>[^{}\n]+)\}")
_JSON = frozenset({"json", "ndjson"})
_ESCAPED = re.compile(r"(?<!\\)(?:\\u(?!00[0-7])[0-9a-fA-F]{4})+")
_LONG_LINE = 2000


def read_text(path: str, data: bytes) -> Document:
    """A text as it stands, so that its lines are the lines of the file."""
    text = decode(data).text
    format = text_format(path)
    if format == "json" and (readable := _on_lines(text)):
        return Document(path, stem(path), format, readable)
    return text_document(path, unescaped(text, format))


def text_document(path: str, text: str) -> Document:
    """A document whose lines are the lines of the file."""
    format = text_format(path)
    markdown = format in MARKDOWN
    return Document(path, title_of(path, text, format), format, text, lined=True, markdown=markdown)


def title_of(path: str, text: str, format: str) -> str:
    """The title that a text states itself, else its first heading, else the name of the file."""
    if format not in _WITH_HEADINGS:
        return stem(path)
    start = text[:20_000]
    stated = {"md": _FRONT_TITLE.match, "tex": _TEX_TITLE.search}.get(format)
    if stated and (match := stated(start)) and (title := match["title"].strip().strip("\"'")):
        return title
    first = next(headings(start, format=format, markdown=format in MARKDOWN), None)
    return first.title if first else stem(path)


def read_notebook(path: str, data: bytes) -> Document:
    """The cells of a Jupyter notebook as Markdown: prose, code in fences, and what the code printed."""
    text = decode(data).text
    try:
        notebook = json.loads(text)
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        language = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
        parts = [part for cell in cells for part in _cell(cell, str(language))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFailure("corrupt", f"not a readable notebook: {type(error).__name__}") from error
    markdown = "\n\n".join(part for part in parts if part.strip())
    return Document(path, title_of(path, markdown, "md"), "ipynb", markdown, markdown=True)


def _cell(cell: dict[str, Any], language: str) -> list[str]:
    source = _joined(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type")
    if kind == "heading":
        return [f"{'#' * int(cell.get('level', 1))} {source}"]
    if kind != "code":
        return [source.strip("\n")]
    parts = [f"```{language}\n{source}\n```"] if source.strip() else []
    for output in cell.get("outputs", ()):
        shown = output.get("text") or output.get("data", {}).get("text/plain") or ""
        if shown := _joined(shown).strip("\n"):
            parts.append(f"```\n{shown}\n```")
    return parts


def _joined(lines: Any) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines)


def unescaped(text: str, format: str) -> str:
    """JSON with the characters that its \\u escapes stand for: nobody searches for escapes. Lines stay lines."""
    if format not in _JSON or "\\u" not in text:
        return text
    return _ESCAPED.sub(lambda match: _characters(match[0]), text)


def _characters(escapes: str) -> str:
    return str(json.loads(f'"{escapes}"')).encode("utf-8", "replace").decode("utf-8")


def _on_lines(text: str) -> str | None:
    """JSON on lines of its own, where it came as one long line."""
    if max(map(len, text.split("\n", 50)), default=0) < _LONG_LINE:
        return None
    try:
        readable = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
        return readable.encode("utf-8", "replace").decode("utf-8")
    except (ValueError, RecursionError):
        return None
