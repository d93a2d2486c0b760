"""The real program on a real (virtual) screen, used with keyboard and mouse as a person would."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.screen import NEEDED, Screen, until, virtual_screen
from tests.ui.on_screen import make_home, opened, program, wait_for_window

SCRIPT = [
    [
        {"say": "I will write it.\n"},
        {"tool": "write", "input": {"path": "hello.py", "content": "print('hello')\n"}},
        {"say": "Finished."},
    ]
]

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in NEEDED), reason=f"needs {', '.join(NEEDED)}"
)


@pytest.fixture
def screen() -> Iterator[Screen]:
    with virtual_screen() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path, SCRIPT)
    return tmp_path


def test_prompt_approve_and_quit_by_keyboard(screen: Screen, home: Path) -> None:
    window = screen.start(*program(home, "desktop"))
    wait_for_window(screen)
    workspace = opened(home)
    try:
        screen.do("key", "ctrl+n")
        until(lambda: workspace.read(lambda queries: queries.sessions()), "the new session")
        session = workspace.read(lambda queries: queries.sessions())[0].id

        def kinds() -> list[str]:
            return [event.kind for event in workspace.read(lambda queries: queries.events(session))]

        time.sleep(0.5)  # the window takes the new session in; nothing outside shows when
        screen.do("type", "--delay", "15", "Write hello.py")
        screen.do("key", "Return")
        until(lambda: "permission_request" in kinds(), "the question")
        assert not (home / "project" / "hello.py").exists()
        time.sleep(1.0)  # keys just after a question are not taken for its answer
        screen.do("key", "1")
        until(lambda: kinds()[-1] == "agent_message" and kinds().count("agent_message") == 2, "the end of the turn")
        assert (home / "project" / "hello.py").read_text() == "print('hello')\n"
        assert "permission_answer" in kinds()
    finally:
        workspace.close()
    screen.do("key", "ctrl+q")
    assert window.wait(20) == 0


def test_a_second_start_leaves_and_a_signal_ends_the_first(screen: Screen, home: Path) -> None:
    window = screen.start(*program(home, "desktop"))
    wait_for_window(screen)
    second = screen.start(*program(home, "desktop"))
    assert second.wait(30) == 0
    assert window.poll() is None
    window.send_signal(signal.SIGTERM)
    assert window.wait(20) == 0
