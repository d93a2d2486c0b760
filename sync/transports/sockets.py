"""Socket addresses as text, as they come from other devices."""

from __future__ import annotations

import ipaddress

MAX_SOCKETS = 16
"""So many addresses of one device are looked at."""


def is_socket(text: str) -> bool:
    """Whether a text is "address:port" or "[address]:port"; names are not looked up."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        return False
    inside = host.startswith("[") and host.endswith("]")
    try:
        return ipaddress.ip_address(host[1:-1] if inside else host).version == (6 if inside else 4)
    except ValueError:
        return False


def split_socket(text: str) -> tuple[str, int]:
    """Address and port of what `is_socket` says yes to."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
