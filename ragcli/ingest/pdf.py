"""PDF by PDFium: every page exact, its visual lines joined to paragraphs; text that no one can read is refused."""

from __future__ import annotations

import re
import unicodedata

from ragcli.errors import FileFailure
from ragcli.ingest.extract import stem
from ragcli.types import Document

_NO_TITLE = re.compile(
    r"(?i)^(?:untitled|microsoft \w+ - .*|.*\.(?:docx?|pptx?|xlsx?|indd|dvi|tex|qxd|pdf|html?)"
    r"|document\d*|slide \d+|title|[\W\d_]*)$"
)
_SENTENCE_END = tuple(".!?:;。！？：；…”’」』）)")
_LIST_ITEM = re.compile(
    r"\s*(?:[•●○▪◦‣·*–—-]\s|\(?[0-9]{1,3}[.)、]|\(?[a-zA-Z][.)]\s|[一二三四五六七八九十]+[、.]|第[一二三四五六七八九十百0-9]+[章节節条條款])"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def read_pdf(path: str, data: bytes) -> Document:
    """Raises FileFailure: encrypted, corrupt, or no_text for scans and for fonts whose letters cannot be told."""
    import pypdfium2  # type: ignore[import-untyped]
    from pypdfium2 import raw

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY) or "password" in str(
            error
        ):
            raise FileFailure("encrypted", "protected with a password; remove it first") from error
        raise FileFailure("corrupt", "damaged or cut-off PDF") from error
    try:
        pages = [_page(pdf, number) for number in range(len(pdf))]
        stated = _title(pdf.get_metadata_value("Title"))
    finally:
        pdf.close()
    if not any(pages):
        raise FileFailure("no_text", "pages without text (a scan?); run OCR over it first")
    if not _is_legible("\n".join(pages)):
        raise FileFailure("no_text", "its fonts do not say which letters they draw; run OCR over it first")
    starts: list[int] = []
    offset = 0
    for page in pages:
        starts.append(offset)
        offset += len(page) + 2
    return Document(path, stated or stem(path), "pdf", "\n\n".join(pages), pages=tuple(starts))


def _page(pdf: object, number: int) -> str:
    import pypdfium2

    try:
        page = pdf[number]  # type: ignore[index]
    except pypdfium2.PdfiumError:
        return ""  # a damaged page does not cost the others
    try:
        text = page.get_textpage()
        try:
            return tidied(text.get_text_range(errors="replace"))
        finally:
            text.close()
    except pypdfium2.PdfiumError:
        return ""
    finally:
        page.close()


def tidied(text: str) -> str:
    """A page's text with line-end hyphens and visual line breaks taken out where a sentence runs on."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = re.sub(r"[\ufffe\uffff\x02\xad]\n?", "", text)
    lines = [line.strip() for line in text.split("\n")]
    width = sorted(map(_width, filter(None, lines)), reverse=True)
    full = 0.6 * width[len(width) // 10] if width else 0
    joined: list[str] = []
    runs_on = False
    for line in lines:
        if runs_on and line and not _LIST_ITEM.match(line):
            wide = _is_wide(joined[-1][-1]) and _is_wide(line[0])
            joined[-1] += line if wide else f" {line}"
        else:
            joined.append(line)
        runs_on = bool(line) and _width(line) >= full and not line.endswith(_SENTENCE_END)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(joined)).strip()


def _width(line: str) -> int:
    return len(line) + sum(1 for c in line if c > "\u2e7f")


def _is_wide(character: str) -> bool:
    return character > "\u2e7f" and not "\uac00" <= character <= "\ud7a3"


def _title(stated: str | None) -> str:
    title = " ".join((stated or "").split())
    return "" if len(title) > 200 or "\ufffd" in title or _NO_TITLE.match(title) else title


def _is_legible(text: str) -> bool:
    """Whether the text reads like words.

    A font without a usable map to Unicode gives glyph numbers for letters: control characters where spaces should be,
    capitals, digits and signs in the middle of words, capitals without vowels (codes that are all 29 too low, as the
    glyphs of a TrueType font often are), characters for private use.
    """
    sample = text[:40_000]
    visible = [c for c in sample if not c.isspace()]
    controls = sum(1 for c in visible if c < " ")
    if controls > 0.04 * len(visible) and controls > len(sample) - len(visible):
        return False
    odd = sum(1 for c in visible if unicodedata.category(c) in ("Cc", "Co", "Cn") or c == "\ufffd")
    if odd > 0.3 * len(visible):
        return False
    words = [word for word in _WORD.findall(sample) if any("a" <= c.lower() <= "z" for c in word)]
    letters = sum(map(len, words))
    if letters < 0.5 * len(visible) or letters < 12:
        return odd <= 0.1 * len(visible)
    latin = [c for word in words for c in unicodedata.normalize("NFD", word) if "a" <= c.lower() <= "z"]
    vowels = sum(1 for c in latin if c in "aeiouyAEIOUY")
    if len(latin) > 100 and vowels < 0.2 * len(latin) and sum(map(str.isupper, latin)) > 0.6 * len(latin):
        return False
    strange = sum(len(word) for word in words if _is_strange(word))
    return strange <= (0.5 if odd <= 0.02 * len(visible) else 0.2) * letters


def _is_strange(word: str) -> bool:
    """Capitals after small letters more than once, or digits between letters."""
    humps = len(re.findall(r"[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ]", word))
    mixed = len(re.findall(r"[^\W\d_][0-9]+[^\W\d_]", word))
    upper = sum(1 for c in word if c.isupper())
    return (
        humps > 1
        or mixed > 0
        or len(word) > 40
        or (humps == 1 and upper > len(word) / 2)
        or (word[:1].isdigit() and upper > 1 and len(word) > 5)
    )
