"""However the answer is cut into tokens, whatever the screen does, every word is shown once and in its order."""

from __future__ import annotations

import random
import re

import pytest
from chat.double import terminal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ragcli.answer.doubts import Doubts
from ragcli.render.live import Line
from ragcli.render.markdown import MarkdownStream, Marking, unmarked
from ragcli.text.clean import cells
from ragcli.types import Source

CONSOLE = terminal()
SAMPLE = """\
# Refunds and 退款

You can return **any** order within *30 days* of delivery [1], see [the policy](https://example.com/policy).
A second line of the same paragraph, with `code` and snake_case_names and 2 * 3 * 4, runs on and on until it
is longer than any of the screens that the test knows, so that its first rows are final while it grows.

- one
- two, which is rather long and has to be wrapped on a narrow screen
  - nested 甲
    - deeper
- three

1. first
2. second

   with a second paragraph
3. third

| Plan | Price | Notes |
|---|---:|:-:|
| Basic | 5 | 便宜的计划 |
| Pro | 50 | for teams |

> quoted
> text

```python
def f(x):
    return x + 1  # comment

    # after a blank line
```

RAG 系统是一个很长的句子，没有空格，应当在字与字之间折行。“引号”（括号）结束。

---

Setext
======

The formula $a_1 * b_1$ and \\(x^2\\) stay; List<String> and [1]: too.
"""


def words(text: str) -> list[str]:
    return re.findall(r"\w", re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text))


def streamed(pieces: list[str], widths: list[int], mark: Marking = unmarked) -> list[str]:
    """The final rows when each piece is drawn at its width."""
    stream, rows = MarkdownStream(CONSOLE, mark), list[Line]()
    for index, piece in enumerate(pieces):
        stream.feed(piece)
        width = widths[index % len(widths)]
        rows += stream.take(width)
        stream.tail(width, 10)
    return [row.text for row in rows + stream.end(widths[-1])]


def at_once(text: str, width: int) -> list[str]:
    return streamed([text], [width])


def cut(text: str, seed: int) -> list[str]:
    dice, pieces = random.Random(seed), list[str]()
    while text:
        size = dice.choice([1, 2, 5, 20, 200])
        pieces.append(text[:size])
        text = text[size:]
    return pieces


@pytest.mark.parametrize("width", [20, 39, 79, 199])
@pytest.mark.parametrize("seed", range(5))
def test_an_answer_looks_the_same_however_it_was_cut(width: int, seed: int) -> None:
    assert streamed(cut(SAMPLE, seed), [width]) == at_once(SAMPLE, width)


@pytest.mark.parametrize("seed", range(5))
def test_a_screen_that_changes_its_width_loses_and_repeats_nothing(seed: int) -> None:
    dice = random.Random(seed)
    rows = streamed(cut(SAMPLE, seed), [dice.randrange(24, 120) for _ in range(7)])
    assert words("".join(rows)) == words("".join(at_once(SAMPLE, 79)))


def test_every_word_of_the_source_is_shown() -> None:
    source = re.sub(r"\(https://\S+\)|python", "", SAMPLE)
    shown = "".join(at_once(SAMPLE, 79))
    assert words(re.sub(r"(?m)^ (\d)\. ", r"\1. ", shown)) == words(source)


