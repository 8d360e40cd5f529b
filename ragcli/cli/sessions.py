"""`ragcli sessions`: the stored chats."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragcli.cli import documents, shapes
from ragcli.cli.choose import listing, named
from ragcli.cli.confirm import confirm
from ragcli.errors import UsageError
from ragcli.text.clean import clean
from ragcli.text.figures import age, counted, size_text

if TYPE_CHECKING:
    from ragcli.cli.context import Context
    from ragcli.types import SessionInfo

LISTED = "ragcli sessions list"


def list_(context: Context, *, json: bool) -> int:
    workspace = context.workspace()
    stored = workspace.sessions().overview()
    if news := workspace.sharing.news():  # what other machines have stored is not in the list
        context.tell(news)
    if json:
        documents.emit([_listed(info) for info in stored])
        return 0
    out = context.out()
    now = time.time()
    for info in stored:
        said = f"{counted(info.exchanges, 'exchange')}, {size_text(info.bytes)}, {age(now - info.updated_at)}"
        name = clean(info.name).replace("\n", " ")
        out.print(f"{name}  {said}", soft_wrap=True)
    return 0


def _listed(info: SessionInfo) -> shapes.SessionListed:
    moments = {name: documents.moment(getattr(info, name)) for name in ("created_at", "updated_at")}
    return shapes.SessionListed(name=info.name, exchanges=info.exchanges, bytes=info.bytes, **moments)


def show(context: Context, name: str, *, json: bool) -> int:
    sessions = context.workspace().sessions()
    _known(sessions.names(), name)
    answers = [answer for _, answer in sessions.exchanges(name)]
    if json:
        exchanges = [documents.answer(answer) for answer in answers]
        documents.emit(shapes.Session(name=name, exchanges=exchanges))
        return 0
    out = context.out()
    for answer in answers:
        out.print(f"> {clean(answer.question)}", style="bold", soft_wrap=True)
        out.print(clean(answer.answer) + "\n", soft_wrap=True)
    return 0


def export(context: Context, name: str, *, json: bool) -> int:
    """As Markdown, or as the JSON that `/export FILE.json` writes, on stdout."""
    from ragcli.chat.export import as_json, as_markdown

    sessions = context.workspace().sessions()
    _known(sessions.names(), name)
    shape = as_json if json else as_markdown
    sys.stdout.write(clean(shape(name, [answer for _, answer in sessions.exchanges(name)])))
    return 0


def delete(context: Context, names: Sequence[str], *, yes: bool, json: bool) -> int:
    sessions = context.workspace().sessions()
    chosen = named(names, sessions.names(), what="session", listed=LISTED)
    confirm(f"delete {listing(chosen, 'session')}", yes=yes)
    for name in chosen:
        sessions.delete(name)
        if not json and not context.quiet:
            context.out().print(f"deleted session {clean(name)}", soft_wrap=True, highlight=False, markup=False)
    if json:
        documents.emit(shapes.Deleted(deleted=chosen))
    return 0


def _known(names: Sequence[str], name: str) -> None:
    if name not in names:
        raise UsageError(f"there is no session {name!r}", remedy=f"see: {LISTED}")
