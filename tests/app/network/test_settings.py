"""The port that a device has again after a restart."""

from __future__ import annotations

import socket
from pathlib import Path

from app.network.settings import PORT_SETTING, everywhere, keep_port
from tests.helpers.homes import open_home


def test_the_last_port_is_taken_again_where_it_is_free() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert everywhere(port) == ("0.0.0.0:0", "[::]:0")
    assert everywhere(port) == (f"0.0.0.0:{port}", f"[::]:{port}")
    assert everywhere(0) == everywhere(70_000) == ("0.0.0.0:0", "[::]:0")


def test_the_port_is_remembered(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    try:
        for sockets in (["[::1]:9"], [], ["127.0.0.1:4711", "[::1]:9"]):
            home.with_engine(lambda engine, sockets=sockets: keep_port(engine, sockets))
        assert home.settings.get(PORT_SETTING) == 4711
    finally:
        home.close()
