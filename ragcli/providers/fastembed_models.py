"""What fastembed's embedders and rerankers have in common: a name or a folder, a device, and getting ready in time.

Weights are looked for on this machine first, without the network. What is missing is fetched by a child process, which
can be ended when nothing comes any more. Loading itself happens in a thread that never holds up the end of the program.
"""

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import itertools
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from msgspec import Struct

from ragcli.errors import ConfigError, ConnectionLost, EndpointError, TimedOut
from ragcli.providers import fastembed_download

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from fastembed.rerank.cross_encoder import TextCrossEncoder

Device = Literal["auto", "cpu", "cuda"]
Model = TypeVar("Model")
T = TypeVar("T")

LOAD_SECONDS = 300.0
"""For reading the weights of the largest models from a slow disk."""
STALL_SECONDS = 120.0
"""Without a new byte a download counts as broken."""
_INSTALL = "pip install 'ragcli[local]'"
_ONNX_FILES = ("model.onnx", "onnx/model.onnx", "model_optimized.onnx", "onnx/model_optimized.onnx")
_serial = itertools.count()


class Choice(Struct, frozen=True):
    """A model as the settings name it: a folder that holds it, else a name that fastembed knows."""

    name: str
    folder: Path | None
    device: Device

    @property
    def label(self) -> str:
        return str(self.folder or self.name)


def choose(name: str, device: str) -> Choice:
    """Raises ConfigError where fastembed is not installed, or a folder is named that is not there."""
    if importlib.util.find_spec("fastembed") is None:
        raise ConfigError(f"fastembed:{name} needs the package fastembed, which is not installed", remedy=_INSTALL)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Choice(str(folder.absolute()), folder.absolute(), _device(device))
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ConfigError(f"no folder {folder}", remedy="name a folder with an ONNX model and its tokenizer.json")
    return Choice(name, None, _device(device))


def _device(name: str) -> Device:
    if name in ("auto", "cpu", "cuda"):
        return name  # type: ignore[return-value]
    raise ConfigError(f"unknown device {name!r}", remedy="use auto, cpu or cuda")


class Loaded(Generic[Model]):
    """A model that is loaded at first use, once. Belongs to one event loop."""

    def __init__(
        self,
        choice: Choice,
        build: Callable[[], Model],
        missing: Callable[[], str | None],
        *,
        class_: str,
        models: Path,
    ) -> None:
        """`build` makes it from files on this machine. `missing` gives the repository to fetch them from, or None.

        Both block and run in a thread. `models` is the folder that keeps what is fetched.
        """
        self._choice = choice
        self._build = build
        self._missing = missing
        self._class = class_
        self._models = models
        self._lock = asyncio.Lock()
        self._model: Model | None = None
        self._failure: Exception | None = None

    async def get(self) -> Model:
        """Raises ConfigError, EndpointError; the same again at each call after a failure, at once."""
        async with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._model is None:
                try:
                    self._model = await self._load()
                except (ConfigError, EndpointError) as error:
                    self._failure = error
                    raise
            return self._model

    async def _load(self) -> Model:
        name = self._choice.label
        try:
            repository = await _in_time(self._missing, LOAD_SECONDS)
            if repository is not None:
                await _fetch(repository, self._class, name, self._models)
            return await _in_time(self._build, LOAD_SECONDS)
        except TimeoutError:
            raise TimedOut(
                f"loading {name} took longer than {LOAD_SECONDS:g} s", remedy="use a smaller model"
            ) from None
        except (ConfigError, EndpointError):
            raise
        except Exception as error:  # onnxruntime, tokenizers and fastembed each have their own
            raise ConfigError(
                f"{name} cannot be loaded: {one_line(error)}", remedy="check the model's files"
            ) from error


def known(class_: type[TextEmbedding] | type[TextCrossEncoder], name: str) -> dict[str, Any]:
    """What fastembed knows of a name. Raises ConfigError where it knows none."""
    described = {str(model["model"]): model for model in class_.list_supported_models()}
    for model, description in described.items():
        if model.lower() == name.lower():
            return description
    close = difflib.get_close_matches(name, described, n=1, cutoff=0.4)
    raise ConfigError(
        f"fastembed knows no {'embedder' if class_.__name__ == 'TextEmbedding' else 'reranker'} {name!r}",
        remedy=(f"did you mean {close[0]}? or " if close else "") + "name a folder that holds an ONNX model",
    )


