"""EPUB: the chapters in reading order, each one a page of HTML."""

from __future__ import annotations

import posixpath
import zipfile
from urllib.parse import unquote

from ragcli.errors import FileFailure
from ragcli.ingest.decode import decode
from ragcli.ingest.extract import stem
from ragcli.ingest.markup import html_text
from ragcli.ingest.package import local, parse, unpack
from ragcli.types import Document

_CONTAINER = "META-INF/container.xml"


def read_epub(path: str, archive: zipfile.ZipFile) -> Document:
    """Raises FileFailure of kind corrupt where the book does not say what it consists of."""
    names = set(archive.namelist())
    package = _package(archive, names)
    title, chapters = _contents(archive, package)
    texts = []
    for chapter in chapters:
        if chapter in names:
            markup = decode(unpack(archive, chapter)).text
            texts.append(html_text(markup)[0])
    text = "\n\n".join(text for text in texts if text.strip())
    return Document(path, title or stem(path), "epub", text, markdown=True)


def _package(archive: zipfile.ZipFile, names: set[str]) -> str:
    if _CONTAINER in names:
        for element in parse(archive, _CONTAINER).iter():
            if local(element.tag) == "rootfile" and (found := element.get("full-path", "")) in names:
                return found
    found = next((name for name in sorted(names) if name.endswith(".opf")), "")
    if not found:
        raise FileFailure("corrupt", "a book without a table of its parts")
    return found


def _contents(archive: zipfile.ZipFile, package: str) -> tuple[str, list[str]]:
    """(title, members in reading order)."""
    title = ""
    members: dict[str, str] = {}
    order: list[str] = []
    for element in parse(archive, package).iter():
        match local(element.tag):
            case "title" if not title:
                title = " ".join((element.text or "").split())
            case "item":
                target = posixpath.join(posixpath.dirname(package), unquote(element.get("href", "")))
                members[element.get("id", "")] = posixpath.normpath(target)
            case "itemref":
                order.append(element.get("idref", ""))
    return title, [members[key] for key in order if key in members]
