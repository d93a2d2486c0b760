"""Archives that are cut off, forged, or no archives at all: a clear refusal, and what is there stays whole."""

from __future__ import annotations

import copy
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.archive_reader import read_archive
from app.sessions.events import Draft, FileChange, Unknown, UserMessage
from app.workspace import Workspace
from tests.app.sessions.test_archive import export, take_in
from tests.helpers.bodies import json_values
from tests.helpers.homes import open_home
from tests.helpers.random_sessions import answers
from tests.helpers.talks import go_on, talk


@pytest.fixture(scope="module")
def archive(shared: Workspace) -> dict[str, Any]:
    """An archive with a fork, blobs, spilled bodies, unknown kinds and a note."""
    session, ids = talk(shared, "one", "x" * 9000, title="T")
    ref = shared.write(lambda operations: operations.put_blob(b"z" * 300_000))
    small = shared.write(lambda operations: operations.put_blob(b"small"))
    bodies = [
        UserMessage(text="x", attachments=(ref, small)),
        FileChange(path="p", before=small, after=ref),
        Unknown("hologram", {"id": "x", "deep": [1, {"a": None}]}),
    ]
    shared.write(lambda operations: operations.append(session, [Draft(body=body, time=5) for body in bodies]))
    shared.write(lambda operations: operations.set_note(session, "note"))
    fork = shared.write(lambda operations: operations.fork(session, ids[0]))
    go_on(shared, fork, "three")
    return json.loads(export(shared))


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Workspace]:
    workspace = open_home(tmp_path_factory.mktemp("target"))
    yield workspace
    workspace.close()


def refused(home: Workspace, data: bytes | str) -> UserError | None:
    """The error that reading gives, if any; nothing but a UserError may come."""
    raw = data if isinstance(data, bytes) else data.encode(errors="surrogatepass")
    try:
        home.write(lambda operations: read_archive(io.BytesIO(raw), operations))
    except UserError as error:
        return error
    return None


def test_cut_off_anywhere(archive: dict[str, Any], target: Workspace) -> None:
    text = json.dumps(archive)
    for part in range(50):
        error = refused(target, text[: len(text) * part // 50])
        assert error is not None
        assert error.exit_code == 6
        assert "complete" in str(error)
    assert refused(target, text + "]") is not None
    assert refused(target, text) is None
    before = target.read(answers)
    target.write(lambda operations: operations.rebuild())
    assert target.read(answers) == before


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "null",
        "[]",
        "{}",
        '"lovelace-sessions"',
        '{"format": "other", "version": 1}',
        '{"format": {"format": "lovelace-sessions"}, "version": 1, "sessions": []}',
        '{"format": "lovelace-sessions"}',
        '{"format": "lovelace-sessions", "version": "1"}',
        '{"format": "lovelace-sessions", "version": 2, "sessions": []}',
        '{"format": "lovelace-sessions", "version": 9999999999999, "sessions": []}',
        '{"sessions": [{"id": "00000000000000000000000001", "events": []}]}',
    ],
)
def test_no_archive_of_ours(target: Workspace, text: str) -> None:
    error = refused(target, text)
    assert error is not None
    assert error.exit_code == 1


@given(st.binary(max_size=100))
def test_arbitrary_bytes(target: Workspace, data: bytes) -> None:
    assert refused(target, data) is not None


def test_a_newer_version_is_refused_before_anything_is_written(archive: dict[str, Any], new_home) -> None:
    """Also where a tool has sorted the keys, so that the version stands last."""
    other = new_home()
    error = refused(other, json.dumps(archive | {"version": 2}, sort_keys=True))
    assert error is not None
    assert "Update" in str(error)
    assert other.read(lambda queries: queries.sessions()) == []


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _places(item, (*path, key))


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return changed


_strange = json_values | st.sampled_from(
    [
        10**40,
        -(10**40),
        1e300,
        "\0",
        "‹",
        "0" * 26,
        "Z" * 26,
        "9999-99-99T99:99:99.999Z",
        "A" * 44,
        [[]],
        [{}],
        {"id": {}},
    ]
)


@settings(max_examples=250)
@given(data=st.data())
def test_anything_anywhere(archive: dict[str, Any], target: Workspace, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(_places(archive))))
    value = _changed(archive, path, data.draw(_strange))
    if data.draw(st.booleans()):
        for number, session in enumerate(value.get("sessions", []) if isinstance(value, dict) else []):
            if isinstance(session, dict) and isinstance(session.get("id"), str):
                session["id"] = f"{data.draw(st.integers(0, 1 << 40)):010}" + session["id"][10:-1] + str(number)
    error = refused(target, json.dumps(value))
    assert error is None or error.exit_code in (1, 6), str(error)


def test_after_all_that_the_home_is_whole(target: Workspace) -> None:
    before = target.read(answers)
    target.write(lambda operations: operations.rebuild())
    assert target.read(answers) == before


