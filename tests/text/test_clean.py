"""Text from documents and models never steers the terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragcli.text.clean import LONGEST_PAYLOAD, Cleaner, cells, clean, one_line

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

hostile = st.text(
    st.one_of(
        st.sampled_from(
            "\x1b\x9b\x9d\x90\x9c\x07\\[]P_^X(0;?mHB \r\n\x0b\x85\u202e\u2066\ufeff\U0001f3f4\U000e0067\U000e007f\ud800"
        ),
        st.characters(),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;your title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;cm0gLXJm\x9cpaste", "paste"),
        ("\x9b31mred \x9d0;title\x9ctext", "red text"),
        ("\x1bPq#0;2;0;0;0\x1b\\image", "image"),
        ("\x1b_Gkitty\x1b\\a\x1b^pm\x1b\\b\x1bXsos\x1b\\c", "abc"),
        ("\x1b(0lqqk\x1b(B\x1bc", "lqqk"),
        ("\x1b[3\x1b[31mtext", "3text"),
        ("bell\x07 back\x08space null\x00", "bell backspace null"),
        ("one\r\ntwo\rthree\x0cfour\u2028five", "one\ntwo\nthree\nfour\nfive"),
        ("pay \u202etxt.exe\u202c now", "pay txt.exe now"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("ignore\U000e0049\U000e0067\U000e006e this", "ignore this"),
    ],
)
def test_control_sequences_are_taken_out_with_their_payload(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "中文，全角标点。「引号」——破折号……",
        "tabs\tand\nnewlines",
        "family 👨‍👩‍👧‍👦, heart ❤️, thumbs 👍🏽, keycap 1️⃣, flags 🇨🇳 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "العربية עברית हिन्दी क्‍ष ไทย",
        "price: $5 and $6, \\(x^2\\)",
    ],
)
def test_all_scripts_and_emoji_stay_as_they_are(text: str) -> None:
    assert clean(text) == text


def test_a_string_that_nothing_terminates_does_not_swallow_the_answer() -> None:
    assert clean("\x1b]0;never ended\nThe answer.") == "0;never ended\nThe answer."
    assert clean("\x1b]" + "x" * (LONGEST_PAYLOAD + 1) + "\x07") == "x" * (LONGEST_PAYLOAD + 1)


@given(hostile)
def test_nothing_that_steers_a_terminal_gets_through_and_cleaning_is_idempotent(text: str) -> None:
    cleaned = clean(text)
    assert FORBIDDEN.search(cleaned) is None
    assert clean(cleaned) == cleaned
    cleaned.encode()


@given(st.lists(hostile, max_size=12))
@example(["\x1b", "]", "0;title", "\x1b", "\\", "shown"])
@example(["one\r", "\ntwo"])
@example(["\U0001f3f4", "\U000e0067", "\U000e007f"])
def test_pieces_come_out_as_the_whole_would(pieces: list[str]) -> None:
    """Wherever the network cut the text, what is shown is the same, and never holds a control character."""
    cleaner = Cleaner()
    shown = [cleaner.feed(piece) for piece in pieces] + [cleaner.flush()]
    assert "".join(shown) == clean("".join(pieces))
    assert all(FORBIDDEN.search(piece) is None for piece in shown)


@given(st.text(max_size=80))
def test_ordinary_pieces_are_not_delayed(text: str) -> None:
    """Text without a control character is handed on at once: tokens are live."""
    ordinary = clean(text).replace("\U0001f3f4", "")
    assert Cleaner().feed(ordinary) == ordinary


@given(hostile, st.integers(min_value=1, max_value=60))
def test_a_shortened_line_fits_its_width(text: str, width: int) -> None:
    line = one_line(text, width)
    assert "\n" not in line
    assert cells(line) <= width


def test_a_shortened_line_says_so_and_counts_wide_characters_twice() -> None:
    assert one_line("  two\n words ", 20) == "two words"
    assert one_line("知识库里的文档很多", 9) == "知识库里…"
    assert one_line("a long sentence of words", 10) == "a long se…"
