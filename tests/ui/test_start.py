"""What a start imports until the window is painted: nothing that is only needed later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.homes import open_home

START = """
import json, linecache, sys
from pathlib import Path
import app.ui
from PySide6.QtWidgets import QApplication
application = QApplication(["test"])
from app.ui.agents import LateAgents
from app.ui.app import make_desk
from app.ui import window as windows
from tests.helpers.homes import open_home
windows.CALM_S, windows.LATER_MS = 3_600, 3_600_000  # what comes by time is later, however slow this computer is
workspace = open_home(Path(sys.argv[1]))
desk = make_desk(application, workspace, LateAgents(workspace))
window = windows.MainWindow(desk, application.windowIcon())
window.show()
window.load()
while not (window.browser.model.rowCount() and window.conversation.composer.agents.names):
    application.processEvents()
window.repaint()
found = {"modules": sorted(sys.modules), "read": [one for one in linecache.cache if "/app/" in one]}
window.close()
workspace.close()
print(json.dumps(found))
"""

FIRST = """
import json, sys
from pathlib import Path
import app.ui
from PySide6.QtWidgets import QApplication
application = QApplication(["test"])
from app.ui.agents import LateAgents
from app.ui.app import make_desk
from app.ui import painted as pictures
from app.ui.window import MainWindow
from tests.helpers.homes import open_home
pictures.PATIENCE_MS = 3_600_000
workspace = open_home(Path(sys.argv[1]))
desk = make_desk(application, workspace, LateAgents(workspace))
window = MainWindow(desk, application.windowIcon())
found = {}

def painted():
    found["modules"] = sorted(sys.modules)
    found["rows"] = window.browser.model.rowCount()
    found["place"] = window.masthead.place.text()
    window.load()
    found["tabs"] = len(window.areas.area("main").panels())

pictures.once_painted(window, painted)
window.show()
while not found:
    application.processEvents()
window.close()
workspace.close()
print(json.dumps(found))
"""

AFTER_THE_FIRST = """
asyncio concurrent.futures subprocess PySide6.QtNetwork app.ui.panels.conversation app.ui.conversation.view
sync.engine sync.network.node app.network.opening app.network.service app.ui.composer.composer app.ui.trouble
app.ui.updating app.ui.following app.sessions.operations argparse
""".split()

LATER = """
anthropic openai pydantic pydantic_ai httpx2 pathspec markdown_it rich typer watchdog keyring pygments.lexers
pygments.formatters app.agents.registry app.agents.pydantic_backend app.importers.registry app.sessions.exporting
app.ui.palette app.ui.browser.filter_form app.ui.first_run.guide app.ui.panels.settings app.ui.panels.diff
app.ui.panels.terminal app.ui.panels.repository
""".split()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home: Path = tmp_path_factory.mktemp("start")
    workspace = open_home(home)
    workspace.write(lambda operations: operations.create(title="Shown at once"))
    workspace.close()
    return _run(START, home) | {"first": _run(FIRST, home)}


def _run(program: str, home: Path) -> Any:
    words = [sys.executable, "-c", program, str(home)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=100)
    return json.loads(done.stdout)


def test_what_is_needed_later_is_imported_later(started: Any) -> None:
    assert [name for name in LATER if name in started["modules"]] == []


def test_the_first_picture_has_the_sessions_and_imports_nothing_else(started: Any) -> None:
    first = started["first"]
    assert first["rows"] >= 1 and first["place"].startswith("Personal") and first["tabs"] == 1
    assert [name for name in AFTER_THE_FIRST if name in first["modules"]] == []


def test_an_error_says_what_would_have_been_right() -> None:
    """PySide loads what it needs for that only now (`app.ui.signatures`)."""
    from PySide6.QtCore import QTimer

    with pytest.raises(TypeError, match=r"Supported signatures:\n.*QTimer\.start\(\)"):
        QTimer().start("soon")  # type: ignore[call-overload]


def test_no_source_is_read_for_the_switches_of_pyside(started: Any) -> None:
    assert started["read"] == []
