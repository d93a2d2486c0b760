"""What every panel is given: the open workspace, the bridge to the loop, the theme, the lexer, the running turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.ui.bridge import Bridge
    from app.ui.conversation.lexing import Lexer
    from app.ui.theme import Themes
    from app.ui.turns import Turns
    from app.workspace import Workspace

T = TypeVar("T")
Failed = Callable[[BaseException], object]


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by the panels of one window. me: the person's name."""

    workspace: Workspace
    bridge: Bridge
    themes: Themes
    lexer: Lexer
    turns: Turns
    me: str

    def read(self, query: Callable[[Queries], T], then: Callable[[T], object], failed: Failed | None = None) -> None:
        """Run a query off the main thread; `then` gets the result on it."""
        self.bridge.call(self.workspace.read_async(query), then, failed)

    def write(
        self,
        operation: Callable[[SessionOperations], T],
        then: Callable[[T], object] | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Run an operation on the writing thread; `then` gets the result on the main thread."""
        self.bridge.call(self.workspace.write_async(operation), then, failed)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self.workspace.clock.now_ms()

    def setting(self, name: str, default: Any = None) -> Any:
        """A local setting of the window, at once."""
        return self.workspace.settings.get(f"window.{name}", default)

    def keep_setting(self, name: str, value: Any) -> None:
        """Keep a local setting of the window; does not wait."""
        self.write(lambda operations: operations.set_setting(f"window.{name}", value))
