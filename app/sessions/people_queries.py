"""Reading what people and devices are called, and when a device last wrote."""

from __future__ import annotations

import msgspec

from app.sessions.people import PEOPLE_NOTE, added_in, names_in
from app.sessions.workspace_queries import WorkspaceQueries


class PeopleQueries(WorkspaceQueries):
    """The part of `Queries` that reads names."""

    def names(self) -> dict[str, str]:
        """Names of identities and devices by id; where workspaces differ, that of the call is right."""
        return {ident: name for fields in self._people() for ident, name in names_in(fields).items()}

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
