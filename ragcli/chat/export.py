"""A session as a file: Markdown to read, JSON to work with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ragcli.render.sources import location
from ragcli.types import Answer


def as_markdown(name: str, answers: Sequence[Answer]) -> str:
    """Questions as headings, answers as they were written, their sources below them."""
    parts = [f"# {name}\n"]
    for answer in answers:
        parts.append(f"## {' '.join(answer.question.split())}\n\n{answer.answer.strip()}\n")
        if answer.sources:
            lines = [f"- [{source.n}] {location(source, Path())}" for source in answer.sources]
            parts.append("Sources:\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def as_json(name: str, answers: Sequence[Answer]) -> str:
    """One document with the fields of `sessions show --json`; each exchange has those of `ask --json`."""
    exchanges = [
        {"schema": 1}
        | msgspec.to_builtins(answer)
        | {"sources": [msgspec.to_builtins(source) | {"cited": source.n in answer.cited} for source in answer.sources]}
        for answer in answers
    ]
    document = {"schema": 1, "name": name, "exchanges": exchanges}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def exported(path: Path, name: str, answers: Sequence[Answer]) -> str:
    """The text for a file of this name: JSON for `.json`, else Markdown."""
    return as_json(name, answers) if path.suffix.lower() == ".json" else as_markdown(name, answers)
