"""Extraction: every format yields its text, title and structure; what cannot be read is told by its kind."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile

import pytest
from file_makers import (
    BILLION_LAUGHS,
    archive,
    docx,
    epub,
    ole,
    opendocument,
    pdf,
    pptx,
    relations,
    slide,
    xlsx,
    zip_bomb,
)

from ragcli.errors import FileFailure
from ragcli.ingest.extract import extract
from ragcli.types import Document


def read(name: str, data: bytes | str) -> Document:
    return extract(f"/docs/{name}", data.encode() if isinstance(data, str) else data)


def kind_of(name: str, data: bytes | str) -> str:
    with pytest.raises(FileFailure) as caught:
        read(name, data)
    assert "\n" not in caught.value.message
    return caught.value.kind


# --- text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format", "markdown"),
    [
        ("a.md", "md", True),
        ("a.markdown", "md", True),
        ("a.txt", "txt", False),
        ("a.py", "py", False),
        ("a.rst", "rst", False),
        ("a.yml", "yaml", False),
        ("a.csv", "csv", False),
        ("a.srt", "srt", False),
        ("README", "txt", False),
        ("a.docx", "txt", False),
    ],
)
def test_text_stands_as_it_is_with_its_lines(name: str, format: str, markdown: bool) -> None:
    """So that an editor can be sent to a line; a name that says Word does not make it a Word file."""
    document = read(name, "第一行\r\nsecond\rthird\n")
    assert (document.text, document.format) == ("第一行\nsecond\nthird\n", format)
    assert (document.lined, document.markdown) == (True, markdown)


@pytest.mark.parametrize(
    "text", ["OTTO von Bismarck", "ID3 tags", "BM25 ranks", "A heat  WAVE", "GIF89a is old", "%PDF- is"]
)
def test_words_that_files_of_other_kinds_begin_with_are_words(text: str) -> None:
    """A magic number of letters proves nothing by itself."""
    assert read("a.txt", text if text[0] != "%" else f"What {text}").format == "txt"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "intro\n\n# The *real* [title](x)\n", "The real title"),
        ("b.md", "---\nauthor: me\ntitle: 'From the front'\n---\n# Other\n", "From the front"),
        ("员工手册.md", "no heading\n", "员工手册"),
        ("c.tex", "\\title{On Ducks}\n\\section{One}\n", "On Ducks"),
        ("d.txt", "# not Markdown\n", "d"),
        (".env", "A=1\n", ".env"),
    ],
)
def test_the_title_is_what_the_text_says_else_the_name(name: str, text: str, title: str) -> None:
    """Front matter, first heading, file stem."""
    assert read(name, text).title == title


def test_json_in_one_line_or_in_escapes_is_made_readable() -> None:
    """Nobody finds 你好 in its escapes; a JSON file that is readable keeps its lines."""
    assert (
        read("a.json", '{"k":\n"\\u4f60\\u597d\\ud83e\\udd20 \\u0022 \\\\u4f60"}').text
        == '{"k":\n"你好🤠 \\u0022 \\\\u4f60"}'
    )
    assert read("a.ndjson", '{"a":1}\n{"b":"\\u4f60"}').text == '{"a":1}\n{"b":"你"}'
    long = read("b.json", json.dumps({"items": ["word"] * 1000}))
    assert not long.lined
    assert max(map(len, long.text.split("\n"))) < 100
    assert read("c.json", '{\n "a": 1\n}\n').lined
    assert read("d.json", '{"broken": "\\u4f60').text == '{"broken": "你'


def test_a_notebook_gives_its_prose_its_code_and_what_it_printed() -> None:
    """Pictures in it are left out."""
    cells = [
        {"cell_type": "markdown", "source": ["# Analysis\n", "销售额 grew."]},
        {
            "cell_type": "code",
            "source": "print(6*7)",
            "outputs": [{"text": ["42\n"]}, {"data": {"image/png": "iVBORw0KGgo", "text/plain": "<Figure>"}}],
        },
    ]
    document = read("a.ipynb", json.dumps({"nbformat": 4, "cells": cells, "metadata": {}}))
    assert document.title == "Analysis"
    assert "销售额 grew." in document.text
    assert "```python\nprint(6*7)\n```\n\n```\n42\n```" in document.text
    assert "iVBOR" not in document.text
    assert kind_of("b.ipynb", "{broken") == "corrupt"


# --- web and mail -------------------------------------------------------------------------------------------


def test_html_becomes_markdown_without_what_is_not_shown() -> None:
    """Headings, lists, tables and code stay; scripts, styles, link targets and emphasis marks go."""
    document = read(
        "a.html",
        "<html><head><title>Shop &amp; Co</title><style>p{}</style><script>var x='<p>no</p>'</script></head><body>"
        "<h1>Terms</h1><p>Returns are <b>free, <i>always</i></b>, see <a href='http://x.y/z'>the\nrules</a>.</p>"
        "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2*3*4</td></tr></table><pre>a\n  b</pre></body></html>",
    )
    assert document.title == "Shop & Co"
    assert "# Terms" in document.text
    assert "Returns are free, always, see the rules." in document.text
    assert "| 1 | 2*3*4 |" in document.text
    assert "a\n  b" in document.text
    assert "var x" not in document.text
    assert "http" not in document.text


def test_a_page_in_its_own_encoding_is_decoded_before_it_is_parsed() -> None:
    """GB18030 that the page calls gb2312, and a page that says nothing."""
    body = "<title>退货</title><p>退货须在签收后七日内提出，并附上发票。</p>"
    assert "退货须在签收后七日内提出" in read("a.htm", f'<meta charset="gb2312">{body}'.encode("gb18030")).text
    assert read("b.html", body.encode("gb18030")).title == "退货"


def test_xml_gives_the_text_of_its_elements() -> None:
    """Records with their names, running text as paragraphs, markup inside of text (feeds) without its tags."""
    document = read(
        "feed.xml",
        '<?xml version="1.0" encoding="Shift_JIS"?><rss><channel><title>猫の日記</title><item><title>第一話</title>'
        "<pubDate>2006-01-03</pubDate><description>&lt;p&gt;基本的に&lt;b&gt;言葉&lt;/b&gt;が読めない&lt;/p&gt;</description>"
        "</item></channel></rss>".encode("cp932").decode("cp932"),
    )
    assert document.title == "猫の日記"
    assert "## 第一話" in document.text
    assert "pubDate: 2006-01-03" in document.text
    assert "基本的に言葉が読めない" in document.text
    damaged = read("b.xml", "<?xml version='1.0'?><a><b>kept &amp; read</b><c>no end")
    assert "kept & read" in damaged.text


MAIL = (
    "From: Ann <ann@example.com>\nTo: bob@example.com\nSubject: =?utf-8?b?5ZCI5ZCM?= draft\n"
    "Date: Mon, 2 Nov 2026 10:00 +0000\n"
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain; charset=gb2312\n'
    "Content-Transfer-Encoding: base64\n\nx-body\n--x\nContent-Type: text/csv\nContent-Disposition: attachment; "
    'filename="prices.csv"\n\nitem,price\nwidget,3\n--x\nContent-Type: image/png\nContent-Disposition: attachment; '
    'filename="p.png"\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--x--\n'
)


@pytest.mark.parametrize("name", ["a.eml", "saved.txt", "noext"])
def test_mail_gives_headers_body_and_attachments_that_are_text(name: str) -> None:
    """By content, whatever it is called; pictures are named only."""
    document = read(name, MAIL.replace("x-body", "us63ycv1zbTN+8rVtcq49A=="))
    assert (document.format, document.title) == ("eml", "合同 draft")
    assert "From: Ann <ann@example.com>" in document.text
    assert "Attachment: prices.csv\n\nitem,price\nwidget,3" in document.text
    assert document.text.endswith("Attachment: p.png")


def test_mail_headers_in_raw_bytes_are_decoded() -> None:
    """As old mail programs wrote them, without saying in what."""
    mail = "From: a@b.c\nSubject: 退货须在七日内提出\nDate: x\n\n你好，这是一封没有声明编码的邮件。\n"
    document = read("a.eml", mail.encode("gb18030"))
    assert document.title == "退货须在七日内提出"
    assert "没有声明编码" in document.text


def test_a_saved_web_page_is_its_html() -> None:
    """MHTML of a browser; quoted-printable undone."""
    document = read(
        "a.mhtml",
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://x.y/\nSubject: Page\nMIME-Version: 1.0\n"
        'Content-Type: multipart/related; type="text/html"; boundary="b"\n\n--b\nContent-Type: text/html\n'
        "Content-Transfer-Encoding: quoted-printable\n\n"
        "<html><body><h1>Opening =E8=90=A5=E4=B8=9A hours</h1></body></html>\n"
        "--b\nContent-Type: text/css\n\np { color: red }\n--b--\n",
    )
    assert (document.format, document.text) == ("mhtml", "# Opening 营业 hours")


def test_a_mailbox_gives_all_its_messages() -> None:
    """Each with its headers."""
    one = "From ann Mon Nov  2 10:00:00 2026\nFrom: ann@b.c\nSubject: {}\nDate: x\n\nFrom here on {}.\n\n"
    document = read("a.mbox", one.format("first", "up") + one.format("第二", "down"))
    assert document.format == "mbox"
    assert document.text.count("From: ann@b.c") == 2
    assert "Subject: 第二" in document.text
    assert "From here on up." in document.text


@pytest.mark.parametrize(
    "mail",
    [
        "From: a@b.c\nSubject: s\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nVersion: 1\n--x--\n",
        "From: a@b.c\nSubject: s\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIIB\n",
        "From: a@b.c\nSubject: s\n\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n",
    ],
)
def test_sealed_mail_is_encrypted(mail: str) -> None:
    """PGP/MIME, S/MIME, PGP in the text."""
    assert kind_of("a.eml", mail) == "encrypted"


# --- office -------------------------------------------------------------------------------------------------


def test_word_gives_everything_that_was_written() -> None:
    """Heading, paragraphs as they are, and what stands beside them: footer, comment."""
    data = docx(
        "Price is 2*3*4 for a_b!", "退货须在七日内提出", title="Terms", footer="Page footer", comment="Who says?"
    )
    document = read("a.docx", data)
    assert (document.title, document.format, document.markdown) == ("Terms", "docx", True)
    for text in ("Price is 2*3*4 for a_b!", "退货须在七日内提出", "Page footer", "Who says?"):
        assert text in document.text


def test_a_workbook_gives_every_sheet_as_a_table() -> None:
    """With its name as a heading."""
    text = read(
        "a.xlsx", xlsx(Prices=[["Item", "Price"], ["Widget", "3.50"]], 库存=[["品名", "数量"], ["螺丝", "100"]])
    ).text
    assert "## Prices\n\n| Item | Price |\n| --- | --- |\n| Widget | 3.50 |" in text
    assert "## 库存\n\n| 品名 | 数量 |" in text


def test_slides_are_pages_in_the_order_of_the_show_with_their_notes() -> None:
    """Words that the file splits into runs stay whole; a wrong extension does not matter."""
    data = pptx(slide("Opening", "Welcome all"), slide("第二页", "内容"), notes="Smile first")
    document = read("talk.ppt", data)
    assert (document.title, document.format) == ("Opening", "pptx")
    first, second = document.text[: document.pages[1]], document.text[document.pages[1] :]
    assert first.split() == ["##", "Opening", "Welcome", "all", "Notes:", "Smile", "first"]
    assert second == "## 第二页\n\n内容"


def test_tables_diagrams_and_comments_of_a_slide_are_read() -> None:
    """They stand in parts beside the slide; the presentation's own title counts first."""
    with zipfile.ZipFile(io.BytesIO(pptx(slide("Prices", "text")))) as packed:
        members = {name: packed.read(name).decode() for name in packed.namelist()}
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    rows = "".join(
        f"<a:tr>{cell.format(left)}{cell.format(right)}</a:tr>" for left, right in [("品名", "EUR"), ("a", "3")]
    )
    members["ppt/slides/slide1.xml"] = members["ppt/slides/slide1.xml"].replace(
        "</p:spTree>", f"<p:graphicFrame><a:tbl>{rows}</a:tbl></p:graphicFrame></p:spTree>"
    )
    members["ppt/slides/_rels/slide1.xml.rels"] = relations(
        ("comments", "../comments/comment1.xml"), ("diagramData", "../diagrams/data1.xml")
    )
    members["ppt/comments/comment1.xml"] = "<p:cmLst xmlns:p='p'><p:cm><p:text>Is this right?</p:text></p:cm></p:cmLst>"
    members["ppt/diagrams/data1.xml"] = "<d:m xmlns:d='d' xmlns:a='a'><a:p><a:r><a:t>Step one</a:t></a:r></a:p></d:m>"
    members["docProps/core.xml"] = "<c:p xmlns:c='c' xmlns:d='d'><d:title>Price talk</d:title></c:p>"
    document = read("a.pptx", archive(members))
    assert document.title == "Price talk"
    for text in ("| 品名 | EUR |\n| --- | --- |\n| a | 3 |", "Comments:\n\nIs this right?", "Step one"):
        assert text in document.text


