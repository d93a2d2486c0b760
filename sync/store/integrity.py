"""Whether the database file is sound: every page as it was written, and all of them fitting together."""

from __future__ import annotations

from dataclasses import dataclass

from sync.store.database import Connection

MAX_PROBLEMS = 20
_INDEX = "fts5"


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong, the first `MAX_PROBLEMS`: with the file, and with the full-text index, which can be made again."""

    file: tuple[str, ...] = ()
    index: tuple[str, ...] = ()


def find_damage(connection: Connection) -> Damage:
    """Read the whole file; others may write meanwhile.

    Both checks are needed: the one of the cipher misses a file that was cut off at the end of a page, the one of the
    structure stops at the first page that does not decrypt.
    """
    unreadable = [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check")]
    if unreadable:
        return Damage(file=tuple(unreadable[:MAX_PROBLEMS]))
    rows = connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})").fetchall()
    problems = [str(row[0]) for row in rows if row[0] != "ok"]
    index = tuple(problem for problem in problems if _INDEX in problem.lower())
    return Damage(tuple(problem for problem in problems if problem not in index), index)
