"""What every panel is given: the open workspace, the bridge to the loop, the theme, the lexer, what runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from app.ui.own_commands import OwnCommands
from sync.errors import SyncError

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.ui.bridge import Bridge
    from app.ui.conversation.lexing import Lexer
    from app.ui.jobs import WindowJobs
    from app.ui.network import WindowNetwork
    from app.ui.places import Place
    from app.ui.theme import Themes
    from app.ui.turns import Turns
    from app.workspace import Workspace

T = TypeVar("T")
Failed = Callable[[BaseException], object]


class Requests(QObject):
    """What panels ask of the window; `Desk` has a method for each.

    went: a `Place`. failed: an exception. said: a short word for the status bar. offered: (sentence, button, action).
    asked: (question, value, action taking the text). commanded: a command, by its id. configured: the part of the
    settings that has changed and is in force now: a page of `app.ui.settings`, or the person's name.
    """

    went = Signal(object)
    failed = Signal(object)
    said = Signal(str)
    offered = Signal(str, str, object)
    asked = Signal(str, str, object)
    commanded = Signal(str)
    configured = Signal(str)


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by the panels of one window."""

    workspace: Workspace
    bridge: Bridge
    themes: Themes
    lexer: Lexer
    turns: Turns
    network: WindowNetwork
    jobs: WindowJobs
    requests: Requests = field(default_factory=Requests)
    own_commands: OwnCommands = field(default_factory=OwnCommands)

    @property
    def me(self) -> str:
        """The person's name, as it is now."""
        return str(self.workspace.settings.get("name", ""))

    def go(self, place: Place) -> None:
        """Take the person to a place in the window."""
        self.requests.went.emit(place)

    def report(self, error: BaseException) -> None:
        """Say what went wrong; the work goes on."""
        self.requests.failed.emit(error)

    def say(self, text: str) -> None:
        """A short word in the status bar."""
        self.requests.said.emit(text)

    def offer(self, text: str, button: str, action: Callable[[], object]) -> None:
        """A sentence with one thing to do about it, such as Undo."""
        self.requests.offered.emit(text, button, action)

    def command(self, command: str) -> None:
        """Run a command of the registry, as if chosen from the menu."""
        self.requests.commanded.emit(command)

    def ask(self, question: str, value: str, action: Callable[[str], object]) -> None:
        """Ask for a line of text."""
        self.requests.asked.emit(question, value, action)

    def tell_configured(self, part: str) -> None:
        """This part of the settings has changed and is in force."""
        self.requests.configured.emit(part)

    def read(self, query: Callable[[Queries], T], then: Callable[[T], object], failed: Failed | None = None) -> None:
        """Run a query off the main thread; `then` gets the result on it, `failed` (else `report`) the exception."""
        self.bridge.call(self.workspace.read_async(query), then, failed or self.report)

    def read_now(
        self, query: Callable[[Queries], T], then: Callable[[T], object], failed: Failed | None = None
    ) -> None:
        """As `read`, but at once: a query of a millisecond, for what the first picture of the window shows."""
        try:
            found = self.workspace.read(query)
        except SyncError as error:
            (failed or self.report)(error)
        else:
            then(found)

    def write(
        self,
        operation: Callable[[SessionOperations], T],
        then: Callable[[T], object] | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Run an operation on the writing thread; `then` and `failed` as in `read`."""
        self.bridge.call(self.workspace.write_async(operation), then, failed or self.report)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self.workspace.clock.now_ms()

    def setting(self, name: str, default: Any = None) -> Any:
        """A local setting of the window (`app.ui.kept`), at once."""
        return self.workspace.settings.get(f"window.{name}", default)

    def keep_setting(
        self,
        name: str,
        value: Any,
        then: Callable[[None], object] | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Keep a local setting of the window (None: forget it); does not wait. `then` and `failed` as in `read`."""
        self.write(lambda operations: operations.set_setting(f"window.{name}", value), then, failed)
