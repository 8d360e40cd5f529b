"""What a file is, told by its first bytes; its name only decides between kinds of plain text."""

from __future__ import annotations

import codecs
import os
import re

from ragcli.errors import FileFailure

HEAD = 64 * 1024
"""Bytes of a file's beginning that `sniff` wants to see."""

PARSED = frozenset({"pdf", "zip", "ole", "rtf", "html", "xml", "mail", "ipynb"})
"""What is read by a parser that a hostile file may crash or blow up."""

_MAGIC = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"BM", "a BMP image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"8BPS", "a Photoshop image"),
    (8, b"WEBP", "a WebP image"),
    (8, b"WAVE", "a sound file"),
    (8, b"AVI ", "a video"),
    (4, b"ftyp", "a video, sound or HEIF image"),
    (0, b"ID3", "a sound file"),
    (0, b"\xff\xfb", "a sound file"),
    (0, b"\xff\xf3", "a sound file"),
    (0, b"OggS", "a sound file or video"),
    (0, b"fLaC", "a sound file"),
    (0, b"MThd", "a MIDI file"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"(\xb5/\xfd", "a zstd archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90\0", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\xfe\xed\xfa", "a program"),
    (0, b"\0asm", "a program"),
    (0, b"SQLite format 3\0", "a SQLite database"),
    (0, b"PAR1", "a Parquet table"),
    (0, b"ARROW1", "an Arrow table"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
    (0, b"OTTO", "a font"),
    (0, b"\0\1\0\0\0", "a font"),
)
_ENCRYPTED_TEXT = (
    b"-----BEGIN PGP MESSAGE-----",
    b"age-encryption.org/v1",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"$ANSIBLE_VAULT;",
    b"Salted__",
)

_ALIASES = {
    "markdown": "md",
    "mdown": "md",
    "mkd": "md",
    "mdx": "md",
    "htm": "html",
    "xhtml": "html",
    "text": "txt",
    "yml": "yaml",
    "jsonl": "ndjson",
    "asciidoc": "adoc",
    "asc": "adoc",
    "latex": "tex",
    "rest": "rst",
    "tab": "tsv",
}
_OFFICE = frozenset(
    "pdf doc docx docm dot dotx ppt pptx pptm pps ppsx xls xlsx xlsm xlsb odt ods odp epub msg rtf".split()
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body|title|meta|table|div|p|h1)\b", re.I | re.S
)
_XML = re.compile(r"\s*(?:<\?xml\b|<!--.*?-->\s*<|<!DOCTYPE\s|<[A-Za-z_][\w.:-]*(?:\s[^<>]*)?/?>)", re.S)
_PDF_OBJECT = re.compile(rb"[\r\n]\d+ \d+ obj\b")
_HEADER_LINE = re.compile(r"(?:[!-9;-~]+:.*|[ \t].*)$")
_SENDER = re.compile(r"^(?:from|received|return-path|mime-version|message-id):", re.I | re.M)
_MAIL = re.compile(r"^(?:to|subject|date|received|message-id|content-type|mime-version|delivered-to):", re.I | re.M)


def extension(path: str) -> str:
    """The name's extension in lower case, without the dot, by its usual spelling."""
    found = os.path.splitext(path)[1][1:].lower()
    return _ALIASES.get(found, found)


def text_format(path: str) -> str:
    """What to call a plain text: by its extension, `txt` where that says something else than it is."""
    found = extension(path)
    return found if found.isascii() and found.isalnum() and len(found) <= 8 and found not in _OFFICE else "txt"


def sniff(head: bytes, path: str) -> str:
    """`text` or one of PARSED, from the first HEAD bytes.

    Raises FileFailure: unsupported for what holds no text, encrypted for what is sealed as a whole.
    """
    offset = head.find(b"%PDF-", 0, 1024)
    if offset == 0 or (offset > 0 and (_is_binary(head) or _PDF_OBJECT.search(head))):
        return "pdf"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "ole"
    if head.lstrip()[:5] == b"{\\rtf":
        return "rtf"
    for mark in _ENCRYPTED_TEXT:
        if mark in head[:200]:
            raise FileFailure("encrypted", "encrypted as a whole; decrypt it first")
    for start, magic, name in _MAGIC:
        # A text may begin with "OTTO" or "ID3", too: letters alone prove nothing without a zero byte.
        if head[start : start + len(magic)] == magic and (not magic.isascii() or magic[:1] < b" " or _is_binary(head)):
            raise FileFailure("unsupported", f"{name}, which holds no text to index")
    if extension(path) in _OFFICE and _is_binary(head):
        raise FileFailure("corrupt", f"is named .{extension(path)} but does not begin like one")
    return _kind_of_text(_preview(head), extension(path))


def _kind_of_text(text: str, name: str) -> str:
    start = text.lstrip("\ufeff \t\r\n")
    if name == "ipynb" or (start.startswith("{") and '"nbformat"' in text and '"cells"' in text):
        return "ipynb"
    if name in ("eml", "mht", "mhtml") or (
        name in ("", "txt", "mbox", "msg", "html", "doc", "xls") and _is_mail(start)
    ):
        return "mail"
    if name in ("html", "xml", "") or name in _OFFICE or name == "txt" or start.startswith("<?xml"):
        if _HTML.match(start) and name != "xml":
            return "html"
        if name not in ("txt", "html") and _XML.match(start):
            return "html" if "<html" in start[:2000].lower() else "xml"
        if name == "html":
            return "html"
    if name in ("svg", "rss", "atom", "xsd", "xsl", "xslt", "docbook", "dbk", "opml", "kml", "gpx") and _XML.match(
        start
    ):
        return "xml"
    return "text"


def _is_mail(text: str) -> bool:
    lines = text.splitlines()
    if lines and lines[0].startswith("From "):
        lines = lines[1:]
    header: list[str] = []
    for line in lines[:200]:
        if not line.strip():
            break
        if not _HEADER_LINE.match(line):
            return False
        header.append(line)
    block = "\n".join(header)
    return bool(_SENDER.search(block)) and len(set(_MAIL.findall(block))) >= 2


def _preview(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    if len(head) > 8 and head[1:8:2] == b"\0\0\0\0"[: len(head[1:8:2])]:
        return head.decode("utf-16-le", "replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _is_binary(head: bytes) -> bool:
    return b"\0" in head[:4096] and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
