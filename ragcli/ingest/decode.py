"""Bytes to text in whatever encoding they came, or the verdict that they are no text at all.

The order of belief: byte order mark, valid UTF-8, UTF-16 and UTF-32 without a mark, what the file declares, statistics
(`chardet`). Whatever wins must read like text: mojibake is a failure, never a document.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from ragcli.errors import FileFailure

SAMPLE = 256 * 1024
"""Bytes that are enough to tell an encoding."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B}) + b"\x7f"
_MOST_CONTROLS = 0.02
"""Share of control bytes above which a file is binary; text files with stray bells stay well below."""
_MOST_NULS = 0.2
"""Share of NULs in what is UTF-8 besides: a log that was cut by a crash, records of a fixed width."""

# Browsers and mail programs read these names as the larger set beside them (WHATWG Encoding Standard).
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "hz-gb-2312": "hz",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc-kr": "cp949",
    "euc_kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
}
_DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)"
    rb"|<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:-]+)"
    rb"|^#.{0,80}?coding[:=]\s*([\w.:-]+)"
    rb"|^@charset\s+\"([\w.:-]+)\"",
    re.IGNORECASE,
)
_BROKEN = re.compile("[\x7f-\x9f\ufffd\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0100-\U000effff]")
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")  # what wrong decoders make, and icons of valid text
_BOX = re.compile("[\u2500-\u259f]")
_AS_WINDOWS = re.compile("(?:[РС][^ \n]){3}|\\b[а-яё][А-ЯЁ]{4,}")
"""What UTF-8 and KOI8 become as cp1251: every other letter one of two, words that only begin in lower case."""
_BOXED = re.compile("(?<=[\x80-\u03ff])[\u2500-\u259f]")
_HAN = re.compile("[\u4e00-\u9fff]")
_ALPHABETS = re.compile("[\u0370-\u06ff\u0e00-\u0e7f]")
_MIXED = re.compile(
    "[\u0370-\u06ff\u0e00-\u0e7f][A-Za-z\xa2-\xaa\xac-\xb6\xb8-\xba\xbc-\xff]|[A-Za-z\xc0-\xff][\u0370-\u06ff\u0e00-\u0e7f]"
    "|[α-ω][Α-Ω]|[а-яё][А-ЯЁ]"
    "|(?<=[\u0370-\u06ff])[\u2500-\u259f]+(?=[\u0370-\u06ff])"
)
_HANGUL = re.compile("[\uac00-\ud7a3]")
_KANA = re.compile("[\u3041-\u30fa]")
_COMMON_HAN = (
    "的一是不了在人有我他这個个们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發"
    "后後作里用道行所然家种事成方多经經去法学學如都同现現当沒没动起看定天分还進进好小部其主样樣理心本前开開但因只从想实日"
    "者意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业外將将两高间由问問重物手应應文体體相见見被利二等"
    "产產新己制身果加月合回特代内內信表化位次度任常先海通教原东東提立及比员員解水名真市期品件数路安号號"
)
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_ADJACENT = re.compile(rb"[\x80-\xff]{2}")
_FEW = 6
"""So many bytes beyond ASCII say little: single ones are accents and signs of Western text, most likely."""
_LATIN = re.compile("[\x80-\u024f\u2000-\u2bff]")
_LATIN_SOUP = re.compile("[\xa0-\xffŒœŠšŽžŸƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]")
_WESTERN = frozenset("äöüßàâçéèêëîïôùûœæøåñáíóúãõìòÄÖÜÉÈÀÇØÅÑÁÍÓÚ€£°§«»„“”‘’–—…·©®\xa0¿¡²³½")
_COMMON_WIDE = re.compile("[ \n0-9,.，。、：；的一是不在有のにはをがて이다는을에의]")


class Decoded(Struct, frozen=True):
    """Text with line ends as newlines and without NULs, and the codec that gave it."""

    text: str
    encoding: str


