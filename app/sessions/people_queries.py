"""Reading what people and devices are called, and when a device last wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.sessions.people import PEOPLE_NOTE, added_in, names_in
from app.sessions.tables import FRESH_MS
from app.sessions.workspace_queries import WorkspaceQueries


@dataclass(frozen=True, slots=True)
class PresentDevice:
    """A device whose person looks at a session. person: their name, "You" for one's own; '' where it is not known."""

    device: str
    person: str
    name: str
    typing: bool


def presence_words(present: Sequence[PresentDevice]) -> str:
    """Who is there, in a few words; '' for nobody."""
    if not present:
        return ""
    writing = [one for one in present if one.typing]
    named = list(dict.fromkeys(_called(one) for one in writing or present))
    verb = "is" if len(named) == 1 else "are"
    return f"{', '.join(named)} {verb} {'writing…' if writing else 'here'}"


def _called(one: PresentDevice) -> str:
    if one.person == "You":
        return f"You on {one.name}" if one.name else "Another device of yours"
    return one.person or "Somebody"


class PeopleQueries(WorkspaceQueries):
    """The part of `Queries` that reads names."""

    def names(self) -> dict[str, str]:
        """Names of identities and devices by id; where workspaces differ, that of the call is right."""
        return {ident: name for fields in self._people() for ident, name in names_in(fields).items()}

    def presence(self, session: str, now_ms: int) -> list[PresentDevice]:
        """Who else has a session before their eyes now."""
        rows = self._connection.execute(
            "SELECT p.device, d.identity, p.typing FROM presence p JOIN device d ON d.id=p.device "
            "WHERE p.session=? AND p.seen>? AND NOT d.is_own ORDER BY p.device",
            (session, now_ms - FRESH_MS),
        ).fetchall()
        names = self.names() if rows else {}
        own, _device = self.own_device()
        return [
            PresentDevice(
                bytes(device).hex(),
                names.get(bytes(identity).hex(), "") if bytes(identity).hex() != own else "You",
                names.get(bytes(device).hex(), ""),
                bool(typing),
            )
            for device, identity, typing in rows
        ]

    def company(self, now_ms: int) -> dict[str, str]:
        """Who else has which session before their eyes now: `presence_words` by the session's id."""
        rows = self._connection.execute(
            "SELECT DISTINCT p.session FROM presence p JOIN device d ON d.id=p.device WHERE p.seen>? AND NOT d.is_own",
            (now_ms - FRESH_MS,),
        ).fetchall()
        return {session: presence_words(self.presence(session, now_ms)) for (session,) in rows if session}

    def devices_added(self) -> dict[str, str]:
        """When devices were paired, by id."""
        return {ident: time for fields in self._people() for ident, time in added_in(fields).items()}

    def last_written(self) -> dict[str, int]:
        """When each device last took part in a session (milliseconds), by id, as far as it says so itself."""
        rows = self._connection.execute(
            "SELECT hex(a.device), max(s.updated) FROM author a JOIN session_author sa ON sa.author=a.row "
            "JOIN session s ON s.row=sa.session WHERE a.claimed=0 GROUP BY a.device"
        )
        return {device.lower(): time for device, time in rows if time is not None}

    def _people(self) -> list[dict[str, str]]:
        """The fields of every workspace's note, that of the call last."""
        rows = self._connection.execute(
            "SELECT fields FROM note WHERE name=? ORDER BY workspace=?, workspace", (PEOPLE_NOTE, self.workspace)
        )
        return [msgspec.json.decode(fields, type=dict[str, str]) for (fields,) in rows]
