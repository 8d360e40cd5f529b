"""`ragcli schema`: JSON Schemas of what the commands print, made from the shapes that are encoded."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from ragcli.cli.shapes import SHAPES, Failure

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def run(name: str | None) -> int:
    """Prints the schema of one kind of output; without a name all of them, by name."""
    shown = schema(name) if name else {each: schema(each) for each in SHAPES}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
    return 0


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema that any document or line of this kind satisfies."""
    shapes = SHAPES[name] if name == "event" else (*SHAPES[name], Failure)
    kinds, definitions = msgspec.json.schema_components(shapes, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        always = definition["required"]
        # What has a default is always printed, too; only what has none, such as `error`, may be left out.
        definition["required"] = [
            each for each, meaning in definition["properties"].items() if each in always or "default" in meaning
        ]
    return {"$schema": DIALECT, "title": f"ragcli {name}", "anyOf": list(kinds), "$defs": definitions}
