"""Chunking: exact slices of the document, nothing lost, bounded, each one knowing where it stands."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.ingest.chunk import chunk, estimate_tokens
from ragcli.types import Chunk, Document

PIECES = [
    "# Title\n",
    "## Leave of absence\n\n",
    "### 退货规定\n",
    "Section\n-------\n",
    "####### seven marks\n",
    "\n",
    "\n\n",
    "   \t ",
    "Plain words go on and on, and end here. ",
    "员工每年有十五天带薪年假。",
    "```python\n# not a heading\n```\n",
    "~~~\n",
    "| a | b |\n| --- | --- |\n| 1 | 2 |\n",
    "- item\n  - nested item\n",
    "> quote\n",
    "    code by indentation\n",
    "x" * 60,
    "𝒳👩‍👩‍👧é\u0301",
    "\u3000\u2003",
    "\x1c\x0b\x0c\x85\u2028",
    "---\n",
    "===\n",
    "\\section{One}\n",
    "* Heading of Org\n",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=60).map("".join)


def document(
    text: str, *, format: str = "md", markdown: bool = True, lined: bool = True, pages: tuple[int, ...] = ()
) -> Document:
    return Document("/docs/a", "a", format, text, pages=pages, lined=lined, markdown=markdown)


def chunks_of(text: str, max_tokens: int = 100, **options: object) -> list[Chunk]:
    return list(chunk(document(text, **options), max_tokens=max_tokens))  # type: ignore[arg-type]


@given(TEXTS, st.sampled_from([32, 50, 400]), st.sampled_from(["md", "txt", "csv", "org", "tex", "rst", "adoc"]))
def test_chunks_are_exact_slices_that_lose_nothing_and_stay_within_the_limit(
    text: str, limit: int, format: str
) -> None:
    """Whatever the text: slices are exact, in order, never empty; lines are right; no visible character is lost."""
    found = list(chunk(document(text, format=format, markdown=format == "md"), max_tokens=limit))
    covered = 0
    for number, each in enumerate(found):
        assert each.n == number
        assert each.text == text[each.start : each.end]
        assert each.text.strip()
        assert not text[covered : each.start].strip()
        covered = each.end
        assert estimate_tokens(each.text) <= limit
        assert each.lines == (text.count("\n", 0, each.start) + 1, text.count("\n", 0, each.end) + 1)
    assert not text[covered:].strip()


@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from([32, 200]))
def test_a_chunk_lies_on_the_page_that_it_names(pages: list[str], limit: int) -> None:
    """A chunk never crosses a page, so that its page number holds for all of it."""
    starts = tuple(sum(map(len, pages[:number])) for number in range(len(pages)))
    bounds = (*starts, sum(map(len, pages)))
    for each in chunk(document("".join(pages), pages=starts), max_tokens=limit):
        assert each.page is not None
        assert bounds[each.page - 1] <= each.start < each.end <= bounds[each.page]


def test_the_heading_path_leads_to_the_section_of_a_chunk() -> None:
    """ATX and setext headings nest by level; the passage is under the headings above it."""
    text = "Handbook\n========\n\nIntro.\n\nLeave\n-----\n\n### Annual ###\n\n" + "Fifteen days a year. " * 30
    paths = [each.heading for each in chunks_of(text, 60)]
    assert paths[0] == ("Handbook",)
    assert paths[-1] == ("Handbook", "Leave", "Annual")


def test_a_hash_in_a_code_fence_or_front_matter_is_no_heading() -> None:
    """Comments of code are not sections."""
    front = "---\ntitle: x\n# comment\n---\n\n"
    text = front + "# Real\n\n```sh\n# install\n```\n\n~~~~\n# again\n~~~\n# still\n~~~~\n\nEnd.\n"
    assert {each.heading for each in chunks_of(text, 4000)} == {("Real",)}


def test_a_chunk_of_several_sections_names_what_they_share() -> None:
    """Claiming the first of two sections would be a lie for the other."""
    text = "# Handbook\n\n## Leave\n\nFifteen days.\n\n## Pay\n\nOn the 25th.\n"
    assert [each.heading for each in chunks_of(text, 400)] == [("Handbook",)]


@pytest.mark.parametrize("body", ["Returns are free for thirty days. " * 60, "退货须在三十天内提出。" * 80])
def test_a_heading_stays_with_the_text_that_it_stands_over(body: str) -> None:
    """Neither a heading alone nor a heading at the end of the passage before it."""
    text = "# Shop\n\n## Terms\n\n" + body + "\n\n## Returns\n\n" + body
    for each in chunks_of(text, 60):
        lines = each.text.rstrip().split("\n")
        assert not lines[-1].startswith("#")


def test_a_small_rest_is_joined_with_its_neighbour() -> None:
    """Three words at the end do not make a passage of their own where they fit before."""
    paragraphs = ["Our parcels leave the warehouse every working day at noon. " * 3] * 4
    found = chunks_of("\n\n".join([*paragraphs, "That is all."]), 200)
    assert found[-1].text.endswith("That is all.")
    assert estimate_tokens(found[-1].text) > 40


def test_rows_of_a_table_stay_whole_and_keep_the_names_of_their_columns() -> None:
    """A CSV chunk that begins in the middle has the first row as its heading; no row is cut."""
    rows = [f"{number},Widget {number},{number * 3}.50 EUR" for number in range(200)]
    text = "\n".join(["id,name,price", *rows])
    found = chunks_of(text, 100, format="csv", markdown=False)
    assert len(found) > 5
    assert found[0].heading == ()
    for each in found[1:]:
        assert each.heading == ("id,name,price",)
        assert set(each.text.split("\n")) <= set(rows)


def test_a_markdown_table_that_goes_on_names_its_columns() -> None:
    """The header row of the right table, beside the section."""
    rows = "\n".join(f"| {number} | 价格{number} |" for number in range(120))
    text = f"# 价目表\n\n| 编号 | 价格 |\n| --- | --- |\n{rows}\n\nEnd of the list.\n"
    found = chunks_of(text, 100)
    assert all(each.heading == ("价目表", "编号 | 价格") for each in found[1:-1])


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("org", "* Guide\n** Setup\nBody.\n"),
        ("adoc", "= Guide\n\n== Setup\n\nBody.\n"),
        ("tex", "\\section{Guide}\n\\subsection{Setup}\nBody.\n"),
        ("rst", "Guide\n=====\n\nSetup\n-----\n\nBody.\n"),
    ],
)
def test_headings_of_other_markup_are_known(format: str, text: str) -> None:
    """Org, AsciiDoc, LaTeX and reStructuredText state their sections too."""
    assert chunks_of(text, format=format, markdown=False)[-1].heading == ("Guide", "Setup")


def test_the_count_of_the_embedder_is_obeyed_where_it_is_given() -> None:
    """A tokenizer that counts every character makes smaller chunks."""
    text = "Every character is a token here, says the counting function. " * 20
    found = list(chunk(document(text), max_tokens=64, tokens=len))
    assert all(len(each.text) <= 64 for each in found)
    assert "".join("".join(each.text.split()) for each in found) == "".join(text.split())


@pytest.mark.parametrize("unit", ["xxxx", "字", "# a\n", ">", "[", "- ", "* *", "|"])
def test_degenerate_text_takes_no_more_than_linear_time(unit: str) -> None:
    """One endless line, only headings, endless nesting: a second, not hours."""
    text = unit * 40_000
    found = chunks_of(text, 400)
    assert sum(len("".join(each.text.split())) for each in found) == len("".join(text.split()))


def test_an_endless_line_takes_time_in_proportion_to_its_length() -> None:
    """A megabyte of it is one block of a text that is read as a stream."""
    seconds = []
    for length in (100_000, 1_000_000):
        started = time.process_time()
        chunks_of("字" * length, 400)
        seconds.append(time.process_time() - started)
    assert seconds[1] < 40 * seconds[0]


def test_a_chinese_character_counts_about_five_times_a_latin_letter() -> None:
    """1.3 tokens for one, 0.25 for the other: the density that tokenizers show."""
    assert estimate_tokens("字" * 100) == 130
    assert estimate_tokens("word" * 100) == 100
    assert estimate_tokens("") == 0
    assert estimate_tokens("a") == 1
