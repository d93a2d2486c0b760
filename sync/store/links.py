"""Tables of links: those that this device issued, and the copies that it opened.

`link`: a link outlives its session, so that the list remembers it. secret: NULL once it was revoked; proof stays, to
tell whoever comes with it. name: of the documents. `number`, `objects`, `state` are of what was published last: how
often, the names of its objects, and what the documents looked like then.
`link_place`: where else a copy is published. number, objects: of what lies there; number 0: of what may lie there,
after a try that broke off. A row goes when nothing does any more. trouble: why the last try failed.
`opened`: a copy that was opened here. units: those taken in, one 32-byte hash each.
`arrived`: payloads that came with a copy while it is being opened.
`copied_workspace`: a workspace of which there are only such copies, or none any more; nobody here may write into it.
name: for people.
`copied_author`: whose a device is, as the issuer of a copy says; it counts in that workspace only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sync.store.database import Connection

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link of this device. Times are milliseconds. workspace: id; name: of the documents; text: the whole link."""

    id: bytes
    secret: bytes | None = field(repr=False)
    proof: bytes = field(repr=False)
    workspace: bytes
    name: str
    title: str
    text: str | None = field(repr=False)
    created: int
    expires: int | None
    once: bool
    used: int | None = None
    opener: bytes | None = None
    revoked: int | None = None
    refreshed: int | None = None
    number: int = 0
    objects: tuple[bytes, ...] = ()
    state: str = ""


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """A place where a copy lies; see `link_place`. trouble: a sentence, "" if there is none."""

    place: str
    number: int = 0
    objects: tuple[bytes, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A copy that was opened here. number: of the head taken in last. units: hashes of what was taken in."""

    id: bytes
    text: str = field(repr=False)
    workspace: bytes
    name: str
    number: int
    refreshed: int
    opened: int
    units: frozenset[bytes]


_LINK = (
    "SELECT id, secret, proof, workspace, name, title, text, created, expires, once, used, opener, revoked, "
    "refreshed, number, objects, state FROM link"
)


def add_link(connection: Connection, link: IssuedLink) -> None:
    """Remember a new link."""
    values = (link.id, link.secret, link.proof, link.workspace, link.name, link.title, link.text, link.created)
    connection.execute(
        "INSERT INTO link(id, secret, proof, workspace, name, title, text, created, expires, once) "
        "VALUES(?,?,?,?,?,?,?,?,?,?)",
        (*values, link.expires, link.once),
    )


def links(connection: Connection) -> list[IssuedLink]:
    """All links of this device, the newest first."""
    return [_link(row) for row in connection.execute(f"{_LINK} ORDER BY created DESC, id").fetchall()]


def find_link(connection: Connection, link: bytes) -> IssuedLink | None:
    """A link by its id."""
    row = connection.execute(f"{_LINK} WHERE id=?", (link,)).fetchone()
    return _link(row) if row else None


def revoke_link(connection: Connection, link: bytes, now: int) -> None:
    """Give nothing more; the secret is forgotten."""
    sql = "UPDATE link SET revoked=coalesce(revoked, ?), secret=NULL, text=NULL WHERE id=?"
    connection.execute(sql, (now, link))


def use_link(connection: Connection, link: bytes, opener: bytes, now: int) -> None:
    """Note the first use."""
    connection.execute("UPDATE link SET used=?, opener=? WHERE id=? AND used IS NULL", (now, opener, link))


def note_published(
    connection: Connection, link: bytes, *, title: str, number: int, objects: Sequence[bytes], state: str, now: int
) -> None:
    """What was published last."""
    connection.execute(
        "UPDATE link SET title=?, number=?, objects=?, state=?, refreshed=? WHERE id=?",
        (title, number, b"".join(objects), state, now, link),
    )


def note_withdrawn(connection: Connection, link: bytes) -> None:
    """This device gives nothing of it now."""
    connection.execute("UPDATE link SET objects=x'', state='' WHERE id=?", (link,))


def add_place(connection: Connection, link: bytes, place: str) -> None:
    """Publish a link's copy in another place too."""
    connection.execute("INSERT OR IGNORE INTO link_place(link, place) VALUES(?,?)", (link, place))


def places(connection: Connection, link: bytes) -> list[LinkPlace]:
    """Where else a link's copy is published."""
    sql = "SELECT place, number, objects, trouble FROM link_place WHERE link=? ORDER BY place"
    found = connection.execute(sql, (link,)).fetchall()
    return [LinkPlace(place, number, tuple(_split(names)), trouble) for place, number, names, trouble in found]


def note_place(connection: Connection, link: bytes, place: LinkPlace) -> None:
    """What lies in a place now."""
    connection.execute(
        "UPDATE link_place SET number=?, objects=?, trouble=? WHERE link=? AND place=?",
        (place.number, b"".join(place.objects), place.trouble, link, place.place),
    )


def forget_place(connection: Connection, link: bytes, place: str) -> None:
    """Nothing lies in a place any more."""
    connection.execute("DELETE FROM link_place WHERE link=? AND place=?", (link, place))


def find_opened(connection: Connection, link: bytes) -> OpenedLink | None:
    """An opened copy by the id of its link."""
    row = connection.execute(
        "SELECT id, text, workspace, name, number, refreshed, opened, units FROM opened WHERE id=?", (link,)
    ).fetchone()
    if row is None:
        return None
    ident, text, workspace, name, number, refreshed, opened, units = row
    return OpenedLink(ident, text, workspace, name, number, refreshed, opened, frozenset(_split(units)))


def opened_of(connection: Connection, name: str) -> list[OpenedLink]:
    """The copies of a session that were opened here, each by its link."""
    rows = connection.execute("SELECT id FROM opened WHERE name=?", (name,)).fetchall()
    return [found for (ident,) in rows if (found := find_opened(connection, ident)) is not None]


def put_opened(connection: Connection, opened: OpenedLink) -> None:
    """Remember an opened copy, or what it is like now."""
    connection.execute(
        "INSERT OR REPLACE INTO opened VALUES(?,?,?,?,?,?,?,?)",
        (
            opened.id,
            opened.text,
            opened.workspace,
            opened.name,
            opened.number,
            opened.refreshed,
            opened.opened,
            b"".join(sorted(opened.units)),
        ),
    )


def note_arrived(connection: Connection, link: bytes, blobs: Sequence[bytes]) -> None:
    """These payloads came with a copy."""
    connection.executemany("INSERT OR IGNORE INTO arrived VALUES(?,?)", [(link, blob) for blob in blobs])


def take_arrived(connection: Connection, link: bytes) -> list[bytes]:
    """Which payloads came with a copy; they are asked for once."""
    rows = connection.execute("DELETE FROM arrived WHERE link=? RETURNING blob", (link,)).fetchall()
    return [bytes(blob) for (blob,) in rows]


def is_copied(connection: Connection, workspace: int) -> bool:
    """Whether a workspace (row id) is here only through links."""
    found = connection.execute("SELECT 1 FROM copied_workspace WHERE workspace=?", (workspace,)).fetchone()
    return found is not None


def copied_workspaces(connection: Connection) -> set[bytes]:
    """Ids of the workspaces that are here only through links."""
    rows = connection.execute("SELECT w.id FROM copied_workspace c JOIN workspace w ON w.row=c.workspace")
    return {bytes(ident) for (ident,) in rows}


def _link(row: Sequence[object]) -> IssuedLink:
    values = list(row)
    values[9], values[15] = bool(values[9]), tuple(_split(values[15]))  # type: ignore[arg-type]
    return IssuedLink(*values)  # type: ignore[arg-type]


def _split(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
