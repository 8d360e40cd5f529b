"""Every command's face: its options, its help, and the call into the module that does it.

Nothing heavier than Typer is imported here, so that `--help` and completion answer at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from ragcli.cli import completion
from ragcli.cli.context import Context
from ragcli.cli.groups import cache_app, collections_app, config_app, sessions_app
from ragcli.cli.options import (
    Collection,
    ContextK,
    Extractive,
    Json,
    Mode,
    Model,
    NoRerank,
    Paths,
    SchemaName,
    TopK,
    Yes,
)
from ragcli.errors import UsageError

app = typer.Typer(
    add_completion=True,
    rich_markup_mode=None,  # plain help: Rich's costs twice the start-up time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(collections_app, name="collections")
app.add_typer(sessions_app, name="sessions")
app.add_typer(cache_app, name="cache")
app.add_typer(config_app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        from ragcli import __version__

        typer.echo(f"ragcli {__version__}")
        raise typer.Exit


@app.callback()
def ragcli(
    ctx: typer.Context,
    home: Annotated[Path | None, typer.Option("--home", metavar="DIR", help="Where the indexes lie.")] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The settings file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only answers and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, no animation.")] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Log what is done, without the texts.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks; texts in the log.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """Talk to a folder of documents.

    \b
    ragcli ingest ~/notes                 index a folder; only what changed
    ragcli ask "who approves travel?"     one answer, with its sources
    ragcli chat                           a conversation

    Works offline; answers come from a model when OPENAI_API_KEY or OPENAI_BASE_URL is set.
    """
    if log_file is not None:
        from ragcli.cli import journal

        journal.start(log_file, debug=debug)
        journal.note("started", command=ctx.invoked_subcommand)
    ctx.obj = Context(home, config, quiet, verbose, not no_color, debug)


@app.command()
def ingest(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    collection: Collection = "default",
    prune: Annotated[
        bool | None, typer.Option("--prune/--no-prune", help="Take out what is gone below PATH [prune].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Read and embed everything anew.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: index what changes, until Ctrl-C.")] = False,
    include: Annotated[list[str] | None, typer.Option("--include", metavar="GLOB", help="Only these files.")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Not these files.")] = None,
    follow_symlinks: Annotated[
        bool, typer.Option("--follow-symlinks", help="Follow links that lead out of PATH.")
    ] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", min=0, metavar="N", help="Worker processes.")] = None,
    embedding: Annotated[
        str | None, typer.Option("--embedding", metavar="MODEL", help="static, openai:NAME, fastembed:NAME.")
    ] = None,
    wait: Annotated[float | None, typer.Option("--wait", min=0, metavar="S", help="Wait for another ingest.")] = None,
    json: Json = False,
) -> None:
    """Index files and folders; only what changed is read again.

    \b
    ragcli ingest docs/ handbook.pdf
    ragcli ingest ~/notes --exclude 'drafts/**'
    ragcli ingest docs/ --dry-run
    ragcli ingest ~/notes --watch

    With --watch a change is in the index within two seconds. Ctrl-C (or SIGTERM) finishes what is in hand; the
    exit code is that of the index then: 0, 5 where files could not be indexed, 130 where changes are left to the
    next run. A folder that disappears keeps what was indexed of it and is compared again when it is back.
    """
    from ragcli.cli import ingest as command

    flags = {
        "ingest.prune": prune,
        "ingest.include": tuple(include) if include else None,
        "ingest.exclude": tuple(exclude) if exclude else None,
        "ingest.follow_symlinks": follow_symlinks or None,
        "ingest.jobs": jobs,
        "ingest.wait": wait,
        "embedding.model": embedding,
    }
    if watch and dry_run:
        raise UsageError("--watch and --dry-run exclude each other", remedy="leave one of them out")
    if watch:
        raise typer.Exit(command.watch(ctx.obj, paths, collection, flags, force=force, json=json))
    raise typer.Exit(command.run(ctx.obj, paths, collection, flags, force=force, dry_run=dry_run, json=json))


@app.command()
def ask(
    ctx: typer.Context,
    question: Annotated[str | None, typer.Argument(metavar="[QUESTION]", help="- or nothing: read stdin.")] = None,
    collection: Collection = "default",
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="Go on with a chat.", autocompletion=completion.sessions),
    ] = None,
    extractive: Extractive = False,
    model: Model = None,
    top_k: TopK = None,
    context_k: ContextK = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="S", help="Seconds for the answer.")] = None,
    json: Json = False,
    stream_json: Annotated[bool, typer.Option("--stream-json", help="JSON lines as they come.")] = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", metavar="FILE", help="Questions, one a line or JSON {id, question}.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where a batch goes, and goes on when cut off.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, metavar="N", help="Questions of a batch at a time.")
    ] = 4,
    as_completed: Annotated[bool, typer.Option("--as-completed", help="Do not keep the order of a batch.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither take nor keep a stored answer.")] = False,
) -> None:
    """One answer, streamed to stdout; its sources follow.

    \b
    ragcli ask "how long is the warranty?"
    ragcli ask "保修期是多长时间？" --json | jq -r .answer
    git diff | ragcli ask "what changes for the user?"
    ragcli ask --batch questions.jsonl --out answers.jsonl

    A batch writes one JSON line a question. Run again with the same --out, it asks only what has no answer there.
    """
    from ragcli.cli import ask as command

    flags = {
        "chat.model": model,
        "chat.extractive": extractive or None,
        "chat.timeout": timeout,
        "retrieve.top_k": top_k,
        "retrieve.context_k": context_k,
        "cache.enabled": False if no_cache else None,
    }
    if batch is not None:
        if question is not None or session is not None:
            raise UsageError("--batch brings its own questions", remedy="leave out QUESTION and --session")
        from ragcli.cli import batch as many

        raise typer.Exit(
            many.run(ctx.obj, batch, collection, flags, concurrency=concurrency, as_completed=as_completed, out=out)
        )
    if out is not None:
        raise UsageError("--out is for a batch", remedy="redirect one answer: ragcli ask ... > FILE")
    shape: command.Shape = "events" if stream_json else "document" if json else "text"
    raise typer.Exit(command.run(ctx.obj, question, collection, flags, session=session, shape=shape))


@app.command()
def chat(
    ctx: typer.Context,
    collection: Collection = "default",
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="Start or go on with NAME.", autocompletion=completion.sessions),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest session.")] = False,
    pick: Annotated[bool, typer.Option("--pick", help="Choose the sources before each answer.")] = False,
    extractive: Extractive = False,
    model: Model = None,
) -> None:
    """A conversation with the documents; /help inside lists its commands.

    \b
    ragcli chat
    ragcli chat --resume
    ragcli chat -c work --session travel
    """
    from ragcli.cli import chat as command

    flags = {"chat.model": model, "chat.extractive": extractive or None, "repl.pick": pick or None}
    raise typer.Exit(command.run(ctx.obj, collection, flags, session=session, resume=resume))


@app.command()
def search(
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help='Words; "a phrase", -word, path:part.')] = None,
    collection: Collection = "default",
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="How many hits.")] = 10,
    mode: Mode = "hybrid",
    no_rerank: NoRerank = False,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE", help="JSON lines {id, text}; JSON lines out.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the score of each step.")] = False,
    json: Json = False,
) -> None:
    """Retrieval alone: the passages, best first.

    \b
    ragcli search "error ERR_CONN_RESET" -k 5
    ragcli search --queries questions.jsonl > hits.jsonl
    """
    from ragcli.cli import search as command

    rerank = not no_rerank
    if queries is not None:
        if query is not None:
            raise UsageError("both a query and --queries", remedy="give one of them")
        raise typer.Exit(command.run_many(ctx.obj, queries, collection, k=k, mode=mode, rerank=rerank))
    raise typer.Exit(command.run(ctx.obj, query, collection, k=k, mode=mode, rerank=rerank, explain=explain, json=json))


@app.command("eval")
def eval_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines {question, expect: [path, ...]}.")],
    collection: Collection = "default",
    json: Json = False,
) -> None:
    """Retrieval quality on your own questions: keyword, vector, hybrid and reranked side by side.

    \b
    ragcli eval questions.jsonl
    A line of it: {"question": "how long is the warranty?", "expect": ["warranty.md"]}
    """
    from ragcli.cli import evaluate

    raise typer.Exit(evaluate.run(ctx.obj, file, collection, json=json))


@app.command()
def status(ctx: typer.Context, collection: Collection = "default", json: Json = False) -> None:
    """What is indexed, in numbers.

    \b
    ragcli status
    ragcli status -c work --json | jq .pending
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.status(ctx.obj, collection, json=json))


