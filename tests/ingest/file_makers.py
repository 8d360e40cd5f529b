"""Small real files of the formats that people have, made byte by byte, whole and broken."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def archive(members: Mapping[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


def relations(*targets: tuple[str, str]) -> str:
    items = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}">{items}</Relationships>'


def office(main: str, type: str, members: Mapping[str, str | bytes]) -> bytes:
    types = (
        f'<?xml version="1.0"?><Types xmlns="{_TYPES}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.{type}.main+xml"/>'
        "</Types>"
    )
    return archive({"[Content_Types].xml": types, "_rels/.rels": relations(("officeDocument", main)), **members})


def word_paragraph(text: str, style: str = "") -> str:
    marked = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{marked}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def docx(*paragraphs: str, title: str = "", footer: str = "", comment: str = "") -> bytes:
    body = (word_paragraph(title, "Heading1") if title else "") + "".join(map(word_paragraph, paragraphs))
    root = f'xmlns:w="{_WORD}"'
    members: dict[str, str | bytes] = {
        "word/document.xml": f'<?xml version="1.0"?><w:document {root}><w:body>{body}</w:body></w:document>'
    }
    if footer:
        members["word/footer1.xml"] = f'<?xml version="1.0"?><w:ftr {root}>{word_paragraph(footer)}</w:ftr>'
    if comment:
        content = f'<w:comment w:id="0">{word_paragraph(comment)}</w:comment>'
        members["word/comments.xml"] = f'<?xml version="1.0"?><w:comments {root}>{content}</w:comments>'
    return office("word/document.xml", "wordprocessingml.document", members)


def xlsx(**sheets: list[list[str]]) -> bytes:
    listed, members, targets = "", {}, []
    for number, (name, rows) in enumerate(sheets.items(), 1):
        cells = "".join(
            f'<row r="{r}">'
            + "".join(
                f'<c r="{chr(64 + c)}{r}" t="inlineStr"><is><t>{escape(v)}</t></is></c>' for c, v in enumerate(row, 1)
            )
            + "</row>"
            for r, row in enumerate(rows, 1)
        )
        members[f"xl/worksheets/sheet{number}.xml"] = (
            f'<?xml version="1.0"?><worksheet xmlns="{_SHEET}"><sheetData>{cells}</sheetData></worksheet>'
        )
        listed += f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        targets.append(("worksheet", f"worksheets/sheet{number}.xml"))
    book = f'<?xml version="1.0"?><workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
    members |= {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": relations(*targets)}
    return office("xl/workbook.xml", "spreadsheetml.sheet", members)


def slide(title: str, *lines: str) -> str:
    def shape(text: str, kind: str) -> str:
        runs = "".join(f"<a:r><a:t>{escape(part)}</a:t></a:r>" for part in (text[:1], text[1:]))
        return (
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
            f"<p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>"
        )

    shapes = (shape(title, "title") if title else "") + "".join(shape(line, "body") for line in lines)
    root = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}"'
    return f'<?xml version="1.0"?><p:sld {root}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>'


def pptx(*slides: str, notes: str = "") -> bytes:
    """The slides are shown in the reverse order of their file names."""
    count = len(slides)
    members: dict[str, str | bytes] = {
        f"ppt/slides/slide{count - number}.xml": content for number, content in enumerate(slides)
    }
    targets = [("slide", f"slides/slide{count - number}.xml") for number in range(count)]
    ids = "".join(f'<p:sldId id="{256 + number}" r:id="rId{number}"/>' for number in range(1, count + 1))
    members["ppt/presentation.xml"] = (
        f'<?xml version="1.0"?><p:presentation xmlns:p="{_SLIDE}" xmlns:r="{_OFFICE}">'
        f"<p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
    )
    members["ppt/_rels/presentation.xml.rels"] = relations(*targets)
    if notes:
        members["ppt/notesSlides/notesSlide1.xml"] = slide("", notes).replace("p:sld", "p:notes")
        members[f"ppt/slides/_rels/slide{count}.xml.rels"] = relations(("notesSlide", "../notesSlides/notesSlide1.xml"))
    return office("ppt/presentation.xml", "presentationml.presentation", members)


def opendocument(kind: str, body: str, *, encrypted: bool = False) -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for name, long in {
            "office": "office",
            "text": "text",
            "table": "table",
            "draw": "drawing",
            "presentation": "presentation",
        }.items()
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces} office:version="1.2">'
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    sealed = '<manifest:encryption-data manifest:checksum="x"/>' if encrypted else ""
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">{sealed}'
        "</manifest:file-entry></manifest:manifest>"
    )
    return archive(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": content,
            "META-INF/manifest.xml": manifest,
        }
    )


def epub(*chapters: tuple[str, str], title: str = "A Book", encryption: str = "") -> bytes:
    """Chapters of (heading, text), read in the reverse order of their file names."""
    count = len(chapters)
    items = "".join(
        f'<item id="c{n}" href="text/c{count - n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(count)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(count))
    members: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<?xml version="1.0"?><container version="1.0" '
        'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/content.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OEBPS/content.opf": '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for number, (heading, text) in enumerate(chapters):
        members[f"OEBPS/text/c{count - number}.xhtml"] = (
            '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title>'
            f"</head><body><h1>{heading}</h1><p>{text}</p></body></html>"
        )
    if encryption:
        members["META-INF/encryption.xml"] = (
            '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData>'
            f'<EncryptionMethod Algorithm="{encryption}"/></EncryptedData></encryption>'
        )
    return archive(members)


def pdf(*pages: str, title: str = "", encrypted: bool = False) -> bytes:
    """A page for each text, its lines one below the other."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Title ({title}) >>".encode("latin-1"),
    ]
    for number, page in enumerate(pages):
        lines = "".join(f"({line}) Tj 0 -16 Td " for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 50 700 Td {lines}ET".encode("latin-1")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            + f"/Resources << /Font << /F1 3 0 R >> >> /Contents {6 + 2 * number} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    sealed = ""
    if encrypted:
        objects.append(b"<< /Filter /Standard /V 1 /R 2 /P -44 /O (" + b"o" * 32 + b") /U (" + b"u" * 32 + b") >>")
        sealed = f" /Encrypt {len(objects)} 0 R /ID [(abc) (abc)]"
    written = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{o:010} 00000 n \n" for o in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R{sealed} >>\n"
    trailer += f"startxref\n{len(written)}\n%%EOF\n"
    return written + table.encode() + trailer.encode()


def ole(*streams: str) -> bytes:
    """The beginning of a compound file whose directory lists these streams."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    return header + b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in streams)


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10))
    + "]><lolz>&lol9;</lolz>"
)


def zip_bomb(megabytes: int = 80) -> bytes:
    """A Word file of some kilobytes whose text unpacks to this size."""
    text = "<w:p><w:r><w:t>" + "A" * (megabytes * 2**20) + "</w:t></w:r></w:p>"
    head = f'<?xml version="1.0"?><w:document xmlns:w="{_WORD}"><w:body>'
    return office(
        "word/document.xml", "wordprocessingml.document", {"word/document.xml": f"{head}{text}</w:body></w:document>"}
    )