def decode(data: bytes, *, declared: str | None = None) -> Decoded:
    """The text of a whole file; `declared` is the charset that a header outside of it names.

    Raises FileFailure: unsupported for binary data, corrupt for text that no encoding makes readable.
    """
    encoding = encoding_of(data, declared=declared)
    text = data.decode(encoding, errors="replace")
    if looks_garbled(text, icons=encoding == "utf-8"):
        raise FileFailure("corrupt", f"reads as mojibake in every encoding tried (last: {encoding}); save it as UTF-8")
    return Decoded(normalized(text), encoding)


def normalized(text: str) -> str:
    """Line ends as newlines, no NULs, nothing that cannot be written as UTF-8."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii() and _has_surrogates(text):
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


def encoding_of(data: bytes, *, declared: str | None = None, complete: bool = True) -> str:
    """Name of the codec that reads `data`; with `complete=False` it is a sample that may end inside a character.

    Raises FileFailure of kind unsupported when it is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    sample = data[:SAMPLE]
    suspicious = len(sample) - len(sample.translate(None, _CONTROLS))
    if suspicious and (wide := _wide_without_mark(sample)):
        return wide
    if b"\x1b$)C" in sample[:4096] and _reads(sample, "iso2022_kr"):  # it shifts with control characters
        return "iso2022_kr"
    if suspicious > max(1, len(sample) * _MOST_CONTROLS) and not _is_padded(sample, suspicious, complete=complete):
        raise FileFailure("unsupported", "binary data, not a document")
    if _is_utf8(data, complete=complete):
        return _seven_bit_encoding(sample) if b"\x1b" in sample or b"~{" in sample else "utf-8"
    for stated in (declared, _declaration(sample)):
        if stated and (codec := _codec(stated)) and _reads(sample, codec):
            return codec
    return _guess(data)


