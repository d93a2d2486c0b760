"""Whether the guide is to be shown, and showing it in the place of the window's areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui import kept

if TYPE_CHECKING:
    from app.ui.areas import Areas
    from app.ui.desk import Desk
    from app.ui.first_run.guide import FirstRun


def is_due(desk: Desk) -> bool:
    """Whether the guide is to be shown: it never was, and the workspace is empty."""
    if desk.setting(kept.WELCOMED):
        return False
    return desk.workspace.read(lambda queries: queries.latest()) is None


def greet(desk: Desk, areas: Areas) -> FirstRun | None:
    """Show the guide instead of the areas until it is over, or the person goes somewhere; None where it is not due."""
    if not is_due(desk):
        return None
    from app.ui.first_run.guide import FirstRun

    around = areas.parentWidget()
    layout = around.layout() if around is not None else None
    assert layout is not None
    guide = FirstRun(desk, around)
    layout.addWidget(guide)
    areas.hide()
    guide.show()
    guide.finished.connect(areas.show)
    guide.finished.connect(guide.deleteLater)
    desk.requests.went.connect(guide.give_way)
    areas.area("main").stack.currentChanged.connect(guide.give_way)
    areas.on_made(guide.give_way)
    return guide
