"""What the sessions of a home can be narrowed by: the values that occur."""

from __future__ import annotations

from dataclasses import dataclass

from sync.store.database import Connection

MOST_VALUES = 500
"""Of each kind; more is no choice any more."""


@dataclass(frozen=True, slots=True)
class Facets:
    """Values that occur in sessions outside the trash, each once: the most frequent first, people by name."""

    agents: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def read_facets(connection: Connection, workspace: int | None) -> Facets:
    """Facets of a workspace (its row); None: of all of them."""
    where = "s.trashed=0 AND (?1 IS NULL OR s.workspace=?1)"

    def values(sql: str) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in connection.execute(f"{sql} LIMIT {MOST_VALUES}", (workspace,)))

    often = "GROUP BY 1 ORDER BY count(*) DESC, 1"
    return Facets(
        values(f"SELECT agent FROM session s WHERE {where} AND agent IS NOT NULL {often}"),
        values(
            "SELECT DISTINCT a.name FROM session s JOIN session_author sa ON sa.session=s.row "
            f"JOIN author a ON a.row=sa.author WHERE {where} ORDER BY a.name COLLATE NOCASE"
        ),
        values(f"SELECT t.value FROM session s, json_each(s.tags) t WHERE {where} {often}"),
    )
