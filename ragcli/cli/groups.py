"""The faces of the commands that come in groups: `collections list`, `sessions show`, `config init`."""

from typing import Annotated

import typer

from ragcli.cli.options import Json, Yes

collections_app = typer.Typer(help="The named indexes.", rich_markup_mode=None)
sessions_app = typer.Typer(help="The stored chats.", rich_markup_mode=None)
config_app = typer.Typer(help="The settings and where each came from.", rich_markup_mode=None)


@collections_app.command("list")
def collections_list(ctx: typer.Context, json: Json = False) -> None:
    """The collections of this home."""
    from ragcli.cli import stored

    raise typer.Exit(stored.list_collections(ctx.obj, json=json))


@collections_app.command("delete")
def collections_delete(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Delete a collection with everything that was indexed in it."""
    from ragcli.cli import stored

    raise typer.Exit(stored.delete_collection(ctx.obj, name, yes=yes, json=json))


@sessions_app.command("list")
def sessions_list(ctx: typer.Context, json: Json = False) -> None:
    """The stored chats, latest first."""
    from ragcli.cli import sessions

    raise typer.Exit(sessions.list_(ctx.obj, json=json))


@sessions_app.command("show")
def sessions_show(ctx: typer.Context, name: str, json: Json = False) -> None:
    """One chat."""
    from ragcli.cli import sessions

    raise typer.Exit(sessions.show(ctx.obj, name, json=json))


@sessions_app.command("export")
def sessions_export(ctx: typer.Context, name: str, json: Json = False) -> None:
    """One chat as Markdown, or as JSON, on stdout."""
    from ragcli.cli import sessions

    raise typer.Exit(sessions.export(ctx.obj, name, json=json))


@sessions_app.command("delete")
def sessions_delete(ctx: typer.Context, name: str, yes: Yes = False, json: Json = False) -> None:
    """Delete a chat."""
    from ragcli.cli import sessions

    raise typer.Exit(sessions.delete(ctx.obj, name, yes=yes, json=json))


@config_app.command("show")
def config_show(ctx: typer.Context, json: Json = False) -> None:
    """Every setting, its value and where that came from; secrets are hidden."""
    from ragcli.cli import settings

    raise typer.Exit(settings.show(ctx.obj, json=json))


@config_app.command("path")
def config_path(ctx: typer.Context) -> None:
    """Where the settings file is, or would be."""
    from ragcli.cli import settings

    raise typer.Exit(settings.path(ctx.obj))


@config_app.command("init")
def config_init(ctx: typer.Context, force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False) -> None:
    """Write a commented settings file that changes nothing yet."""
    from ragcli.cli import settings

    raise typer.Exit(settings.init(ctx.obj, force=force))
