"""Office documents by kreuzberg: legacy Office, RTF, and the conversion that the other readers share."""

from __future__ import annotations

import re

from ragcli.errors import FileFailure
from ragcli.ingest.decode import looks_garbled, normalized
from ragcli.ingest.extract import stem
from ragcli.ingest.plain import title_of
from ragcli.ingest.rtf import in_unicode
from ragcli.types import Document

MIME = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
    "rtf": "application/rtf",
    "html": "text/html",
}
_PASSWORD = re.compile(r"(?i)password|encrypt")
_ESCAPE = re.compile(r"(?<!\\)\\([!-/:-@\[-`{-~])")
_TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_LINK = re.compile(r"(?<!\\)\[((?:\\.|[^\[\]\\\n])*)\]\((?:\\.|[^()\\\n]|\([^()\n]*\))*\)")
_EMPHASIS = re.compile(r"(?<!\\)\*+(?!\*)(?<!^\*(?= ))|(?<!\\)~~", re.MULTILINE)
_BLOCK_MARK = re.compile(r"(?m)^\\(?=[#>+*-]|\d+[.)])")
_STREAMS = (
    ("EncryptedPackage", "encrypted"),
    ("EncryptionInfo", "encrypted"),
    ("EncryptedSummary", "encrypted"),
    ("__properties_version1.0", "msg"),
    ("__nameid_version1.0", "msg"),
    ("PowerPoint Document", "ppt"),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)


def convert(data: bytes, format: str, *, markdown: bool = True) -> tuple[str, str]:
    """The text and the stated title of a document. Raises FileFailure: encrypted, corrupt, too_large."""
    from kreuzberg import ConcurrencyConfig, ExtractionConfig, extract_bytes_sync

    config = ExtractionConfig(
        disable_ocr=True,  # type: ignore[call-arg]  # missing in its stubs
        use_cache=False,
        output_format="markdown" if markdown else "plain",
        concurrency=ConcurrencyConfig(max_threads=1),  # the workers are what runs at the same time
    )
    try:
        found = extract_bytes_sync(data, MIME[format], config=config)
    except MemoryError:
        raise
    except BaseException as error:  # a panic of the Rust side is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        reason = str(error)
        if re.search(r"(?i)out of memory|allocat", reason):
            raise MemoryError(reason) from error
        if _PASSWORD.search(reason):
            raise FileFailure("encrypted", "protected with a password; remove it first") from error
        if re.search(r"(?i)too large|limit exceeded|exceeds|bomb", reason):
            raise FileFailure("too_large", f"unpacks to more than is allowed: {_short(reason)}") from error
        raise FileFailure("corrupt", f"damaged {format} file: {_short(reason)}") from error
    text = normalized(found.content).replace("&#9;", "\t")
    stated = found.metadata.get("title")
    title = " ".join(stated.split()) if isinstance(stated, str) else ""
    if markdown:
        # What comes of HTML is escaped in its tables only.
        text = _TABLE_ROW.sub(lambda row: _ESCAPE.sub(r"\1", row[0]), text) if format == "html" else _unescaped(text)
    return text, title


def read_converted(path: str, data: bytes, format: str) -> Document:
    """A document that kreuzberg reads to Markdown as it is."""
    text, title = convert(data, format)
    if looks_garbled(text):
        raise FileFailure("corrupt", "reads as mojibake; save it in a newer format")
    return markdown_document(path, text, format, title=title)


def markdown_document(path: str, text: str, format: str, *, title: str = "", pages: tuple[int, ...] = ()) -> Document:
    """A document of Markdown that was made from another format; its own title counts before its headings."""
    return Document(path, title or title_of(path, text, "md") or stem(path), format, text, pages=pages, markdown=True)


def read_rtf(path: str, data: bytes) -> Document:
    return read_converted(path, in_unicode(data), "rtf")


def read_ole(path: str, data: bytes) -> Document:
    """Word, Excel, PowerPoint and Outlook up to 2003; the container of an encrypted newer document is one too."""
    format = next((format for stream, format in _STREAMS if stream.encode("utf-16-le") in data), None)
    if format is None:
        raise FileFailure("unsupported", "an OLE container that is no Word, Excel, PowerPoint or Outlook file")
    if format == "encrypted" or _is_sealed(data, format):
        raise FileFailure("encrypted", "protected with a password; remove it first")
    if format == "msg":
        text, _ = convert(data, "msg", markdown=False)
        subject = re.match(r"Subject: *([^\n]+)", text)
        return Document(path, subject[1].strip() if subject else stem(path), "msg", text)
    return read_converted(path, data, format)


def _is_sealed(data: bytes, format: str) -> bool:
    """Whether a legacy file says that it is encrypted; the streams that say so begin at sectors of 512 bytes."""
    match format:
        case "doc":  # a bit of the file information block, [MS-DOC] 2.5.1
            blocks = (start for start in range(512, len(data) - 12, 512) if data[start : start + 2] == b"\xec\xa5")
            return any(data[start + 11] & 1 for start in blocks)
        case "xls":  # the record FilePass after the first one, [MS-XLS] 2.4.117
            start = data.find(b"\x09\x08\x10\x00\x00\x06\x05\x00")
            return start >= 0 and data[start + 20 : start + 22] == b"\x2f\x00"
        case "ppt":  # the token of the atom CurrentUser, [MS-PPT] 2.3.2
            return b"\xf6\x0f\x14\x00\x00\x00\xdf\xc4\xd1\xf3" in data
        case _:
            return False


def _unescaped(markdown: str) -> str:
    """Without the marks inside of lines that a converter adds: the text is searched and quoted, not rendered."""
    parts: list[str] = []
    position = 0
    for fence in _FENCE.finditer(markdown):
        parts += [_plain(markdown[position : fence.start()]), fence.group()]
        position = fence.end()
    parts.append(_plain(markdown[position:]))
    return "".join(parts)


def _plain(markdown: str) -> str:
    markdown = _LINK.sub(lambda match: match[1], _PICTURE.sub(lambda match: match[1], markdown))
    markdown = _EMPHASIS.sub("", markdown)
    if "\\" not in markdown:
        return markdown
    markdown = _BLOCK_MARK.sub("\0", markdown)
    return _ESCAPE.sub(r"\1", markdown).replace("\0", "\\")


def _short(reason: str) -> str:
    return " ".join(reason.split())[:160]
