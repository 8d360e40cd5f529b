"""Kills ingests with SIGKILL, at each step of the write order and at random, and checks that nothing is lost.

    python tests/torture.py --kills 200 [--jobs 4] [--seed 1]

Each round changes the folder, starts an ingest in a process of its own that kills itself at one step (alone or together
with Chroma's process), looks at what readers find then, finishes with an ordinary ingest, and looks again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "ingest"))

from collection_support import HashEmbedder, Library

from ragcli.ingest import index
from ragcli.store import chroma, indexes, keywords, matrix
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.chroma_child import COLLECTION
from ragcli.store.collection import faults
from ragcli.store.layout import Home
from ragcli.store.stamps import sound_vectors

STEPS: dict[str, tuple[Any, str, bool]] = {
    "recovering": (index.Indexer, "recover", True),
    "indexes opened": (indexes.StoredIndexes, "open", False),
    "pending": (index.Indexer, "store", False),
    "in Chroma's call": (chroma.ChromaWriter, "_reply", True),
    "in Chroma": (chroma.ChromaWriter, "upsert", False),
    "before the keyword commit": (keywords.TantivyIndex, "commit", True),
    "after the keyword commit": (keywords.TantivyIndex, "commit", False),
    "half a matrix row": (matrix, "_packed", True),
    "in the matrix": (matrix.MatrixWriter, "catch_up", False),
    "in the publishing transaction": (CatalogWriter, "bump", False),
    "published": (CatalogWriter, "publish", False),
    "batch done": (index.Indexer, "publish", False),
    "removed": (index.Indexer, "remove", False),
    "finishing": (index.Indexer, "finish", True),
    "flushing": (chroma.ChromaWriter, "flush", True),
    "flushed": (chroma.ChromaWriter, "flush", False),
    "stamping": (indexes, "stamp_of", False),
    "forgetting": (CatalogWriter, "forget", True),
    "finished": (index.Indexer, "finish", False),
}
"""What is called at each step, and whether the kill comes before it."""

REPEATED = {"pending", "in Chroma's call", "in Chroma", "before the keyword commit", "half a matrix row", "published"}
"""Steps that come more than once in a run."""

BATCH = 16


# --- the process that dies ---------------------------------------------------------------------------------


def arm(step: str, call: int, *, group: bool) -> None:
    """Kills this process, or its whole group, when the step comes for the `call`-th time."""
    owner, name, before = STEPS[step]
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            die(group=group)
        result = original(*arguments, **options)
        if calls == call and not before:
            die(group=group)
        return result

    setattr(owner, name, wrapped)


def die(*, group: bool) -> None:
    if group:
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


async def run_ingest(library: Library, log: Path) -> None:
    """Writes a line for each text that is embedded, so that the count outlives the process."""
    with log.open("a", encoding="utf-8") as file:

        def note() -> None:
            file.write("".join(f"{json.dumps(text)}\n" for text in library.embedder.texts))
            file.flush()
            library.embedder.texts.clear()

        library.embedder.after = 1, note
        async for _ in library.events(batch=BATCH):
            pass


# --- the process that looks on -----------------------------------------------------------------------------


@dataclass
class Round:
    library: Library
    random: random.Random
    log: Path
    versions: defaultdict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    """All that a path has ever held."""

    def change_the_folder(self) -> None:
        self._change()
        for path, texts in self.expected().items():
            self.versions[path].add(tuple(texts))

    def _change(self) -> None:
        """Edits, removes, renames and adds a few documents."""
        docs = sorted(self.library.docs.rglob("*.md"))
        for path in self.random.sample(docs, min(len(docs), 6)):
            action = self.random.choice(["edit", "edit", "delete", "rename"])
            if action == "edit":
                text = path.read_text(encoding="utf-8").split("\n\n")
                text[self.random.randrange(len(text))] = self.sentence()
                path.write_text("\n\n".join(text), encoding="utf-8")
            elif action == "rename":
                path.rename(path.with_name(f"moved-{self.random.getrandbits(40):x}.md"))
            else:
                path.unlink()
        for _ in range(max(6, 40 - len(docs))):
            name = f"{self.random.randrange(5)}/{self.random.getrandbits(40):x}.md"
            self.library.write(name, "\n\n".join(self.sentence() for _ in range(self.random.randint(1, 60))))

    def sentence(self) -> str:
        number = self.random.getrandbits(48)
        return self.random.choice(
            [f"The part {number:x} costs {number % 97} euros.", f"零件{number:x}的价格是{number % 97}元。"]
        )

    def expected(self) -> dict[str, list[str]]:
        """Texts of the passages by path."""
        return {str(path): path.read_text(encoding="utf-8").split("\n\n") for path in self.library.docs.rglob("*.md")}

    def embedded(self) -> list[str]:
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def ingest(self, step: str | None = None, call: int = 1, *, group: bool = False, after: float | None = None) -> int:
        """The exit code of an ingest that kills itself at a step, or is killed after so many seconds, or neither."""
        command = [
            sys.executable,
            __file__,
            "--child",
            str(self.library.home.path),
            str(self.library.docs),
            str(self.log),
        ]
        if step is not None:
            command += [step, str(call), str(int(group))]
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
        if after is not None:
            try:
                return process.wait(timeout=after)
            except subprocess.TimeoutExpired:
                if group:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
        return process.wait(timeout=120)

    def check_readers(self, before: dict[str, list[str]]) -> None:
        """After a kill: every document is found in one of its versions, whole, and only once."""
        now = self.expected()
        if not self.library.home.collections():
            return
        with self.library.read() as catalog:
            stored = {document.path: document for document in catalog.documents() if document.state == "ready"}
            for path, document in stored.items():
                texts = [chunk.text for chunk in catalog.chunks_of(document.id)]
                assert tuple(texts) in self.versions[path], f"half a document: {path}"
            for path in before.keys() & now.keys():
                assert path in stored, f"lost: {path}"
        some = self.random.sample(sorted(stored), min(5, len(stored)))
        for path in some:
            with self.library.read() as catalog:
                text = next(catalog.chunks_of(stored[path].id)).text
            assert Path(path).name in self.library.found_by_vector(text, k=3), f"not found: {path}"

    def check_finished(self) -> None:
        """After a run to the end: each passage is in the catalog and in each index once, and nothing else is."""
        expected = self.expected()
        with self.library.read() as catalog:
            assert faults(catalog) == []
            assert catalog.counts().pending == 0
            stored = {
                document.path: [chunk.text for chunk in catalog.chunks_of(document.id)]
                for document in catalog.documents()
            }
            assert stored == expected
            live = {id for page in catalog.vectors_after(0) for id, _ in page}
            assert len(live) == sum(map(len, expected.values())), "chunks that belong to no document"
            assert self.chroma_ids() == Counter(map(str, live)), "Chroma holds something else"
            words = keywords.TantivyIndex(indexes.keywords_folder(catalog.place, catalog))
            assert len(words) == len(live), "the keyword index holds something else"
            words.close()
        for path in self.random.sample(sorted(expected), 5):
            text = self.random.choice(expected[path])
            number = text.split()[2] if text.startswith("The") else text
            assert self.library.found_by_keyword(number)[0] == Path(path).name
            for through_chroma in (False, True):
                names = self.library.found_by_vector(text, chroma=through_chroma, k=3)
                assert Path(path).name in names, f"not found by vector: {text}"

    def chroma_ids(self) -> Counter[str]:
        """Asked in another process: a ruined index can take the process down."""
        with self.library.read() as catalog:
            stamp = sound_vectors(catalog)
            assert stamp is not None
            folder = catalog.place.vectors / str(stamp.number)
        script = (
            "import chromadb, json, sys; c = chromadb.PersistentClient(sys.argv[1]);"
            f"i = c.get_collection({COLLECTION!r}, embedding_function=None).get(include=[])['ids'];"
            "c.close(); print(json.dumps(i))"
        )
        found = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, check=True)
        return Counter(json.loads(found.stdout))


def rounds(
    folder: Path, seed: int, plans: Iterable[tuple[str | None, bool]], *, calls: Sequence[int] = (1,)
) -> Iterator[str]:
    """One line a kill, at the first call of a step that has many or at one of `calls`.

    Raises AssertionError where something was lost, found twice or embedded once too often.
    """
    folder.mkdir(parents=True, exist_ok=True)
    docs = folder / "docs"
    docs.mkdir()
    one = Round(Library(Home(folder / "home"), docs), random.Random(seed), folder / "embedded.jsonl")
    before: dict[str, list[str]] = {}
    for step, group in plans:
        one.change_the_folder()
        if step is None:
            delay = one.random.uniform(0.3, 4.0)
            code = one.ingest(after=delay, group=group)
            name = f"after {delay:.2f} s"
        else:
            code = one.ingest(step, one.random.choice(calls) if step in REPEATED else 1, group=group)
            name = step
        killed = code == -signal.SIGKILL
        one.check_readers(before)
        if one.random.random() < 0.8:  # else two kills in a row
            assert one.ingest() == 0
            one.check_finished()
            before = one.expected()
        repeated = sum(count - 1 for count in Counter(one.embedded()).values())
        in_flight = 8 * 2 * BATCH + 128 * 16
        assert repeated <= in_flight, f"{repeated} texts were embedded again"
        one.log.unlink(missing_ok=True)
        yield f"{'killed' if killed else 'ended'} {'with its child ' if group else ''}{name}"
    assert one.ingest() == 0
    one.check_finished()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(options.jobs) as threads:

        def work(job: int) -> tuple[int, int]:
            """Kills and rounds: some ingests end before the moment at which they were to be killed."""
            mine = options.kills // options.jobs + (job < options.kills % options.jobs)
            seed = options.seed + job
            kills = number = 0
            enough = takewhile(lambda plan: kills < mine, plans(seed))
            for line in rounds(Path(name, str(job)), seed, enough, calls=(1, 1, 2)):
                number += 1
                kills += line.startswith("killed")
                print(f"[{job}] {line}", flush=True)  # noqa: T201
            return kills, number

        done = list(threads.map(work, range(options.jobs)))
    kills, number = (sum(column) for column in zip(*done, strict=True))
    print(f"{kills} kills in {number} rounds: nothing lost, nothing twice, nothing half", flush=True)  # noqa: T201


def plans(seed: int) -> Iterator[tuple[str | None, bool]]:
    """Without end: each step alone and together with Chroma's process, in a random order, then random ones."""
    chosen = random.Random(seed)
    every: list[tuple[str | None, bool]] = [(step, group) for step in STEPS for group in (False, True)]
    chosen.shuffle(every)
    yield from every
    while True:
        yield chosen.choice([None, None, *STEPS]), chosen.random() < 0.5


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        home, docs, log, *rest = sys.argv[2:]
        if rest:
            arm(rest[0], int(rest[1]), group=rest[2] == "1")
        asyncio.run(run_ingest(Library(Home(Path(home)), Path(docs), HashEmbedder()), Path(log)))
    else:
        main()
