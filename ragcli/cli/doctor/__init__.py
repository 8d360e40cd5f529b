"""`ragcli doctor`: does everything work, and the one command that mends what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ragcli.cli import documents, shapes
from ragcli.cli.doctor.finding import Finding
from ragcli.cli.doctor.services import services
from ragcli.cli.doctor.stored import stored
from ragcli.cli.doctor.surroundings import surroundings
from ragcli.cli.loop import run_async
from ragcli.cli.shapes import Check
from ragcli.errors import RagcliError
from ragcli.text.clean import clean

if TYPE_CHECKING:
    from ragcli.cli.context import Context


def run(context: Context, *, fix: bool, json: bool) -> int:
    """Looks at everything, with `fix` mends what can be mended without loss, and tells how it stands then."""

    async def main(_stop: asyncio.Event) -> int:
        checks = [await _mended(finding) if fix else finding.check async for finding in _findings(context)]
        if json:
            documents.emit(shapes.Doctor(checks=checks))
        else:
            _print(context, checks)
        return 1 if any(check.state == "fail" for check in checks) else 0

    return run_async(main)


async def _findings(context: Context) -> AsyncIterator[Finding]:
    for finding in surroundings(context):
        yield finding
    try:
        workspace = context.workspace()
    except RagcliError as error:
        yield Finding.of("configuration", error)
        return
    yield Finding.ok("configuration", "every setting is valid")
    for finding in stored(workspace):
        yield finding
    async for finding in services(workspace):
        yield finding


async def _mended(finding: Finding) -> Check:
    if finding.mend is None:
        return finding.check
    try:
        return replace(finding.check, state="ok", remedy="", mended=await finding.mend())
    except RagcliError as error:
        return replace(finding.check, state="fail", message=f"{finding.check.message}; {error}")


def _print(context: Context, checks: list[Check]) -> None:
    out = context.out()
    styles = {"ok": "green", "note": "yellow", "fail": "bold red"}
    width = max(len(check.name) for check in checks)
    for check in checks:
        out.print(f"{check.state:<5}", style=styles[check.state], end="")
        out.print(clean(f"{check.name:<{width}}  {check.message}"), soft_wrap=True)
        if told := check.mended or check.remedy:
            out.print(clean(f"{'':<{width + 7}}-> {told}"), soft_wrap=True)
