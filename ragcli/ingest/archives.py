"""Documents that are archives of XML: newer Office, OpenDocument, EPUB. Bombs and sealed ones are told first."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from xml.etree import ElementTree

from ragcli.errors import FileFailure
from ragcli.ingest.books import read_epub
from ragcli.ingest.office import convert, markdown_document
from ragcli.ingest.package import paragraphs, unpack
from ragcli.ingest.slides import read_odp, read_pptx
from ragcli.types import Document

MOST_UNPACKED = 512 * 2**20
"""Bytes that an archive may unpack to."""
_SUSPICIOUS = 64 * 2**20
_WORST_RATIO = 200

_MAIN_PART = re.compile(r"<Relationship\b(?=[^>]*/officeDocument\")[^>]*\bTarget=\"([^\"]+)\"")
_OBFUSCATED_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_OPENDOCUMENT = {"text": "odt", "spreadsheet": "ods", "presentation": "odp", "text-template": "odt"}


def read_zip(path: str, data: bytes) -> Document:
    """Raises FileFailure: encrypted, corrupt, too_large, unsupported for archives that are no document."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise FileFailure("corrupt", "damaged or cut-off archive") from error
    with archive:
        names = set(archive.namelist())
        format = _format(archive, names)
        _check(archive, names)
        if format == "epub":
            return read_epub(path, archive)
        if format == "pptx":
            return read_pptx(path, archive)
        if format == "odp":
            return read_odp(path, archive)
        if format == "docx" and "word/document.xml" not in names:
            data = _by_usual_names(archive, data)
        text, title = convert(data, format)
        left_out = _left_out(archive, names, text, format)
    blocks = [text.strip("\n"), *left_out]
    return markdown_document(path, "\n\n".join(filter(None, blocks)), format, title=title)


def _format(archive: zipfile.ZipFile, names: set[str]) -> str:
    for folder, format in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        if any(name.replace("\\", "/").lower().startswith(folder) for name in names) and (
            "[Content_Types].xml" in names or "_rels/.rels" in names
        ):
            return "xlsb" if "xl/workbook.bin" in names else format
    if "mimetype" in names:
        mime = unpack(archive, "mimetype")[:200].decode("ascii", "replace").strip()
        if mime == "application/epub+zip":
            return "epub"
        prefix = "application/vnd.oasis.opendocument."
        if mime.startswith(prefix) and (found := _OPENDOCUMENT.get(mime.removeprefix(prefix))):
            return found
    if "META-INF/container.xml" in names:
        return "epub"
    raise FileFailure("unsupported", "an archive; unpack it and ingest what is in it")


def _by_usual_names(archive: zipfile.ZipFile, data: bytes) -> bytes:
    """The package with its main part under the name that the converter looks for; some programs choose another."""
    relations = next((name for name in archive.namelist() if name.replace("\\", "/") == "_rels/.rels"), "")
    found = _MAIN_PART.search(unpack(archive, relations).decode("utf-8", "replace")) if relations else None
    if found is None:
        return data
    main = posixpath.basename(found[1])
    renamed = io.BytesIO()
    with zipfile.ZipFile(renamed, "w") as package:
        for name in archive.namelist():
            usual = name.replace("\\", "/").replace(f"word/{main}", "word/document.xml")
            package.writestr(usual.replace(f"_rels/{main}.rels", "_rels/document.xml.rels"), unpack(archive, name))
    return renamed.getvalue()


def _check(archive: zipfile.ZipFile, names: set[str]) -> None:
    infos = archive.infolist()
    if any(info.flag_bits & 1 for info in infos):
        raise FileFailure("encrypted", "protected with a password; remove it first")
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if unpacked > MOST_UNPACKED or (unpacked > _SUSPICIOUS and unpacked > _WORST_RATIO * max(1, packed)):
        raise FileFailure("too_large", f"unpacks to {unpacked / 2**20:,.0f} MB from {packed / 2**20:,.1f} MB")
    manifest = "META-INF/manifest.xml"
    if manifest in names and b"encryption-data" in unpack(archive, manifest):
        raise FileFailure("encrypted", "protected with a password; remove it first")
    rights = "META-INF/encryption.xml"
    if rights in names:
        algorithms = re.findall(
            r"EncryptionMethod[^>]*Algorithm=\"([^\"]+)\"", unpack(archive, rights).decode("utf-8", "replace")
        )
        if any(algorithm not in _OBFUSCATED_FONTS for algorithm in algorithms):
            raise FileFailure("encrypted", "protected by digital rights management")


_PARTS = {
    "docx": re.compile(r"word/(?:document|header\d*|footer\d*|comments|footnotes|endnotes)\.xml"),
    "xlsx": re.compile(r"xl/(?:comments\d*|threadedComments/\w+|drawings/drawing\d+)\.xml"),
    "odt": re.compile(r"(?:content|styles)\.xml"),
    "ods": re.compile(r"content\.xml"),
}


def _left_out(archive: zipfile.ZipFile, names: set[str], text: str, format: str) -> list[str]:
    """Paragraphs that the converter passed over: headers, footers, comments, notes, text boxes."""
    part = _PARTS.get(format)
    if part is None:
        return []
    seen = _squeezed(text)
    found: list[str] = []
    added: set[str] = set()
    for name in sorted(name for name in names if part.fullmatch(name)):
        try:
            root = ElementTree.fromstring(unpack(archive, name))  # noqa: S314 - expat limits entity expansion itself
        except ElementTree.ParseError:
            continue
        position = 0  # paragraphs come in the order of the text: the search goes on where the last one was found
        for paragraph in paragraphs(root):
            squeezed = _squeezed(paragraph)
            at = seen.find(squeezed, position)
            if at >= 0:
                position = at + len(squeezed)
            elif squeezed not in seen and squeezed not in added:
                found.append(paragraph)
                added.add(squeezed)
    return found


def _squeezed(text: str) -> str:
    return re.sub(r"[\s|\\*_`#]+", "", text)
