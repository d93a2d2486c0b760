"""One process at a time runs a session; who prompts meanwhile is told what to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from app.errors import UserError

if TYPE_CHECKING:
    from app.workspace import Workspace

BUSY = (
    "An agent works in this session, in the background or in another program of yours. "
    "Wait for it, pause it, or take the session over."
)


class BusyError(UserError):
    """Another process of this home runs the session."""


@contextlib.asynccontextmanager
async def claimed(workspace: Workspace, session: str) -> AsyncIterator[None]:
    """Run a session within. Raises BusyError where another process of this home does."""
    if not await workspace.write_async(lambda operations: operations.claim(session)):
        raise BusyError(BUSY)
    try:
        yield
    finally:
        give_back = workspace.write_async(lambda operations: operations.release(session))
        await asyncio.shield(asyncio.ensure_future(give_back))