def test_open_document_files_are_read() -> None:
    """Text and slides."""
    text = opendocument(
        "text", "<text:h text:outline-level='1'>Head</text:h><text:p>Body <text:span>bold</text:span></text:p>"
    )
    assert read("a.odt", text).text == "# Head\n\nBody bold"
    box = "<draw:frame presentation:class='{}'><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    page = f"<draw:page>{box.format('title', '标题')}{box.format('outline', 'Body')}</draw:page>"
    document = read("a.odp", opendocument("presentation", page + page))
    assert (document.text, document.title) == ("## 标题\n\nBody\n\n## 标题\n\nBody", "标题")
    assert len(document.pages) == 2


def test_a_book_is_read_in_its_order() -> None:
    """Not in the order of its file names; obfuscated fonts do not make it sealed."""
    document = read("a.epub", epub(("One", "first"), ("二", "第二章"), encryption="http://www.idpf.org/2008/embedding"))
    assert (document.text, document.title) == ("# One\n\nfirst\n\n# 二\n\n第二章", "A Book")


def test_rtf_is_read_in_its_code_page() -> None:
    """GBK bytes as hexadecimal, as Chinese WordPad writes them."""
    data = rb"{\rtf1\ansi\ansicpg936\deff0{\fonttbl{\f0\fcharset134 SimSun;}}\f0 \'c4\'e3\'ba\'c3 \b world\b0\par}"
    assert read("a.rtf", data).text.strip() == "你好 world"


