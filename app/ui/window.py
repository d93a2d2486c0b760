"""The main window: three areas of panels, one way to every place, menus and keys, what is live, and its state."""

from __future__ import annotations

import base64
import contextlib
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeGuard, cast

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QVBoxLayout, QWidget

from app.commands import sessions as commands
from app.commands.window import WindowCommand
from app.errors import UserError
from app.sessions.links import InviteLink, SessionLink, parse_link
from app.ui import kept
from app.ui.actions import Actions, AnyCommand
from app.ui.areas import Areas
from app.ui.bridge import union
from app.ui.deeds import Deeds
from app.ui.desk import Desk
from app.ui.elsewhere import Elsewhere
from app.ui.masthead import Masthead
from app.ui.network import sync_words
from app.ui.notice import NoticeBar
from app.ui.notifications import Notification, notifications, send
from app.ui.panel import Panel
from app.ui.panels import PANELS
from app.ui.places import LinkPlace, PanelPlace, Place, SessionPlace
from app.ui.status import StatusBar
from app.ui.theme import ZOOM_STEP
from app.ui.turns import LEFT, PROPOSED, RUNNING, Activity, Left
from app.ui.words import in_words, is_foreseen

if TYPE_CHECKING:
    from pathlib import Path

    from app.network.inviting import Asked
    from app.network.opening import Opened
    from app.ui.palette import Palette
    from app.ui.panels.browser import BrowserPanel
    from app.ui.panels.conversation import ConversationPanel

SESSIONS_CHANGED, DRAFTS_CHANGED, COMPANY_CHANGED = "sessions changed", "drafts changed", "company changed"
PLACES_CHANGED, JOBS_CHANGED = "places changed", "jobs changed"
CLOSE_SECONDS = 5.0
CALM_S = 0.3
"""Changes by others are looked for so long after the window is made: it is painted first."""
LATER_MS = 2_000
"""What can wait begins so long after the window stands."""


def _is_conversation(panel: Panel | None) -> TypeGuard[ConversationPanel]:
    """As isinstance, which would import the conversation: it is not in the first picture."""
    return panel is not None and panel.shows_sessions