def repository_of_missing(class_: type[TextEmbedding] | type[TextCrossEncoder], name: str, models: Path) -> str | None:
    """None where the weights are on this machine, else where they can be had. Never uses the network."""
    quiet()
    described = known(class_, name)
    models.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        class_(name, cache_dir=str(models), lazy_load=True, local_files_only=True)
    except ValueError:
        return str(described["sources"]["hf"])
    return None


def execution_providers(device: Device) -> list[str]:
    """What onnxruntime is to compute with, best first. Raises ConfigError where CUDA is asked for and not offered."""
    import onnxruntime  # type: ignore[import-untyped]

    offered = onnxruntime.get_available_providers()
    if device == "cuda" and "CUDAExecutionProvider" not in offered:
        raise ConfigError(
            "onnxruntime offers no CUDA here", remedy="pip install 'ragcli[gpu]', or set the device to auto or cpu"
        )
    if device != "cpu" and "CUDAExecutionProvider" in offered:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def options(choice: Choice, models: Path) -> dict[str, Any]:
    """What fastembed is told when it makes a model from files on this machine. Raises ConfigError."""
    given: dict[str, Any] = {
        "providers": execution_providers(choice.device),
        "local_files_only": True,
        "cache_dir": str(choice.folder or models),
    }
    return given | ({"specific_model_path": str(choice.folder)} if choice.folder else {})


def built(make: Callable[[], T], choice: Choice) -> T:
    """The model that `make` makes. Where CUDA was asked for by name, a silent fall back on the CPU is an error."""
    quiet()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if choice.device == "cuda":
            warnings.filterwarnings("error", message=".*CUDAExecutionProvider failed")
        return make()


def onnx_file(folder: Path) -> str:
    """The model's file below its folder, with slashes. Raises ConfigError where there is none, or no tokenizer."""
    if not (folder / "tokenizer.json").exists():
        raise ConfigError(f"{folder} holds no tokenizer.json", remedy="export the model with its tokenizer")
    found = [name for name in _ONNX_FILES if (folder / name).exists()]
    found = found or sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx"))
    if not found:
        raise ConfigError(f"{folder} holds no ONNX model", remedy="export it there, for example with optimum")
    return found[0]


def registered_name(folder: Path) -> str:
    """A name for a local model in fastembed's registry, which takes each name once."""
    return f"{folder}#{next(_serial)}"


def quiet() -> None:
    """fastembed says on stderr what is raised anyway."""
    from loguru import logger

    logger.disable("fastembed")


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


async def _fetch(repository: str, class_: str, name: str, models: Path) -> None:
    """Raises ConnectionLost, TimedOut."""
    remedy = "connect to the network once, or name a folder that holds the model: fastembed:/path/to/folder"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        fastembed_download.__file__,
        repository,
        class_,
        name,
        str(models),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        said, _ = await _while_it_grows(process.communicate(), models)
    except TimeoutError:
        why = f"nothing came for {STALL_SECONDS:g} s"
        raise TimedOut(f"the weights of {name} could not be downloaded: {why}", remedy=remedy) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        why = said.decode(errors="replace").strip() or f"exit {process.returncode}"
        raise ConnectionLost(f"the weights of {name} could not be downloaded: {why}", remedy=remedy)


async def _while_it_grows(work: Coroutine[Any, Any, T], folder: Path) -> T:
    """The outcome of `work`. Raises TimeoutError once the folder has not grown for STALL_SECONDS."""
    task = asyncio.ensure_future(work)
    size = -1
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=STALL_SECONDS)
            if done:
                return task.result()
            now = await asyncio.to_thread(_bytes_below, folder)
            if now == size:
                raise TimeoutError
            size = now
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _bytes_below(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it was a moment ago
            size += path.stat().st_size
    return size


async def _in_time(function: Callable[[], T], seconds: float) -> T:
    """Runs a blocking function in a thread that the program's end does not wait for. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def call() -> None:
        result, failure = None, None
        try:
            result = function()
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=call, daemon=True, name="load model").start()
    async with asyncio.timeout(seconds):
        return await future
