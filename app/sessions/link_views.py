"""What lists of links show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from app.sessions.views import iso_time

LinkState = Literal["active", "expired", "used", "revoked", "deleted"]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link of this device. Times are milliseconds. id: hex. link: the whole text, None once it was revoked.

    places: where the copy lies besides this device, by their addresses; troubles: what the last try there said.
    """

    id: str
    session: str
    title: str
    workspace: str
    state: LinkState
    created: int
    expires: int | None
    once: bool
    used: int | None
    revoked: int | None
    refreshed: int | None
    places: tuple[str, ...]
    troubles: tuple[str, ...]
    link: str | None = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As `links list --json` prints it."""
        times = {name: getattr(self, name) for name in ("created", "expires", "used", "revoked", "refreshed")}
        shown = {name: None if time is None else iso_time(time) for name, time in times.items()}
        rest = {"once": self.once, "places": list(self.places), "troubles": list(self.troubles), "link": self.link}
        names = {"id": self.id, "session": self.session, "title": self.title, "workspace": self.workspace}
        return {**names, "state": self.state, **shown, **rest}
