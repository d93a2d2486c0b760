"""The names of the agents of this installation, known without importing what runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeVar

    T = TypeVar("T")

    class Reader(Protocol):
        """What is needed of `app.workspace.Workspace`."""

        async def read_async(self, query: Callable[[Any], T], /) -> T: ...


SCRIPTED, LOCAL = "scripted", "local"
"""Agents that are always there."""
AGENTS_SETTING, DEFAULT_SETTING = "agents", "agent"
"""The agents that were added, oldest first, and the name of the one that was chosen as the default."""


async def agent_names(store: Reader) -> Sequence[str]:
    """What to choose from; the first is the default."""
    rows, chosen = await store.read_async(
        lambda queries: (queries.setting(AGENTS_SETTING, []), queries.setting(DEFAULT_SETTING, None))
    )
    names = (*(str(row["name"]) for row in rows), LOCAL, SCRIPTED)
    return tuple(dict.fromkeys((chosen, *names) if chosen in names else names))
