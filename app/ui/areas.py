"""The three areas of the window, left, main and right: tabs of panels, divided by splitters that people move.

A panel is made when its tab is first in front. The area of the open sessions holds as many conversations as people
open beside one another; every other panel is there once.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from app.ui.desk import Desk
from app.ui.panel import Area, Panel, PanelKind

AREAS: tuple[Area, ...] = ("left", "main", "right")
DEFAULT_WIDTHS = {"left": 280, "main": 600, "right": 460}
LEAST_WIDTHS = {"left": 200, "main": 360, "right": 260}
LONGEST_TITLE = 32


class _Tab(QWidget):
    """A place in the stack for a panel that may not have been made yet."""

    def __init__(self, kind: PanelKind, parent: QWidget) -> None:
        super().__init__(parent)
        self.kind = kind
        self.panel: Panel | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)


class TabArea(QWidget):
    """Tabs of panels. made: a panel came to be. fronted: another panel is in front. closed: a panel was closed."""

    made = Signal(object)
    fronted = Signal(object)
    closed = Signal(object)

    def __init__(self, name: Area, desk: Desk, kinds: Sequence[PanelKind], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"area-{name}")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self.name = name
        self._remembered: dict[str, dict[str, Any]] = {}
        self.bar = _TabBar(self)
        self.bar.setAccessibleName({"left": "Lists", "main": "Open tabs", "right": "Tools"}[name])
        self.stack = QStackedWidget(self)
        self._corner = QHBoxLayout()
        self._corner.setContentsMargins(8, 0, 8, 0)
        self._corner.addWidget(self.bar, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._corner)
        layout.addWidget(self.stack, 1)
        self.setMinimumWidth(LEAST_WIDTHS[name])
        if name == "main":
            self.bar.setTabsClosable(True)
            self.bar.tabCloseRequested.connect(lambda index: self.close_tab(self._tab(index)))
        else:
            for kind in kinds:
                self._insert(kind)
        self.bar.currentChanged.connect(self._front)
        self._show_bar()

    def set_head(self, widget: QWidget) -> None:
        """Show a widget above the tabs."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, widget)

    # Panels

    def panels(self) -> list[Panel]:
        """Those that have been made, in the order of their tabs."""
        return [tab.panel for tab in self._tabs() if tab.panel is not None]

    def front(self) -> Panel | None:
        """The panel in front."""
        tab = self.stack.currentWidget()
        return tab.panel if isinstance(tab, _Tab) else None

    def show_kind(self, kind: PanelKind) -> Panel:
        """Bring a panel of the kind to the front: the one in front, another one, or a new one."""
        current = self.stack.currentWidget()
        tabs = [tab for tab in self._tabs() if tab.kind is kind]
        tab = current if current in tabs else tabs[-1] if tabs else self._insert(kind)
        assert isinstance(tab, _Tab)
        return self._bring(tab)

    def add(self, kind: PanelKind) -> Panel:
        """One more panel of the kind, in front."""
        return self._bring(self._insert(kind))

    def bring(self, panel: Panel) -> None:
        """Show a panel's tab."""
        for tab in self._tabs():
            if tab.panel is panel:
                self._bring(tab)

    def close_front(self) -> None:
        """Close the tab in front."""
        tab = self.stack.currentWidget()
        if self.bar.tabsClosable() and isinstance(tab, _Tab):
            self.close_tab(tab)

    def step(self, direction: int) -> None:
        """The next (1) or previous (-1) tab, around the ends."""
        if self.bar.count():
            self.bar.setCurrentIndex((self.bar.currentIndex() + direction) % self.bar.count())

    def close_tab(self, tab: _Tab) -> None:
        """Take a tab away; the last one stays."""
        if self.bar.count() < 2:
            return
        self.bar.removeTab(self._index(tab))
        self.stack.removeWidget(tab)
        self.closed.emit(tab.panel)
        tab.deleteLater()
        self._show_bar()

    def set_title(self, panel: Panel, title: str) -> None:
        """Name the tab of a panel."""
        for index in range(self.bar.count()):
            if self._tab(index).panel is panel:
                short = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
                self.bar.setTabText(index, short.replace("&", "&&"))
                self.bar.setTabToolTip(index, title if short != title else "")

    # State

    def state(self) -> dict[str, Any]:
        """Order of the tabs, the one in front, and what their panels remember."""
        tabs = [self._tab(index) for index in range(self.bar.count())]
        return {
            "tabs": [{"kind": tab.kind.id, "state": tab.panel.state() if tab.panel else {}} for tab in tabs],
            "front": self.bar.currentIndex(),
        }

    def restore(self, state: dict[str, Any], kinds: dict[str, PanelKind]) -> None:
        """Bring back what `state` gave. Kinds that are unknown now are left out; panels are made when shown."""
        known = [(kinds[tab["kind"]], tab.get("state", {})) for tab in state.get("tabs", []) if tab["kind"] in kinds]
        if self.name == "main":
            for kind, remembered in known:
                tab = self._insert(kind)
                self._make(tab).restore(remembered)
        else:
            for place, (kind, remembered) in enumerate(known):
                self._move(kind, place)
                self._remembered[kind.id] = remembered
        if 0 <= state.get("front", -1) < self.bar.count():
            self.bar.setCurrentIndex(state["front"])
        self._front(self.bar.currentIndex())

    def _move(self, kind: PanelKind, place: int) -> None:
        for index in range(self.bar.count()):
            if self._tab(index).kind is kind:
                self.bar.moveTab(index, place)
                return

    # Tabs

    def _tabs(self) -> list[_Tab]:
        return [self._tab(index) for index in range(self.bar.count())]

    def _tab(self, index: int) -> _Tab:
        tab = self.bar.tabData(index)
        assert isinstance(tab, _Tab)
        return tab

    def _index(self, tab: _Tab) -> int:
        return self._tabs().index(tab)

    def _insert(self, kind: PanelKind) -> _Tab:
        tab = _Tab(kind, self)
        self.stack.addWidget(tab)
        blocked = self.bar.blockSignals(True)
        index = self.bar.addTab(kind.title)
        self.bar.setTabData(index, tab)
        self.bar.blockSignals(blocked)
        self._show_bar()
        return tab

    def _bring(self, tab: _Tab) -> Panel:
        made = self._make(tab)
        self.bar.setCurrentIndex(self._index(tab))
        self._front(self.bar.currentIndex())
        return made

    def _make(self, tab: _Tab) -> Panel:
        if tab.panel is None:
            tab.panel = tab.kind.make(self._desk, tab)
            layout = tab.layout()
            assert layout is not None
            layout.addWidget(tab.panel)
            tab.panel.show()  # the layout would show it only when Qt turns
            self.made.emit(tab.panel)
            tab.panel.restore(self._remembered.pop(tab.kind.id, {}))
        return tab.panel

    def _front(self, index: int) -> None:
        if index < 0:
            return
        tab = self._tab(index)
        self.stack.setCurrentWidget(tab)
        if self.isVisibleTo(self.window()):
            self.fronted.emit(self._make(tab))

    def make_front(self) -> None:
        """Make the panel in front, if it has not been made: the area is shown now."""
        self._front(self.bar.currentIndex())

    def _show_bar(self) -> None:
        self.bar.setVisible(self.bar.count() > 1)