class MainWindow(QMainWindow):
    """One workspace in one window. closed: the person closed it, and everything it ran has ended."""

    closed = Signal()

    def __init__(self, desk: Desk, icon: QIcon, icon_file: Path | None = None) -> None:
        super().__init__()
        self._desk = desk
        self._icon_file = icon_file
        self._activity, self._turns_activity = Activity(), Activity()
        self._elsewhere = Elsewhere(desk, self)
        self._knows_jobs = False
        self._places = {place: kind for kind in PANELS for place in kind.places}
        self.setWindowTitle("Lovelace")
        self.setWindowIcon(icon)
        self.areas = Areas(desk, PANELS, self)
        self.notice = NoticeBar(self)
        self.deeds = Deeds(
            desk,
            self,
            session=lambda: self.session,
            title=lambda: self.conversation.title.text(),
            switched=self._show_workspace,
            choose_place=lambda: self.masthead.choose(),
            opened=self._after_opening,
        )
        self.actions_of = Actions(self, self._run)
        self.actions_of.set_shortcuts(desk.setting(kept.SHORTCUTS, {}))
        self.masthead = Masthead(desk, self.deeds.switch, self._menu(), self)
        self.status = StatusBar(
            self,
            go_waiting=self._go_waiting,
            reset_zoom=lambda: self._zoom(0),
            go_sync=self._go_sync,
        )
        self._handlers = self._own_handlers()
        self._arrange()
        self._connect()
        self._restore()

    # The panels that are always there

    @property
    def conversation(self) -> ConversationPanel:
        """The conversation in front, or the one that was there last."""
        self.areas.make_rest()
        front = self.areas.area("main").front()
        panels = [front, *self.areas.area("main").panels()]
        for panel in panels:
            if _is_conversation(panel):
                return panel
        return cast("ConversationPanel", self.areas.show_kind("conversation"))

    @property
    def browser(self) -> BrowserPanel:
        """The list of sessions."""
        (panel,) = self.areas.area("left").panels()
        return cast("BrowserPanel", panel)

    @property
    def session(self) -> str | None:
        """The session in front."""
        return self.conversation.session

    # What is not seen at the start is made when it is first used

    @cached_property
    def palette_box(self) -> Palette:
        """The palette of everything there is to go to."""
        from app.ui.palette import Palette

        return Palette(self._desk, self.actions_of, self)

    def _arrange(self) -> None:
        center = QWidget(self)
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self.areas, 1)
        self.setCentralWidget(center)
        self.setStatusBar(self.status)
        self.areas.area("left").set_head(self.masthead)

    def _menu(self) -> QMenu:
        """All commands by menu: in the menu bar of the system where it has one, else behind the button at the top."""
        if self.menuBar().isNativeMenuBar():
            self.actions_of.fill(self.menuBar().addMenu)
        menu = QMenu(self)
        self.actions_of.fill(menu.addMenu)
        return menu

    def _connect(self) -> None:
        requests, bridge = self._desk.requests, self._desk.bridge
        requests.went.connect(self.go)
        requests.failed.connect(self.report)
        requests.said.connect(self.status.say)
        requests.offered.connect(self.notice.offer)
        requests.asked.connect(self.notice.ask)
        requests.commanded.connect(lambda command: self.actions_of[command].trigger())
        requests.configured.connect(self._configured)
        bridge.failed.connect(self.report)
        bridge.receive(RUNNING, self._take_turns)
        bridge.receive(JOBS_CHANGED, lambda _jobs: self._desk.jobs.look_soon())
        self._desk.jobs.changed.connect(self._take_jobs)
        bridge.receive(LEFT, self._tell_left)
        bridge.receive(PROPOSED, self._tell_proposed)
        bridge.receive(SESSIONS_CHANGED, self._refresh)
        bridge.receive(DRAFTS_CHANGED, self._refresh_drafts)
        bridge.receive(COMPANY_CHANGED, self._refresh_company)
        self._elsewhere.changed.connect(lambda: self._show_activity(self._with_jobs()))
        bridge.receive(PLACES_CHANGED, lambda _places: self.masthead.refresh())
        self.masthead.renamed.connect(self._show_workspace)
        self.areas.on_made(self._adopt)
        self.areas.fronted.connect(self._fronted)
        self._desk.themes.changed.connect(lambda _theme: self.status.show_zoom(self._desk.themes.zoom))
        self.status.show_zoom(self._desk.themes.zoom)
        self._desk.network.changed.connect(self._show_sync)

    def _adopt(self, panel: Panel) -> None:
        """A panel has been made: it learns what is in front, and what it says is passed on."""
        panel.title_changed.connect(lambda title: self._title(panel, title))
        panel.show_activity(self._activity)
        if _is_conversation(panel):
            panel.opened.connect(self._session_opened)
        elif self.areas.area_of(panel) != "main":
            panel.show_session(self._front_session())

    def _front_session(self) -> str | None:
        panel = self.areas.area("main").front()
        return panel.session if _is_conversation(panel) else None

    def _configured(self, part: str) -> None:
        if part == "shortcuts":
            self.actions_of.set_shortcuts(self._desk.setting(kept.SHORTCUTS, {}))
        elif part == "folders":
            self._show_workspace()

    # For the application

    def load(self) -> None:
        """Make what the first picture does without, and show the panels that were in front; what is live begins."""
        self.areas.make_rest()
        for name in ("left", "main"):
            self.areas.area(name).make_front()
        self._desk.bridge.call(self._watch())
        self._desk.jobs.look()
        self._elsewhere.look_first()
        QTimer.singleShot(LATER_MS, self, self._follow)

    def _follow(self) -> None:
        from app.ui.following import follow

        follow(self._desk)

    def open_session(self, session: str, event: str | None = None) -> None:
        """Show a session."""
        self.go(SessionPlace(session, event))

    def open_link(self, text: str) -> None:
        """Show what a link names or shares; one to a session of another workspace switches to it."""

        try:
            link = parse_link(text)
        except UserError as error:
            self.report(error)
            return
        if isinstance(link, InviteLink):
            self._ask_to_join(str(link))
            return
        self._desk.say("Opening the link …")
        self._desk.bridge.call(self._desk.network.open_link(link), self._go_to_link, self._link_failed)

    def _ask_to_join(self, link: str) -> None:
        from app.ui.peers.joining import QUESTION, ask_to_join, asked_words

        def asked(value: Asked) -> None:
            self.notice.say(asked_words(value))
            self._show_workspace()

        def ask() -> None:
            self._desk.say("Looking for a device that can let you in …")
            self._desk.bridge.call(ask_to_join(self._desk, link), asked, self.report)

        self.notice.offer(QUESTION, "Ask to Join", ask)

    def _go_to_link(self, link: Opened) -> None:
        self._desk.say("")
        if link.workspace != self._desk.workspace.id:
            self._desk.workspace.use(link.workspace)
            self._show_workspace()
        self.go(SessionPlace(link.session, link.event))

    def _link_failed(self, error: BaseException) -> None:
        self._desk.say("")
        self.report(error)

    def come_forward(self, arguments: list[str]) -> None:
        """Another start was asked for while this window was open; it may have been given links."""
        self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        for link in arguments:
            self.open_link(link)

    def report(self, error: BaseException) -> None:
        """Show what went wrong, as a sentence; the work goes on. What nobody foresaw also goes to stderr, in full."""
        if not is_foreseen(error):
            traceback.print_exception(error)
        self.notice.say(in_words(error), "error")

    # Going

    def _tell_left(self, left: Left) -> None:
        """A prompt went to the device that runs its session: it can be run here all the same."""
        turns, bridge = self._desk.turns, self._desk.bridge

        async def here() -> None:
            await turns.take_over(left.session)
            if not left.is_own:
                await turns.prompt(left.session, (await turns.names())[0], left.text, tools=False)

        sentence = (
            "Another device of yours runs this session and got the prompt."
            if left.is_own
            else "Somebody else runs this session: your prompt waits there as a suggestion."
        )
        self._desk.offer(sentence, "Run Here Instead", lambda: bridge.call(here(), failed=self._desk.report))

    def _tell_proposed(self, agent: str) -> None:
        """An agent would have something remembered: it counts once the person accepts it."""
        place = PanelPlace("settings", "memory")
        self._desk.offer(f"{agent} proposes to remember something.", "Look", lambda: self._desk.go(place))

    def _go_sync(self) -> None:
        """Show what syncs, or who waits to be let in."""
        self.go(PanelPlace("settings", "members" if self._desk.network.view.requests else "sync"))

    def _show_sync(self) -> None:
        self.status.show_sync(*sync_words(self._desk.network.view))

    def go(self, place: Place) -> None:
        """Take the person to a place: the panel that shows it comes to the front."""
        if isinstance(place, LinkPlace):
            self.open_link(place.link)
        elif isinstance(place, PanelPlace):
            self.areas.show_kind(place.kind).go(place)
        elif isinstance(place, SessionPlace) and place.beside:
            self.areas.make_rest()
            self.areas.area("main").add(self._places[SessionPlace]).go(place)
        else:
            self.areas.show_kind(self._places[type(place)].id).go(place)

    def _fronted(self, area: str, panel: Panel) -> None:
        if area == "main":
            self.areas.set_aside("right", not _is_conversation(panel))
            self._session_opened()
            self._name_window()

    def _session_opened(self) -> None:
        """Another session is in front: the panels around it follow."""
        session = self._front_session()
        for name in ("left", "right"):
            for panel in self.areas.area(name).panels():
                panel.show_session(session)
        self._show_stop()

    def _title(self, panel: Panel, title: str) -> None:
        self.areas.area("main").set_title(panel, title)
        self._name_window()

    def _name_window(self) -> None:
        title = self.conversation.title.text() if self._front_session() else ""
        self.setWindowTitle(f"{title} – Lovelace" if title else "Lovelace")

    def _go_waiting(self) -> None:
        """Show a session that waits, else one that runs; again: the next."""
        wanted = sorted(self._activity.waiting or self._activity.working)
        if not wanted:
            self._desk.say("Nothing waits for you.")
            return
        session = self.session
        place = wanted.index(session) + 1 if session in wanted else 0
        self.open_session(wanted[place % len(wanted)])

    # Live

    async def _watch(self) -> None:
        """On the loop: tell the main thread which sessions this or another process has changed."""
        async for change in self._desk.workspace.changes(calm=CALM_S):
            news = (
                (SESSIONS_CHANGED, change.sessions),
                (DRAFTS_CHANGED, change.drafts),
                (COMPANY_CHANGED, change.company),
                (PLACES_CHANGED, change.places),
                (JOBS_CHANGED, change.jobs),
            )
            for key, touched in news:
                if touched:
                    self._desk.bridge.publish(key, touched, union)

    def _refresh(self, sessions: frozenset[str]) -> None:
        self._elsewhere.look(sessions)
        for panel in self.areas.panels():
            panel.refresh(sessions)

    def _refresh_company(self, sessions: frozenset[str]) -> None:
        for panel in self.areas.panels():
            panel.refresh_company(sessions)

    def _refresh_drafts(self, sessions: frozenset[str]) -> None:
        for panel in self.areas.panels():
            panel.refresh_drafts(sessions)

    def _take_turns(self, activity: Activity) -> None:
        self._turns_activity = activity
        self._show_activity(self._with_jobs())

    def _take_jobs(self) -> None:
        """The tasks of the home go on; those that are found when the window begins are no news."""
        known, self._knows_jobs = self._knows_jobs, True
        self._show_activity(self._with_jobs(), tell=known)

    def _with_jobs(self) -> Activity:
        turns, jobs = self._turns_activity, self._desk.jobs.view
        return Activity(turns.running, turns.waiting | jobs.waiting() | self._elsewhere.waiting, jobs.steps())

    def _show_activity(self, activity: Activity, *, tell: bool = True) -> None:
        if tell and not self.isActiveWindow():
            self._notify(notifications(self._activity, activity))
        self._activity = activity
        self.status.show_activity(activity, self._desk.jobs.view.titles())
        for panel in self.areas.panels():
            panel.show_activity(activity)
        self._show_stop()

    def _show_stop(self) -> None:
        self.actions_of["conversation.stop"].setEnabled(self._front_session() in self._activity.running)

    def _notify(self, told: list[Notification]) -> None:
        for one in told:
            QApplication.alert(self)
            if self._icon_file is not None:
                self._desk.bridge.call(self._send(one, self._icon_file))

    async def _send(self, notification: Notification, icon: Path) -> None:
        row = await self._desk.workspace.read_async(lambda queries: queries.session(notification.session))
        await send(notification, row.title, icon)

    # Commands

    def _run(self, command: AnyCommand) -> None:
        if not isinstance(command, WindowCommand):
            self.deeds.run(command)
        elif command.panel is None:
            self._handlers[command.id]()
        elif command.panel == "conversation":
            self.conversation.handlers()[command.id]()
        else:
            self.areas.show_kind(command.panel).handlers()[command.id]()

    def _own_handlers(self) -> Mapping[str, Callable[[], object]]:
        areas, main, themes = self.areas, self.areas.area("main"), self._desk.themes
        return {
            "window.new_task": self._new_task,
            "window.palette": lambda: self.palette_box.open(),
            "window.quit": self.close,
            "window.settings": lambda: self.go(PanelPlace("settings")),
            "window.shortcuts": lambda: self.go(PanelPlace("settings", "shortcuts")),
            "window.about": self._about,
            "window.close_tab": main.close_front,
            "window.next_tab": lambda: main.step(1),
            "window.previous_tab": lambda: main.step(-1),
            "window.left": lambda: areas.set_shown("left", not areas.is_shown("left")),
            "window.right": lambda: areas.set_shown("right", not areas.is_shown("right")),
            "window.zoom_in": lambda: self._zoom(themes.zoom + ZOOM_STEP),
            "window.zoom_out": lambda: self._zoom(themes.zoom - ZOOM_STEP),
            "window.zoom_reset": lambda: self._zoom(0),
            "window.theme_light": lambda: self._choose_theme("light"),
            "window.theme_dark": lambda: self._choose_theme("dark"),
            "window.theme_system": lambda: self._choose_theme("system"),
            "window.copy_link": self._copy_link,
            "window.open_link": lambda: self._desk.ask("Link", "lovelace://", self.open_link),
            "window.waiting": self._go_waiting,
            "window.run_workflow": self._run_workflow,
            "window.continue_workflow": self._continue_workflow,
        }

    def _new_task(self) -> None:
        from app.ui.tasks.dialog import show_new_task_dialog

        show_new_task_dialog(self._desk, self)

    def _run_workflow(self) -> None:
        from app.ui.workflow.dialog import choose_workflow

        choose_workflow(self._desk, self)

    def _continue_workflow(self) -> None:
        from app.ui.workflow.beginning import go_on

        if self.session is None:
            self._desk.say("Open a session first.")
        else:
            self._desk.bridge.call(go_on(self._desk, self.session), failed=self.report)

    def _after_opening(self, command: str) -> None:
        if command == commands.NEW.id:
            self.conversation.focus_composer()

    def _copy_link(self) -> None:
        if self.session is not None:
            QGuiApplication.clipboard().setText(str(SessionLink(self.session)))
            self._desk.say("Link copied. It opens in your own Lovelace.")

    def _about(self) -> None:
        from importlib.metadata import version

        self.notice.say(f"Lovelace {version('lovelace')}. Your data: {self._desk.workspace.home}")

    def _choose_theme(self, choice: str) -> None:
        self._desk.themes.choose(choice)  # type: ignore[arg-type]
        self._desk.keep_setting(kept.THEME, choice)

    def _zoom(self, zoom: float) -> None:
        """Text in this size; 0: the normal one."""
        self._desk.themes.set_zoom(zoom or 1.0)
        self._desk.keep_setting(kept.ZOOM, self._desk.themes.zoom)

    def _show_workspace(self) -> None:
        """Another workspace is in force, or this one has changed: everything is read anew."""
        self.masthead.refresh()
        self._desk.network.look_again()
        for panel in self.areas.panels():
            panel.show_workspace()

    # State of the window

    def _restore(self) -> None:
        state = self._desk.setting(kept.STATE, {})
        self.resize(1280, 820)
        if "geometry" in state:
            self.restoreGeometry(QByteArray(base64.b64decode(state["geometry"])))
        self.areas.restore(state.get("areas", {}))

    def _keep_state(self) -> None:
        state = {
            "geometry": base64.b64encode(self.saveGeometry().data()).decode(),
            "areas": self.areas.state(),
        }
        self._desk.workspace.settings.set(f"window.{kept.STATE}", state)

    def closeEvent(self, event: QCloseEvent) -> None:
        bridge = self._desk.bridge
        self._keep_state()
        self.hide()
        with contextlib.suppress(TimeoutError):  # stopping the bridge ends what does not end by itself
            bridge.call(self._desk.turns.close()).result(CLOSE_SECONDS)
        bridge.stop()
        super().closeEvent(event)
        self.closed.emit()
