"""When a watch begins a round and with what: scripted changes, a scripted ingest, and a clock that is turned."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragcli.errors import ConfigError, IndexLocked, Interrupted, RateLimited
from ragcli.ingest.watch import LONGEST_S, MANY, QUIET_S, watch
from ragcli.types import Failure, IngestEvent, IngestReport, Notice, Postponed, WatchEnded, WatchEvent

Step = Callable[[], None]


@dataclass
class Scene:
    """Changes come as `script` says: a sequence of what changed, of seconds that pass, and of things to do."""

    folder: Path
    script: list[Sequence[str] | float | Step] = field(default_factory=list)
    results: list[IngestReport | Exception] = field(default_factory=list)
    rounds: list[tuple[float, list[str] | None]] = field(default_factory=list)
    """When each round began, and with what; None: with everything."""
    roots: list[Path] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0
    apart: list[str] = field(default_factory=list)

    def path(self, name: str) -> str:
        return str(self.folder / name) if name else str(self.folder)

    async def play(self) -> list[WatchEvent]:
        events = watch(
            [str(root) for root in self.roots or [self.folder]],
            changes=self._changes(),
            ingest=self._ingest,
            stop=self.stop,
            apart=self.apart,
            clock=lambda: self.now,
        )
        async with aclosing(events):
            return [event async for event in events]

    @property
    def changed(self) -> list[list[str]]:
        """What each round after the first was about, by names."""
        return [
            [os.path.relpath(path, self.folder) for path in only] for _, only in self.rounds[1:] if only is not None
        ]

    async def _changes(self) -> AsyncGenerator[Collection[str], None]:
        yield frozenset()
        for step in self.script:
            if callable(step):
                step()
                yield frozenset()
            elif isinstance(step, (int, float)):
                for _ in range(round(step / 0.05)):  # nothing happens, every 50 ms
                    self.now += 0.05
                    yield frozenset()
            else:
                yield frozenset(map(self.path, step))
            await asyncio.sleep(0)

    async def _ingest(self, paths: Sequence[str], only: Collection[str] | None) -> AsyncGenerator[IngestEvent, None]:
        self.rounds.append((self.now, None if only is None else sorted(only)))
        result = self.results.pop(0) if self.results else report()
        if isinstance(result, Exception):
            raise result
        for failure in result.failed:
            yield failure
        yield result


def report(*failed: Failure, complete: bool = True) -> IngestReport:
    return IngestReport(collection="手册", added=1, failed=failed, complete=complete)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    folder = tmp_path / "资料"
    folder.mkdir()
    return Scene(folder)


async def test_a_burst_is_one_round_once_it_has_settled(scene: Scene) -> None:
    scene.script = [["a.md"], 0.05, ["b.md", "中文.md"], 0.05, ["a.md"], 1.0]
    await scene.play()
    [(_, everything), (begun, _)] = scene.rounds
    assert everything is None
    assert scene.changed == [["a.md", "b.md", "中文.md"]]
    assert begun == pytest.approx(0.1 + QUIET_S, abs=0.051)


async def test_a_file_that_is_written_without_end_does_not_put_off_the_round_for_ever(scene: Scene) -> None:
    for _ in range(100):
        scene.script += [["log.txt"], 0.05]
    await scene.play()
    times = [begun for begun, _ in scene.rounds[1:]]
    assert len(times) >= 2
    assert times[0] <= LONGEST_S + 0.06


async def test_what_no_document_is_makes_no_round(scene: Scene) -> None:
    """Editors' files, hidden ones, what version control keeps, and the index itself."""
    scene.apart = [scene.path("index")]
    noise = [
        *(".a.md.swp", "a.md~", "4913", ".#a.md", "#a.md#", "笔记.tmp", "~$报告.docx", "a.md___jb_tmp___"),
        *(".hidden/a.md", "sub/.git/index", "CVS/a", "index/catalog.db", "../elsewhere.md"),
    ]
    scene.script = [noise, 1.0, ["笔记.md"], 1.0]
    await scene.play()
    assert scene.changed == [["笔记.md"]]


async def test_an_ignore_file_stands_for_its_folder(scene: Scene) -> None:
    scene.script = [["sub/.gitignore"], 1.0, [".ragcliignore"], 1.0]
    await scene.play()
    assert scene.changed == [["sub"], ["."]]


async def test_so_many_changes_that_some_may_have_been_lost_are_compared_as_a_whole(scene: Scene) -> None:
    scene.script = [[f"{n}.md" for n in range(MANY)], 1.0]
    await scene.play()
    assert scene.changed == [["."]]


