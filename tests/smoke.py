"""Uses an installed ragcli as a stranger would, away from its sources: `make wheel-smoke`.

usage: smoke.py FOLDER    (run with the Python that it is installed in; FOLDER is sample_docs)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path


def main() -> None:
    documents = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RAGCLI_"))}
        environment = kept | {"RAGCLI_HOME": f"{folder}/home", "PYTHONSAFEPATH": "1"}

        def ragcli(*arguments: str | Path) -> str:
            command = [Path(sysconfig.get_path("scripts"), "ragcli"), *arguments]
            done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, encoding="utf-8")
            if done.returncode:
                raise SystemExit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")
            return done.stdout

        def expect(said: str, *arguments: str | Path) -> None:
            if said not in (told := ragcli(*arguments)):
                raise SystemExit(f"{' '.join(map(str, arguments))}: no {said!r} in:\n{told}")

        expect("ragcli ", "--version")
        if json.loads(ragcli("ingest", documents, "--json"))["failed"]:
            raise SystemExit("some documents were not indexed")
        expect("30 days", "ask", "How many days do customers have to return hardware ordered in 2026?")
        expect("三年", "ask", "国内网关的保修期是几年？")
        expect("returns-policy.md", "search", "returns")
        expect('"fail"', "schema", "doctor")
        expect("collection default", "doctor")
    package = Path(sysconfig.get_path("purelib"), "ragcli")
    if not (package / "py.typed").is_file():
        raise SystemExit("the wheel has no py.typed")
    print(f"ragcli works on Python {sys.version.split()[0]}")  # noqa: T201


if __name__ == "__main__":
    main()
