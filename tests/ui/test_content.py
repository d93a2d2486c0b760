"""What each kind of event is shown as, and what copying gives."""

from __future__ import annotations

from typing import Any

import pytest

from app.sessions import events as kinds
from app.ui.conversation.blocks import Ask, Banner, Block, Card, Code, Divider, Heading, Mark, Prose, Steps
from app.ui.conversation.card_texts import SHOWN_LINES, diff_code, last_line, tail_lines
from app.ui.conversation.content import LONG_LINES, LONG_TEXT, REST_LINES, blocks_of, copied_texts
from app.ui.conversation.entries import Entry, grouped, head_row, is_absorbed
from tests.helpers.conversations import NOW, event, events, tool

DIFF = "--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- gone\n+new\n same\n"


def shown(*bodies: kinds.AnyBody, opened: bool = False, live: bool = False) -> list[tuple[Block, ...]]:
    """The blocks of each row, headings left out."""
    rows = []
    for entry in grouped(events(bodies)):
        entry = Entry(entry.event, entry.group, entry.previous, live)
        blocks = blocks_of(entry, now=NOW, opened=opened)
        rows.append(tuple(block for block in blocks if not isinstance(block, Heading)))
    return rows


def card(*bodies: kinds.AnyBody, **how: Any) -> Card:
    found = shown(*bodies, **how)[0][0]
    assert isinstance(found, Card)
    return found


def test_messages_have_a_heading_when_the_speaker_changes() -> None:
    made = events([kinds.UserMessage(text="a"), kinds.AgentMessage(text="b"), kinds.AgentMessage(text="c")])
    first, second, third = (blocks_of(entry, now=NOW, opened=False) for entry in grouped(made))
    assert [type(block) for block in (*first, *second, *third)] == [Heading, Prose, Heading, Prose, Prose]
    assert [block.name for block in (first[0], second[0]) if isinstance(block, Heading)] == ["Ana", "scripted"]


def test_a_call_and_its_result_are_one_card() -> None:
    rows = shown(*tool("c1", output="1\n2\n3\n"))
    assert rows[1] == ()
    assert rows[0] == (Card(Mark.DONE, "Read", "a.py · 3 lines", foldable=True),)


def test_a_call_without_result_runs_only_while_the_turn_does() -> None:
    call = kinds.ToolCall(call_id="c1", name="read")
    assert card(call, live=True).mark is Mark.RUNNING
    assert card(call).mark is Mark.NONE


@pytest.mark.parametrize(
    ("status", "mark"), [("failed", Mark.FAILED), ("denied", Mark.DENIED), ("cancelled", Mark.DENIED)]
)
def test_what_did_not_work_is_marked(status: str, mark: Mark) -> None:
    assert card(*tool("c1", status=status)).mark is mark


def test_equal_call_ids_of_other_turns_are_other_calls() -> None:
    made = [event(n, body, turn=f"t{n // 3}") for n, body in enumerate([*tool("c1"), *tool("c1")], 1)]
    assert [is_absorbed(entry) for entry in grouped(made)] == [False, True, False, True]


def test_a_failed_command_shows_the_end_of_its_output_unasked() -> None:
    output = "".join(f"line {n}\n" for n in range(50))
    made = card(
        kinds.Command(call_id="c", command="make"),
        kinds.CommandResult(call_id="c", exit_code=2, stdout=output, duration_ms=1500),
    )
    assert made.mark is Mark.FAILED
    assert made.trailing == (("exit 2", "removed"), ("1.5 s", "muted"))
    assert isinstance(made.body[0], Code)
    assert made.body[0].text.startswith("… 42 lines before\nline 42")


def test_an_open_command_shows_command_and_streams() -> None:
    made = card(
        kinds.Command(call_id="c", command="make"),
        kinds.CommandResult(call_id="c", exit_code=0, stdout="out\n", stderr="err\n"),
        opened=True,
    )
    assert [block.text for block in made.body if isinstance(block, Code)] == ["make", "out", "err"]


def test_colours_and_progress_of_terminals_are_no_text() -> None:
    printed = "\x1b[1m10%\x1b[0m\r100%\r\n\x1b[31m2 failed\x1b[0m\n"
    made = card(
        kinds.Command(call_id="c", command="make"), kinds.CommandResult(call_id="c", exit_code=1, stdout=printed)
    )
    assert made.summary == "make · 2 failed"
    assert made.body == (Code("100%\n2 failed"),)


