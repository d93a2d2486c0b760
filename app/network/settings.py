"""How this device takes part in the network: local settings, never synced.

`network.live`: direct connections at all. `network.lan`: announce this device in the local network and look for others
there. `network.relay`: the URL of a relay, or "". `network.port`: the UDP port that was used last, tried again so that
remembered addresses stay true. The environment variable LOVELACE_BIND ("host:port", several with commas) says where to
listen instead of everywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.transports.connection import Transport

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from sync.engine import Engine

BIND_VARIABLE = "LOVELACE_BIND"


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
    from sync.transports.iroh import EVERYWHERE, IrohTransport

    seed = engine.device.signing_key[:KEY_BYTES]
    return IrohTransport(seed, settings.relay, settings.bind or EVERYWHERE)