def looks_garbled(text: str, *, icons: bool = False) -> bool:
    """Whether this is what text looks like after it was read in the wrong encoding.

    `icons`: the encoding is beyond doubt, so characters of private use are symbols of an icon font, mostly.
    """
    sample = text if len(text) <= 20_000 else text[:10_000] + text[len(text) // 2 :][:10_000]
    if sample.isascii():
        return False
    kinds = "".join(set(sample))  # a text has a few hundred: looking at these is nearly free
    visible = len(sample) - _count(sample, filter(str.isspace, kinds))
    if visible < 8:
        return False
    broken = _count(sample, _BROKEN.findall(kinds)) + 3 * sample.count("锟斤拷")
    private = _count(sample, _PRIVATE.findall(kinds))
    if private > 0.3 * visible or not icons:
        broken += private
    if "Р" in kinds or "Л" in kinds:
        broken += sum(map(len, _AS_WINDOWS.findall(sample)))
    if _BOX.search(kinds):
        broken += len(_BOXED.findall(sample))
    return broken > 0.05 * visible or _count(sample, _LATIN_SOUP.findall(kinds)) > 0.45 * visible


def _count(text: str, characters: Iterable[str]) -> int:
    return sum(map(text.count, characters))


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _is_utf8(data: bytes, *, complete: bool) -> bool:
    """Valid, or so nearly valid (nine characters of ten) that nothing else can be meant."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=complete)
    except UnicodeDecodeError:
        text = data[:SAMPLE].decode("utf-8", "replace")
        broken = text.count("\ufffd")
        return broken * 10 <= sum(1 for c in text if c > "\x7f")
    return True


def _is_padded(sample: bytes, controls: int, *, complete: bool) -> bool:
    """Whether nearly all control bytes are NULs, and what is left without them is text."""
    nuls = sample.count(0)
    rest = sample.replace(b"\0", b"")
    within = nuls <= len(sample) * _MOST_NULS and controls - nuls <= max(1, len(rest) * _MOST_CONTROLS)
    return within and _is_utf8(rest, complete=complete and len(sample) < SAMPLE)


def _seven_bit_encoding(sample: bytes) -> str:
    """ISO-2022 and HZ look like ASCII with escapes."""
    import chardet

    name = str(chardet.detect(sample)["encoding"] or "").lower()
    codec = _codec(name) if name.startswith(("iso2022", "iso-2022", "hz")) else None
    return codec if codec and _reads(sample, codec) else "utf-8"


def _declaration(sample: bytes) -> str | None:
    match = _DECLARED.search(sample[:4096])
    return next(group for group in match.groups() if group).decode("ascii", "replace") if match else None


def _codec(name: str) -> str | None:
    name = name.strip().lower()
    try:
        found = codecs.lookup(_SUPERSETS.get(name, name))
    except (LookupError, ValueError):
        return None
    canonical = _SUPERSETS.get(found.name, found.name)
    # A file that is not valid UTF-8 declares it wrongly; codecs such as base64 and rot13 do not make text of bytes.
    return canonical if found._is_text_encoding and not canonical.startswith("utf") else None


def _reads(sample: bytes, codec: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
    except UnicodeError:
        return False
    # Real files hold a damaged character here and there; more than one in two hundred means another encoding.
    return text.count("\ufffd") * 200 <= len(text) and not looks_garbled(text) and not _is_unlikely(text)


def _is_unlikely(text: str) -> bool:
    """What one encoding makes of another: words of two alphabets or of mixed case, Chinese mixed with Korean or
    without its commonest characters.

    Those are 40 % of running Chinese text, 15 % of lists of names, and 3 % of characters taken by chance.
    """
    sample = text[:20_000]
    if len(_MIXED.findall(sample)) > 0.1 * len(_ALPHABETS.findall(sample)):
        return True
    han, hangul = len(_HAN.findall(sample)), len(_HANGUL.findall(sample))
    if han > 8 and han > 0.3 * hangul > 0.06 * han:
        return True
    return han >= 30 and not _KANA.search(sample) and sum(map(sample.count, _COMMON_HAN)) < 0.07 * han


def _guess(data: bytes) -> str:
    """By statistics, of the lines beyond ASCII alone where they are enough: a page of English drowns one of Chinese."""
    lines = dict.fromkeys(line for line in data.split(b"\n") if not line.isascii())
    telling = b"\n".join(lines)[:SAMPLE]
    beyond = len(telling) - len(telling.translate(None, _BEYOND_ASCII))
    if beyond <= _FEW and not _ADJACENT.search(telling) and _accents(telling, "cp1252") == beyond:
        return "cp1252"
    codec = _likeliest(telling)
    if codec and (beyond > _FEW or not _LATIN.search(telling.decode(codec, "replace"))):
        return codec
    if codec := _likeliest(data[:SAMPLE]) or codec:
        return codec
    raise FileFailure("unsupported", "binary data, or text in an encoding that cannot be told; save it as UTF-8")


def _likeliest(sample: bytes) -> str | None:
    import chardet

    for found in chardet.detect_all(sample, ignore_threshold=True)[:8]:
        name = found["encoding"]
        if name and (codec := _codec(name)) and _reads(sample, codec):
            windows = codec.startswith("mac") and _accents(sample, "cp1252") > _accents(sample, codec)
            return "cp1252" if windows else codec
    return "gb18030" if _reads(sample, "gb18030") else None


def _accents(sample: bytes, codec: str) -> int:
    """How many characters are common ones of Western European text, less those that are not."""
    beyond = [character for character in sample.decode(codec, "replace") if character > "\x7f"]
    return sum(1 if character in _WESTERN else -1 for character in beyond)


def _wide_without_mark(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 of either byte order, where every character is one that texts are made of."""
    for codec, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        try:
            text = sample[: len(sample) // width * width].decode(codec)
        except UnicodeDecodeError as error:
            if error.end < len(sample) - 4:
                continue
            text = sample[: error.start].decode(codec, "ignore")
        if len(text) < 2:
            continue
        checked = text[:5000]
        odd = sum(
            1 for c in checked if unicodedata.category(c) in ("Cc", "Co", "Cn", "Cs", "Cf") and c not in "\t\n\f\r"
        )
        if odd * 100 <= len(checked) and len(_COMMON_WIDE.findall(checked)) * 25 >= len(checked):
            return codec
    return None