def test_a_command_ended_by_a_signal() -> None:
    made = card(kinds.Command(call_id="c", command="x"), kinds.CommandResult(call_id="c", signal="SIGKILL"))
    assert (made.mark, made.trailing) == (Mark.FAILED, (("SIGKILL", "removed"),))


def test_a_change_counts_lines_and_opens_as_a_diff() -> None:
    change = kinds.FileChange(path="x.sql", language="sql", diff=DIFF, added=1, removed=1)
    closed = card(change)
    assert (closed.name, closed.summary, closed.trailing) == ("Changed", "x.sql", (("+1", "added"), ("−1", "removed")))
    assert card(change, opened=True).body == (Code("@@ -1,2 +1,2 @@\n--- gone\n+new\n same", "sql", "@-+ "),)


@pytest.mark.parametrize(
    ("diff", "name"),
    [
        ("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a", "Created"),
        ("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a", "Deleted"),
    ],
)
def test_made_and_removed_files(diff: str, name: str) -> None:
    assert card(kinds.FileChange(path="x", diff=diff)).name == name


def test_a_huge_diff_is_cut_with_a_word() -> None:
    code = diff_code("@@ -1 +1 @@\n" + "+x\n" * 1000, None)
    assert len(code.tints) == SHOWN_LINES + 1
    assert code.text.endswith("… 601 more lines")


def test_a_question_waits_only_while_something_waits_for_it() -> None:
    request = kinds.PermissionRequest(
        request_id="r", call_id="c", name="run", title="Run make", input={"command": "make"}
    )
    assert shown(request, live=True)[0] == (Ask("r", "Run make", (Code("make", "bash"),), for_good=True),)
    closed = shown(request)[0][0]
    assert isinstance(closed, Card)
    assert closed.mark is Mark.NONE


def test_nothing_hides_in_a_question() -> None:
    command = "ls" + " " * 300 + "; rm -rf ~ \u202egnp.\u200b"
    request = kinds.PermissionRequest(
        request_id="r", call_id="c", name="run", title=command, input={"command": command}
    )
    (ask,) = shown(request, live=True)[0]
    assert isinstance(ask, Ask)
    (code,) = ask.body
    assert isinstance(code, Code)
    assert max(map(len, code.text.split("\n"))) <= 90
    assert "; rm -rf ~ \\u202egnp.\\u200b" in code.text.replace("\n", "")
    assert "\u202e" not in ask.title


def test_an_edit_is_asked_for_as_a_diff() -> None:
    given = {"path": "a.py", "old": "x = 1", "new": "x = 2\ny = 3"}
    request = kinds.PermissionRequest(request_id="r", call_id="c", name="edit", title="Edit", input=given)
    (ask,) = shown(request, live=True)[0]
    assert isinstance(ask, Ask)
    assert ask.body == (Code("path: a.py"), Code("-x = 1\n+x = 2\n+y = 3", "python", "-++"))


def test_text_of_several_lines_is_shown_as_text() -> None:
    call = kinds.ToolCall(call_id="c", name="write", title="Write a.py", input={"path": "a.py", "content": "x\ny\n"})
    made = card(call, opened=True)
    assert (made.name, made.summary) == ("Write", "a.py")
    assert made.body == (Code("path: a.py"), Code("x\ny", "python"))


def test_an_answered_question_is_part_of_its_call() -> None:
    call = kinds.ToolCall(call_id="c", name="run", input={"command": "make"})
    request = kinds.PermissionRequest(request_id="r", call_id="c", name="run", title="Run make")
    answer = kinds.PermissionAnswer(request_id="r", answer="reject", reason="not now")
    result = kinds.ToolResult(call_id="c", status="denied")
    rows = shown(call, request, answer, result, live=True)
    assert rows[1:] == [(), (), ()]
    made = rows[0][0]
    assert isinstance(made, Card)
    assert (made.mark, made.summary) == (Mark.DENIED, "make · rejected: not now")


def test_thoughts_are_folded() -> None:
    thought = kinds.AgentThought(text="\nFirst line\nsecond")
    assert card(thought) == Card(Mark.NONE, "Thought", "First line", foldable=True)
    assert card(thought, opened=True).body == (Prose(thought.text, muted=True),)


def test_a_plan_shows_its_steps() -> None:
    plan = kinds.Plan(entries=(kinds.PlanEntry(text="a", status="completed"), kinds.PlanEntry(text="b")))
    made = card(plan)
    assert (made.summary, made.body) == ("1 of 2 done", (Steps((("completed", "a"), ("pending", "b"))),))


