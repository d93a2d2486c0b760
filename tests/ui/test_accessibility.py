"""What a screen reader is told about the real window, and that the keyboard reaches all of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sessions.events import AgentMessage, Draft
from app.ui.panels import PANELS
from app.ui.settings import PAGES
from app.workspace import Workspace
from tests.helpers.accessibility import FOCUSABLE, FOCUSED, NEEDED, Node
from tests.helpers.screen import until
from tests.pictures.story import fill
from tests.ui.on_screen import Seat, make_home, opened, seat

ROWS = 100_000
AREAS = ("Search sessions", "Sessions", "Conversation", "Message", "Changed files", "Changes of a file", "Changes")
ITEMS = ("list item", "page tab")
"""Qt says of the current item of each list that it is focused, wherever the keyboard is."""
TITLE = "Retry with backoff in the mailbox client"

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in NEEDED), reason=f"needs {', '.join(NEEDED)}"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Workspace]:
    make_home(tmp_path, [])
    workspace = opened(tmp_path)
    yield workspace
    workspace.close()


@pytest.fixture
def reader(store: Workspace, tmp_path: Path) -> Iterator[Seat]:
    """In front of a window over made-up work."""
    fill(store, tmp_path / "mailbox")
    store.write(lambda operations: operations.switch(store.id))
    with seat(tmp_path) as made:
        process = made.start("--workspace", store.id)
        yield made
        until(lambda: made.press("ctrl+q") or process.poll() is not None, "it closes")


def open_all(reader: Seat) -> None:
    """The session of the story, with its changes at the right."""
    reader.press("ctrl+k")
    reader.wait("text", "Go to anything")
    reader.type("Retry with")
    until(lambda: (choices := reader.find("list", "Choices")) and TITLE in choices.child(0).name, "the session")
    reader.press("Return")
    reader.wait("list item", lambda name: "patient" in name or "Permission" in name or "One test" in name)
    reader.press("ctrl+shift+c")
    reader.wait("list item", lambda name: "mailbox.py" in name)


def test_the_window_is_read_as_what_it_is(reader: Seat) -> None:
    window = reader.window()
    assert window is not None and (window.role, "Lovelace" in window.name) == ("frame", True)
    open_all(reader)
    sessions = [item.name for item in reader.wait("list", "Sessions").children()]
    waiting = next(name for name in sessions if name.startswith(TITLE))
    assert "waits for you" in waiting
    rows = [item.name for item in reader.wait("list", "Conversation").children()]
    prompt = next(name for name in rows if "make it patient" in name)
    assert "Ana" in prompt
    assert any("claude" in name and "Three tries" in name for name in rows)
    lines = [item.name for item in reader.wait("list", "Changes of a file").children()]
    assert any("added" in line and "import random" in line for line in lines)
    assert any("removed" in line and "TRIES = 3" in line for line in lines)
    reader.press("ctrl+shift+x")
    output = [item.name for item in reader.wait("list", "Command output").children()]
    assert any("13 passed" in line for line in output)


def test_every_control_has_a_name(reader: Seat) -> None:
    open_all(reader)
    nameless = set(controls_without_name(reader))
    for kind in PANELS:
        if kind.area == "right":
            reader.wait("page tab", kind.title).press()
            nameless.update(controls_without_name(reader))
    reader.press("ctrl+comma")
    sections = reader.wait("list", "Sections of the settings")
    sections.focus()
    reader.press("Home")
    for kind in PAGES:
        reader.wait("label", kind.title)
        nameless.update(controls_without_name(reader))
        reader.press("Down")
    assert nameless == set()


def controls_without_name(reader: Seat) -> list[str]:
    """Role and ancestors of what can have the keyboard and is called nothing."""
    window = reader.window()
    assert window is not None
    return [path for path, node in walk(window, "") if node.has(FOCUSABLE) and not node.name.strip()]


def walk(node: Node, above: str) -> Iterator[tuple[str, Node]]:
    path = f"{above}/{node.role} {node.name}"
    yield path, node
    if node.role not in ("list", "table"):
        for child in node.shown():
            yield from walk(child, path)


def test_tab_goes_through_all_areas_and_comes_back(reader: Seat) -> None:
    open_all(reader)
    reader.wait("text", "Search sessions").focus()
    visited: list[str] = []
    for _ in range(60):
        name = focused(reader)
        if visited and name == visited[0] and len(visited) > 5:
            break
        visited.append(name)
        reader.press("Tab")
        until(lambda before=name: focused(reader) not in ("", before), f"the keyboard leaves {name}")
    else:
        pytest.fail(f"Tab does not come back: {visited}")
    assert {area for area in AREAS if area not in visited} == set(), visited


def focused(reader: Seat) -> str:
    """The name of the control that has the keyboard."""
    window = reader.window()
    assert window is not None
    found = [node for _path, node in walk(window, "") if node.role not in ITEMS and is_focused(node.states())]
    return next((node.name or node.role for node in found), "")


def is_focused(states: int) -> bool:
    return states >> FOCUSABLE & 1 == states >> FOCUSED & 1 == 1


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_counted(store: Workspace, tmp_path: Path) -> None:
    def write(operations) -> None:  # type: ignore[no-untyped-def]
        session = operations.create(title="Long")
        for start in range(0, ROWS, 10_000):
            now = store.clock.now_ms()
            bodies = [AgentMessage(text=f"A {n}") for n in range(start, start + 10_000)]
            operations.append(session, [Draft(body=body, time=now, turn="t", agent="claude") for body in bodies])

    store.write(write)
    with seat(tmp_path) as reader:
        process = reader.start()
        reader.press("ctrl+k")
        reader.wait("text", "Go to anything")
        until(lambda: (choices := reader.find("list", "Choices")) and "Long" in choices.child(0).name, "the session")
        reader.press("Return")
        until(lambda: (rows := reader.find("list", "Conversation")) and rows.count == ROWS, "all rows")
        rows = reader.wait("list", "Conversation")
        last = rows.child(ROWS - 1).name
        assert "claude" in last and f"A {ROWS - 1}" in last
        until(lambda: reader.press("ctrl+q") or process.poll() is not None, "it closes")
