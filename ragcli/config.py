"""Settings: one name in three places, a flag before `RAGCLI_CHAT_MODEL` before `chat.model` in the file.

The classes below are the whole truth: names, types, ranges, defaults and what each means. Everything else that speaks
of settings (`config init`, `config show`, the README's reference) is made from them.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct, field

from ragcli.errors import ConfigError, reason


class Section(Struct, frozen=True, kw_only=True):
    """A table of the config file."""


def _of(description: str, **limits: Any) -> Meta:
    return Meta(description=description, **limits)


_DEVICES = "^(auto|cpu|cuda)$"


class Ingest(Section, frozen=True):
    jobs: Annotated[int, _of("worker processes that read files; 0: one a core", ge=0, le=64)] = 0
    timeout: Annotated[float, _of("seconds that reading one file may take", gt=0)] = 60.0
    memory_mb: Annotated[int, _of("memory that reading one file may take", ge=64)] = 1024
    max_file_mb: Annotated[int, _of("larger files are reported as too_large; text is read as a stream", ge=1)] = 512
    chunk_tokens: Annotated[int, _of("size of a passage, in tokens of the embedder, about", ge=32, le=8192)] = 400
    include: Annotated[tuple[str, ...], _of("only files that match one of these globs")] = ()
    exclude: Annotated[tuple[str, ...], _of("no files that match one of these globs")] = ()
    follow_symlinks: Annotated[bool, _of("follow links that lead out of the folder")] = False
    prune: Annotated[bool, _of("take out what is gone below the given folders")] = True
    wait: Annotated[float, _of("seconds to wait for another ingest of the collection", ge=0)] = 60.0


class Embedding(Section, frozen=True):
    model: Annotated[
        str, _of("static, openai:MODEL or fastembed:MODEL (name or folder); empty: the collection's own, else static")
    ] = ""
    base_url: Annotated[str, _of("endpoint of openai:MODEL; empty: OPENAI_BASE_URL")] = ""
    api_key: Annotated[str, _of("its key; empty: OPENAI_API_KEY")] = ""
    dimensions: Annotated[int, _of("shorten vectors to this many dimensions; 0: as the model gives them", ge=0)] = 0
    batch: Annotated[int, _of("texts in one request", ge=1, le=2048)] = 128
    concurrency: Annotated[int, _of("requests in flight", ge=1, le=64)] = 8
    timeout: Annotated[float, _of("seconds that one request may take", gt=0)] = 60.0
    device: Annotated[str, _of("where fastembed:MODEL computes: auto, cpu or cuda", pattern=_DEVICES)] = "auto"
    models: Annotated[str, _of("folder of fastembed's downloads, rerankers too; empty: in the home folder")] = ""


class Retrieve(Section, frozen=True):
    top_k: Annotated[int, _of("candidates after fusion", ge=1, le=100)] = 5
    context_k: Annotated[int, _of("passages given to the model", ge=1, le=50)] = 3
    candidates: Annotated[int, _of("chunks that each leg hands to fusion", ge=10, le=1000)] = 100
    vector_weight: Annotated[float, _of("share of the vector leg; -1: by embedder and script", ge=-1, le=1)] = -1.0
    min_confidence: Annotated[float, _of("below this nothing is relevant; -1: calibrated", ge=-1, le=1)] = -1.0


class Rerank(Section, frozen=True):
    model: Annotated[
        str, _of("builtin, none, chat (the chat model), http:MODEL or fastembed:MODEL (name or folder)")
    ] = "builtin"
    base_url: Annotated[str, _of("endpoint of http:MODEL")] = ""
    api_key: Annotated[str, _of("its key")] = ""
    timeout: Annotated[float, _of("seconds after which the fused order stands", gt=0)] = 5.0
    device: Annotated[str, _of("where fastembed:MODEL computes: auto, cpu or cuda", pattern=_DEVICES)] = "auto"


class Chat(Section, frozen=True):
    model: Annotated[str, _of("name that the endpoint knows")] = "gpt-5-mini"
    base_url: Annotated[str, _of("OpenAI-compatible endpoint; empty: OPENAI_BASE_URL")] = ""
    api_key: Annotated[str, _of("its key; empty: OPENAI_API_KEY")] = ""
    extractive: Annotated[bool, _of("quote the sources even where an endpoint is configured")] = False
    temperature: Annotated[float, _of("-1: as the endpoint likes", ge=-1, le=2)] = -1.0
    max_tokens: Annotated[int, _of("longest answer", ge=16)] = 1024
    context_tokens: Annotated[int, _of("budget of instructions, history, sources and answer", ge=512)] = 8192
    timeout: Annotated[float, _of("seconds that one answer may take", gt=0)] = 120.0
    connect_timeout: Annotated[float, _of("seconds to reach the endpoint", gt=0)] = 10.0
    idle_timeout: Annotated[float, _of("seconds without a token before the stream counts as broken", gt=0)] = 30.0
    max_retries: Annotated[int, _of("retries before the first token", ge=0, le=20)] = 3
    requests_per_second: Annotated[float, _of("limit shared by all streams of the process", gt=0)] = 10.0
    system: Annotated[str, _of("instructions to the model; empty: ragcli's own")] = ""


class Cache(Section, frozen=True):
    enabled: Annotated[bool, _of("keep answers, and give them again where nothing has changed")] = True
    days: Annotated[float, _of("age at which an answer is forgotten", gt=0)] = 30.0
    memory_mb: Annotated[int, _of("answers kept in the memory of a chat or server; 0: none", ge=0)] = 32
    disk_mb: Annotated[int, _of("answers kept in answers.db; 0: none", ge=0)] = 256
    entries: Annotated[int, _of("answers kept in each place", ge=1)] = 200_000
    semantic: Annotated[bool, _of("take the answer to a question that asks the same in other words")] = True
    embeddings_mb: Annotated[int, _of("vectors of questions, and from paid endpoints, kept; 0: none", ge=0)] = 512


class Repl(Section, frozen=True):
    editing_mode: Annotated[str, _of("emacs or vi", pattern="^(emacs|vi)$")] = "emacs"
    pick: Annotated[bool, _of("choose the sources before each answer")] = False
    reasoning: Annotated[bool, _of("show the reasoning of models that send it")] = True


class Redis(Section, frozen=True):
    url: Annotated[
        str,
        _of(
            "redis://[USER:PASSWORD@]HOST:PORT/DB, rediss:// with TLS, or unix://; shares answers, sessions and the "
            "rate limit among machines; empty: nothing is shared",
            pattern="^$|^(rediss?|unix)://",
        ),
    ] = ""
    prefix: Annotated[
        str, _of("keeps apart what shares one Redis: keys begin with ragcli:PREFIX:", pattern="^[A-Za-z0-9._-]{1,64}$")
    ] = "default"
    timeout: Annotated[float, _of("seconds that one attempt may take, connecting included", gt=0, le=10)] = 0.25
    session_ttl: Annotated[float, _of("seconds that a session is kept after its last change", ge=60)] = 2_592_000.0


class Settings(Struct, frozen=True, kw_only=True):
    ingest: Ingest = field(default_factory=Ingest)
    embedding: Embedding = field(default_factory=Embedding)
    retrieve: Retrieve = field(default_factory=Retrieve)
    rerank: Rerank = field(default_factory=Rerank)
    chat: Chat = field(default_factory=Chat)
    cache: Cache = field(default_factory=Cache)
    repl: Repl = field(default_factory=Repl)
    redis: Redis = field(default_factory=Redis)


# --- reading them ------------------------------------------------------------------------------------------

ENVIRONMENT_PREFIX = "RAGCLI_"
SECRETS = frozenset({"api_key", "redis.url"})
"""Names in any section, or whole keys; a URL may hold a password."""
FALLBACKS = {  # what the libraries behind them read is honoured where ragcli's own name is not set
    "chat.base_url": "OPENAI_BASE_URL",
    "chat.api_key": "OPENAI_API_KEY",
    "embedding.base_url": "OPENAI_BASE_URL",
    "embedding.api_key": "OPENAI_API_KEY",
    "embedding.models": "FASTEMBED_CACHE_PATH",
}


class Setting(Struct, frozen=True):
    """One setting as documentation needs it; `key` is `section.name`."""

    key: str
    type: Any
    default: Any
    description: str

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.key.upper().replace(".", "_")

    @property
    def secret(self) -> bool:
        return self.key in SECRETS or self.key.rpartition(".")[2] in SECRETS


class Loaded(Struct, frozen=True):
    """Settings with where each value came from; a key that is not in `origins` has its default."""

    settings: Settings
    origins: Mapping[str, str]

    def value(self, key: str) -> Any:
        section, _, name = key.partition(".")
        return getattr(getattr(self.settings, section), name)


@cache
def reference() -> Mapping[str, Setting]:
    """Every setting by its key, in the order of the classes above."""
    return {setting.key: setting for setting in _settings()}


def _settings() -> Iterator[Setting]:
    for section in msgspec.structs.fields(Settings):
        for each in msgspec.structs.fields(section.type):
            [meta] = [extra for extra in get_args(each.type)[1:] if isinstance(extra, Meta)]
            yield Setting(f"{section.name}.{each.name}", each.type, each.default, meta.description or "")


def load(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Loaded:
    """Settings from flags before environment before `file` before defaults.

    `flags` maps keys to values, None meaning that the flag was not given. Raises ConfigError that names the key, where
    it stands and the fix.
    """
    known = reference()
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, raw, origin, strict in (
        *_from_file(file, known),
        *_from_environment(environ, known),
        *((key, value, "flag", True) for key, value in (flags or {}).items() if value is not None),
    ):
        values[key] = _checked(known[key], raw, origin, strict=strict)
        origins[key] = origin
    tables: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        tables.setdefault(section, {})[name] = value
    return Loaded(msgspec.convert(tables, Settings), origins)


_Raw = tuple[str, Any, str, bool]
"""Key, value, origin, and whether the value already has its type."""


def _from_file(file: Path | None, known: Mapping[str, Setting]) -> Iterator[_Raw]:
    if file is None:
        return
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file {file}", remedy="write one with: ragcli config init") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"cannot read config file {file}: {reason(exc)}", remedy="check the file") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{file} is not valid TOML: {exc}", remedy="correct that line") from exc
    sections = {field.name for field in msgspec.structs.fields(Settings)}
    for section, table in tables.items():
        if section not in sections:
            raise ConfigError(f"unknown section [{section}] in {file}", remedy=_nearest(section, sections))
        if not isinstance(table, dict):
            raise ConfigError(f"{section} in {file} must be a table", remedy=f"write [{section}] on a line of its own")
        for name, value in table.items():
            key = f"{section}.{name}"
            if key not in known:
                raise ConfigError(f"unknown setting {key} in {file}", remedy=_nearest(key, known))
            yield key, value, str(file), True


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Iterator[_Raw]:
    for key, variable in FALLBACKS.items():
        if environ.get(variable):
            yield key, environ[variable], variable, False
    variables = {setting.variable: key for key, setting in known.items()}
    sections = tuple(f"{ENVIRONMENT_PREFIX}{field.name.upper()}_" for field in msgspec.structs.fields(Settings))
    for variable, value in environ.items():
        if variable in variables:
            if value:
                yield variables[variable], value, variable, False
        elif variable.startswith(sections) or _like_one_of(variable, variables):
            raise ConfigError(f"unknown setting {variable} in the environment", remedy=_nearest(variable, variables))


def _checked(setting: Setting, raw: Any, origin: str, *, strict: bool) -> Any:
    if not strict and isinstance(setting.default, tuple):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        return msgspec.convert(raw, setting.type, strict=strict)
    except msgspec.ValidationError as exc:
        where = "" if origin == "flag" else f" ({origin})"
        problem = str(exc).partition(" - at ")[0].replace("`", "")
        raise ConfigError(
            f"bad value for {setting.key}{where}: {problem[0].lower()}{problem[1:]}",
            remedy=f"its meaning: {setting.description}; its default: {toml_value(setting.default)}",
        ) from exc


def _like_one_of(variable: str, variables: Mapping[str, str]) -> bool:
    """Whether a variable of another program's making (such as RAGCLI_VERSION) is rather one of ours with a slip."""
    return variable.startswith(ENVIRONMENT_PREFIX) and bool(
        difflib.get_close_matches(variable, list(variables), n=1, cutoff=0.85)
    )