def test_an_unknown_kind_is_a_plain_card_with_all_fields() -> None:
    made = card(kinds.Unknown("dream_sequence", {"depth": 3}), opened=True)
    assert made.name == "Dream sequence"
    assert made.body == (Code('{\n  "depth": 3\n}', "json"),)


def test_a_long_message_is_cut_until_it_is_asked_for() -> None:
    message = kinds.AgentMessage(text="word \n" * LONG_TEXT)
    closed, opened = shown(message)[0], shown(message, opened=True)[0]
    assert isinstance(closed[0], Prose)
    assert len(closed[0].text) <= LONG_TEXT
    assert isinstance(opened[0], Prose)
    assert isinstance(opened[1], Code)
    said = opened[0].text + opened[1].text
    assert message.text.startswith(said)
    assert said.count("\n") == LONG_LINES + REST_LINES - 1
    last = opened[2]
    assert isinstance(last, Card)
    assert f"{len(message.text) - len(said):,} more characters" in last.summary


def test_a_cut_off_answer_says_so() -> None:
    blocks = shown(kinds.AgentMessage(text="half", interrupted=True))[0]
    assert blocks[1] == Banner("The answer was interrupted.", "warning")


@pytest.mark.parametrize("kind", kinds.KNOWN_KINDS, ids=lambda kind: kind.__struct_config__.tag)
@pytest.mark.parametrize("opened", [False, True])
def test_every_kind_can_be_shown(kind: type[kinds.Body], opened: bool) -> None:
    values: dict[str, Any] = {
        "text": "t", "entries": (), "call_id": "c", "name": "n", "status": "completed", "path": "p", "command": "c",
        "request_id": "r", "title": "t", "answer": "once", "what": "w", "passed": True, "outcome": "completed",
        "target": "s", "fields": {}, "runner": "r", "term": 1, "event": "e", "facts": (),
    }  # fmt: skip
    body = kind(**{name: values[name] for name in kind.__struct_fields__ if name in values})
    if kind is kinds.Status:
        body = kinds.Status(status="paused")
    assert len(shown(body, opened=opened)) == 1


def test_copying_gives_markdown_and_one_line_for_a_card() -> None:
    made = events([kinds.UserMessage(text="Do **it**"), *tool("c1"), kinds.AgentMessage(text="Done")])
    assert copied_texts(made) == ["Do **it**", "✓ Read a.py · ok", "", "Done"]


def test_the_card_of_a_result_is_found() -> None:
    made = events([*tool("c0"), *tool("c1")])
    assert head_row(made[3], made) == made[2].row
    assert head_row(made[2], made) == made[2].row


def test_words_from_the_ends_of_output() -> None:
    assert last_line("a\nb\n\n") == "b"
    assert tail_lines("a\nb\nc\n", 2) == "… 1 lines before\nb\nc"


def test_another_device_is_named_and_this_one_is_not() -> None:
    said = event(1, kinds.UserMessage(text="x"))
    for device, detail in (("cc" * 32, "on device bbbbbb"), (said.author.device, ""), ("", "")):
        heading = blocks_of(Entry(said, previous="", device=device), now=NOW, opened=False)[0]
        assert isinstance(heading, Heading)
        assert heading.detail == detail
    named = blocks_of(Entry(said, previous="", device="cc" * 32, device_name="Laptop"), now=NOW, opened=False)[0]
    assert isinstance(named, Heading) and named.detail == "on Laptop"


def test_another_day_stands_across() -> None:
    said = event(1, kinds.UserMessage(text="x"))
    same = blocks_of(Entry(said, previous="", previous_time=NOW - 1), now=NOW, opened=False)
    other = blocks_of(Entry(said, previous="", previous_time=NOW - 3 * 86_400_000), now=NOW, opened=False)
    assert not isinstance(same[0], Divider)
    assert other[0] == Divider("Today")


def test_many_changed_files_are_named_and_the_rest_is_counted() -> None:
    call = kinds.ToolCall(call_id="c1", name="run")
    changes = [kinds.FileChange(path=f"{n}.py", diff=DIFF, added=1, call_id="c1") for n in range(250)]
    (body,) = [card(call, *changes, opened=True).body]
    names = [block.name for block in body if isinstance(block, Card)]
    assert names[:2] == ["0.py", "1.py"]
    assert names[-1] == "… 50 more files"
    assert all(isinstance(block, Card) and block.opens for block in body[1:])
