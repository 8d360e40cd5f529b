"""Going on with an answer that another chat has begun, on this machine or another one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ragcli.errors import ExchangeBusy

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.types import Answer


async def claimed(repl: Repl) -> Answer:
    """The last exchange as it is stored now, for this chat alone to write.

    Where another chat was writing it just now, waits for as long as that has the right to: it may have died over it.
    Raises ExchangeBusy where it lives, StoreError.
    """
    try:
        return repl.conversation.claim()
    except ExchangeBusy as busy:
        repl.note(f"Another chat was writing this answer just now; waiting {busy.seconds:.0f} s for a sign of life.")
        await asyncio.sleep(busy.seconds + 0.05)
    return repl.conversation.claim()
