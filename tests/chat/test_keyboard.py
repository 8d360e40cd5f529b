"""Keys that are pressed while no prompt stands: kept as they were meant, unseen, and the terminal given back."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform == "win32":
    pytest.skip("a terminal of POSIX", allow_module_level=True)

import pty
import termios

from ragcli.chat.keyboard import Keyboard


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """What a person types into, and what a program reads."""
    person, program = pty.openpty()
    with os.fdopen(program, "r") as stream:
        yield person, stream
    os.close(person)


def edits_lines(stream: io.TextIOWrapper) -> bool:
    """Whether the terminal itself echoes, waits for Enter and hands it over as a new line."""
    attributes = termios.tcgetattr(stream.fileno())
    flags = {
        bool(attributes[3] & termios.ECHO),
        bool(attributes[3] & termios.ICANON),
        bool(attributes[0] & termios.ICRNL),
    }
    assert len(flags) == 1
    return flags.pop()


def test_what_was_typed_before_comes_with_enter_and_ctrl_d_as_they_were_pressed(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    person, stream = terminal
    os.write(person, "first 问题\r/qu\x04".encode())
    with Keyboard(stream) as keyboard:
        assert keyboard.early() == "first 问题\r/qu\x04"
        assert keyboard.early() == ""
        os.write(person, b"a\nb\r")  # Ctrl-J, and Enter
        assert os.read(stream.fileno(), 100) == b"a\nb\r"


def test_the_terminal_is_lent_and_given_back_as_it_was_found(terminal: tuple[int, io.TextIOWrapper]) -> None:
    person, stream = terminal
    with Keyboard(stream) as keyboard:
        assert not edits_lines(stream)
        with keyboard.lent():
            assert edits_lines(stream)
            os.write(person, b"typed meanwhile\r")
        assert not edits_lines(stream)
        assert keyboard.early() == "typed meanwhile\r"
    assert edits_lines(stream)


def test_what_is_no_terminal_is_left_alone() -> None:
    for stream in (None, io.StringIO("text")):
        with Keyboard(stream) as keyboard, keyboard.lent():
            assert keyboard.early() == ""
