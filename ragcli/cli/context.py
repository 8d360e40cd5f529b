"""What the global options say, and where things live; every command gets one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.app import Workspace
    from ragcli.config import Loaded


@dataclass(frozen=True, slots=True)
class Context:
    home: Path | None = None
    config: Path | None = None
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    debug: bool = False

    def home_folder(self) -> Path:
        """`--home`, `RAGCLI_HOME`, or the platform's user data folder. Raises ConfigError where there is none."""
        from ragcli.config import home_folder

        return home_folder(self.home, os.environ)

    def config_file(self) -> Path:
        """`--config`, `RAGCLI_CONFIG`, or `config.toml` in the platform's user config folder."""
        from ragcli.config import config_file

        return config_file(self.config, os.environ)

    def load(self, flags: Mapping[str, Any] | None = None) -> Loaded:
        """The settings; `flags` maps keys such as `chat.model` to what a command's own options say."""
        from ragcli.config import load_here

        return load_here(self.config, os.environ, flags)

    def workspace(self, flags: Mapping[str, Any] | None = None) -> Workspace:
        from ragcli.app import open_workspace

        return open_workspace(self.home, config=self.config, settings=flags, environ=os.environ)

    def tell(self, message: str) -> None:
        """A notice on stderr, unless nothing but answers and errors is wanted."""
        from ragcli.text.clean import clean

        if not self.quiet:
            self.err().print(clean(message), style="dim", markup=False, highlight=False, soft_wrap=True)

    def out(self) -> Console:
        from ragcli.render.console import make_console

        return make_console(sys.stdout, color=self.color)

    def err(self) -> Console:
        from ragcli.render.console import make_console

        return make_console(sys.stderr, color=self.color)
