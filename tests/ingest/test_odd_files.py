"""Files as odd programs write them: each is read whole, or told by what it is."""

from __future__ import annotations

import io
import zipfile

import pytest
from file_makers import pdf

from ragcli.errors import FileFailure
from ragcli.ingest.extract import extract

ZH = "保修期为两年，自发货之日起计算。退货须在三十天内提出。"
JA = "保証期間は発送日から二年間です。ソフトは能力の表示を含みます。"


def read(path: str, data: bytes | str) -> str:
    return extract(path, data if isinstance(data, bytes) else data.encode()).text


def escaped(text: str, encoding: str, *, trail_bytes_as_letters: bool = False) -> bytes:
    """As RTF writes it: bytes beyond ASCII as hex; a second byte that is a letter often as that letter."""
    plain = trail_bytes_as_letters
    return b"".join(
        bytes([byte]) if plain and byte < 0x80 and chr(byte) not in "{}\\" else b"\\'%02x" % byte
        for byte in text.encode(encoding)
    )


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [(134, "gbk", ZH), (128, "cp932", JA), (136, "cp950", "保固期為兩年。"), (204, "cp1251", "Гарантия два года")],
)
@pytest.mark.parametrize("letters", [False, True])
def test_rtf_is_read_in_the_character_set_of_each_font(charset: int, encoding: str, text: str, letters: bool) -> None:
    """A Western document with an Eastern font; the fonts around it stay as they were."""
    fonts = b"{\\fonttbl{\\f0\\fswiss\\fcharset0 Arial;}{\\f1\\fnil\\fcharset%d Song;}}" % charset
    words = escaped(text, encoding, trail_bytes_as_letters=letters)
    data = b"{\\rtf1\\ansi\\ansicpg1252\\deff0%s caf\\'e9 {\\f1 %s} ol\\'e9\\par}" % (fonts, words)
    assert read("a.rtf", data).strip() == f"café {text} olé"


def test_rtf_of_an_old_macintosh_is_read_in_its_character_set() -> None:
    assert read("a.rtf", b"{\\rtf1\\mac caf\\'8e au lait}").strip() == "café au lait"


def test_a_pdf_may_begin_behind_a_few_lines_of_something_else() -> None:
    """Readers look for its mark in the first kilobyte; a text that speaks of that mark is still a text."""
    assert "second page" in read("scan.pdf", b"HTTP/1.1 200 OK\r\n\r\n" + pdf("first page", "second page"))
    assert read("note.txt", "A PDF begins with\n%PDF-1.7\nand goes on.").startswith("A PDF begins")


def test_a_log_with_nuls_in_it_is_read_without_them() -> None:
    """A crash leaves them at the end of the last block; a table of fixed width is full of them."""
    lines = b"2026-01-01 INFO \xe4\xbf\x9d\xe4\xbf\xae service started\n"
    assert read("a.log", lines * 9 + bytes(60) + lines).count("保修 service started") == 10
    with pytest.raises(FileFailure, match="binary"):
        extract("a.txt", bytes(range(256)) * 20)


def test_characters_that_show_nothing_are_an_empty_file() -> None:
    with pytest.raises(FileFailure, match="white space") as caught:
        extract("a.txt", "\u200b\ufeff \n\u2060".encode())
    assert caught.value.kind == "empty"


def test_a_page_that_is_one_form_is_read() -> None:
    page = f"<html><body><form id='main'><label>姓名</label><p>{ZH}</p></form></body></html>"
    assert ZH in read("a.aspx.html", page)
    assert "姓名" in read("a.html", page)


def test_drawings_and_formulas_of_a_page_are_their_words() -> None:
    page = (
        "<p>Before <svg viewBox='0 0 9 9'><style>a{}</style><text>two years</text></svg> and "
        "<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></semantics></math></p>"
    )
    assert read("a.html", page).strip() == "Before two years and x^2"


def test_words_of_word_processing_xml_are_put_together_again() -> None:
    """Word cuts them into runs wherever it has spelt, saved or formatted."""
    namespace = "http://schemas.microsoft.com/office/word/2003/wordml"
    first = "<w:p><w:r><w:t>war</w:t></w:r><w:r><w:t>ranty of two years</w:t></w:r></w:p>"
    runs = f"{first}<w:p><w:r><w:t>保修</w:t></w:r></w:p>"
    data = f'<?xml version="1.0"?><w:wordDocument xmlns:w="{namespace}"><w:body>{runs}</w:body></w:wordDocument>'
    assert read("a.xml", data) == "warranty of two years\n\n保修"


def test_a_web_archive_that_is_named_doc_is_read_as_what_it_is() -> None:
    """Word saves such files; the extension says nothing."""
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\nContent-Type: text/html"
    page = f'{head}; charset="gb2312"\r\n\r\n<html><body><p>{ZH}</p></body></html>\r\n--B--\r\n'.encode("gbk")
    assert ZH in read("a.doc", page)
    assert ZH in read("a.html", b"From: saved by a browser\r\n" + page)


def test_cells_that_a_table_does_not_end_are_read() -> None:
    """HTML lets their ends out; a table in a cell has its own."""
    table = "<table><tr><th>a<th>b<tbody><tr><td>1<td><table><tr><td>2<td>3</table><td>4<tr><td>5<td>6</table>"
    words = read("a.html", f"{table}<p>{ZH}</p>").replace("|", " ").replace("-", " ").split()
    assert words == [*"ab123456", ZH]


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_a_word_file_whose_main_part_has_another_name_is_read(separator: str) -> None:
    """Some services write word/document2.xml, some archivers write backslashes."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    paragraph = f"<w:p><w:r><w:t>{ZH}</w:t></w:r></w:p>"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships><Relationship Type="{kind}" Target="word/document2.xml"/></Relationships>',
        "word/document2.xml": f'<w:document xmlns:w="{word}"><w:body>{paragraph}</w:body></w:document>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("/", separator), text)
    assert ZH in read("a.docx", packed.getvalue())


def test_a_short_table_in_a_western_encoding_is_not_taken_for_a_macintosh() -> None:
    table = "Größe;Preis\nGroß;12 €\n"
    assert read("a.csv", table.encode("cp1252")) == table
    assert "l’expédition" in read("a.txt", "La garantie dès l’expédition. Été, hôtel, forêt.".encode("mac_roman"))