@app.command("list")
def list_(ctx: typer.Context, paths: Paths = None, collection: Collection = "default", json: Json = False) -> None:
    """The indexed documents.

    \b
    ragcli list
    ragcli list '*.pdf' docs/
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.list_documents(ctx.obj, paths or [], collection, json=json))


@app.command()
def show(
    ctx: typer.Context,
    paths: Paths = None,
    every: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    collection: Collection = "default",
    json: Json = False,
) -> None:
    """The text that was read from a document, as it is indexed.

    \b
    ragcli show handbook.pdf
    ragcli show --all --json > corpus.jsonl
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.show(ctx.obj, paths or [], collection, every=every, json=json))


@app.command()
def remove(
    ctx: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Documents, folders or globs.", autocompletion=completion.documents),
    ],
    collection: Collection = "default",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take documents out of the index; the files stay where they are.

    \b
    ragcli remove old/handbook.pdf
    ragcli remove 'drafts/**' --yes
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.remove(ctx.obj, paths, collection, yes=yes, json=json))


@app.command()
def doctor(
    ctx: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without loss.")] = False,
    json: Json = False,
) -> None:
    """Check that everything works; each failure comes with the one command that mends it.

    \b
    ragcli doctor
    ragcli doctor --fix      permissions, damaged indexes, left-over folders
    ragcli doctor --json | jq -r '.checks[] | select(.state == "fail") | .remedy'
    """
    from ragcli.cli import doctor as command

    raise typer.Exit(command.run(ctx.obj, fix=fix, json=json))


@app.command()
def schema(
    name: Annotated[SchemaName | None, typer.Argument(metavar="[NAME]", help="Which output; all without.")] = None,
) -> None:
    """JSON Schema of what a command prints with --json.

    \b
    ragcli schema ask
    ragcli schema event      a line of `ask --stream-json`
    ragcli schema | jq keys
    """
    from ragcli.cli import schema as command

    raise typer.Exit(command.run(name))
