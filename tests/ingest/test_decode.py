"""Decoding: text in the encodings that people still have comes out as it was written; what is no text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import FileFailure
from ragcli.ingest.decode import decode, encoding_of, looks_garbled

CHINESE = "产品手册规定，保修期为三十六个月。退货须在签收后七日内提出，并附上发票。"
TRADITIONAL = "產品手冊規定，保固期為三十六個月。退貨須在簽收後七日內提出，並附上發票。"
JAPANESE = "製品の保証期間は三十六か月です。返品は受け取りから七日以内にお申し出ください。"
KOREAN = "제품 보증 기간은 서른여섯 달입니다. 반품은 수령 후 칠 일 이내에 신청해 주십시오."
RUSSIAN = "Гарантийный срок составляет тридцать шесть месяцев. Возврат возможен в течение семи дней."
GERMAN = "Die Gewährleistung beträgt sechsunddreißig Monate. Rückgaben sind binnen sieben Tagen möglich."
POLISH = "Okres gwarancji wynosi trzydzieści sześć miesięcy. Zwroty są możliwe w ciągu siedmiu dni, także łączność."
GREEK = "Η διάρκεια της εγγύησης είναι τριάντα έξι μήνες. Οι επιστροφές γίνονται εντός επτά ημερών."
TURKISH = "Garanti süresi otuz altı aydır. İadeler yedi gün içinde yapılmalıdır, çünkü ürün şöyle değişir."
HEBREW = "תקופת האחריות היא שלושים ושישה חודשים. החזרות אפשריות בתוך שבעה ימים."
ARABIC = "مدة الضمان ستة وثلاثون شهرا. يجب إرجاع المنتج خلال سبعة أيام من الاستلام."
THAI = "ระยะเวลารับประกันสามสิบหกเดือน การคืนสินค้าต้องทำภายในเจ็ดวัน"
ENGLISH = "The warranty period is thirty-six months – “returns” aren’t accepted after seven days."

CASES = [
    (CHINESE, "utf-8"),
    (CHINESE, "utf-8-sig"),
    (CHINESE, "utf-16"),
    (CHINESE, "utf-16-le"),
    (CHINESE, "utf-16-be"),
    (CHINESE, "utf-32"),
    (CHINESE, "gb18030"),
    (CHINESE, "gbk"),
    (CHINESE, "hz"),
    (TRADITIONAL, "big5"),
    (JAPANESE, "cp932"),
    (JAPANESE, "euc_jp"),
    (JAPANESE, "iso2022_jp"),
    (KOREAN, "cp949"),
    (KOREAN, "iso2022_kr"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8-r"),
    (RUSSIAN, "cp866"),
    (GERMAN, "cp1252"),
    (POLISH, "cp1250"),
    (POLISH, "iso8859-2"),
    (GREEK, "cp1253"),
    (TURKISH, "cp1254"),
    (HEBREW, "cp1255"),
    (ARABIC, "cp1256"),
    (THAI, "tis-620"),
    (ENGLISH, "cp1252"),
    (ENGLISH, "utf-16-le"),
    (ENGLISH, "utf-16-be"),
    (ENGLISH, "utf-32-le"),
]


@pytest.mark.parametrize(("text", "encoding"), CASES, ids=[f"{encoding}-{text[:4]}" for text, encoding in CASES])
def test_a_sentence_is_read_in_whatever_encoding_it_was_saved(text: str, encoding: str) -> None:
    """Alone, as a table's cell, as a longer text, and where a page of English drowns it."""
    english = "The quarterly inspection takes place on the third Tuesday.\n" * 30
    for written in (text, f"id,name\n1,{text}\n2,x\n", (text + "\n") * 20, f"{english}{text}\n{english}"):
        assert decode(written.encode(encoding)).text == written


def test_what_the_file_declares_is_believed_where_it_can_be_true() -> None:
    """Four bytes are too few for statistics; a declaration that cannot be true is passed over."""
    page = '<html><head><meta charset="gb2312"></head><body>你好</body></html>'
    assert "你好" in decode(page.encode("gbk")).text
    assert "你好" in decode(page.encode("utf-8")).text
    feed = '<?xml version="1.0" encoding="Shift_JIS"?><title>羅生門</title>'
    assert "羅生門" in decode(feed.encode("cp932")).text
    assert decode("é".encode("cp850"), declared="cp850").text == "é"
    assert decode(GERMAN.encode("cp1252"), declared="no-such-charset").text == GERMAN


@pytest.mark.parametrize("text", ["price: £5", "naïve", "25 °C", "½ cup", "it’s “quoted” – yes"])
def test_a_few_accents_and_signs_are_western(text: str) -> None:
    """Statistics would find Greek, Arabic and Danish in them."""
    assert decode(f"{text}\n".encode("cp1252")).text == f"{text}\n"