class _TabBar(QTabBar):
    """Quiet tabs, movable, closed by the middle button where they can be closed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMovable(True)
        self.setDocumentMode(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setUsesScrollButtons(True)
        self.setIconSize(QSize(0, 0))

    def mouseReleaseEvent(self, event: Any) -> None:
        index = self.tabAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton and index >= 0 and self.tabsClosable():
            self.tabCloseRequested.emit(index)
        else:
            super().mouseReleaseEvent(event)


class Areas(QSplitter):
    """The areas side by side. fronted: (area, panel in front)."""

    fronted = Signal(object, object)

    def __init__(self, desk: Desk, kinds: Sequence[PanelKind], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.kinds = {kind.id: kind for kind in kinds}
        self._aside: set[Area] = set()
        self._to_come: dict[str, Any] | None = None
        self._areas = {name: TabArea(name, desk, [kind for kind in kinds if kind.area == name]) for name in AREAS}
        for name, area in self._areas.items():
            self.addWidget(area)
            area.fronted.connect(lambda panel, of=name: self.fronted.emit(of, panel))
        self.setStretchFactor(1, 1)
        self.setSizes(list(DEFAULT_WIDTHS.values()))
        self._areas["right"].hide()

    def area(self, name: Area) -> TabArea:
        """One of the three."""
        return self._areas[name]

    def on_made(self, told: Callable[[Panel], object]) -> None:
        """Be told of every panel when it has been made."""
        for area in self._areas.values():
            area.made.connect(told)

    def area_of(self, panel: Panel) -> Area:
        """Where a panel is."""
        return next(name for name, area in self._areas.items() if panel in area.panels())

    def panels(self) -> list[Panel]:
        """All panels that have been made."""
        return [panel for area in self._areas.values() for panel in area.panels()]

    def show_kind(self, kind: str) -> Panel:
        """Bring a panel to the front, its area with it."""
        self.make_rest()
        row = self.kinds[kind]
        self.set_shown(row.area, True)
        return self._areas[row.area].show_kind(row)

    def is_shown(self, name: Area) -> bool:
        """Whether an area is open, or will be when it is not set aside any more."""
        return not self._areas[name].isHidden() or name in self._aside

    def set_aside(self, name: Area, aside: bool) -> None:
        """Close an open area for a while: what is in front has no use for it. Opened by hand it is open for good."""
        if aside and self.is_shown(name):
            self._aside.add(name)
            self._areas[name].hide()
        elif not aside and name in self._aside:
            self._aside.discard(name)
            self.set_shown(name, True)

    def set_shown(self, name: Area, shown: bool) -> None:
        """Open or close an area."""
        self.make_rest()
        area = self._areas[name]
        self._aside.discard(name)
        if area.isHidden() != shown:
            return
        area.setVisible(shown)
        if shown:
            self._give_room(name)
            area.make_front()

    def _give_room(self, name: Area) -> None:
        """An area that opens takes its width from the main one, which keeps its least."""
        sizes, place = self.sizes(), AREAS.index(name)
        if name != "main" and sizes[place] < LEAST_WIDTHS[name]:
            wanted = min(DEFAULT_WIDTHS[name], max(LEAST_WIDTHS[name], sizes[1] - LEAST_WIDTHS["main"]))
            sizes[place], sizes[1] = wanted, max(LEAST_WIDTHS["main"], sizes[1] - wanted)
            self.setSizes(sizes)

    def state(self) -> dict[str, Any]:
        """Widths, open areas, tabs and what panels remember, as JSON."""
        self.make_rest()
        return {
            "splitter": base64.b64encode(self.saveState().data()).decode(),
            "shown": [name for name in AREAS if self.is_shown(name)],
            "areas": {name: area.state() for name, area in self._areas.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Bring back what `state` gave: the left area now, the others at `make_rest`; what is missing stays."""
        shown = state.get("shown", ["left", "main"])
        for name in ("left", "right"):
            self._areas[name].setVisible(name in shown)
        if "splitter" in state:
            self.restoreState(QByteArray(base64.b64decode(state["splitter"])))
        self._to_come = state.get("areas", {})
        self._areas["left"].restore(self._to_come.get("left", {}), self.kinds)

    def make_rest(self) -> None:
        """The tabs of the other areas, if they are still to come, with at least a conversation among them."""
        if self._to_come is None:
            return
        areas, self._to_come = self._to_come, None
        for name in ("main", "right"):
            self._areas[name].restore(areas.get(name, {}), self.kinds)
        if not self._areas["main"].panels():
            self.show_kind("conversation")
