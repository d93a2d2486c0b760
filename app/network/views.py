"""What lists of members and devices give: frozen values with their JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.sessions.views import iso_time

DeviceState = Literal["active", "lost", "stolen", "paper"]
MemberState = Literal["member", "requested"]


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device of a person. this: the one that asks. added: when it was paired, as said there, or None.

    last_seen: milliseconds, or None. state: "paper" is the recovery key that is written down.
    """

    id: str
    name: str
    this: bool
    added: str | None
    last_seen: int | None
    state: DeviceState

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "this": self.this,
            "added": self.added,
            "last_seen": None if self.last_seen is None else iso_time(self.last_seen),
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class MemberRow:
    """Somebody in a workspace, or who asks to be (request: the id of the Join).

    role: of a request the one that the invite offers.
    """

    identity: str
    name: str
    role: str
    devices: tuple[DeviceRow, ...]
    you: bool
    founder: bool
    state: MemberState
    request: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "identity": self.identity,
            "name": self.name,
            "role": self.role,
            "devices": [{"id": d.id, "name": d.name, "state": d.state} for d in self.devices],
            "you": self.you,
            "founder": self.founder,
            "state": self.state,
            "request": self.request,
        }