async def test_a_failure_is_told_once_and_again_after_the_file_was_well(scene: Scene) -> None:
    bad = Failure(scene.path("坏.pdf"), "corrupt", "no PDF")
    scene.results = [report(bad), report(bad), report(), report(bad)]
    scene.script = [["坏.pdf"], 1.0, ["坏.pdf"], 1.0, ["坏.pdf"], 1.0]
    events = await scene.play()
    assert [event.failed for event in events if isinstance(event, IngestReport)] == [(bad,), (), (), (bad,)]
    assert [event for event in events if isinstance(event, Failure)] == [bad, bad]
    assert events[-1] == WatchEnded(complete=True, failed=(bad,))


async def test_what_failed_and_was_not_looked_at_again_still_counts_in_the_end(scene: Scene) -> None:
    bad = Failure(scene.path("sub/坏.pdf"), "corrupt", "no PDF")
    scene.results = [report(bad)]
    scene.script = [["a.md"], 1.0]
    assert (await scene.play())[-1] == WatchEnded(complete=True, failed=(bad,))
    scene.results = [report(bad)]
    scene.script = [["sub"], 1.0]
    assert (await scene.play())[-1] == WatchEnded(complete=True, failed=())


async def test_a_round_that_fails_is_tried_again_later_and_later_with_what_changed_since(scene: Scene) -> None:
    busy, locked = RateLimited("too many requests"), IndexLocked("being written")
    scene.results = [report(), busy, locked]
    scene.script = [["a.md"], 1.0, ["b.md"], 3.0, 6.0]
    events = await scene.play()
    assert [event for event in events if isinstance(event, Postponed)] == [Postponed(busy, 2.0), Postponed(locked, 4.0)]
    assert scene.changed == [["a.md"], ["a.md", "b.md"], ["a.md", "b.md"]]
    begun = [time for time, _ in scene.rounds[1:]]
    assert begun[1] - begun[0] == pytest.approx(2, abs=0.1)
    assert begun[2] - begun[1] == pytest.approx(4, abs=0.1)
    assert events[-1] == WatchEnded(complete=True)


async def test_the_first_round_and_wrong_settings_end_the_watch(scene: Scene) -> None:
    for results in ([IndexLocked("being written")], [report(), ConfigError("another embedder")]):
        scene.results = list(results)
        scene.script = [["a.md"], 1.0]
        with pytest.raises(type(results[-1])):
            await scene.play()


async def test_stopping_at_rest_leaves_nothing_undone(scene: Scene) -> None:
    scene.script = [["a.md"], 1.0, scene.stop.set, ["b.md"], 1.0]
    assert (await scene.play())[-1] == WatchEnded(complete=True)
    assert scene.changed == [["a.md"]]


@pytest.mark.parametrize("cut", ["in the first round", "in a round", "before a round", "while it waits"])
async def test_stopping_in_the_midst_says_that_something_is_left(scene: Scene, cut: str) -> None:
    if cut == "in the first round":
        scene.results = [report(complete=False)]
        scene.stop.set()
    elif cut == "in a round":
        scene.results = [report(), report(complete=False)]
        scene.script = [["a.md"], 1.0, scene.stop.set]
    elif cut == "before a round":
        scene.script = [["a.md"], scene.stop.set, 1.0]
    else:
        scene.results = [report(), Interrupted("stopped while waiting")]
        scene.script = [["a.md"], 1.0, 1.0]
    assert (await scene.play())[-1] == WatchEnded(complete=False)


async def test_a_folder_that_is_gone_takes_nothing_with_it_and_is_compared_when_it_is_back(scene: Scene) -> None:
    """It is said once; what was told of the files in it while it went does not count."""
    scene.script = [
        scene.folder.rmdir,
        ["a.md", "sub/b.md", ""],
        1.0,
        [""],
        1.0,
        scene.folder.mkdir,
        [""],
        1.0,
    ]
    events = await scene.play()
    assert [event.kind for event in events if isinstance(event, Notice)] == ["watching", "gone"]
    assert [only for only in scene.changed if only] == [["."]]


async def test_a_given_file_that_is_deleted_is_taken_out_unless_its_folder_is_gone_too(scene: Scene) -> None:
    file = scene.folder / "单.md"
    file.touch()
    scene.roots = [file]
    scene.script = [file.unlink, ["单.md"], 1.0, scene.folder.rmdir, ["单.md"], 1.0]
    await scene.play()
    assert [only for only in scene.changed if only] == [["单.md"]]
