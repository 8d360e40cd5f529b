"""Discovery: what the walk finds, what it leaves out and why, and what it survives."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from ragcli.errors import UsageError
from ragcli.ingest.discover import discover
from ragcli.types import Failure, File

MEGABYTE = 2**20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    return tmp_path / "docs"


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def walk(*paths: Path, **options: object) -> list[File | Failure]:
    return list(discover([str(path) for path in paths], **({"max_bytes": MEGABYTE} | options)))  # type: ignore[arg-type]


def names(found: Sequence[File | Failure], folder: Path) -> list[str]:
    return [Path(each.path).relative_to(folder).as_posix() for each in found if isinstance(each, File)]


def test_files_come_in_order_with_size_and_time(folder: Path) -> None:
    """Sorted by name, folder by folder, absolute, with what tells a changed file."""
    for name in ("b.md", "a.md", "sub/c.md", "中文 手册.md"):
        write(folder / name)
    found = walk(folder)
    assert names(found, folder) == ["a.md", "b.md", "sub/c.md", "中文 手册.md"]
    first = found[0]
    assert isinstance(first, File)
    assert (first.size, first.mtime_ns, first.named) == (4, (folder / "a.md").stat().st_mtime_ns, False)


def test_the_walk_is_lazy(folder: Path) -> None:
    """A file that is written after the walk began, further on, is found."""
    write(folder / "a.md")
    found = discover([str(folder)], max_bytes=MEGABYTE)
    assert next(found).path.endswith("a.md")
    write(folder / "sub" / "late.md")
    assert [each.path for each in found] == [str(folder / "sub" / "late.md")]


def test_hidden_files_and_version_control_are_left_out(folder: Path) -> None:
    """And what editors leave behind: Word's lock file, backups, Emacs's #a.md#."""
    for name in (
        ".hidden.md",
        ".cache/x.md",
        ".git/config",
        "CVS/Root",
        "~$a.docx",
        "a.md~",
        "#a.md#",
        "kept.md",
        "C#",
    ):
        write(folder / name)
    assert names(walk(folder), folder) == ["C#", "kept.md"]


def test_ignore_files_of_every_level_are_obeyed(folder: Path) -> None:
    """The nearest one that speaks of a path decides; `!` takes back; .ragcliignore is read after .gitignore."""
    write(folder / ".gitignore", "*.log\nbuild/\n/top.md\n")
    write(folder / ".ragcliignore", "drafts/\n")
    write(folder / "sub" / ".gitignore", "!keep.log\n")
    for name in ("a.log", "build/x.md", "top.md", "drafts/d.md", "sub/keep.log", "sub/b.log", "sub/top.md", "sub/e.md"):
        write(folder / name)
    assert names(walk(folder), folder) == ["sub/e.md", "sub/keep.log", "sub/top.md"]


def test_the_ignore_file_of_the_repository_above_counts(folder: Path) -> None:
    """Ingesting a sub-folder gives what ingesting the repository gives of it."""
    (folder / ".git").mkdir()
    write(folder / ".gitignore", "*.tmp\nsub/secret.md\n")
    for name in ("sub/a.tmp", "sub/secret.md", "sub/b.md"):
        write(folder / name)
    assert names(walk(folder / "sub"), folder) == ["sub/b.md"]


def test_a_folder_that_is_ignored_but_given_is_walked(folder: Path) -> None:
    """Whoever names an ignored folder wants what is in it."""
    (folder / ".git").mkdir()
    write(folder / ".gitignore", "sub/\n")
    write(folder / "sub" / "a.md")
    assert names(walk(folder / "sub"), folder) == ["sub/a.md"]
    assert names(walk(folder), folder) == []


def test_an_ignore_file_that_is_damaged_hides_nothing_else(folder: Path) -> None:
    """A pattern that cannot be read is passed over, as git does."""
    (folder / ".gitignore").write_bytes(b"\xff\xfe\n!\n*.log\n")
    write(folder / "a.log")
    write(folder / "b.md")
    assert names(walk(folder), folder) == ["b.md"]


def test_a_file_given_by_name_is_always_tried(folder: Path) -> None:
    """Hidden, ignored, excluded: who names it wants it."""
    write(folder / ".gitignore", "*.log\n")
    hidden, ignored = write(folder / ".env.md"), write(folder / "a.log")
    found = walk(hidden, ignored, exclude=["*.log"], include=["*.pdf"])
    assert [(each.path, each.named) for each in found] == [(str(hidden), True), (str(ignored), True)]


def test_overlapping_paths_give_each_file_once(folder: Path) -> None:
    """A folder, a folder in it, a file in that, and the first one again with a slash."""
    inner = write(folder / "sub" / "a.md")
    write(folder / "b.md")
    found = walk(folder, folder / "sub", inner, Path(f"{folder}/"), Path(f"{folder}/sub/../sub"))
    assert names(found, folder) == ["b.md", "sub/a.md"]
    assert [each.named for each in found] == [False, True]


def test_include_and_exclude_choose_below_a_folder(folder: Path) -> None:
    """Globs as in .gitignore."""
    for name in ("a.md", "b.txt", "sub/c.md", "sub/old/d.md"):
        write(folder / name)
    assert names(walk(folder, include=["*.md"], exclude=["old/"]), folder) == ["a.md", "sub/c.md"]
    assert names(walk(folder, include=["sub/**"]), folder) == ["sub/c.md", "sub/old/d.md"]


