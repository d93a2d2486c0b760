from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.importers.following import follower as module
from app.importers.following import tail
from app.importers.following.follower import OPEN_QUIET_S, QUIET_S
from app.importers.following.watch import PlaceWatch
from app.sessions.events import Usage
from app.sessions.ids import derived_id
from tests.app.importers.following.support import Followed, SharedMemory, import_into
from tests.app.importers.transcripts import FIXTURES, Talk, write

NOBODY = 65_534


def _talk(*prompts: str, session: str = "s1") -> list[dict[str, Any]]:
    talk = Talk(session)
    for prompt in prompts:
        talk.prompt(f"{session}-{prompt}", prompt)
    return talk.records


def _line(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_come_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    followed = Followed(tmp_path)
    followed.look()
    records = _talk("one", "two", "three")
    for number, record in enumerate(records):
        _append(path, _line(record))
        report = followed.look(path)
        assert (report.sources, report.events, report.created, report.updated) == (1, 1, number == 0, number > 0)
        assert followed.look().sources == 0
    assert followed.store.texts() == ["one", "two", "three"]


def test_half_a_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one"))
    followed = Followed(path)
    followed.look()
    line = _line(_talk("one", "🦋 zwei")[1])
    middle = line.index("🦋".encode()) + 2
    for end in (middle, len(line) - 1):
        path.write_bytes(_line(_talk("one")[0]) + line[:end])
        report = followed.look()
        assert (report.events, report.skipped, followed.settle().skipped) == (0, [], [])
    _append(path, b"\n")
    assert followed.look().events == 1
    assert followed.store.texts() == ["one", "🦋 zwei"]


def test_a_whole_last_line_without_a_break_counts_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"".join(map(_line, _talk("one", "two")))[:-1])
    followed = Followed(path)
    followed.look()
    assert followed.store.texts() == ["one"]
    assert followed.finish().events == 1
    assert followed.store.texts() == ["one", "two"]


def test_half_a_line_at_the_end_is_not_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one"))
    _append(path, b'{"half')
    followed = Followed(path)
    assert followed.look().skipped == [] and followed.finish().skipped == []


def test_a_long_transcript_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.jsonl", _talk(*map(str, range(500))))
    followed = Followed(path)
    followed.look()
    parsed: list[bytes] = []
    original = tail.parse_line
    monkeypatch.setattr(tail, "parse_line", lambda line: parsed.append(line) or original(line))
    _append(path, _line(_talk("new", session="s1")[0]))
    assert followed.look().events == 1
    assert len(parsed) == 1


