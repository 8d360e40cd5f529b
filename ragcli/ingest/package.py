"""Reading the XML inside of Office and OpenDocument archives: members, paragraphs, relations."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

from ragcli.errors import FileFailure

Element = ElementTree.Element

_BREAKS = frozenset({"tab", "br", "s", "line-break", "cr"})
_PARAGRAPHS = frozenset({"p", "h"})
_NOT_SHOWN = frozenset({"instrText", "delText"})
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member. Raises FileFailure of kind corrupt."""
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zlib.error) as error:
        raise FileFailure("corrupt", f"damaged archive: {name} cannot be unpacked") from error
    except KeyError as error:
        raise FileFailure("corrupt", f"incomplete archive: {name} is missing") from error


def parse(archive: zipfile.ZipFile, name: str) -> Element:
    """The root element of a member. Raises FileFailure of kind corrupt."""
    try:
        return ElementTree.fromstring(unpack(archive, name))  # noqa: S314 - expat limits entity expansion itself
    except ElementTree.ParseError as error:
        raise FileFailure("corrupt", f"damaged XML in {name}") from error


def local(tag: object) -> str:
    """An element's name without its namespace: Strict and Transitional Office documents name that differently."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def paragraphs(root: Element) -> Iterator[str]:
    """The text of each paragraph of WordprocessingML, DrawingML or OpenDocument below `root`, in order, none empty."""
    for element in root.iter():
        if local(element.tag) in _PARAGRAPHS and (text := paragraph(element)):
            yield text


def paragraph(element: Element) -> str:
    """The text of one paragraph, on one line; paragraphs inside of it (text boxes) are not part of it."""
    return " ".join("".join(_runs(element)).split())


def related(archive: zipfile.ZipFile, name: str) -> list[tuple[str, str, str]]:
    """(id, type, target) of each relation of a member, the target as a member's name."""
    folder, base = posixpath.split(name)
    relations = f"{folder}/_rels/{base}.rels"
    if relations not in archive.namelist():
        return []
    found: list[tuple[str, str, str]] = []
    for relation in parse(archive, relations):
        if relation.get("TargetMode") != "External" and (target := relation.get("Target")):
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found.append((relation.get("Id", ""), posixpath.basename(relation.get("Type", "")), path))
    return found


def _runs(element: Element) -> Iterator[str]:
    name = local(element.tag)
    if name in _NOT_SHOWN:
        return
    if name in _BREAKS:
        yield " "
    mixed = element.tag.startswith(_TEXT)
    if element.text and (mixed or name == "t"):
        yield element.text
    for child in element:
        if local(child.tag) not in _PARAGRAPHS and isinstance(child.tag, str):
            yield from _runs(child)
        if mixed and child.tail:
            yield child.tail
