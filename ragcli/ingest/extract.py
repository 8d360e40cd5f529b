"""From the bytes of a file to its text, by what the file is and not by what it is called."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TypeAlias

from ragcli.errors import FileFailure
from ragcli.ingest.sniff import HEAD, sniff
from ragcli.types import Document

_VISIBLE = re.compile("[^\\s\xad\u200b-\u200f\u2060\ufeff]")

Read: TypeAlias = Callable[[str, bytes], Document]


def extract(path: str, data: bytes, *, kind: str | None = None) -> Document:
    """The text of a file with its title and structure; `kind` is what `sniff` said of it, where that was asked already.

    Raises FileFailure.
    """
    if not data:
        raise FileFailure("empty", "the file is empty")
    if not data.strip(b"\0"):
        raise FileFailure("corrupt", "nothing but zero bytes")
    document = _reader(kind or sniff(data[:HEAD], path))(path, data)
    if not _VISIBLE.search(document.text):
        if document.lined:
            raise FileFailure("empty", "nothing but white space")
        raise FileFailure("no_text", "no text in it; if it shows pictures of text, run OCR over it first")
    return document


def stem(path: str) -> str:
    """The title of a document that has none."""
    return os.path.splitext(os.path.basename(path))[0] or os.path.basename(path)


def _reader(kind: str) -> Read:
    """Readers are imported when a file needs them: most folders need few."""
    match kind:
        case "pdf":
            from ragcli.ingest.pdf import read_pdf as read
        case "zip":
            from ragcli.ingest.archives import read_zip as read
        case "ole":
            from ragcli.ingest.office import read_ole as read
        case "rtf":
            from ragcli.ingest.office import read_rtf as read
        case "html":
            from ragcli.ingest.markup import read_html as read
        case "xml":
            from ragcli.ingest.markup import read_xml as read
        case "mail":
            from ragcli.ingest.mail import read_mail as read
        case "ipynb":
            from ragcli.ingest.plain import read_notebook as read
        case _:
            from ragcli.ingest.plain import read_text as read
    return read
