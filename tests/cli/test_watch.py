"""`ragcli ingest --watch`, as somebody uses it who edits files meanwhile. Nothing here waits for a fixed time."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import clean_environment, run_ragcli

from ragcli.store.collection import open_reader
from ragcli.store.layout import Home

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends the watch with a signal")
BOUND_S = 200.0
"""How long a condition may take to come true on a machine that is busy with something else."""


class Watch:
    """A running `ragcli ingest --watch`."""

    def __init__(self, home: Path, *arguments: str | Path, json: bool) -> None:
        command = [sys.executable, "-m", "ragcli", "ingest", *map(str, arguments), "--watch"]
        command += ["--json"] if json else []
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(home), encoding="utf-8"
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line(self) -> str:
        line = self._lines.get(timeout=BOUND_S)
        assert line, f"the watch has ended: {self._error()}"
        return line

    def round(self) -> dict[str, Any]:
        """The next line of JSON."""
        document: dict[str, Any] = json.loads(self.line())
        return document

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The rounds up to the one that fulfils the condition."""
        rounds = [self.round()]
        while not condition(rounds[-1]):
            rounds.append(self.round())
        return rounds

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(BOUND_S)

    def left_over(self) -> list[str]:
        """Lines that nobody has asked for, after the end."""
        self._reader.join(BOUND_S)
        return [line for line in self._lines.queue if line]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(BOUND_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _error(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextmanager
def watching(home: Path, *arguments: str | Path, json: bool = True) -> Iterator[Watch]:
    watch = Watch(home, *arguments, json=json)
    try:
        yield watch
    finally:
        watch.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "资料 docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "engine.md").write_text("# Engine\n\nThe turbine spins at 9,400 rpm.\n", encoding="utf-8")
    (folder / "sub" / "锅炉.txt").write_text("锅炉的额定压力是十二兆帕。\n", encoding="utf-8")
    return folder


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in ("added", "updated", "unchanged", "removed"))


def search(home: Path, query: str) -> list[str]:
    done = run_ragcli(home, "search", query, "--json")
    return [Path(hit["path"]).name for hit in json.loads(done.stdout).get("hits", [])]


def listed(home: Path) -> set[str]:
    return {Path(document["path"]).name for document in json.loads(run_ragcli(home, "list", "--json").stdout)}


def seconds_until_indexed(home: Path, file: Path, watch: Watch) -> float:
    """From the last write on; the best of some tries. A busy machine makes many of the one or two that it takes."""
    taken: list[float] = []
    while True:
        with open_reader(Home(home), "default") as catalog:  # `list` shows whole seconds
            [indexed_at] = [document.indexed_at for document in catalog.documents() if document.path == str(file)]
        taken.append(indexed_at - file.stat().st_mtime)
        if min(taken) <= 2 or len(taken) == 3:
            return min(taken)
        file.write_text(f"绿色的泵, version {len(taken)}.", encoding="utf-8")
        watch.until(lambda found: found["updated"] > 0)


def test_new_edited_renamed_and_deleted_files_are_followed_and_nothing_else_is_read(home: Path, docs: Path) -> None:
    """In English and Chinese; an editor's temporary files and its atomic save are no events of their own."""
    with watching(home, docs) as watch:
        first = watch.round()
        assert (first["schema"], first["added"]) == (1, 2)

        for name in (".engine.md.swp", "engine.md~", "4913", "#engine.md#", "engine.md.tmp"):
            (docs / name).write_text("The turbine spins at 7,100 rpm.", encoding="utf-8")
        os.replace(docs / "engine.md.tmp", docs / "engine.md")
        (docs / "泵.md").write_text("# 泵\n\n绿色的泵每分钟三千转。\n", encoding="utf-8")
        rounds = watch.until(lambda found: found["documents"] == 3)
        assert [sum(column) for column in zip(*map(counts, rounds), strict=True)] == [1, 1, 0, 0]
        assert search(home, "绿色的泵")[0] == "泵.md"
        assert search(home, "7,100 rpm")[0] == "engine.md"
        assert seconds_until_indexed(home, docs / "泵.md", watch) <= 20

        (docs / "sub").rename(docs / "设备")
        (docs / "泵.md").unlink()
        watch.until(lambda found: found["documents"] == 2)
        assert listed(home) == {"engine.md", "锅炉.txt"}

        assert watch.end(signal.SIGTERM) == 0
        assert watch.left_over() == []


def test_another_ingest_is_waited_for_and_ctrl_c_meanwhile_leaves_the_change_to_the_next_run(
    home: Path, docs: Path
) -> None:
    from filelock import FileLock

    with watching(home, docs, "--wait", "0.1") as watch:
        watch.round()
        [lock] = home.glob("collections/*/write.lock")
        with FileLock(lock):
            (docs / "new.md").write_text("Waiting 等待.", encoding="utf-8")
            assert watch.round()["error"]["kind"] == "index_locked"
            assert watch.end() == 130
    assert json.loads(run_ragcli(home, "ingest", docs, "--json").stdout)["added"] == 1


def test_a_person_sees_a_line_a_round_and_how_to_end_it(home: Path, docs: Path) -> None:
    """A file that fails is told once; the exit code says in the end that it is not indexed."""
    (docs / "坏.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 12)
    with watching(home, docs, json=False) as watch:
        shown = [watch.line()]
        while "holds" not in shown[-1]:
            shown.append(watch.line())
        assert "corrupt" in "".join(shown)
        assert "2 added, 1 not indexed" in shown[-1]
        assert watch.process.stderr is not None
        assert watch.process.stderr.readline() == f"watching {docs}; Ctrl-C ends\n"
        (docs / "sub" / ".ragcliignore").write_text("锅炉.*\n", encoding="utf-8")
        assert "  1 removed; default holds 1 document" in watch.line()
        (docs / "坏.pdf").touch()
        (docs / "new.md").write_text("More 更多.", encoding="utf-8")
        assert "  1 added; default holds 2 documents" in watch.line()
        assert watch.end() == 5
        assert (watch.left_over(), watch.process.stderr.read()) == ([], "")


def test_a_watch_needs_paths_that_exist_and_is_no_dry_run(home: Path, docs: Path) -> None:
    missing = run_ragcli(home, "ingest", docs / "没有", "--watch")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)
    both = run_ragcli(home, "ingest", docs, "--watch", "--dry-run")
    assert both.returncode == 2
    assert "--dry-run" in both.stderr
