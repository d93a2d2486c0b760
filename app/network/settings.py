"""How this device takes part in the network: local settings, never synced.

`network.live`: direct connections at all. `network.lan`: announce this device in the local network and look for others
there. `network.relay`: the URL of a relay, or "". `network.port`: the UDP port that was used last, tried again so that
remembered addresses stay true. The environment variable LOVELACE_BIND ("host:port", several with commas) says where to
listen instead of everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.transports.connection import Transport

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from sync.engine import Engine

BIND_VARIABLE = "LOVELACE_BIND"
PORT_SETTING = "network.port"


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """See above. bind: where to listen; () for everywhere."""

    live: bool = True
    lan: bool = True
    relay: str = ""
    bind: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether nothing but this computer is reached."""
        return bool(self.bind) and all(host.startswith("127.") for host in self.bind)


def read_settings(queries: Queries) -> NetworkSettings:
    """The settings of a home, and of the environment."""
    bind = tuple(filter(None, os.environ.get(BIND_VARIABLE, "").split(",")))
    return NetworkSettings(
        bool(queries.setting("network.live", True)),
        bool(queries.setting("network.lan", True)),
        str(queries.setting("network.relay", "")),
        bind,
    )


def make_transport(engine: Engine, settings: NetworkSettings) -> Transport:
    """The live transport of this device; it binds when it is started."""
    from sync.crypto import KEY_BYTES
    from sync.transports.iroh import IrohTransport

    seed = engine.device.signing_key[:KEY_BYTES]
    return IrohTransport(seed, settings.relay, settings.bind or everywhere(_last_port(engine)))


def everywhere(port: int) -> tuple[str, ...]:
    """All addresses of this computer at a port, at any free one where another program has it."""
    free = port if 0 < port < 1 << 16 and _is_free(port) else 0
    return f"0.0.0.0:{free}", f"[::]:{free}"


def keep_port(engine: Engine, sockets: Sequence[str]) -> None:
    """Remember the port that this device has now (sockets: its own "host:port")."""
    port = next((int(socket.rpartition(":")[2]) for socket in sockets if not socket.startswith("[")), 0)
    if port and port != _last_port(engine):
        with engine.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO setting VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                (PORT_SETTING, str(port)),
            )


def _last_port(engine: Engine) -> int:
    row = engine.connection.execute("SELECT value FROM setting WHERE name=?", (PORT_SETTING,)).fetchone()
    return int(row[0]) if row is not None and str(row[0]).isdecimal() else 0


def _is_free(port: int) -> bool:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(("", port))
        except OSError:
            return False
    return True