def _nearest(name: str, names: Mapping[str, Any] | set[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else "see: ragcli config show"


# --- where it is found -------------------------------------------------------------------------------------


def home_folder(given: str | Path | None, environ: Mapping[str, str]) -> Path:
    """What is given, `RAGCLI_HOME`, or the platform's user data folder. Raises ConfigError where there is none."""
    home = _place(given or environ.get("RAGCLI_HOME"), "user_data_path", "RAGCLI_HOME")
    if home.is_file():
        raise ConfigError(f"{home} is a file", remedy="name a folder with --home or RAGCLI_HOME")
    if any("\ud800" <= character <= "\udfff" for character in str(home)):
        raise ConfigError(f"{str(home)!r} is not valid UTF-8", remedy="name a folder with --home or RAGCLI_HOME")
    return home


def config_file(given: str | Path | None, environ: Mapping[str, str]) -> Path:
    """What is given, `RAGCLI_CONFIG`, or `config.toml` in the platform's user config folder. Raises ConfigError."""
    chosen = given or environ.get("RAGCLI_CONFIG")
    return _place(chosen, "user_config_path", "RAGCLI_CONFIG") / ("" if chosen else "config.toml")


def load_here(given: str | Path | None, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Loaded:
    """The settings as `load` has them; the file may be missing where nobody named it. Raises ConfigError."""
    file = config_file(given, environ)
    named = given or environ.get("RAGCLI_CONFIG")
    return load(file if named or file.exists() else None, environ, flags)


def _place(chosen: str | Path | None, function: str, variable: str) -> Path:
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    try:
        folder: Path = getattr(platformdirs, function)("ragcli", appauthor=False)
    except RuntimeError as exc:
        raise ConfigError("this user has no home folder", remedy=f"set {variable}") from exc
    return folder.expanduser().absolute()


# --- writing them ------------------------------------------------------------------------------------------


def toml_value(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return msgspec.json.encode(value).decode()


def template() -> str:
    """A config file that changes nothing: every setting with its meaning and default, commented out."""
    lines = ["# ragcli: settings. Remove the # of a line to change it; the environment variable named above it wins."]
    section = ""
    for setting in _settings():
        table, _, name = setting.key.partition(".")
        if table != section:
            section = table
            lines += ["", f"[{section}]"]
        lines += [f"# {setting.description} ({setting.variable})", f"# {name} = {toml_value(setting.default)}"]
    return "\n".join(lines) + "\n"
