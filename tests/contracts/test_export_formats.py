"""What every format of exports does, whatever it looks like: a new format is covered by its line in the table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from automerge.core import ROOT, Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sessions.events import KNOWN_KINDS, AgentMessage, Draft, ToolCall, ToolResult, Unknown, UserMessage
from app.sessions.filters import SessionFilter
from app.sessions.formats.format import Format
from app.sessions.formats.registry import FORMATS
from app.workspace import Workspace
from tests.helpers.bodies import drafts, example_of
from tests.helpers.homes import open_home
from tests.helpers.pages import text_of
from tests.helpers.talks import foreign, go_on, said, talk

FAR = "Grüße, 世界 😀 \u202eabc \u0000 \u2028 </script>"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Workspace]:
    workspace = open_home(tmp_path_factory.mktemp("exports"))
    yield workspace
    workspace.close()


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def format(request: pytest.FixtureRequest) -> Format:
    chosen: Format = request.param
    return chosen


def exported(home: Workspace, format: Format, *sessions: str) -> tuple[str, int]:
    """The export, readable, and the number of events that was told."""
    out = io.BytesIO() if format.binary else io.StringIO()
    count = home.read(lambda queries: format.write(queries, [queries.session(one) for one in sessions], out))
    return readable(format, out.getvalue()), count


def readable(format: Format, content: str | bytes) -> str:
    """What a reader of the format sees; fails where the export is not of the format."""
    match format.name:
        case "json":
            value = json.loads(content)
            assert value["format"] == "lovelace-sessions"
            return json.dumps(value, ensure_ascii=False)
        case "chat-jsonl":
            lines = [json.loads(line) for line in str(content).splitlines() if line]
            return json.dumps(lines, ensure_ascii=False)
        case "automerge":
            assert isinstance(content, bytes)
            document = Document.load(content)
            _, events = document.get(ROOT, "events")
            values = [json.loads(document.get(events, key)[0][1]) for key in document.keys(events)]
            return json.dumps([document.get(ROOT, "session")[0][1], values], ensure_ascii=False)
        case "html":
            return text_of(str(content))
    assert isinstance(content, str)
    return content


def test_the_table(format: Format) -> None:
    assert format.name in FORMATS and format.suffix.startswith(".") and format.about
    assert len({other.suffix for other in FORMATS.values()}) == len(FORMATS)


def test_an_empty_session(home: Workspace, format: Format) -> None:
    session, _ = talk(home, title="Nothing yet")
    _, count = exported(home, format, session)
    assert count == 1  # the fields that it was made with


def test_every_kind_of_event(home: Workspace, format: Format) -> None:
    session, _ = talk(home, title="All kinds")
    bodies = [example_of(kind) for kind in KNOWN_KINDS] + [Unknown("hologram", {"depth": 3})]
    home.write(lambda operations: operations.append(session, [Draft(body=body, time=0) for body in bodies]))
    _, count = exported(home, format, session)
    assert count == len(bodies) + 1


def test_what_was_said_is_there(home: Workspace, format: Format) -> None:
    session, _ = talk(home, "a question", title="T")
    call = ToolCall(call_id="c", name="look", input={"path": "the_path"})
    result = ToolResult(call_id="c", status="completed", output="the output")
    bodies = [call, result, AgentMessage(text="the answer")]
    home.write(
        lambda operations: operations.append(session, [Draft(body=body, time=0, agent="hal") for body in bodies])
    )
    text, _ = exported(home, format, session)
    for words in ("a question", "the_path", "the output", "the answer"):
        assert words in text
    assert text.index("a question") < text.index("the_path") < text.index("the output") < text.index("the answer")


def test_a_fork_begins_with_what_it_inherited(home: Workspace, format: Format) -> None:
    session, ids = talk(home, "one", "two", "secret", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[1]))
    go_on(home, fork, "three")
    text, _ = exported(home, format, fork)
    places = [text.index(word) for word in ("one", "two", "three")]
    assert places == sorted(places) and "secret" not in text


def test_kinds_of_newer_versions_are_kept_where_all_is_kept(home: Workspace, format: Format) -> None:
    session, _ = talk(home, "hello", title="T")
    later = Draft(body=Unknown("hologram", {"depth": "deep-value"}), time=0)
    home.write(lambda operations: operations.append(session, [later]))
    text, _ = exported(home, format, session)
    assert ("deep-value" in text) == (format.name != "chat-jsonl")


def test_text_of_any_script(home: Workspace, format: Format) -> None:
    session, _ = talk(home, FAR, title=FAR)
    home.write(lambda operations: operations.set_note(session, "Grüße"))
    text, _ = exported(home, format, session)
    assert "Grüße, 世界 😀" in text


def test_events_of_others_and_damaged_ones(home: Workspace, format: Format) -> None:
    session, _ = talk(home, "mine", title="T")
    events = [foreign(1, UserMessage(text="theirs")), foreign(1 << 47, UserMessage(text="far away"))]
    home.write(lambda operations: operations.restore_events(session, events))
    text, _ = exported(home, format, session)
    assert "theirs" in text and "far away" in text


def test_equal_sessions_give_equal_exports(home: Workspace, format: Format) -> None:
    session, _ = talk(home, *map(str, range(50)), title="T")
    assert exported(home, format, session) == exported(home, format, session)


@pytest.mark.parametrize("together", [format for format in FORMATS.values() if format.together])
def test_sessions_together(home: Workspace, together: Format) -> None:
    first, second = talk(home, "red", title="A")[0], talk(home, "blue", title="B")[0]
    text, count = exported(home, together, first, second)
    assert text.index("red") < text.index("blue") and count == 4


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drafts, max_size=6))
def test_anything(home: Workspace, format: Format, wanted: list[Draft]) -> None:
    def write(operations):
        session = operations.create()
        operations.append(session, [said("x"), *wanted])
        return session

    text, count = exported(home, format, home.write(write))
    assert text and count >= 2


def test_the_whole_workspace_at_once(home: Workspace, format: Format) -> None:
    rows = home.read(lambda queries: queries.sessions(SessionFilter(archived=None)))
    out = io.BytesIO() if format.binary else io.StringIO()
    assert home.read(lambda queries: format.write(queries, rows[:1], out)) == rows[0].events
