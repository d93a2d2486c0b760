"""Commands that need a window: where things are shown, moved between and looked at. They write no session.

The window and its panels supply what each does, by id (`app.ui.panel.Panel.handlers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Menu = Literal["File", "Edit", "Session", "View", "Go", "Help"]


@dataclass(frozen=True, slots=True)
class WindowCommand:
    """A thing that people do with the window.

    id: dotted, stable. title: for menu and palette. help: one sentence. shortcuts: default keys, in Qt's portable
    form, the first is shown. panel: the kind of panel that does it and is shown for it, None: the window itself.
    """

    id: str
    title: str
    help: str
    menu: Menu
    shortcuts: tuple[str, ...] = ()
    panel: str | None = None


COMMANDS: tuple[WindowCommand, ...] = (
    WindowCommand("window.palette", "Go to Anything…", "Find a command, a session or a text.", "Go", ("Ctrl+K",)),
    WindowCommand(
        "browser.search", "Search Everything…", "Search all sessions.", "Go", ("Ctrl+Shift+F",), panel="browser"
    ),
    WindowCommand(
        "browser.next", "Next Session", "Show the session below in the list.", "Go", ("Ctrl+PgDown",), panel="browser"
    ),
    WindowCommand(
        "browser.previous",
        "Previous Session",
        "Show the session above in the list.",
        "Go",
        ("Ctrl+PgUp",),
        panel="browser",
    ),
    WindowCommand(
        "conversation.next_turn", "Next Turn", "Go to the next prompt.", "Go", ("Alt+Down",), panel="conversation"
    ),
    WindowCommand(
        "conversation.previous_turn",
        "Previous Turn",
        "Go to the prompt before.",
        "Go",
        ("Alt+Up",),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.compose", "Write a Message", "Go to the message field.", "Go", ("Ctrl+L",), panel="conversation"
    ),
    WindowCommand(
        "conversation.send",
        "Send Message",
        "Send what the message field holds.",
        "Session",
        ("Ctrl+Return", "Ctrl+Enter"),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.stop", "Stop the Agent", "End the turn that runs here.", "Session", ("Esc",), panel="conversation"
    ),
    WindowCommand("window.quit", "Quit", "Close the window; everything is kept.", "File", ("Ctrl+Q",)),
)