def test_a_few_damaged_characters_do_not_cost_the_text() -> None:
    """A cut-off or overwritten byte becomes a replacement character; the rest is read."""
    data = bytearray((CHINESE * 20).encode())
    data[301] = 0x41
    text = decode(bytes(data[:-1])).text
    assert text.count("\ufffd") in (2, 3)
    assert "退货须在签收后七日内提出" in text


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 8,
        b"\x00\x01\x02\x03" * 300,
        b"\x89PNG\r\n\x1a\n" + bytes(range(0, 256, 3)) * 20,
        b"text with too many\0\0\0\0\0\0\0\0 zeros" * 5,
    ],
)
def test_binary_data_is_unsupported(data: bytes) -> None:
    """It is not read as some encoding that accepts everything."""
    with pytest.raises(FileFailure) as caught:
        decode(data)
    assert caught.value.kind == "unsupported"


@pytest.mark.parametrize(
    "garbled",
    [
        "ÖÐ¹úÈËÃñ£¬ÎÄ×ÖÂÒÂë¡£",
        "锟斤拷锟斤拷锟斤拷 hello 锟斤拷锟斤拷",
        "\ufffd\ufffd\ufffd\ufffd text \ufffd\ufffd\ufffd",
        "\ue000\ue001\ue002\ue003 private \ue004\ue005",
        RUSSIAN.encode().decode("cp1251", "replace"),
        RUSSIAN.encode("koi8-r").decode("cp1251"),
    ],
)
def test_mojibake_that_was_saved_as_such_is_refused(garbled: str) -> None:
    """It is valid UTF-8, and no one can read it."""
    with pytest.raises(FileFailure) as caught:
        decode(garbled.encode())
    assert caught.value.kind == "corrupt"


@pytest.mark.parametrize(
    "text",
    [
        CHINESE,
        JAPANESE,
        KOREAN,
        RUSSIAN,
        RUSSIAN.upper(),
        "РСФСР и СССР: расстрел мРНК; Процедура ПриОткрытииФормы() СтрокаДокумента = НоваяСтрока;",
        GREEK,
        ARABIC,
        THAI,
        HEBREW,
        POLISH,
        "Ça été très élevé à Évian, où naît l’été.",
        "🤠😅🎉" * 9,
        "├── src\n│   ├── main.py\n└── README\n" * 3,
        "Tiếng Việt: thời hạn bảo hành là ba mươi sáu tháng.",
    ],
)
def test_languages_and_drawings_are_not_taken_for_mojibake(text: str) -> None:
    """Accents, box drawings and emoji are text."""
    assert not looks_garbled(text)


def test_one_encoding_read_as_another_is_not_believed() -> None:
    """EUC-TW, which no library here reads, is valid GB18030 and valid EUC-KR, and nonsense in both."""
    written = (
        "dca8d0c2c5c3c5f5ddbdccf9a1a2cff1ccd6dfe6d2b3c4b5c4b2c4fad4b6c5cca1a4d8cdddcce2fcc7e3f8dcc8add1a5c4a4"
        "c5cac4f9dfc8c5f8a1a2cbe4cfe1c4b8e0f5dcc1a1a4"
    )
    data = bytes.fromhex(written) * 3
    with pytest.raises(FileFailure) as caught:
        decode(data)
    assert caught.value.kind == "unsupported"


def test_line_ends_become_newlines_and_nuls_go() -> None:
    """So that line numbers are those of an editor."""
    assert decode(b"one\r\ntwo\rthree\nf\0our and more words to make it text").text == (
        "one\ntwo\nthree\nfour and more words to make it text"
    )


def test_a_sample_may_end_inside_a_character() -> None:
    """As the beginning of a large file does."""
    assert encoding_of((CHINESE * 9).encode()[:-1], complete=False) == "utf-8"


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), min_size=1, max_size=200))
@settings(deadline=None)
def test_text_in_utf8_is_never_changed(text: str) -> None:
    """Whatever script: what was saved as UTF-8 is read as it is, unless it is mojibake."""
    try:
        found = decode(text.encode())
    except FileFailure:
        assert looks_garbled(text)
    else:
        assert found.text in (text, text.removeprefix("\ufeff"))


def test_icons_of_private_use_do_not_make_valid_text_garbled() -> None:
    """Web pages and terminals' prompts hold symbols of icon fonts."""
    text = "\ue65f 首页 \ue667 收藏 \ue6a1 北京今天多云 \ue65f 联系我们"
    assert decode(text.encode()).text == text
