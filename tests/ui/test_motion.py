"""With less motion nothing blinks or glides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.ui import motion
from app.ui.app import make_desk
from tests.ui.running import Agents, open_home

SOURCES = Path(motion.__file__).parent
MOVING = re.compile(r"Q(Property|Variant)Animation|QTimeLine|QMovie|setAnimated")


@pytest.mark.parametrize("reduced", [True, False])
def test_the_choice_is_in_force_from_the_start(qapp: QApplication, tmp_path: Path, reduced: bool) -> None:
    workspace = open_home(tmp_path / "home")
    workspace.settings.set("window.reduced_motion", reduced)
    make_desk(qapp, workspace, Agents()).bridge.stop()
    workspace.close()
    assert (qapp.cursorFlashTime() == 0) == reduced
    motion.reduce_motion(qapp, False)
    assert qapp.cursorFlashTime() > 0


def test_nothing_else_moves(qapp: QApplication) -> None:
    """Whoever brings in an animation has to heed the choice, and to say so here."""
    assert not any(qapp.isEffectEnabled(effect) for effect in Qt.UIEffect)
    assert [path.name for path in SOURCES.rglob("*.py") if MOVING.search(path.read_text(encoding="utf-8"))] == []
