"""Slides, one page each: title, text and tables in their order, then speaker notes, diagrams and comments."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator

from ragcli.ingest.extract import stem
from ragcli.ingest.package import Element, local, paragraph, paragraphs, parse, related
from ragcli.types import Document

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr")
_BESIDE = {"diagramData": "", "chart": "", "comments": "Comments:", "notesSlide": "Notes:"}


def read_pptx(path: str, archive: zipfile.ZipFile) -> Document:
    """The slides of a PowerPoint file in the order of the show."""
    return _document(path, "pptx", [_pptx_slide(archive, name) for name in _slide_names(archive)], _core_title(archive))


def read_odp(path: str, archive: zipfile.ZipFile) -> Document:
    """The slides of an OpenDocument presentation."""
    root = parse(archive, "content.xml")
    pages = [element for element in root.iter() if local(element.tag) == "page"]
    return _document(path, "odp", [_odp_slide(page) for page in pages], "")


def _document(path: str, format: str, slides: Iterable[list[str]], stated: str) -> Document:
    text, starts, title = "", [], stated
    for blocks in slides:
        starts.append(len(text))
        text += "\n\n".join(blocks) + "\n\n"
        if not title and blocks and blocks[0].startswith("## "):
            title = blocks[0][3:]
    return Document(path, title or stem(path), format, text.rstrip("\n"), pages=tuple(starts), markdown=True)


def _slide_names(archive: zipfile.ZipFile) -> list[str]:
    names = archive.namelist()
    slides = sorted(
        (name for name in names if re.fullmatch(r"ppt/slides/slide\d+\.xml", name)),
        key=lambda name: int(re.sub(r"\D", "", name)),
    )
    if "ppt/presentation.xml" not in names:
        return slides
    targets = {key: target for key, _, target in related(archive, "ppt/presentation.xml")}
    shown = [
        target
        for element in parse(archive, "ppt/presentation.xml").iter()
        if local(element.tag) == "sldId"
        for name, value in element.attrib.items()
        if local(name) == "id" and name.startswith("{") and (target := targets.get(value)) in names
    ]
    return shown or slides


def _pptx_slide(archive: zipfile.ZipFile, name: str) -> list[str]:
    root = parse(archive, name)
    tree = next((element for element in root.iter() if local(element.tag) == "spTree"), root)
    titles: list[str] = []
    blocks: list[str] = []
    for is_title, block in _shapes(tree):
        (titles if is_title else blocks).append(block)
    if titles:
        blocks.insert(0, f"## {' '.join(titles)}")
    for _, kind, target in related(archive, name):
        if kind in _BESIDE and target in archive.namelist():
            lines = [line for line in _beside(parse(archive, target), kind) if line not in blocks]
            if lines:
                blocks += [_BESIDE[kind], *lines] if _BESIDE[kind] else lines
    return blocks


def _beside(root: Element, kind: str) -> Iterator[str]:
    if kind == "notesSlide":
        for is_title, block in _shapes(root):
            if not is_title:
                yield block
        return
    yield from paragraphs(root)
    for element in root.iter():
        if kind == "comments" and local(element.tag) == "text" and element.text and element.text.strip():
            yield element.text.strip()


def _shapes(tree: Element) -> Iterator[tuple[bool, str]]:
    """(whether it is the title, text) of each shape, tables as Markdown."""
    for element in tree:
        name = local(element.tag)
        if name == "AlternateContent":
            yield from _shapes(element[0]) if len(element) else ()
        elif name == "tbl":
            yield False, _table(element)
        elif name == "sp":
            placeholder = next((found.get("type", "") for found in element.iter() if local(found.tag) == "ph"), "")
            lines = list(paragraphs(element))
            if lines and placeholder not in _FURNITURE:
                is_title = placeholder in _TITLES
                yield is_title, " ".join(lines) if is_title else "\n\n".join(lines)
        elif name != "pic":
            yield from _shapes(element)


def _table(table: Element) -> str:
    rows = [
        [" ".join(paragraphs(cell)).replace("|", "/") for cell in row if local(cell.tag) == "tc"]
        for row in table
        if local(row.tag) == "tr"
    ]
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    if rows:
        lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _odp_slide(page: Element) -> list[str]:
    blocks: list[str] = []
    notes: list[str] = []
    for part in page:
        if local(part.tag) == "notes":
            notes += paragraphs(part)
            continue
        is_title = any(local(name) == "class" and value == "title" for name, value in part.attrib.items())
        lines = [text for element in part.iter() if local(element.tag) in ("p", "h") and (text := paragraph(element))]
        if is_title and lines:
            blocks.insert(0, f"## {' '.join(lines)}")
        else:
            blocks += lines
    return [*blocks, "Notes:", *notes] if notes else blocks


def _core_title(archive: zipfile.ZipFile) -> str:
    if "docProps/core.xml" not in archive.namelist():
        return ""
    for element in parse(archive, "docProps/core.xml"):
        if local(element.tag) == "title" and element.text:
            title = " ".join(element.text.split())
            return (
                "" if title.lower() in ("powerpoint presentation", "presentation", "powerpoint-präsentation") else title
            )
    return ""