def test_usage_is_told_when_the_message_is_over(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    followed = Followed(path)

    def add(stop: str | None, tokens: int) -> None:
        talk = Talk()
        content = [{"type": "text", "text": f"part {tokens}"}]
        usage = {"output_tokens": tokens}
        message = {"id": "m", "role": "assistant", "content": content, "usage": usage, "stop_reason": stop}
        _append(path, _line(talk.add("assistant", f"a{tokens}", message=message)))
        followed.look()

    def told() -> list[int]:
        events = [event for session in followed.store.sessions.values() for event in session]
        return [draft.body.output for _, draft in events if isinstance(draft.body, Usage)]

    add(None, 1)
    followed.now += 2 * QUIET_S
    followed.follower.settle(now=followed.now)
    assert told() == []
    add("end_turn", 30)
    followed.now += 2 * QUIET_S
    followed.follower.settle(now=followed.now)
    assert told() == [30]
    add(None, 31)
    followed.now += OPEN_QUIET_S
    followed.follower.settle(now=followed.now)
    assert told() == [30, 31]


def test_when_there_is_something_to_settle(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one"))
    followed = Followed(path)
    assert followed.follower.due_in(followed.now) is None
    followed.look()
    assert followed.follower.due_in(followed.now) == pytest.approx(QUIET_S)
    followed.settle()
    assert followed.follower.due_in(followed.now) is None


def test_files_of_one_session_that_are_written_by_turns(tmp_path: Path) -> None:
    main, side = Talk(), Talk()
    main.prompt("u1", "start")
    main.call("a1", "t1", "Task", {"prompt": "go"})
    side.prompt("x1", "go", parent=None, isSidechain=True, agentId="k")
    main.prompt("u2", "meanwhile")
    side.add("assistant", "x2", isSidechain=True, agentId="k", message={"content": "side"}, timestamp=None)
    main.add("assistant", "a2", message={"content": "main"}, timestamp=None)
    paths = tmp_path / "main.jsonl", tmp_path / "agent.jsonl"
    followed, expected = Followed(tmp_path), SharedMemory()
    for path, record in (
        *((paths[0], record) for record in main.records[:2]),
        (paths[1], side.records[0]),
        (paths[0], main.records[2]),
        (paths[1], side.records[1]),
        (paths[0], main.records[3]),
    ):
        _append(path, _line(record))
        followed.look(path)
    followed.finish()
    for path in paths:
        import_into(expected, path, "claude")
    times = [
        {name: [(draft.source, draft.time, draft.turn) for _, draft in events] for name, events in store.items()}
        for store in (followed.store.sessions, expected.sessions)
    ]
    for session, events in times[1].items():
        assert times[0][session][1:] == events[1:]
    agent = derived_id("w", "claude", "s1/agent-k")
    assert followed.store.sessions[agent][0][1].body.fields["parent"]["call_id"] == "t1"


def test_a_rollout_whose_first_line_does_not_say_what_it_is(tmp_path: Path) -> None:
    lines = (FIXTURES / "codex" / "tool_calls.jsonl").read_bytes().splitlines(keepends=True)
    lines = [lines[1], lines[0], *lines[2:]]
    path = tmp_path / "rollout.jsonl"
    followed, expected = Followed(tmp_path), SharedMemory()
    for line in lines:
        _append(path, line)
        followed.look()
    followed.finish()
    import_into(expected, path, "codex")
    assert followed.store.rows() == expected.rows()


def test_a_source_that_comes_goes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "later" / "t.jsonl"
    followed = Followed(path)
    for _ in range(3):
        followed.look()
    path.parent.mkdir()
    write(path, _talk("one"))
    assert followed.look().events == 1
    path.unlink()
    for _ in range(3):
        followed.look()
    write(path, _talk("one", "two"))
    assert followed.look().events == 2
    assert followed.store.texts() == ["one", "two"]
    assert followed.told == [
        f"{path} does not exist yet; it is followed as soon as it is there.",
        f"{path} has gone; it is followed again when it comes back.",
    ]


def test_a_folder_that_is_empty_gets_files_and_folders(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    assert followed.look().sources == 0
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    write(deep / "t.jsonl", _talk("one"))
    write(deep / "notes.txt", [b"no transcript"])
    assert (followed.look().sources, followed.told) == (1, [])


def test_a_file_that_becomes_a_transcript(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    followed = Followed(path)
    followed.look()
    line = _line(_talk("one")[0])
    for data in (b"", line[:50], line[50:-1]):
        _append(path, data)
        assert followed.look().events == 0
    _append(path, b"\n")
    assert followed.look().events == 1
    assert followed.told == [f"{path} does not exist yet; it is followed as soon as it is there."]


def test_other_large_files_are_seldom_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ALWAYS_EXAMINED", 1_000)
    path = write(tmp_path / "log", [b"x" * 999] * 4)
    looked: list[Path] = []
    monkeypatch.setattr(module, "recognise_file", looked.append)
    followed = Followed(tmp_path)
    for _ in range(6):
        followed.look()
        _append(path, b"x" * 1_000)
    assert len(looked) == 2


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without the right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_source_that_may_not_be_read(tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        if folder.stat().st_uid == os.geteuid() and folder != Path(folder.anchor):
            folder.chmod(folder.stat().st_mode | 0o055)
    path = write(tmp_path / "t.jsonl", _talk("one"))
    path.chmod(0)
    followed = Followed(path)
    with _as_nobody():
        for _ in range(2):
            assert followed.look().events == 0
    path.chmod(0o644)
    with _as_nobody():
        assert followed.look().events == 1
    assert followed.told == [f"{path} cannot be read: Permission denied. It is followed as soon as it can be."]


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "t.jsonl", _talk("one")).chmod(0o644)
    for parent in (tmp_path, *list(tmp_path.parents)[:-2]):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    folder.chmod(0)
    followed = Followed(folder)
    with _as_nobody():
        for _ in range(2):
            followed.look()
    folder.chmod(0o755)
    with _as_nobody():
        assert followed.look().events == 1
    assert followed.told == [f"{folder} cannot be read: Permission denied. It is followed as soon as it can be."]


def test_links_that_lead_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to(tmp_path)
    write(tmp_path / "t.jsonl", _talk("one"))
    (tmp_path / "u.jsonl").symlink_to("t.jsonl")
    followed = Followed(tmp_path, tmp_path / "loop")
    for _ in range(2):
        followed.look()
    assert followed.store.texts() == ["one"]
    assert len(followed.told) == 1 and "cannot be read" in followed.told[0]


def test_a_renamed_file_goes_on_under_its_new_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one", "two"))
    followed = Followed(tmp_path)
    followed.look()
    moved = path.rename(tmp_path / "t.1")
    _append(moved, _line(_talk("one", "two", "three")[2]))
    assert followed.look().events == 1
    assert followed.told == []


def test_what_was_written_before_a_rotation_is_not_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one"))
    followed = Followed(path)
    followed.look()
    _append(path, _line(_talk("one", "two")[1]))
    path.rename(tmp_path / "t.1")
    write(path, _talk("three", session="s2"))
    followed.look()
    assert followed.store.texts() == ["one", "two", "three"]


def test_little_is_remembered_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 3)
    paths = [write(tmp_path / f"{number}.jsonl", _talk("one", session=f"s{number}")) for number in range(8)]
    followed = Followed(tmp_path)
    assert followed.look().created == 8
    assert len(followed.follower._followed) == 3
    before = followed.store.rows()
    for number, path in enumerate(paths):
        _append(path, _line(_talk("one", "two", session=f"s{number}")[1]))
        assert followed.look().updated == 1
    assert [len(events) for events in followed.store.rows().values()] == [len(events) + 1 for events in before.values()]


def test_two_followers_of_one_store_write_everything_once(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one"))
    first, second = Followed(path), Followed(path)
    second.store.sessions = first.store.sessions
    for prompts in (("one", "two"), ("one", "two", "three")):
        for followed in (first, second, second, first):
            followed.look()
        write(path, _talk(*prompts))
    second.look(), first.look()
    assert first.store.texts() == ["one", "two", "three"]


def test_a_piece_that_could_not_be_written_is_given_again(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", _talk("one", "two"))
    followed, expected = Followed(path), SharedMemory()
    original, failures = followed.store.import_events, [1, 1]

    def failing(*arguments: Any, **options: Any) -> list[str]:
        if failures and failures.pop():
            raise OSError
        return original(*arguments, **options)

    followed.store.import_events = failing  # type: ignore[method-assign]
    write_piece = followed.follower._write

    def insist(format: str, piece: Any) -> None:
        try:
            write_piece(format, piece)
        except OSError:
            insist(format, piece)

    followed.follower._write = insist
    report = followed.look()
    assert (report.created, report.updated, report.events, failures) == (1, 0, 2, [])
    import_into(expected, path, "claude")
    assert followed.store.rows() == expected.rows()


def test_a_source_behind_a_closed_folder(tmp_path: Path) -> None:
    for parent in (tmp_path, *list(tmp_path.parents)[:-2]):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    closed = tmp_path / "closed"
    closed.mkdir()
    path = write(closed / "t.jsonl", _talk("one"))
    path.chmod(0o644)
    closed.chmod(0)
    followed = Followed(path)
    with PlaceWatch([tmp_path]) as watch:
        watch.refresh()  # modules are loaded by who may read them
    with _as_nobody(), PlaceWatch([path]) as watch:
        watch.refresh()
        followed.look()
        followed.follower.look_at_hot(now=followed.now)
    closed.chmod(0o755)
    with _as_nobody():
        assert followed.look().events == 1
    assert followed.told == [f"{path} cannot be read: Permission denied. It is followed as soon as it can be."]
