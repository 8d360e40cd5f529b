"""What ragcli stands on: Python, packages, disk, clock, terminal, and folders that others cannot read."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli import __version__
from ragcli.cli.doctor.finding import FIX, Finding
from ragcli.errors import ConfigError

if TYPE_CHECKING:
    from ragcli.cli.context import Context

LOW_DISK_BYTES = 500_000_000
PACKAGES = ("chromadb", "tantivy", "kreuzberg", "wordllama", "httpx2", "tiktoken")
DAY = 86_400.0
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def surroundings(context: Context) -> Iterator[Finding]:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield Finding.ok(
        "versions", f"ragcli {__version__}, Python {platform.python_version()} on {platform.platform()}; {packages}"
    )
    try:
        home = context.home_folder()
    except ConfigError as error:
        yield Finding.of("home", error)
    else:
        yield _home(home)
        yield _disk(home)
    yield _config(context)
    yield _clock()
    yield _terminal(context)
    yield _tiktoken()


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding.ok("home", f"{home} (made by the first ingest)")
    if not os.access(home, os.W_OK):
        return Finding.fail("home", f"{home} is not writable", f"chmod u+w '{home}'")
    if open_to_others := [path for path in (home, *home.rglob("*")) if _is_open(path)]:
        first, *more = open_to_others
        what = f"{len(open_to_others)} files and folders in {home}" if more else str(first)

        async def close() -> str:
            from ragcli.store.layout import keep_all_private

            keep_all_private(home)
            return "closed to others"

        return Finding.fail("home", f"others can read {what}", FIX, close)
    return Finding.ok("home", str(home))


def _config(context: Context) -> Finding:
    """A file with a key in it is for its owner's eyes."""
    file = context.config_file()
    if not file.is_file() or not _is_open(file) or b"api_key" not in file.read_bytes():
        return Finding.ok("config file", f"{file}" if file.is_file() else f"{file} (none, and none is needed)")

    async def close() -> str:
        file.chmod(0o600)
        return "closed to others"

    return Finding.fail("config file", f"{file} may hold a key and others can read it", FIX, close)


def _is_open(path: Path) -> bool:
    """Whether others than the owner may do anything with it; False for links and where there are no such modes."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # gone meanwhile
        return False
    return os.name == "posix" and not stat.S_ISLNK(mode) and bool(mode & OTHERS)


def _disk(home: Path) -> Finding:
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < LOW_DISK_BYTES:
        return Finding.fail("disk", f"only {free / 1e6:.0f} MB free below {folder}", "export RAGCLI_HOME=/other/disk")
    return Finding.ok("disk", f"{free / 1e9:.1f} GB free")


def _clock() -> Finding:
    """A clock that is years behind breaks TLS and the order of sessions."""
    installed = Path(__file__).stat().st_mtime
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    if now < installed - DAY:
        return Finding.fail("clock", f"{shown} is before ragcli was installed", "sudo timedatectl set-ntp true")
    return Finding.ok("clock", shown)


def _terminal(context: Context) -> Finding:
    from ragcli.render.console import is_live

    out = context.out()
    encoding = f"encoding {sys.stdout.encoding}"
    if not out.is_terminal:
        return Finding.ok("terminal", f"stdout is no terminal: plain text, {encoding}")
    colour = f"{out.color_system} colour" if out.color_system else "no colour"
    links = "clickable links (OSC 8)" if is_live(out) else "no links"
    return Finding.ok("terminal", f"{out.width}x{out.height}, {colour}, {links}, {encoding}")


def _tiktoken() -> Finding:
    from ragcli.text.tokens import is_exact

    if is_exact("gpt-4o"):
        return Finding.ok("tiktoken", "token counts are exact")
    return Finding.note("tiktoken", "its encodings are not on this machine: tokens are over-estimated, which is safe")
