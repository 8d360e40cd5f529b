"""Settings: three places, one name, no typo passes in silence."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config import Settings, home_folder, load, reference, template
from ragcli.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = write(tmp_path, '[chat]\nmodel = "file"\nmax_tokens = 100\ntimeout = 5\n')
    loaded = load(file, {"RAGCLI_CHAT_MODEL": "environment", "RAGCLI_CHAT_MAX_TOKENS": "200"}, {"chat.model": "flag"})
    assert loaded.settings.chat.model == "flag"
    assert loaded.settings.chat.max_tokens == 200
    assert loaded.settings.chat.timeout == 5
    assert loaded.settings.chat.max_retries == Settings().chat.max_retries
    assert loaded.origins["chat.max_tokens"] == "RAGCLI_CHAT_MAX_TOKENS"
    assert loaded.origins["chat.timeout"] == str(file)
    assert "chat.max_retries" not in loaded.origins


def test_openai_variables_are_honoured_and_ragclis_own_win() -> None:
    environ = {"OPENAI_API_KEY": "k1", "OPENAI_BASE_URL": "http://a/v1", "RAGCLI_CHAT_API_KEY": "k2"}
    chat = load(None, environ).settings.chat
    assert (chat.api_key, chat.base_url) == ("k2", "http://a/v1")
    assert load(None, environ).settings.embedding.api_key == "k1"


def test_lists_and_booleans_come_from_the_environment_too() -> None:
    settings = load(None, {"RAGCLI_INGEST_EXCLUDE": "草稿/**, *.tmp", "RAGCLI_REPL_PICK": "true"}).settings
    assert settings.ingest.exclude == ("草稿/**", "*.tmp")
    assert settings.repl.pick is True


@pytest.mark.parametrize(
    ("text", "environ", "named"),
    [
        ('[chat]\nmodle = "x"\n', {}, ["chat.modle", "chat.model"]),
        ("[retreive]\ntop_k = 3\n", {}, ["[retreive]", "retrieve"]),
        ("[retrieve]\ntop_k = 0\n", {}, ["retrieve.top_k", ">= 1"]),
        ('[retrieve]\ntop_k = "many"\n', {}, ["retrieve.top_k", "int"]),
        ('[repl]\nediting_mode = "nano"\n', {}, ["repl.editing_mode", "emacs or vi"]),
        ("chat = 3\n", {}, ["chat", "table"]),
        ("[chat\n", {}, ["TOML"]),
        ("", {"RAGCLI_CHAT_MODLE": "x"}, ["RAGCLI_CHAT_MODLE", "RAGCLI_CHAT_MODEL"]),
        ("", {"RAGCLI_CHATT_MODEL": "x"}, ["RAGCLI_CHATT_MODEL", "RAGCLI_CHAT_MODEL"]),
        ("", {"RAGCLI_CHAT_TEMPERATURE": "warm"}, ["chat.temperature", "RAGCLI_CHAT_TEMPERATURE"]),
    ],
)
def test_a_mistake_names_the_key_and_the_fix(
    tmp_path: Path, text: str, environ: dict[str, str], named: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), environ)
    for words in named:
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_variables_of_others_are_left_alone() -> None:
    assert not load(None, {"RAGCLI_VERSION": "1", "RAGCLI_HOME": "/h", "OTHER_CHAT_MODEL": "y"}).origins


def test_what_cannot_be_read_or_is_no_folder_is_said_in_plain_words(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes("[chat]\nmodel = 'é'\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin.toml: it is not UTF-8, from byte 17 on; check the file$"):
        load(latin, {})
    if os.name == "posix":
        with pytest.raises(ConfigError, match=rf"{tmp_path}: Is a directory; check the file$"):
            load(tmp_path, {})
    with pytest.raises(ConfigError, match=r"latin\.toml is a file; name a folder"):
        home_folder(latin, {})


def test_an_unknown_key_ends_every_command_with_exit_code_2(ragcli: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "[chat]\ncolour = 1\n")
    done = ragcli("ask", "what?", "--config", file)
    assert done.returncode == 2
    assert "chat.colour" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_private_file_that_changes_nothing(ragcli: Run, tmp_path: Path) -> None:
    file = tmp_path / "设置" / "config.toml"
    assert ragcli("config", "init", "--config", file).returncode == 0
    assert load(file, {}).settings == Settings()
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = ragcli("config", "init", "--config", file)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_every_setting_of_the_template_is_valid_when_its_comment_sign_is_removed(tmp_path: Path) -> None:
    lines = [line[2:] if " = " in line and line.startswith("# ") else line for line in template().splitlines()]
    loaded = load(write(tmp_path, "\n".join(lines)), {})
    assert loaded.settings == Settings()
    assert set(loaded.origins) == set(reference())


def test_show_hides_secrets_and_names_origins(ragcli: Run) -> None:
    done = ragcli("config", "show", env={"OPENAI_API_KEY": "sk-very-secret", "RAGCLI_CHAT_MODEL": "qwen"})
    assert "sk-very-secret" not in done.stdout + done.stderr
    assert 'chat.model                "qwen"  # RAGCLI_CHAT_MODEL' in done.stdout
    assert "OPENAI_API_KEY" in done.stdout


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=5))
def test_any_environment_loads_or_is_refused(environ: dict[str, str]) -> None:
    caught = None
    try:
        load(None, {f"RAGCLI_CHAT_{name}": value for name, value in environ.items()})
    except ConfigError as error:
        caught = error
    assert caught is None or caught.exit_code == 2
