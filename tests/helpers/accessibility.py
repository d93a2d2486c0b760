"""What a screen reader is told: a client of AT-SPI, on a session bus of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, MessageType, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection

NEEDED = ("dbus-daemon", "Xvfb", "openbox", "xdotool")
ROOT = "/org/a11y/atspi/accessible/root"
ACCESSIBLE, TEXT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Text"
ACTION, COMPONENT = "org.a11y.atspi.Action", "org.a11y.atspi.Component"
FOCUSABLE, FOCUSED, SHOWING, MANAGES = 11, 12, 25, 31
"""Numbers of states in `AtspiStateType`."""
_CALL_S = 20.0


@contextmanager
def session_bus() -> Iterator[str]:
    """The address of a bus that nobody else uses; services such as AT-SPI start on it when they are asked for."""
    process = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    with process.stdout:
        address = process.stdout.readline().decode().strip()
        try:
            yield address
        finally:
            process.terminate()
            process.wait(10)


class Reader:
    """A connection to the accessibility bus of a session."""

    def __init__(self, session: str) -> None:
        with open_dbus_connection(session) as connection:
            bus = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus")
            answer = connection.send_and_get_reply(new_method_call(bus, "GetAddress"), timeout=_CALL_S)
        self.connection: DBusConnection = open_dbus_connection(answer.body[0])

    def applications(self) -> list[Node]:
        """What is open on the desktop."""
        return Node(self, "org.a11y.atspi.Registry", ROOT).children()

    def call(self, address: DBusAddress, method: str, signature: str | None = None, body: tuple[Any, ...] = ()) -> Any:
        message = new_method_call(address, method, signature, body)
        return self._answer(message)

    def get(self, address: DBusAddress, name: str) -> Any:
        return self._answer(Properties(address).get(name))[0][1]

    def _answer(self, message: Any) -> Any:
        reply = self.connection.send_and_get_reply(message, timeout=_CALL_S)
        if reply.header.message_type == MessageType.error:
            raise DBusErrorResponse(reply)
        return reply.body

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True)
class Node:
    """Something that can be read aloud."""

    reader: Reader
    bus: str
    path: str

    def _at(self, interface: str) -> DBusAddress:
        return DBusAddress(self.path, self.bus, interface)

    @property
    def name(self) -> str:
        return str(self.reader.get(self._at(ACCESSIBLE), "Name"))

    @property
    def description(self) -> str:
        return str(self.reader.get(self._at(ACCESSIBLE), "Description"))

    @cached_property
    def role(self) -> str:
        return str(self.reader.call(self._at(ACCESSIBLE), "GetRoleName")[0])

    @property
    def count(self) -> int:
        return int(self.reader.get(self._at(ACCESSIBLE), "ChildCount"))

    def child(self, number: int) -> Node:
        (bus, path) = self.reader.call(self._at(ACCESSIBLE), "GetChildAtIndex", "i", (number,))[0]
        return Node(self.reader, bus, path)

    def children(self) -> list[Node]:
        return [Node(self.reader, bus, path) for bus, path in self.reader.call(self._at(ACCESSIBLE), "GetChildren")[0]]

    def shown(self) -> list[Node]:
        """Its children that are on the screen."""
        return [child for child in self.children() if child.has(SHOWING)]

    def states(self) -> int:
        """A bit for each state."""
        low, high = self.reader.call(self._at(ACCESSIBLE), "GetState")[0]
        return int(low | high << 32)

    def has(self, state: int) -> bool:
        return bool(self.states() >> state & 1)

    def text(self) -> str:
        return str(self.reader.call(self._at(TEXT), "GetText", "ii", (0, -1))[0])

    def press(self) -> None:
        """Do its first action, such as pressing a button."""
        self.reader.call(self._at(ACTION), "DoAction", "i", (0,))

    def focus(self) -> None:
        """Give it the keyboard."""
        self.reader.call(self._at(COMPONENT), "GrabFocus")

    def below(self, most: int = 1000) -> Iterator[Node]:
        """Itself and all below it that is shown, without the items of lists longer than `most`."""
        yield self
        if self.count <= most:
            for child in self.shown():
                yield from child.below(most)

    def find(self, role: str, name: str | Callable[[str], bool] = "") -> Node | None:
        """The first shown thing of a role; `name`: its name, '' for any."""
        fits = name if callable(name) else (lambda found: not name or found == name)
        return next((node for node in self.below() if node.role == role and fits(node.name)), None)
