"""What every panel of the window is, and the row of the table that makes it one (`app.ui.panels.PANELS`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from app.ui.desk import Desk
    from app.ui.places import Place
    from app.ui.turns import Activity

Area = Literal["left", "main", "right"]


class Panel(QWidget):
    """A tab of one of the window's areas. Panels are made when they are first shown, and know no other panel.

    What a panel wants of the window it asks of its desk: `go`, `report`, `say`, `offer`, `ask`.
    title_changed: its tab is called otherwise now.
    """

    title_changed = Signal(str)
    shows_sessions = False
    """Whether it is the conversation: `show_session` goes to panels around it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk

    def show_session(self, session: str | None) -> None:
        """Another session is in front. Called also for hidden panels: read only when shown."""

    def show_workspace(self) -> None:
        """Another workspace is in force, or its folders or name are others: what was shown is not of it any more."""

    def refresh(self, sessions: frozenset[str]) -> None:
        """These sessions have got events or other fields, by this process or another."""

    def refresh_company(self, sessions: frozenset[str]) -> None:
        """Somebody else came into sessions, or left them."""

    def refresh_drafts(self, sessions: frozenset[str]) -> None:
        """What streams in these sessions has grown."""

    def show_activity(self, activity: Activity) -> None:
        """Turns run or wait now in these sessions."""

    def go(self, place: Place) -> None:
        """Show a place that the table says is this panel's."""

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        """What the commands of this panel do (`app.commands.window`), by id."""
        return {}

    def state(self) -> dict[str, Any]:
        """What to remember for the next start, as JSON."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave; unknown and missing keys are fine."""


@dataclass(frozen=True, slots=True)
class PanelKind:
    """A row of the table. made_by: "module:class". places: what its `go` shows."""

    id: str
    title: str
    area: Area
    made_by: str
    places: tuple[type, ...] = ()

    def make(self, desk: Desk, parent: QWidget | None = None) -> Panel:
        """The panel; its module is imported now."""
        module, name = self.made_by.split(":")
        made: Panel = getattr(import_module(module), name)(desk, parent)
        return made
