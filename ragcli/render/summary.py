"""The last line of an ingest, in words; apart from Rich, which costs a fifth of a run that finds nothing changed."""

from __future__ import annotations

from ragcli.errors import Interrupted
from ragcli.text.clean import one_line
from ragcli.text.figures import counted
from ragcli.types import IngestReport

STOPPED = Interrupted("stopped", remedy="the next ingest goes on from here")


def parts(report: IngestReport) -> list[tuple[str, str]]:
    """What changed and what the collection holds now, as (text, style) in a row."""
    changes = [
        f"{count} {name}"
        for name, count in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("removed", report.removed),
        )
        if count
    ]
    failed = f", {len(report.failed)} not indexed" if report.failed else ""
    name, documents = one_line(report.collection, 60), counted(report.documents, "document")
    if report.dry_run:
        holds = f"; {name} would hold {documents}; nothing was done, as this is a dry run"
    else:
        holds = f"; {name} holds {documents}, {counted(report.chunks, 'passage')}"
    return [
        (", ".join(changes) or "no documents", ""),
        (failed, "warning"),
        (holds, "default"),
        (f" ({report.seconds:.1f} s)", "note"),
        ("" if report.complete else f"; {STOPPED}", "warning"),
    ]


def plain(report: IngestReport) -> str:
    """One line without its end."""
    return "".join(text for text, _ in parts(report))
