"""E-mail and saved web pages (MHTML): the headers that matter, the body, the attachments that are text."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, Message

from ragcli.errors import FileFailure
from ragcli.ingest.decode import decode
from ragcli.ingest.extract import extract, stem
from ragcli.ingest.markup import html_text
from ragcli.ingest.sniff import extension
from ragcli.types import Document

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_SEALED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted")
_MBOX = re.compile(rb"^From [^\n]*\d{4}[^\n]*\n(?=[A-Za-z-]+:)", re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n")
_MOST_ATTACHMENTS = 50


def read_mail(path: str, data: bytes) -> Document:
    """Raises FileFailure: encrypted for PGP and S/MIME, no_text where nothing can be read."""
    if b"\0" in data[:4096]:
        data = decode(data).text.encode("utf-8")
    messages = _MBOX.split(data)[1:] if data.startswith(b"From ") else []
    if len(messages) > 1:
        return _mailbox(path, messages)
    message = email.message_from_bytes(data.lstrip(), policy=email.policy.default)
    if message.get_content_type() in _SEALED and message.get_param("smime-type") != "signed-data":
        raise FileFailure("encrypted", "an encrypted message; decrypt it first")
    parts = list(_leaves(message))
    shown = _header_block(message, data)
    is_page = (message.get_content_type() == "multipart/related" and "From" not in message) or _saved_by(message)
    format = "mhtml" if is_page or extension(path) in ("mht", "mhtml") else "eml"
    title, blocks = "", []
    body, attached = _chosen(parts)
    for part in body:
        text, stated = _part_text(part)
        title = title or stated
        blocks.append(text.strip("\n"))
    if any("-----BEGIN PGP MESSAGE-----" in block[:400] for block in blocks):
        raise FileFailure("encrypted", "an encrypted message; decrypt it first")
    if format == "eml":
        headers = [f"{name}: {value}" for name in _SHOWN if (value := _header(shown, name))]
        title = _header(shown, "Subject") or title
        blocks.insert(0, "\n".join(headers))
        for part in attached[:_MOST_ATTACHMENTS]:
            blocks += _attachment(part)
    text = "\n\n".join(block for block in blocks if block.strip())
    return Document(path, title or stem(path), format, text, markdown=format == "mhtml")


def _header_block(message: Message, data: bytes) -> Message:
    """The headers to show; in a mail that breaks the rules they hold raw bytes in some encoding."""
    block = _BLANK.split(data.lstrip(), maxsplit=1)[0]
    if block.isascii():
        return message
    return email.message_from_string(decode(block).text, policy=email.policy.default)


def _mailbox(path: str, messages: list[bytes]) -> Document:
    """The messages of an mbox file, one after the other; sealed ones are passed over."""
    texts: list[str] = []
    for message in messages:
        with contextlib.suppress(FileFailure):
            texts.append(read_mail(path, message).text)
    if not texts:
        raise FileFailure("encrypted", "a mailbox of encrypted messages; decrypt them first")
    return Document(path, stem(path), "mbox", "\n\n\n".join(texts))


def _leaves(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if not part.is_multipart():
            yield part


def _chosen(parts: list[Message]) -> tuple[list[Message], list[Message]]:
    """(body, attachments): of two versions of a body the plain one, unless only HTML holds text."""
    attached = [part for part in parts if part.get_content_disposition() == "attachment" or part.get_filename()]
    inline = [part for part in parts if part not in attached]
    plain = [part for part in inline if part.get_content_type() == "text/plain" and _raw(part).strip()]
    html = [part for part in inline if part.get_content_type() in ("text/html", "application/xhtml+xml")]
    if not plain and not html:
        html = [part for part in attached if part.get_content_type() == "text/html"][:1]
    return plain or html, [part for part in attached if part not in html]


def _part_text(part: Message) -> tuple[str, str]:
    text = decode(_raw(part), declared=part.get_content_charset()).text if _raw(part).strip() else ""
    return html_text(text) if part.get_content_type() != "text/plain" else (text, "")


def _attachment(part: Message) -> list[str]:
    name = part.get_filename() or "attachment"
    data = _raw(part)
    try:
        text = extract(f"/{name}", data).text
    except FileFailure:
        return [f"Attachment: {name}"]
    return [f"Attachment: {name}", text.strip("\n")]


def _raw(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: Message, name: str) -> str:
    try:
        value = message.get(name)
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):  # the parser stumbles over damaged headers
        return ""
    text = " ".join(str(value or "").split())
    return text.encode("utf-8", "replace").decode("utf-8")


def _saved_by(message: EmailMessage | Message) -> bool:
    return "saved by" in _header(message, "From").lower() or message.get("Snapshot-Content-Location") is not None
