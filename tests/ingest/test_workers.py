"""Reading: a file costs only itself, whatever is in it; large texts flow; plain text needs no process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from file_makers import docx, pdf, zip_bomb

from ragcli.config import Ingest
from ragcli.errors import FileFailure
from ragcli.ingest.look import STREAM_ABOVE
from ragcli.ingest.workers import Reader
from ragcli.types import Chunk, File, Reading

SETTINGS = Ingest(jobs=2)
posix = pytest.mark.skipif(os.name == "nt", reason="no signals here")


def put(folder: Path, name: str, data: bytes | str) -> File:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    status = path.stat()
    return File(str(path), status.st_size, status.st_mtime_ns)


async def read(reader: Reader, file: File) -> list[Reading]:
    return [reading async for reading in reader.read(file)]


async def kind_of(reader: Reader, file: File) -> str:
    with pytest.raises(FileFailure) as caught:
        await read(reader, file)
    return caught.value.kind


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> File:
    """A Word file that takes a parser many seconds and hundreds of megabytes."""
    return put(tmp_path_factory.mktemp("slow"), "slow.docx", zip_bomb(60))


class Started(list[asyncio.subprocess.Process]):
    """The worker processes that were started; `asked` tells that one of them was given a file."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    processes = Started()
    start: Callable[..., Any] = asyncio.create_subprocess_exec

    async def recording(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        process: asyncio.subprocess.Process = await start(*args, **options)
        processes.append(process)
        assert process.stdin
        write = process.stdin.write

        def watched(data: bytes) -> None:
            write(data)
            processes.asked.set()

        monkeypatch.setattr(process.stdin, "write", watched)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recording)
    return processes


async def test_plain_text_is_read_without_a_process(tmp_path: Path, started: Started) -> None:
    """A folder of Markdown starts none, and the digest is of the bytes of the file."""
    data = "# 手册\n\n退货须在七日内提出。\n".encode("gb18030")
    async with Reader(SETTINGS) as reader:
        (reading,) = await read(reader, put(tmp_path, "a.md", data))
    assert started == []
    assert (reading.title, reading.format, reading.last) == ("手册", "md", True)
    assert reading.sha256 == hashlib.sha256(data).hexdigest()
    assert reading.chunks == (
        Chunk(0, "# 手册\n\n退货须在七日内提出。", 0, 16, heading=("手册",), page=None, lines=(1, 3)),
    )


async def test_documents_are_read_in_workers_that_are_used_again(tmp_path: Path, started: Started) -> None:
    """At most as many as the settings say, and they end with the reader."""
    contents = [docx(f"Paragraph {n} of the policy", title="Policy") for n in range(12)]
    files = [put(tmp_path, f"{n}.docx", content) for n, content in enumerate(contents)]
    async with Reader(SETTINGS) as reader:
        found = await asyncio.gather(*(read(reader, file) for file in files))
        assert 1 <= len(started) <= 2
    assert all(process.returncode == 0 for process in started)
    for number, ((reading,), content) in enumerate(zip(found, contents, strict=True)):
        assert reading.chunks[0].text == f"## Policy\n\nParagraph {number} of the policy"
        assert reading.chunks[0].heading == ("Policy",)
        assert reading.sha256 == hashlib.sha256(content).hexdigest()


async def test_pages_and_the_count_of_the_embedder_reach_the_chunks(tmp_path: Path) -> None:
    """A function that counts tokens is used for what a worker read, too."""
    file = put(tmp_path, "a.pdf", pdf("First page here.", "Second page here."))
    async with Reader(SETTINGS) as reader:
        (plain,) = await read(reader, file)
    async with Reader(Ingest(jobs=1, chunk_tokens=32), tokens=lambda text: 4 * len(text)) as reader:
        (counted,) = await read(reader, file)
    assert [(chunk.page, chunk.text) for chunk in plain.chunks] == [(1, "First page here."), (2, "Second page here.")]
    assert all(len(chunk.text) <= 8 for chunk in counted.chunks)
    assert {chunk.page for chunk in counted.chunks} == {1, 2}


async def test_a_failure_in_a_worker_keeps_its_kind(tmp_path: Path) -> None:
    """And the worker goes on with the next file."""
    async with Reader(Ingest(jobs=1)) as reader:
        assert await kind_of(reader, put(tmp_path, "a.pdf", pdf("x", encrypted=True))) == "encrypted"
        assert await kind_of(reader, put(tmp_path, "b.docx", docx("x")[:200])) == "corrupt"
        assert len(await read(reader, put(tmp_path, "c.docx", docx("fine")))) == 1


async def test_a_hang_costs_only_its_file(tmp_path: Path, slow: File) -> None:
    """After the time limit the worker is ended; the next file gets a new one."""
    async with Reader(Ingest(jobs=1, timeout=0.5)) as reader:
        assert await kind_of(reader, slow) == "timeout"
        reader._settings = Ingest(jobs=1)  # half a second may be too short for any file on a busy machine
        assert len(await read(reader, put(tmp_path, "a.docx", docx("fine")))) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no memory limit here")
