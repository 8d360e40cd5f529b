"""A source in full: its place in the document, and what was used of it, legible without colour and on any screen."""

from __future__ import annotations

import re

import pytest
from chat.double import SOURCES, terminal
from msgspec.structs import replace

from ragcli.render.passage import passage_text, print_passage
from ragcli.text.clean import cells
from ragcli.text.sentences import Span
from ragcli.types import Source

TEXT = (
    "Refunds take five days, counted from the day on which the parcel\n"
    "reaches the warehouse. Parcels leave on Mondays.\n"
    "\n"
    "网关保修三年。探头保修十八个月，电池和电源保修六个月，自签收之日起计算。"
)


def shown(
    source: Source, columns: int, *used: str, around: tuple[str, str] = ("", ""), **environment: str
) -> list[str]:
    console = terminal(columns=columns, **environment)
    text = passage_text(source)
    spans = [Span(text.index(part), text.index(part) + len(part)) for part in used]
    print_passage(console, source, query="refunds", used=spans, around=around)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def bare(rows: list[str]) -> list[str]:
    return [re.sub(r"\x1b(\[[\d;]*m|\]8;[^\x1b]*\x1b\\)", "", row) for row in rows]


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
def test_bars_tell_what_was_used_and_every_word_is_there_once(columns: int) -> None:
    rows = shown(replace(SOURCES[0], text=TEXT), columns, "Parcels leave on Mondays.", "网关保修三年。", NO_COLOR="1")
    passage = [row for row in bare(rows) if row[:1] in "┃│"]
    assert "".join(row[2:] for row in passage).replace(" ", "") == TEXT.replace(" ", "").replace("\n", "")
    assert all(cells(row) < columns for row in bare(rows))
    heavy = " ".join(row[2:] for row in passage if row.startswith("┃"))
    assert "Parcels leave" in heavy
    assert "网关保修三年。" in heavy
    assert "Refunds take" not in heavy


def test_what_was_used_is_coloured_to_the_letter() -> None:
    rows = shown(replace(SOURCES[1], text="网关保修三年。电池半年。"), 80, "网关保修三年。")
    assert rows[-1] == "\x1b[32m┃ \x1b[0m\x1b[32m网关保修三年。\x1b[0m电池半年。"


def test_of_the_document_around_it_some_rows_are_shown_without_a_bar() -> None:
    around = ("\n".join(f"before {n}" for n in range(9)), "after\x1b[2J\n")
    rows = bare(shown(SOURCES[1], 80, around=around))[1:]
    assert rows == ["  …", "  before 6", "  before 7", "  before 8", "│ 标准版每月五元。", "  after"]


def test_tabs_take_the_columns_that_they_take_on_the_screen() -> None:
    assert bare(shown(replace(SOURCES[1], text="a\tb\n\tc"), 80))[1:] == ["│ a   b", "│     c"]


def test_lines_that_were_broken_for_their_length_are_filled_where_the_screen_is_narrow() -> None:
    """Rows that are laid out by hand stay rows."""
    leaders = "Gateways of the first series ........ 24 months\nBatteries ........ 6 months"
    rows = bare(shown(replace(SOURCES[0], text=f"{TEXT}\n\n{leaders}"), 60))
    assert rows[1:4] == [
        "│ Refunds take five days, counted from the day on which the",
        "│ parcel reaches the warehouse. Parcels leave on Mondays.",
        "│ ",
    ]
    assert [row for row in rows if "Batteries" in row] == ["│ Batteries ........ 6 months"]