def test_a_pdf_gives_its_pages_and_sentences_that_run_on() -> None:
    """Page offsets are exact; visual line breaks are no line breaks."""
    document = read(
        "a.pdf", pdf("This line is long enough to run on and\nends here.\nNext one.", "", "Page three", title="Manual")
    )
    assert document.title == "Manual"
    assert "This line is long enough to run on and ends here.\nNext one." in document.text
    assert [document.text[start:].split("\n")[0] for start in document.pages][::2] == [
        "This line is long enough to run on and ends here.",
        "Page three",
    ]
    assert read("合同.pdf", pdf("x")).title == "合同"


# --- what cannot be read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"", "empty"),
        ("a.md", " \n\t\u3000\n", "empty"),
        ("a.txt", b"\xef\xbb\xbf", "empty"),
        ("a.pdf", bytes(4096), "corrupt"),
        ("a.pdf", pdf("text")[:200], "corrupt"),
        ("a.pdf", pdf("", ""), "no_text"),
        ("a.pdf", pdf("text", encrypted=True), "encrypted"),
        ("a.pdf", pdf("3HQ{QtSURVW|HGN QD~WHFK 7KH4XLFN%URZQ)R[ -XPSV2YHU7KH /D]\\131'RJ"), "no_text"),
        ("a.pdf", pdf(*["7KH TXLFN EURZQ IR MXPSV RYHU WKH OD GRJ DQG UXQV DZD IURP LW"] * 4), "no_text"),
        ("a.docx", docx("text")[:300], "corrupt"),
        ("a.docx", b"\0\1\2\3" * 99, "corrupt"),
        ("a.docx", ole("Root Entry", "EncryptionInfo", "EncryptedPackage"), "encrypted"),
        ("a.doc", ole("Root Entry", "WordDocument"), "corrupt"),
        ("a.doc", ole("WordDocument").ljust(1024, b"\0") + b"\xec\xa5".ljust(11, b"\0") + b"\x13" * 501, "encrypted"),
        (
            "a.xls",
            ole("Workbook") + bytes.fromhex("0908100000060500") + bytes(12) + b"\x2f\0" + bytes(400),
            "encrypted",
        ),
        ("a.ppt", ole("PowerPoint Document") + bytes.fromhex("0000f60f14000000dfc4d1f3"), "encrypted"),
        ("a.msi", ole("Root Entry", "Property"), "unsupported"),
        ("a.odt", opendocument("text", "<text:p>x</text:p>", encrypted=True), "encrypted"),
        ("a.epub", epub(("x", "y"), encryption="http://www.w3.org/2001/04/xmlenc#aes128-cbc"), "encrypted"),
        ("a.epub", archive({"mimetype": "application/epub+zip", "x.html": "y"}), "corrupt"),
        ("a.zip", archive({"a.txt": "text"}), "unsupported"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(99), "unsupported"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(99), "unsupported"),
        ("a.mp3", b"ID3\x03" + bytes(99), "unsupported"),
        ("a.db", b"SQLite format 3\0" + bytes(99), "unsupported"),
        ("a.asc", "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n", "encrypted"),
        ("a.html", "<html><body><script>1</script></body></html>", "no_text"),
        ("a.xml", BILLION_LAUGHS, "too_large"),
        ("a.html", BILLION_LAUGHS.replace("lolz", "html"), "too_large"),
        ("bomb.docx", zip_bomb(), "too_large"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_kind(name: str, data: bytes | str, kind: str) -> None:
    """Empty, sealed, broken, without text, not text at all, larger than it looks."""
    assert kind_of(name, data) == kind


@pytest.mark.parametrize("name", ["a.xml", "a.html", "a.json", "a.ipynb", "a.md", "a.odt"])
def test_endless_nesting_costs_at_most_the_file(name: str) -> None:
    """Either its text is found or it is a failure; the stack holds."""
    nested = "<a>" * 30_000 + "core" + "</a>" * 30_000
    data: bytes | str = nested if name[-3:] in ("xml", "tml", ".md") else "[" * 100_000
    if name == "a.odt":
        data = opendocument("text", f"<text:p>{'<text:span>' * 3000}core{'</text:span>' * 3000}</text:p>")
    with contextlib.suppress(FileFailure, RecursionError):
        assert read(name, data).text
