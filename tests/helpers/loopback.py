"""Keeps tests away from the network: this process connects only to 127.0.0.1, ::1 and Unix sockets."""

from __future__ import annotations

import sys

_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")
_WATCHED = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}

allowed = False
"""Set while a test marked `external` runs."""


class NetworkRefused(AssertionError):
    """A test tried to reach another computer."""


def install() -> None:
    """Watch every connection of this process; an audit hook stays for the life of the process."""
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _WATCHED or allowed:
        return
    host = arguments[_WATCHED[event]]
    if isinstance(host, tuple):
        host = host[0]
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if isinstance(host, str) and host and not host.startswith(_LOCAL) and _is_internet(event, arguments):
        raise NetworkRefused(f"a test tried to reach {host}; tests may only use 127.0.0.1")


def _is_internet(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether the call is about an internet address, not the path of a Unix socket."""
    return event == "socket.getaddrinfo" or isinstance(arguments[1], tuple)
