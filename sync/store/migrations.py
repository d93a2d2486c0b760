"""Numbered, forward-only schema changes, per component, in one transaction after a backup copy.

A component (the sync engine, an application's local tables) lists its migrations in order; `meta` remembers how many
ran. A database that has more than the program knows was written by a newer version and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync.errors import DamagedError, NewerDatabaseError
from sync.store.database import Connection


@dataclass(frozen=True, slots=True)
class Component:
    """scripts: the n-th takes the tables from version n to n + 1, one SQL statement per `;`."""

    name: str
    scripts: tuple[str, ...]
    counted: tuple[str, ...] = ()
    """Tables whose number of rows no migration may change."""


def version_of(connection: Connection, component: Component) -> int:
    """How many migrations of a component ran; 0 for a fresh database."""
    row = connection.execute("SELECT value FROM meta WHERE name=?", (f"schema/{component.name}",)).fetchone()
    return int(row[0]) if row else 0


def pending(connection: Connection, components: Sequence[Component]) -> bool:
    """Whether a migration must run; raises NewerDatabaseError if the database is ahead of the program."""
    behind = False
    for component in components:
        version = version_of(connection, component)
        if version > len(component.scripts):
            raise NewerDatabaseError(
                f"This database was written by a newer version of Lovelace ({component.name} {version}, "
                f"this program knows {len(component.scripts)}). Update the program; nothing was changed."
            )
        behind |= version < len(component.scripts)
    return behind


def migrate(connection: Connection, components: Sequence[Component], back_up: Callable[[], None]) -> None:
    """Bring all components up to date, in one transaction.

    back_up: copies what is committed, through another connection. It is called with the write lock held, so that no
    other process can migrate between the copy and the change; a database that holds nothing yet is not copied.
    """
    if not pending(connection, components):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if pending(connection, components):
            if any(version_of(connection, component) for component in components):
                back_up()
            for component in components:
                _run(connection, component)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _run(connection: Connection, component: Component) -> None:
    version = version_of(connection, component)
    before = _counts(connection, component) if version else None
    for script in component.scripts[version:]:
        for statement in filter(None, map(str.strip, script.split(";"))):
            connection.execute(statement)
    if before is not None and before != _counts(connection, component):
        raise DamagedError(
            f"The update of the database would have changed how much it holds ({component.name}); it was undone."
        )
    connection.execute(
        "INSERT INTO meta VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
        (f"schema/{component.name}", len(component.scripts)),
    )


def _counts(connection: Connection, component: Component) -> list[int]:
    return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in component.counted]
