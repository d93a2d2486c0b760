"""The session that calls to a server by hand are recorded in: one for each server of a workspace, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from app.errors import NotFound, UserError

SETTING = "mcp sessions"
"""Ids of sessions, by workspace id and server name; local."""
T = TypeVar("T")


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    id: str

    async def write_async(self, operation: Callable[[Any], T], /) -> T: ...

    async def read_async(self, query: Callable[[Any], T], /) -> T: ...


async def session_for(store: Store, server: str, *, wanted: str | None = None, new: bool = False) -> str:
    """The id of the session to record calls of a server in. wanted: this one. new: a new one.

    Raises NotFound, or UserError where the wanted one is of another type.
    """
    if wanted is not None:
        row = await store.read_async(lambda queries: queries.session(wanted))
        if row.type != "mcp":
            raise UserError(f"Session {row.id} is of the type {row.type}; calls are recorded in mcp sessions.")
        return str(row.id)
    kept: dict[str, dict[str, str]] = await store.read_async(lambda queries: queries.setting(SETTING, {}))
    known = kept.get(store.id, {}).get(server)
    if not new and known is not None and await store.read_async(lambda queries: _goes_on(queries, known, store.id)):
        return known

    def make(operations: Any) -> str:
        made: str = operations.create(type="mcp", title=f"MCP: {server}")
        mine = {**kept.get(store.id, {}), server: made}
        operations.set_setting(SETTING, {**kept, store.id: mine})
        return made

    return await store.write_async(make)


def _goes_on(queries: Any, session: str, workspace: str) -> bool:
    try:
        row = queries.session(session)
    except NotFound:
        return False
    return row.workspace == workspace and not row.archived and not row.trashed and row.status == "active"