def test_a_part_of_a_folder_is_walked_by_the_rules_of_the_whole(folder: Path) -> None:
    """Whatever part that is: the same files as in the whole walk, and no others."""
    write(folder / ".gitignore", "*.log\n")
    for name in ("章/节.md", "章/trace.log", "章/deeper/a.md", "sub/b.md", "new.md", ".hidden/a.md"):
        write(folder / name)
    everything = names(walk(folder), folder)
    assert everything == ["new.md", "sub/b.md", "章/deeper/a.md", "章/节.md"]
    for path in [folder, *folder.rglob("*"), folder / "gone.md", folder / "gone" / "a.md"]:
        part = names(walk(folder, only=[str(path)]), folder)
        assert part == [name for name in everything if (folder / name).is_relative_to(path)]
    assert not walk(folder, only=[])


def test_links_are_followed_only_where_nothing_is_read_twice(folder: Path) -> None:
    """Loops end, links out of the folder are left alone, a link to a hidden store (git-annex) is a file like others."""
    write(folder / "a.md")
    outside = write(folder.parent / "outside" / "o.md")
    stored = write(folder / ".store" / "object")
    (folder / "again.md").symlink_to(folder / "a.md")
    (folder / "loop").symlink_to(folder)
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "itself.md").symlink_to(folder / "itself.md")
    (folder / "out.md").symlink_to(outside)
    (folder / "outdir").symlink_to(outside.parent)
    (folder / "annexed.md").symlink_to(stored)
    assert names(walk(folder), folder) == ["a.md", "annexed.md"]


def test_links_that_lead_out_are_followed_when_told_to(folder: Path) -> None:
    """Once each, loops included."""
    write(folder / "a.md")
    outside = write(folder.parent / "outside" / "o.md")
    (outside.parent / "back").symlink_to(folder)
    (folder / "outdir").symlink_to(outside.parent)
    (folder / "outdir2").symlink_to(outside.parent)
    assert names(walk(folder, follow_symlinks=True), folder) == ["a.md", "outdir/o.md"]


def test_a_link_to_nothing_is_reported(folder: Path) -> None:
    """It promises a document that is not there."""
    (folder / "gone.md").symlink_to(folder / "nothing.md")
    (found,) = walk(folder)
    assert isinstance(found, Failure)
    assert (found.kind, found.path) == ("unreadable", str(folder / "gone.md"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_sockets_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one would block for ever; named ones are reported."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    os.mkfifo("pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.md")
        assert walk(tmp_path) == []
    (found,) = walk(tmp_path / "pipe.md")
    assert isinstance(found, Failure)
    assert (found.kind, found.named) == ("unreadable", True)


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are Unicode here")
def test_a_name_that_is_not_unicode_is_reported_printably(folder: Path) -> None:
    """It could not be stored or shown; the report can."""
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.md"), "wb"):
        pass
    write(folder / "ok.md")
    failure, file = walk(folder)
    assert isinstance(failure, Failure)
    assert failure.kind == "unreadable"
    assert failure.path.endswith("caf\\xe9.md")
    assert file.path.endswith("ok.md")


def test_a_file_that_is_too_large_is_reported_with_its_size(folder: Path) -> None:
    """Without reading a byte of it."""
    with open(folder / "huge.log", "wb") as file:
        file.truncate(5 * 2**30)
    (found,) = walk(folder, max_bytes=512 * MEGABYTE)
    assert isinstance(found, Failure)
    assert found.kind == "too_large"
    assert "5,120 MB" in found.message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_folder_that_cannot_be_listed_is_reported(folder: Path) -> None:
    """The others are walked."""
    write(folder / "a.md")
    (folder / "sub").chmod(0)
    try:
        file, failure = walk(folder)
    finally:
        (folder / "sub").chmod(0o700)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.path, file.path) == ("unreadable", str(folder / "sub"), str(folder / "a.md"))


def test_a_folder_that_vanishes_is_reported(folder: Path) -> None:
    """Deleted between being listed and being entered."""
    write(folder / "a.md")
    found = discover([str(folder)], max_bytes=MEGABYTE)
    next(found)
    (folder / "sub").rmdir()
    (failure,) = found
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.path) == ("unreadable", str(folder / "sub"))


def test_folders_may_be_nested_deeper_than_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down to where paths become too long for the system, which is reported; nothing above is lost."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "top.md")
    for _ in range(1500):
        os.mkdir("ddd")
        os.chdir("ddd")
    monkeypatch.chdir(tmp_path)
    found = walk(tmp_path)
    assert any(isinstance(each, File) for each in found)
    assert [each.kind for each in found if isinstance(each, Failure)] in ([], ["unreadable"])
    os.system(f"rm -rf '{tmp_path}/ddd'")  # shutil cannot


@pytest.mark.parametrize("name", ["missing", "docs/missing.md"])
def test_a_path_that_does_not_exist_is_a_usage_error_at_once(folder: Path, name: str) -> None:
    """Before anything is walked."""
    with pytest.raises(UsageError, match="does not exist"):
        discover([str(folder), str(folder.parent / name)], max_bytes=MEGABYTE)
