"""A day with the real program: a person, a keyboard and a screen reader; screen and store say what came of it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from app.sessions.events import AgentMessage, Draft, UserMessage
from app.sessions.links import SessionLink
from app.sessions.queries import Queries
from app.workspace import Workspace
from tests.helpers.accessibility import FOCUSED, NEEDED
from tests.helpers.screen import until
from tests.ui.on_screen import Seat, make_home, opened, program, seat

SCRIPT = [
    [
        {"say": "I will write it.\n"},
        {"tool": "write", "input": {"path": "hello.py", "content": "print('hello')\n"}},
        {"say": "Finished with violets."},
    ]
]
FLOOD = [[{"say": "word " * 20_000}]]
FLOODING = (
    "for i in $(seq 50); do head -c 200000 /dev/zero | tr '\\0' x | fold -w 100; sleep 0.1; done; echo over-$((1+1))"
)
CUT_SHORT = [[{"say": "Half a sentence"}, {"delay_ms": 600_000}]]

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in NEEDED), reason=f"needs {', '.join(NEEDED)}"
)


class Person(Seat):
    """Somebody with a second look at the store."""

    def __init__(self, at: Seat) -> None:
        super().__init__(at.screen, at.folder, at.reader)
        self.store: Workspace = opened(at.folder)

    def read(self, query: Callable[[Queries], Any]) -> Any:
        return self.store.read(query)

    def kinds(self, session: str) -> list[str]:
        return [event.kind for event in self.read(lambda queries: queries.events(session))]

    def sessions(self) -> dict[str, str]:
        """Ids by title."""
        return {row.title: row.id for row in self.read(lambda queries: queries.sessions())}

    def title(self) -> str:
        """Of the window."""
        return self.screen.do("getactivewindow", "getwindowname")

    def until_titled(self, title: str) -> None:
        until(lambda: self.title() == f"{title} – Lovelace", f"the title {title}")

    def until_focused(self, field: str) -> None:
        def has_keyboard() -> bool:
            node = self.find("text", field)
            return node is not None and node.has(FOCUSED)

        until(has_keyboard, f"the keyboard is in {field}")

    def go_to(self, name: str) -> None:
        """By the palette."""
        self.press("ctrl+k")
        self.wait("text", "Go to anything")
        self.type(name)

        def is_first() -> bool:
            choices = self.find("list", "Choices")
            return choices is not None and choices.count > 0 and f": {name}" in choices.child(0).name

        until(is_first, f"{name} is the first choice")
        self.press("Return")

    def start_again(self, *words: str) -> None:
        """A second start, which hands over what it was given and leaves."""
        second = self.screen.start(*program(self.folder, "desktop", *words), stdin=subprocess.DEVNULL)
        assert second.wait(40) == 0

    def brightness(self) -> int:
        """Of the whole screen: 0 black, 255 white."""
        path = self.folder / "screen.png"
        self.screen.save_picture(path)
        return (
            QImage(str(path)).scaled(1, 1, mode=Qt.TransformationMode.SmoothTransformation).pixelColor(0, 0).lightness()
        )

    def talk(self, title: str, count: int) -> str:
        """A session that another process wrote."""

        def write(operations: Any) -> str:
            session: str = operations.create(title=title)
            now = self.store.clock.now_ms()
            drafts = [
                Draft(
                    body=UserMessage(text=f"Question {number}")
                    if number % 2 == 0
                    else AgentMessage(text=f"It is {number}."),
                    time=now,
                    turn=f"t{number // 2}",
                )
                for number in range(count)
            ]
            operations.append(session, drafts)
            return session

        return self.store.write(write)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    make_home(tmp_path, SCRIPT)
    with seat(tmp_path) as at:
        made = Person(at)
        yield made
        made.store.close()


def test_a_turn_its_diff_and_a_command(person: Person) -> None:
    window = person.start()
    person.press("ctrl+n")
    until(lambda: person.sessions(), "the new session")
    until(
        lambda: (field := person.find("text", "Message")) and field.has(FOCUSED), "the message field has the keyboard"
    )
    (session,) = person.sessions().values()
    person.type("Write hello.py")
    person.press("Return")
    until(lambda: "permission_request" in person.kinds(session), "the question")
    time.sleep(1.0)  # keys just after a question are not taken for its answer
    person.press("1")
    until(lambda: person.kinds(session).count("agent_message") == 2, "the end of the turn")
    made = person.folder / "project" / "hello.py"
    assert made.read_text() == "print('hello')\n"

    person.press("ctrl+shift+c")
    person.wait("list item", lambda text: "hello.py" in text)
    person.wait("list item", lambda text: "print('hello')" in text and "added" in text)

    person.press("ctrl+shift+x")
    person.wait("text", "Command to run").focus()
    person.type("cat hello.py; echo bye-$((40+2))")
    person.press("Return")
    person.wait("list item", lambda text: text == "bye-42")
    until(lambda: "command_result" in person.kinds(session), "the command is kept")

    person.press("ctrl+q")
    assert window.wait(20) == 0


def test_search_go_put_away_and_come_back(person: Person) -> None:
    first, second = person.talk("Old letters", 4), person.talk("Long story", 400)
    person.talk("Garden plan", 2)
    window = person.start()
    person.press("ctrl+shift+f")
    person.type("It is 151")
    hit = lambda text: "It is 151" in text  # noqa: E731
    until(lambda: person.find("list", "Search results") and person.find("list item", hit), "the find")
    person.press("Down", "Return")
    person.until_titled("Long story")
    person.wait("list item", hit)

    person.go_to("Old letters")
    person.until_titled("Old letters")
    person.press("ctrl+e")
    until(lambda: "Old letters" not in person.sessions(), "it is put away")
    person.wait("push button", "Undo").press()
    until(lambda: "Old letters" in person.sessions(), "it is back")
    assert person.sessions()["Old letters"] == first

    person.go_to("Dark Theme")
    until(lambda: person.store.settings.get("window.theme") == "dark", "the theme is kept")
    person.go_to("Garden plan")
    person.until_titled("Garden plan")
    person.press("ctrl+q")
    assert window.wait(20) == 0
    assert second in person.sessions().values()


def test_everything_is_as_it_was_after_a_new_start(person: Person) -> None:
    person.talk("Long story", 400)
    person.talk("Garden plan", 2)
    window = person.start()
    person.press("ctrl+comma")
    person.wait("page tab", "Settings")
    person.go_to("Long story")
    person.until_titled("Long story")
    person.wait("list", "Conversation").focus()
    person.press("ctrl+Home")
    person.wait("list item", lambda text: "Question 0" in text)
    person.press("ctrl+shift+x")
    person.wait("text", "Command to run")
    person.go_to("Dark Theme")
    until(lambda: person.store.settings.get("window.theme") == "dark", "the theme is kept")
    person.press("ctrl+q")
    assert window.wait(20) == 0

    window = person.start()
    person.until_titled("Long story")
    person.wait("list item", lambda text: "Question 0" in text)
    assert person.wait("page tab", "Settings") and person.wait("text", "Command to run")
    assert person.brightness() < 80
    person.start_again(str(SessionLink(person.sessions()["Garden plan"])))
    person.until_titled("Garden plan")
    person.go_to("Long story")
    person.until_titled("Long story")
    person.press("ctrl+q")
    assert window.wait(20) == 0


def slowest_answers(person: Person, over: Callable[[], object]) -> list[float]:
    """How long the window takes to say its name until something is over: seconds, the slowest tenth left out."""
    window = person.window()
    assert window is not None
    took = []
    until_s = time.monotonic() + 90
    while not over():
        assert time.monotonic() < until_s, "it goes on and on"
        begun = time.monotonic()
        assert window.name
        took.append(time.monotonic() - begun)
        time.sleep(0.02)
    took.sort()
    return took[: len(took) - len(took) // 10]


@pytest.mark.slow
def test_the_window_answers_while_an_agent_and_a_command_flood(person: Person) -> None:
    (person.folder / "script.json").write_text(json.dumps(FLOOD))
    window = person.start()
    person.press("ctrl+n")
    until(lambda: person.sessions(), "the new session")
    person.until_focused("Message")
    (session,) = person.sessions().values()
    person.type("go")
    person.press("Return")
    took = slowest_answers(person, lambda: "agent_message" in person.kinds(session))
    assert took and took[-1] < 0.2, f"{len(took)} answers, the slowest {took[-1]:.2f} s"
    person.press("ctrl+shift+x")
    person.wait("text", "Command to run").focus()
    person.type(FLOODING)
    person.press("Return")
    until(lambda: "command" in person.kinds(session), "the command runs")
    took = slowest_answers(person, lambda: "command_result" in person.kinds(session))
    assert took and took[-1] < 0.2, f"{len(took)} answers, the slowest {took[-1]:.2f} s"
    output = person.wait("list", "Command output")
    until(lambda: "over-2" in output.child(output.count - 1).name, "the end of the output")
    person.press("ctrl+q")
    assert window.wait(20) == 0


def test_a_display_that_goes_away_takes_nothing_with_it(person: Person) -> None:
    (person.folder / "script.json").write_text(json.dumps(CUT_SHORT))
    window = person.start()
    person.press("ctrl+n")
    until(lambda: person.sessions(), "the new session")
    person.until_focused("Message")
    (session,) = person.sessions().values()
    person.type("Tell me")
    person.press("Return")

    def streamed() -> str:
        return "".join(draft.text for draft in person.read(lambda queries: queries.drafts(session)))

    until(lambda: streamed() == "Half a sentence", "what streams is kept")
    server = person.screen.processes[0]
    server.send_signal(signal.SIGKILL)
    window.wait(20)

    with seat(person.folder) as other:
        again = other.start()
        until(lambda: "agent_message" in person.kinds(session), "what was said")
        said = [event.body for event in person.read(lambda queries: queries.events(session))]
        assert [body.text for body in said if isinstance(body, UserMessage | AgentMessage)] == [
            "Tell me",
            "Half a sentence",
        ]
        other.wait("list", "Sessions")
        until(lambda: other.press("ctrl+q") or again.poll() is not None, "it closes")
        assert again.wait(20) == 0
