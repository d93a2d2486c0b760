from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.agents.digest import HEAD, digest
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileChange,
    PermissionAnswer,
    PermissionRequest,
    Plan,
    PlanEntry,
    UserMessage,
    Verification,
)

WORK: list[AnyBody] = [
    UserMessage(text="Make it fast."),
    PermissionRequest(request_id="1", call_id="c", name="run", title="Run rm -rf x"),
    PermissionAnswer(request_id="1", answer="reject", reason="never"),
    Command(call_id="c", command="make test"),
    CommandResult(call_id="c", exit_code=2),
    Command(call_id="d", command="sleep 9"),
    CommandResult(call_id="d", signal="SIGKILL"),
    Command(call_id="e", command="lost"),
    FileChange(path="a.py", added=1, removed=2),
    FileChange(path="b.py", added=1),
    FileChange(path="a.py", added=3),
    UserMessage(text="Faster."),
    Plan(entries=(PlanEntry(text="measure", status="in_progress"),)),
    Verification(what="tests", passed=True),
    AgentMessage(text="It is fast."),
    Conclusion(text="Fast now.", outcome="completed"),
]


def test_it_tells_prompts_decisions_files_and_commands() -> None:
    assert digest(WORK, "It began.", 10_000) == (
        f"{HEAD}\n\nBefore that:\nIt began.\n\nFirst prompt:\nMake it fast.\n\nLater prompts:\nFaster.\n\n"
        "Decisions:\nRun rm -rf x: reject (never)\ncheck 'tests' passed\ncompleted: Fast now.\n"
        "plan, in_progress: measure\n\n"
        "Files:\nb.py +1 -0\na.py +4 -2\n\n"
        "Commands:\nmake test: exit code 2\nsleep 9: ended by SIGKILL\nlost: no result\n\n"
        "Last answer:\nIt is fast."
    )


def test_an_earlier_digest_is_not_headed_twice() -> None:
    assert digest([], digest(WORK, "", 10_000), 10_000).count(HEAD) == 1


def test_a_summary_of_another_tool_is_told() -> None:
    assert "Summaries found:\nin short" in digest([Compaction(text="in short")], "", 1_000)


@given(count=st.integers(1, 200), characters=st.integers(1_000, 5_000))
def test_it_keeps_to_its_size_and_the_newest(count: int, characters: int) -> None:
    bodies = [Command(call_id=f"{n}", command=f"command {n} " + "x" * 150) for n in range(count)]
    made = digest([UserMessage(text="p" * 9_000), *bodies, *WORK], "before " * 2_000, characters)
    assert len(made) <= characters + 500
    assert "lost: no result" in made
