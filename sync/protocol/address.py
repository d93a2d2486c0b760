"""Where a device may be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device may be reached now. sockets: "host:port" of its direct addresses; relay: a URL, or ""."""

    device: bytes
    sockets: tuple[str, ...] = ()
    relay: str = ""
