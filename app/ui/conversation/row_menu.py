"""The menu over an entry of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QMenu, QWidget

from app.sessions import events as kinds
from app.ui.conversation.follower import Follower

_OPENING = "‹secret ".encode()


@dataclass(frozen=True, slots=True)
class RowDeeds:
    """What can be done with an entry, each by its row."""

    copy: Callable[[int], object]
    copy_markdown: Callable[[int], object]
    copy_turn: Callable[[int], object]
    copy_link: Callable[[int], object]
    open_elsewhere: Callable[[int], object]
    fold: Callable[[int], object]
    fork: Callable[[int], object]
    resend: Callable[[int], object]
    accept: Callable[[int], object]
    remember: Callable[[int], object]
    erase: Callable[[int], object]
    show_secrets: Callable[[int], object]


def row_menu(follower: Follower, deeds: RowDeeds, row: int, parent: QWidget) -> QMenu:
    """The menu for a row, with what makes sense for it."""
    event = follower.model.event_at(row)
    opens = follower.view.row_opens(row)
    menu = QMenu(parent)

    def add(words: str, deed: Callable[[int], object], *, enabled: bool = True) -> None:
        action = menu.addAction(words)
        action.setEnabled(enabled)
        action.triggered.connect(lambda _checked=False: deed(row))

    stored = event is not None
    add("Copy", deeds.copy)
    add("Copy as Markdown", deeds.copy_markdown, enabled=stored)
    add("Copy Turn", deeds.copy_turn, enabled=stored)
    add("Copy Link", deeds.copy_link, enabled=stored)
    menu.addSeparator()
    if opens is not None:
        add(f"Open {opens.words}" if opens.what != "session" else "Open Session", deeds.open_elsewhere)
    add("Fold Turn", deeds.fold, enabled=follower.model.folds.turn_at(row) is not None)
    menu.addSeparator()
    add("Fork from Here", deeds.fork, enabled=stored)
    if event is not None and isinstance(event.body, kinds.UserMessage):
        add("Edit and Resend", deeds.resend)
    if event is not None and isinstance(event.body, kinds.Suggestion):
        add("Run This Suggestion", deeds.accept)
    if _is_message(event):
        add("Remember…", deeds.remember)
    if event is not None and _OPENING in event.data:
        add("Secrets Kept Out…", deeds.show_secrets)
    menu.addSeparator()
    add("Erase Message…" if _is_message(event) else "Erase Entry…", deeds.erase, enabled=stored)
    return menu


def _is_message(event: object) -> bool:
    return isinstance(getattr(event, "body", None), kinds.UserMessage | kinds.AgentMessage)


def show_menu(menu: QMenu, place: QPoint) -> None:
    """Show a menu at a point of the screen; it is gone when it closes."""
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(place)
