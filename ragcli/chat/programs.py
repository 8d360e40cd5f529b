"""Programs of the user's own that the chat calls: the editor, the viewer of documents, the clipboard."""

from __future__ import annotations

import asyncio
import base64
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ragcli.errors import UsageError

_AT_LINE = {"code": "-g {path}:{line}", "codium": "-g {path}:{line}", "subl": "{path}:{line}", "hx": "{path}:{line}"}
"""How editors are told the line that do not take `+LINE PATH`."""


def editor(environment: Mapping[str, str]) -> list[str]:
    """`VISUAL` or `EDITOR` as words. Raises UsageError where neither is set nor a usual one is installed."""
    if chosen := environment.get("VISUAL") or environment.get("EDITOR"):
        return shlex.split(chosen, posix=sys.platform != "win32")
    for name in ("nano", "vim", "vi", "notepad"):
        if found := shutil.which(name):
            return [found]
    raise UsageError("no editor is known", remedy="set EDITOR")


def opening(path: str, line: int | None, environment: Mapping[str, str]) -> list[str]:
    """The command that shows a file: the editor at a line, or the system's viewer where it has no lines."""
    if line is not None:
        command = editor(environment)
        pattern = _AT_LINE.get(Path(command[0]).stem, "+{line} {path}")
        return command + [part.format(path=path, line=line) for part in pattern.split(" ")]
    if sys.platform == "win32":
        return ["cmd", "/c", "start", "", path]
    viewer = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(viewer) is None:
        raise UsageError(f"there is no viewer for {path}", remedy=f"install {viewer}, or open the file yourself")
    return [viewer, path]


async def run(command: Sequence[str], *, text: str | None = None) -> int:
    """Runs a program on this terminal to its end, or feeds it `text`. Raises UsageError where it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=None if text is None else asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {error.strerror}", remedy="see VISUAL and EDITOR") from error
    await process.communicate(None if text is None else text.encode())
    return process.returncode or 0


async def edited(text: str, environment: Mapping[str, str]) -> str:
    """The text after the user has changed it in the editor. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="ragcli-") as folder:
        file = Path(folder) / "question.md"
        file.write_text(text, encoding="utf-8")  # nothing else happens meanwhile
        await run([*editor(environment), str(file)])
        return file.read_text(encoding="utf-8").strip()


def clipboard(environment: Mapping[str, str]) -> list[str] | None:
    """The program that takes a text into the clipboard, where there is one."""
    candidates = [("pbcopy", True), ("clip.exe", True), ("wl-copy", "WAYLAND_DISPLAY" in environment)]
    for name, usable in candidates:
        if usable and (found := shutil.which(name)):
            return [found]
    if "DISPLAY" in environment and (found := shutil.which("xclip")):
        return [found, "-selection", "clipboard"]
    return None


def osc52(text: str) -> str:
    """What asks the terminal itself to take a text into the clipboard, also at the other end of ssh."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