@pytest.mark.parametrize(
    "event",
    [
        "5",
        "null",
        "[]",
        "{}",
        '{"id": 5}',
        '{"id": "short"}',
        '{"id": "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"}',
        '{"id": "00000000000000000000000001", "author": {}}',
        '{"id": "00000000000000000000000001", "kind": "user_message", "time": 5, "author": {}}',
        '{"id": "00000000000000000000000001", "author": {}, "raw": "no json"}',
        '{"id": "00000000000000000000000001", "author": {}, "raw": "{\\"time\\":1}"}',
        '{"id": "00000000000000000000000001", "author": 5, "raw": "{\\"time\\":1,\\"kind\\":\\"x\\"}"}',
        '{"id": "00000000000000000000000001", "author": {}, "raw": "\\ud800"}',
        '{"id": "00000000000000000000000001", "author": {}, "kind": "tool_call", "input": %s}'
        % ("[" * 5000 + "]" * 5000),
        '{"id": "00000000000000000000000001", "author": {}, "time": 1%s}' % ("0" * 6000),
    ],
)
def test_broken_events(target: Workspace, event: str) -> None:
    text = '{"format": "lovelace-sessions", "version": 1, "sessions": [{"id": "%s", "events": [%s]}]}'
    error = refused(target, text % ("7" * 26, event))
    assert error is not None
    assert error.exit_code == 6


@pytest.mark.parametrize("events", ["5", "{}", '"x"', "null"])
@pytest.mark.parametrize(
    "order", ['{"id": "%s", "events": %s}', '{"x": "%s", "events": %s, "id": "00000000000000000000000001"}']
)
def test_events_that_are_no_list(target: Workspace, events: str, order: str) -> None:
    session = order % ("0" * 26, events)
    error = refused(target, '{"format": "lovelace-sessions", "version": 1, "sessions": [' + session + "]}")
    assert error is not None
    assert error.exit_code == 6


def test_an_id_that_is_not_of_its_content_shows_as_damaged(new_home) -> None:
    home, other = new_home(), new_home()
    session, ids = talk(home, "one", "two", title="T")
    value = json.loads(export(home))
    value["sessions"][0]["events"][1]["text"] = "forged"
    take_in(other, json.dumps(value))
    found = other.read(lambda queries: queries.events(session))
    assert [event.damaged for event in found] == [False, True, False]
    assert found[1].to_json()["damaged"] is True
    again = new_home()
    take_in(again, export(other))
    assert [event.damaged for event in again.read(lambda q: q.events(session))] == [False, True, False]
    assert found[1].id == ids[0]


def test_blobs_with_other_content_are_refused(archive: dict[str, Any], new_home) -> None:
    for blob, content in archive["blobs"].items():
        for forged in ("", "AAAA", content[:-4], "not base64!", "ü"):
            home = new_home()
            error = refused(home, json.dumps(_changed(archive, ("blobs", blob), forged)))
            assert error is not None, blob
            assert error.exit_code == 6
            assert blob in str(error)


def test_blobs_that_nothing_refers_to_are_left_aside(archive: dict[str, Any], new_home) -> None:
    home = new_home()
    more = _changed(archive, ("blobs", "ab" * 32), "AAAA")
    assert take_in(home, json.dumps(more)).blobs == 2


_CHILD = """
import sys
from pathlib import Path
from app.sessions.archive_reader import read_archive
from tests.helpers.homes import open_home

home = open_home(Path(sys.argv[1]))
with open(sys.argv[2], "rb") as stream:
    report = home.write(lambda operations: read_archive(stream, operations))
home.close()
status = Path("/proc/self/status").read_text().splitlines()
print(report.events, next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process tells its own peak of memory only on Linux")
@pytest.mark.parametrize(("count", "size"), [(10_000, 10_000), (40, 2_500_000)])
def test_memory_is_bounded(home: Workspace, tmp_path: Path, count: int, size: int) -> None:
    """100 MB of events, many or large: the reader holds a few MB of them at a time."""
    path = tmp_path / "large.json"
    session, _ = talk(home, title="T")
    start, _, end = export(home).rpartition("]}\n]")
    author = '{"identity":"aa","device":"bb","name":"Bo","agent":null}'
    with path.open("w") as file:
        file.write(start)
        for number in range(10, 10 + count):
            text = (f"{number} " * size)[:size]
            file.write(f',\n{{"id":"{number:010}{"0" * 16}","session":"{session}","turn":null,"kind":"user_message",')
            file.write(f'"time":"2026-01-01T00:00:00.000Z","author":{author},"text":"{text}"}}')
        file.write("]}\n]" + end)
    assert path.stat().st_size > 80_000_000
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "new"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    events, peak = map(int, done.stdout.split())
    assert events == count + 1
    assert peak < 140 * 1024, peak