async def test_a_memory_blow_up_costs_only_its_file(tmp_path: Path, slow: File) -> None:
    """Sixty megabytes of text do not fit into 64 megabytes of memory."""
    async with Reader(Ingest(jobs=1, memory_mb=64)) as reader:
        assert await kind_of(reader, slow) == "too_large"
        assert len(await read(reader, put(tmp_path, "a.docx", docx("fine")))) == 1


@posix
@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGSEGV, "corrupt"), (getattr(signal, "SIGKILL", 9), "too_large")]
)
async def test_a_crash_costs_only_its_file(
    tmp_path: Path, slow: File, started: Started, number: int, kind: str
) -> None:
    """A parser that dies in the middle: its file is reported, others are read."""
    async with Reader(Ingest(jobs=1)) as reader:
        task = asyncio.create_task(kind_of(reader, slow))
        await started.asked.wait()
        started[0].send_signal(number)
        assert await task == kind
        assert len(await read(reader, put(tmp_path, "a.docx", docx("fine")))) == 1


@posix
async def test_a_worker_that_died_idle_costs_no_file(tmp_path: Path, started: Started) -> None:
    """The file gets a fresh one."""
    file = put(tmp_path, "a.docx", docx("fine"))
    async with Reader(Ingest(jobs=1)) as reader:
        await read(reader, file)
        started[0].kill()
        assert len(await read(reader, file)) == 1
        started.asked.clear()
        task = asyncio.create_task(read(reader, file))
        await started.asked.wait()
        started[1].kill()  # a used worker that dies over a file gets the benefit of the doubt, too
        assert len(await task) == 1
    assert len(started) in (2, 3)  # it may have been faster


async def test_abandoning_a_file_ends_its_worker(slow: File, started: Started) -> None:
    """Cancelled in the middle: no process stays behind."""
    async with Reader(Ingest(jobs=1)) as reader:
        task = asyncio.create_task(read(reader, slow))
        await started.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert started[0].returncode is not None


@posix
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """Their input ends, and so do they."""
    put(tmp_path, "a.docx", docx("fine"))
    script = (
        "import asyncio, os, sys\n"
        "from ragcli.config import Ingest\nfrom ragcli.ingest.workers import Reader\nfrom ragcli.types import File\n"
        "async def main():\n"
        "    reader = Reader(Ingest(jobs=1))\n"
        f"    async for _ in reader.read(File({str(tmp_path / 'a.docx')!r}, 1000, 0)): pass\n"
        "    print(reader._idle[0]._process.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while _runs(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
async def test_a_very_large_text_comes_in_several_readings(tmp_path: Path, encoding: str) -> None:
    """Numbers, offsets, lines and headings go on across them; the digest is on the last."""
    lines = "".join(
        f"{n} 第{n}条：退货须在签收后七日内提出。\r\n\r\nA line of words, number {n}.\r\n" for n in range(70_000)
    )
    text = f"# 条款\r\n\r\n{lines}\r\n## 附件\r\n\r\nThe end.\r\n"
    data = text.encode(encoding)
    assert len(data) > STREAM_ABOVE
    async with Reader(SETTINGS) as reader:
        found = await read(reader, put(tmp_path, "big.md", data))
    assert len(found) > 2
    assert [reading.last for reading in found] == [*[False] * (len(found) - 1), True]
    assert [bool(reading.sha256) for reading in found] == [reading.last for reading in found]
    assert found[-1].sha256 == hashlib.sha256(data).hexdigest()
    assert {(reading.title, reading.format) for reading in found} == {("条款", "md")}
    plain = text.replace("\r\n", "\n")
    chunks = [chunk for reading in found for chunk in reading.chunks]
    assert [chunk.n for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == plain[chunk.start : chunk.end] for chunk in chunks)
    assert chunks[-2].heading == ("条款",)
    assert chunks[-1].heading[:1] == ("条款",)
    assert chunks[-1].lines == (
        plain.count("\n", 0, chunks[-1].start) + 1,
        plain.count("\n", 0, chunks[-1].end) + 1,
    )


@pytest.mark.parametrize(("data", "kind"), [(b" \n" * 3 * 2**20, "empty"), (bytes(range(256)) * 2**15, "unsupported")])
async def test_a_very_large_file_without_text_is_told(tmp_path: Path, data: bytes, kind: str) -> None:
    """White space, binary data."""
    async with Reader(SETTINGS) as reader:
        assert await kind_of(reader, put(tmp_path, "big.log", data)) == kind


async def test_a_file_that_is_gone_or_no_longer_a_file_is_unreadable(tmp_path: Path) -> None:
    """It was there when the walk passed."""
    file = put(tmp_path, "a.md", "text")
    os.remove(file.path)
    async with Reader(SETTINGS) as reader:
        assert await kind_of(reader, file) == "unreadable"
        os.mkdir(file.path)
        assert await kind_of(reader, file) == "unreadable"
        if hasattr(os, "mkfifo"):
            os.rmdir(file.path)
            os.mkfifo(file.path)
            assert await kind_of(reader, file) == "unreadable"


async def test_a_file_that_became_empty_is_told(tmp_path: Path) -> None:
    """Nothing was said of it when it had a size."""
    file = put(tmp_path, "a.md", "")
    async with Reader(SETTINGS) as reader:
        assert await kind_of(reader, file) == "empty"
