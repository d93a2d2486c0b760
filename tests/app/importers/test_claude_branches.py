"""Rewinds, parallel tools, side chains and resumed files."""

from __future__ import annotations

from pathlib import Path

from tests.app.importers.transcripts import Talk, events, items_of, kinds, prompts, sessions


def _two_turns() -> Talk:
    talk = Talk()
    talk.prompt("u1")
    talk.answer("a1")
    talk.prompt("u2")
    talk.answer("a2")
    return talk


def test_a_rewind_is_a_fork(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.prompt("u3", parent="a1")
    talk.answer("a3")
    talk.prompt("u4", parent="a2")
    items = items_of(tmp_path, talk)
    assert list(sessions(items)) == ["s1", "s1/u3"]
    assert sessions(items)["s1/u3"].fork_of == ("s1", "a1/0")
    assert prompts(items, "s1") == ["prompt u1", "prompt u2", "prompt u4"]
    assert prompts(items, "s1/u3") == ["prompt u3"]
    assert len(events(items)) == 7  # nothing is copied


def test_a_fork_begins_after_the_last_event_of_its_point(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.answer("a1", {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "one"})
    talk.prompt("u2")
    talk.prompt("u3", parent="a1")
    assert sessions(items_of(tmp_path, talk))["s1/u3"].fork_of == ("s1", "a1/1")


def test_a_rewind_of_a_rewind(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.prompt("u3", parent="a1")
    talk.answer("a3")
    talk.prompt("u4")
    talk.prompt("u5", parent="a3")
    assert {name: session.fork_of for name, session in sessions(items_of(tmp_path, talk)).items()} == {
        "s1": None,
        "s1/u3": ("s1", "a1/0"),
        "s1/u5": ("s1/u3", "a3/0"),
    }


def test_a_rewind_to_the_beginning_shares_nothing(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.prompt("u3", parent=None)
    assert sessions(items_of(tmp_path, talk))["s1/u3"].fork_of == ("s1", None)


def test_a_rewind_behind_an_injected_record(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.prompt("m1", isMeta=True, parent="a1")
    talk.prompt("u3")
    assert list(sessions(items_of(tmp_path, talk))) == ["s1", "s1/u3"]


def test_a_rewind_into_a_turn(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Bash", {"command": "x"})
    talk.result("r1", "t1", "out")
    talk.answer("a2")
    talk.prompt("u2", parent="r1")
    assert sessions(items_of(tmp_path, talk))["s1/u2"].fork_of == ("s1", "r1/1")


def test_parallel_tools_are_no_forks(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Bash", {"command": "1"}, message="m")
    talk.call("a2", "t2", "Bash", {"command": "2"}, message="m")
    talk.result("r1", "t1", "one", parent="a1")
    talk.result("r2", "t2", "two", parent="a2")
    talk.add("system", "y1", parent="a1", subtype="informational", content="note")
    talk.prompt("u2", parent="r1")
    talk.answer("a3")
    items = items_of(tmp_path, talk)
    assert list(sessions(items)) == ["s1"]
    assert prompts(items) == ["prompt u1", "prompt u2"]


def test_interleaved_parallel_tools_are_no_forks(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Read", {"file_path": "x"}, message="m")
    talk.result("r1", "t1", "one", parent="a1")
    talk.call("a2", "t2", "Read", {"file_path": "y"}, message="m", parent="a1")
    talk.result("r2", "t2", "two", parent="a2")
    talk.prompt("u2", parent="r1")
    assert list(sessions(items_of(tmp_path, talk))) == ["s1"]


def test_records_without_parents_are_one_conversation(tmp_path: Path) -> None:
    talk = Talk()
    for number in range(4):
        talk.prompt(f"u{number}", parent=None)
        talk.answer(f"a{number}", parent=None)
    assert list(sessions(items_of(tmp_path, talk))) == ["s1"]


def test_a_lost_parent_goes_on_where_the_conversation_is(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.prompt("u3", parent="lost in a broken line")
    assert prompts(items_of(tmp_path, talk), "s1") == ["prompt u1", "prompt u2", "prompt u3"]


def test_compaction_goes_on(tmp_path: Path) -> None:
    talk = _two_turns()
    talk.add("system", "b1", parent=None, logicalParentUuid="a2", subtype="compact_boundary", content="Compacted")
    talk.prompt("c1", "This session is being continued …", isCompactSummary=True)
    talk.prompt("u3")
    items = items_of(tmp_path, talk)
    assert list(sessions(items)) == ["s1"]
    assert kinds(items)[-3:] == ["notice", "compaction", "user_message"]


def test_a_side_chain_inside_the_file(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Task", {"prompt": "look around", "description": "Look"})
    talk.prompt("x1", "look around", parent=None, isSidechain=True)
    talk.answer("x2", isSidechain=True)
    talk.prompt("y1", "something else", parent=None, isSidechain=True)
    talk.answer("x3", parent="x2", isSidechain=True)
    talk.result("r1", "t1", "found", parent="a1")
    items = items_of(tmp_path, talk)
    assert list(sessions(items)) == ["s1", "s1/agent-x1", "s1/agent-y1"]
    side = sessions(items)["s1/agent-x1"]
    assert (side.type, side.parent, side.title) == ("agent", ("s1", "t1"), "Look")
    assert [event.source for event in events(items, "s1/agent-x1")] == ["x1/0", "x2/0", "x3/0"]
    assert {event.agent for event in events(items, "s1/agent-x1")} == {"claude-code"}
    assert kinds(items, "s1") == ["user_message", "tool_call", "tool_result"]


def test_a_side_chain_in_a_file_of_its_own(tmp_path: Path) -> None:
    side = Talk()
    side.prompt("x1", "go", isSidechain=True, agentId="ab12")
    side.answer("x2", isSidechain=True, agentId="ab12")
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Agent", {"prompt": "another text"})
    talk.result("r1", "t1", "done", {"agentId": "ab12", "status": "completed"})
    items = items_of(tmp_path, side, talk)  # the file of the side chain comes first and is read last
    assert list(sessions(items)) == ["s1", "s1/agent-ab12"]
    assert sessions(items)["s1/agent-ab12"].parent == ("s1", "t1")


def test_a_resumed_file_repeats_what_it_continues(tmp_path: Path) -> None:
    first, second = _two_turns(), _two_turns()
    second.prompt("u3")
    items = items_of(tmp_path, first, second)
    assert prompts(items) == ["prompt u1", "prompt u2", "prompt u3"]
    assert list(sessions(items)) == ["s1"]
    alone = items_of(tmp_path, second)
    assert {(e.source, e.turn, e.time) for e in events(items)} == {(e.source, e.turn, e.time) for e in events(alone)}


def test_a_file_gives_the_same_events_alone_and_with_others(tmp_path: Path) -> None:
    first, second = _two_turns(), Talk()
    second.answer("b1", timestamp="2025-07-02T00:00:00Z")
    second.prompt("u9", timestamp="2025-07-02T00:00:01Z")
    second.answer("b2", timestamp=None)
    told = {(e.source, e.turn, e.time) for e in events(items_of(tmp_path, first, second))}
    assert {(e.source, e.turn, e.time) for e in events(items_of(tmp_path, second))} < told


def test_one_name_with_two_contents_is_two_events(tmp_path: Path) -> None:
    first, second = Talk(), Talk()
    first.prompt("u1", "one")
    second.prompt("u1", "two")
    assert prompts(items_of(tmp_path, first, second, first, second)) == ["one", "two"]


def test_sessions_in_one_file(tmp_path: Path) -> None:
    first, second = Talk("s1"), Talk("s2")
    first.prompt("u1")
    second.prompt("u1")
    assert list(sessions(items_of(tmp_path, [*first.records, *second.records]))) == ["s1", "s2"]
