"""Options that several commands share."""

from typing import Annotated, Literal

import typer

from ragcli.cli import completion

Collection = Annotated[
    str,
    typer.Option("--collection", "-c", metavar="NAME", help="Which index.", autocompletion=completion.collections),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Mode = Annotated[Literal["hybrid", "keyword", "vector"], typer.Option("--mode", help="Which legs of the search.")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The chat model.")]
Extractive = Annotated[bool, typer.Option("--extractive", help="Quote the sources; ask no model.")]
TopK = Annotated[int | None, typer.Option("--top-k", min=1, metavar="N", help="Candidates after fusion [5].")]
ContextK = Annotated[int | None, typer.Option("--context-k", min=1, metavar="N", help="Passages for the model [3].")]
NoRerank = Annotated[bool, typer.Option("--no-rerank", help="Keep the fused order.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...",
        help="Documents as `list` shows them, folders or globs.",
        autocompletion=completion.documents,
    ),
]
SchemaName = Literal[
    "ask",
    "event",
    "batch",
    "ingest",
    "search",
    "queries",
    "eval",
    "status",
    "list",
    "show",
    "remove",
    "collections",
    "sessions",
    "cache",
    "doctor",
    "config",
]
