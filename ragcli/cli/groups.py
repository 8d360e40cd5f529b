"""The faces of the commands that come in groups: `collections list`, `sessions show`, `config init`."""

from typing import Annotated

import typer

from ragcli.cli import completion
from ragcli.cli.options import Json, Yes

collections_app = typer.Typer(help="The named indexes.", rich_markup_mode=None)
sessions_app = typer.Typer(help="The stored chats.", rich_markup_mode=None)
cache_app = typer.Typer(help="The stored answers.", rich_markup_mode=None)
config_app = typer.Typer(help="The settings and where each came from.", rich_markup_mode=None)

SessionName = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completion.sessions)]


@collections_app.command("list")
def collections_list(ctx: typer.Context, json: Json = False) -> None:
    """The collections of this home.

    \b
    ragcli collections list
    ragcli collections list --json | jq -r '.[].collection'
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.list_collections(ctx.obj, json=json))


@collections_app.command("delete")
def collections_delete(
    ctx: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names or globs.", autocompletion=completion.collections)
    ],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Delete collections with everything that was indexed in them.

    \b
    ragcli collections delete drafts
    ragcli collections delete 'test-*' --yes
    """
    from ragcli.cli import stored

    raise typer.Exit(stored.delete_collections(ctx.obj, names, yes=yes, json=json))


@sessions_app.command("list")
def sessions_list(ctx: typer.Context, json: Json = False) -> None:
    """The stored chats, latest first.

    \b
    ragcli sessions list
    ragcli sessions list --json
    """
    from ragcli.cli import sessions

    raise typer.Exit(sessions.list_(ctx.obj, json=json))


@sessions_app.command("show")
def sessions_show(ctx: typer.Context, name: SessionName, json: Json = False) -> None:
    """One chat.

    \b
    ragcli sessions show travel
    """
    from ragcli.cli import sessions

    raise typer.Exit(sessions.show(ctx.obj, name, json=json))


@sessions_app.command("export")
def sessions_export(ctx: typer.Context, name: SessionName, json: Json = False) -> None:
    """One chat as Markdown, or as JSON, on stdout.

    \b
    ragcli sessions export travel > travel.md
    ragcli sessions export travel --json > travel.json
    """
    from ragcli.cli import sessions

    raise typer.Exit(sessions.export(ctx.obj, name, json=json))


@sessions_app.command("delete")
def sessions_delete(
    ctx: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names or globs.", autocompletion=completion.sessions)
    ],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Delete chats.

    \b
    ragcli sessions delete travel
    ragcli sessions delete 'draft*' --yes
    """
    from ragcli.cli import sessions

    raise typer.Exit(sessions.delete(ctx.obj, names, yes=yes, json=json))


@cache_app.command("stats")
def cache_stats(ctx: typer.Context, json: Json = False) -> None:
    """How many answers and vectors are kept, and how much room they take.

    \b
    ragcli cache stats
    ragcli cache stats --json
    """
    from ragcli.cli import cache

    raise typer.Exit(cache.stats(ctx.obj, json=json))


@cache_app.command("clear")
def cache_clear(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", hidden=True)] = False,  # scripts say it; nothing of worth is lost
    json: Json = False,
) -> None:
    """Forget every stored answer and vector, of all collections.

    \b
    ragcli cache clear
    """
    from ragcli.cli import cache

    raise typer.Exit(cache.clear(ctx.obj, json=json))


@config_app.command("show")
def config_show(ctx: typer.Context, json: Json = False) -> None:
    """Every setting, its value and where that came from; secrets are hidden.

    \b
    ragcli config show
    ragcli config show --json | jq '.settings["chat.model"]'
    """
    from ragcli.cli import settings

    raise typer.Exit(settings.show(ctx.obj, json=json))


@config_app.command("path")
def config_path(ctx: typer.Context) -> None:
    """Where the settings file is, or would be.

    \b
    $EDITOR "$(ragcli config path)"
    """
    from ragcli.cli import settings

    raise typer.Exit(settings.path(ctx.obj))


@config_app.command("init")
def config_init(ctx: typer.Context, force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False) -> None:
    """Write a commented settings file that changes nothing yet.

    \b
    ragcli config init
    ragcli config init --config ./ragcli.toml
    """
    from ragcli.cli import settings

    raise typer.Exit(settings.init(ctx.obj, force=force))
