"""Tells the person, while the window is not in front, that an agent waits or has ended.

On Linux over the desktop's notification service (freedesktop.org, Desktop Notifications 1.2, method Notify); where
there is none, and on other systems, the window asks for attention in its own way.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ui.turns import Activity

SEND_SECONDS = 2.0
_SERVICE = "org.freedesktop.Notifications"


@dataclass(frozen=True, slots=True)
class Notification:
    """session: the one that it is about. urgent: the agent cannot go on by itself."""

    session: str
    what: str
    urgent: bool


def notifications(before: Activity, after: Activity) -> list[Notification]:
    """What changed that a person wants to know."""
    waits = [Notification(one, "waits for you", True) for one in sorted(after.waiting - before.waiting)]
    gone = before.working - after.working - after.waiting
    ended = [Notification(one, "has ended", False) for one in sorted(gone)]
    return waits + ended


async def send(notification: Notification, title: str, icon: Path) -> bool:
    """Show it on the desktop; False where that is not possible."""
    if sys.platform != "linux" or not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    import asyncio

    try:
        async with asyncio.timeout(SEND_SECONDS):
            return await _notify(notification, title, icon)
    except (OSError, TimeoutError, ValueError):
        return False


async def _notify(notification: Notification, title: str, icon: Path) -> bool:
    from jeepney import DBusAddress, MessageType, new_method_call
    from jeepney.io.asyncio import open_dbus_router

    service = DBusAddress("/org/freedesktop/Notifications", bus_name=_SERVICE, interface=_SERVICE)
    hints = {"urgency": ("y", 2 if notification.urgent else 1), "desktop-entry": ("s", "lovelace")}
    body: tuple[Any, ...] = ("Lovelace", 0, str(icon), title, f"The agent {notification.what}.", [], hints, -1)
    async with open_dbus_router() as router:
        reply = await router.send_and_get_reply(new_method_call(service, "Notify", "susssasa{sv}i", body))
    return bool(reply.header.message_type == MessageType.method_return)