FRAGMENTS = (
    "!|👩\u200d💻 |a_b |  \n|"
    "word |字，|**|*|_|`|[1]|[|](u)|\n|\n\n|- |1. |7) |> |    |```\n|~~~|# |---\n|===\n|$x$|\\(|<b>|&amp;"
).split("|")
MARKDOWN = st.lists(st.sampled_from([*FRAGMENTS, "| a ", "|\n", "|---|---|\n"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
@given(MARKDOWN, st.sampled_from([12, 40, 79]))
@example(["word "] * 30 + ["\n", "===\n"], 40)
@example(["word "] * 30 + ["\n", "- ", "word "], 12)
@example(["```\n", "word ", "\n\n", "word ", "\n", "```\n", "word ", "\n\n", "word "], 40)
@example(["> ", "```\n", "word ", "\n", "word "], 12)
def test_broken_markdown_is_shown_the_same_however_it_was_cut(pieces: list[str], width: int) -> None:
    assert words("".join(streamed(pieces, [width]))) == words("".join(at_once("".join(pieces), width)))


@settings(deadline=None, max_examples=100)
@given(MARKDOWN, st.integers(min_value=8, max_value=100))
def test_no_row_is_wider_than_the_screen(pieces: list[str], width: int) -> None:
    stream = MarkdownStream(CONSOLE)
    stream.feed("".join(pieces))
    rows = [*stream.take(width), *stream.tail(width, 10), *stream.end(width)]
    assert all(row.cells <= width for row in rows)


def test_rows_of_a_long_paragraph_and_of_open_code_are_final_before_the_block_is() -> None:
    stream = MarkdownStream(CONSOLE)
    stream.feed("word " * 100)
    assert len(stream.take(40)) > 5
    stream.end(40)
    stream.feed("```\n" + "code\n" * 30)
    assert len(stream.take(40)) >= 29


@pytest.mark.parametrize("seed", range(3))
def test_every_line_of_long_code_is_shown_once_however_it_was_cut(seed: int) -> None:
    lines = [f"value_{n} = table[{n}]  # 注释 {n}" if n % 7 else "" for n in range(1, 300)]
    source = "```python\n" + "\n".join(lines) + "\n```\nThe end."
    rows = [re.sub(r"\x1b\[[\d;]*m", "", row) for row in streamed(cut(source, seed), [79])]
    assert [row.strip() for row in rows] == [*lines, "", "The end."]


def test_the_live_part_is_never_taller_than_it_may_be() -> None:
    stream = MarkdownStream(CONSOLE)
    stream.feed("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 100)
    assert stream.take(40) == []
    assert len(stream.tail(40, 9)) == 9


@pytest.mark.parametrize("text", ["$a_1 * b_1 * c$", "\\(x^2 * y\\)", "\\[ \\frac{a}{b} \\]", "$$\\sum_i x_i$$"])
def test_formulas_stay_as_they_are(text: str) -> None:
    (row,) = at_once(text, 79)
    assert row == text


def test_prices_are_no_formulas() -> None:
    (row,) = at_once("from $5 to **$6** a month", 79)
    assert re.sub(r"\x1b\[\d*m", "", row) == "from $5 to $6 a month"


def test_a_table_that_does_not_fit_is_shown_row_by_row() -> None:
    source = "| First column | Second column |\n|---|---|\n| internationalisation | localisation |\n"
    rows = [re.sub(r"\x1b\[[\d;]*m", "", row) for row in at_once(source, 24)]
    assert rows == ["First column:", "internationalisation", "Second column:", "localisation"]


@pytest.mark.parametrize("width", [30, 39, 60, 79])
def test_a_table_cuts_no_word_and_reads_no_chinese_letter_by_letter(width: int) -> None:
    source = (
        "| Plan | What is included | 说明 |\n|---|---|---|\n"
        "| Basic | internationalisation of everything that there is | 适合小团队，包含三个网关和六十只探头 |\n"
        "| Pro | all | 大团队 |\n"
    )
    rows = [re.sub(r"\x1b\[[\d;]*m", "", row) for row in at_once(source, width)]
    assert all(cells(row) <= width for row in rows)
    assert sum("internationalisation" in row for row in rows) == 1
    assert any("适合小团队" in row for row in rows)


def test_the_number_of_a_source_stays_on_the_row_of_what_it_proves() -> None:
    rows = at_once("Refunds take five days [1]. 自签收之日起计算。 [2] Then it ends.", 27)
    assert rows == ["Refunds take five days [1].", "自签收之日起计算。 [2] Then", "it ends."]


def test_chinese_breaks_between_characters_and_never_before_a_full_stop() -> None:
    rows = at_once("RAG 系统是一个很长的句子，没有空格，应当在字与字之间折行。", 16)
    assert rows == ["RAG 系统是一个很", "长的句子，没有空", "格，应当在字与字", "之间折行。"]


DOUBTFUL = Source(n=1, path="a", title="a", format="md", score=1.0, text="Refunds take five days, parcels one.")


@pytest.mark.parametrize("seed", range(4))
def test_citations_that_do_not_hold_are_marked_where_they_stand_however_the_answer_was_cut(seed: int) -> None:
    """Also in rows of a long paragraph that are final before it ends; never in code."""
    sentences = [
        "Refunds take five days [1].",
        "Refunds take nine days [1].",
        "Nothing is cited here, it runs on and on.",
    ]
    source = " ".join(sentences * 5) + "\n\n- Parcels take two days [1]\n- one `x[1]`\n\n```\ny[1]\n```\n"
    doubts = Doubts([DOUBTFUL])
    rows = streamed(cut(source, seed), [39], doubts)
    assert rows == streamed([source], [39], doubts)
    shown = re.sub(r"\s+", " ", re.sub(r"\x1b\[[\d;]*m", "", " ".join(rows)))
    assert shown.count("five days [1].") == shown.count("nine days [1?].") == 5
    assert "two days [1?]" in shown
    assert shown.count("x[1]") == shown.count("y[1]") == 1
    assert "\x1b[33m[1?]\x1b[0m" in "".join(rows)


def test_links_are_clickable_and_dangerous_ones_are_text() -> None:
    (row,) = at_once("[docs](https://example.com) [local](file:///etc/passwd) [js](javascript:alert)", 100)
    assert "https://example.com\x1b\\" in row
    assert "[local](file:///etc/passwd)" in row
    assert "[js](javascript:alert)" in row


def test_items_are_numbered_as_markdown_counts_them() -> None:
    rows = streamed(["1. one\n", "1. two\n", "1. three\n", "\n7. seven\n", "7. eight"], [40])
    assert [re.sub(r"\x1b\[[\d;]*m", "", row) for row in rows] == [
        " 1. one",
        " 2. two",
        " 3. three",
        " 4. seven",
        " 5. eight",
    ]
