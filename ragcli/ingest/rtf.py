"""RTF whose fonts say which character set they are written in: read as Unicode before the converter sees it.

A document names one code page, but each font of its table may name a character set of its own (`\fcharset`, RTF 1.9.1),
which is how a Western word processor writes Chinese. The converter knows the document's alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
"""Codecs by `\fcharset`; the others, 0 among them, mean the code page of the document."""
_WIDE = frozenset({"cp932", "cp949", "johab", "gbk", "cp950"})

_TOKEN = re.compile(rb"[{}]|\\'[0-9a-fA-F]{2}|\\([a-z]+)(-?\d+)? ?|\\[^a-z']|[\x80-\xff]|[^{}\\\x80-\xff]+")
_FONT = re.compile(rb"\\f(\d+)\b[^{};]*?\\fcharset(\d+)")
_CODE_PAGE = re.compile(rb"\\ansicpg(\d+)")
_SYSTEM = re.compile(rb"\\(mac|pca|pc)\b")
_SYSTEMS = {b"mac": "mac_roman", b"pca": "cp850", b"pc": "cp437"}
"""Of documents older than code pages; the converter takes them for Windows'."""
_DEFAULT_FONT = re.compile(rb"\\deff(\d+)")


def in_unicode(data: bytes) -> bytes:
    """The document with `\\u` escapes for what its fonts write in another code page than its own."""
    page, system = _CODE_PAGE.search(data[:4096]), _SYSTEM.search(data[:256])
    own = _codec(int(page[1])) if page else ""
    usual = _SYSTEMS[system[1]] if system and not page else ""
    fonts = {
        int(font): codec
        for font, charset in _FONT.findall(data)
        if (codec := _CHARSETS.get(int(charset))) and codec != own
    }
    return b"".join(_rewritten(data, fonts, usual)) if fonts or usual else data


def _rewritten(data: bytes, fonts: dict[int, str], usual: str) -> Iterator[bytes]:
    """`usual` is the codec of all other fonts, empty where they may stay as they are."""
    stated = _DEFAULT_FONT.search(data[:4096])
    font = int(stated[1]) if stated else -1
    outer: list[int] = []
    run = bytearray()
    """Bytes in the code page of the font that were not written yet."""
    for match in _TOKEN.finditer(data):
        token = match[0]
        codec = fonts.get(font, usual)
        if codec and (token[:1] >= b"\x80" or token.startswith(b"\\'")):
            run += token if token[:1] >= b"\x80" else bytes([int(token[2:], 16)])
            continue
        if run and codec:
            if token[:1] not in b"{}\\" and codec in _WIDE and _is_half(bytes(run), codec):
                run += token[:1]  # the second byte of a character may be a letter
                token = token[1:]
            yield _escaped(run.decode(codec, "replace"))
            run.clear()
        if token == b"{":
            outer.append(font)
        elif token == b"}":
            font = outer.pop() if outer else font
        elif match[1] == b"f" and match[2]:
            font = int(match[2])
        elif match[1] == b"plain":
            font = int(stated[1]) if stated else -1
        yield token


def _escaped(text: str) -> bytes:
    units = text.encode("utf-16-le", "replace")
    signed = (int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2))
    return b"{\\uc1 %s}" % b"".join(b"\\u%d?" % unit for unit in signed)


def _is_half(run: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(run, final=True)
    except UnicodeDecodeError as error:
        return error.end >= len(run)
    return False


def _codec(page: int) -> str:
    return {936: "gbk", 10000: "mac_roman"}.get(page, f"cp{page}")
