import io
import json

from app.agents.backend import OutputDelta, TextDelta
from app.cli.output import Output
from app.cli.stream import TurnPrinter
from app.sessions.events import (
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileRead,
    PermissionRequest,
    ToolCall,
    ToolResult,
    Usage,
)
from app.sessions.views import Author, Event

UPDATES = [
    TextDelta("agent_thought", "hm"),
    TextDelta("agent_message", "I will "),
    TextDelta("agent_message", "look."),
    ToolCall(call_id="c", name="run", title="Run ls"),
    PermissionRequest(request_id="r", call_id="c", name="run", title="Run ls"),
    Command(call_id="c", command="ls"),
    OutputDelta("c", "stdout", "a.py\nb"),
    CommandResult(call_id="c", exit_code=2, stdout="a.py\nb"),
    ToolResult(call_id="c", status="completed", output="a.py\nb"),
    ToolResult(call_id="d", status="denied", output="no"),
    Usage(input=1, output=2),
    TextDelta("agent_message", "Done."),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stdout: io.StringIO, *, as_json: bool = False) -> str:
    printer = TurnPrinter(Output(json=as_json, stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}))
    for update in UPDATES:
        printer.update("t", update)
    printer.end()
    return stdout.getvalue()


def test_a_pipe_gets_answers_and_actions_on_lines_of_their_own() -> None:
    assert shown(io.StringIO()).splitlines() == [
        "I will look.",
        "▸ Run ls",
        "$ ls",
        "a.py",
        "b",
        "  ended with exit code 2",
        "  denied",
        "  no",
        "Done.",
    ]


def test_a_terminal_sees_thoughts_too() -> None:
    assert shown(Terminal()).splitlines()[:2] == ["hm", "I will look."]


def test_json_streams_the_text_of_answers() -> None:
    lines = [json.loads(line) for line in shown(io.StringIO(), as_json=True).splitlines()]
    assert lines == [{"kind": "delta", "turn": "t", "text": text} for text in ("I will ", "look.", "Done.")]


def test_recorded_events_are_printed_only_as_json() -> None:
    event = Event("e", "s", "t", 0, Author("i", "d", "Ada", "scripted"), Usage(input=1), 1)
    for as_json, count in ((True, 1), (False, 0)):
        stdout = io.StringIO()
        out = Output(json=as_json, stdout=stdout, stderr=io.StringIO(), environment={})
        TurnPrinter(out).recorded([event])
        assert stdout.getvalue().count("\n") == count


def test_a_file_that_was_read_is_said_once() -> None:
    stdout = io.StringIO()
    printer = TurnPrinter(Output(stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}))
    printer.update("t", ToolCall(call_id="c", name="read", title="Read a.py"))
    printer.update("t", FileRead(call_id="c", path="a.py"))
    assert stdout.getvalue() == "▸ Read a.py\n"


def test_a_conclusion_does_not_repeat_the_last_message() -> None:
    for conclusion, shown_as in (("All tests pass.", "completed"), ("It works.", "completed: It works.")):
        stdout = io.StringIO()
        printer = TurnPrinter(Output(stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}))
        printer.update("t", TextDelta("agent_message", "All tests "))
        printer.update("t", TextDelta("agent_message", "pass."))
        printer.concluded([Conclusion(text=conclusion, outcome="completed")])
        assert stdout.getvalue().splitlines() == ["All tests pass.", shown_as]


def test_only_a_terminal_sees_that_older_turns_were_summed_up() -> None:
    for stdout, text in ((Terminal(), "[compaction] in short\n"), (io.StringIO(), "")):
        printer = TurnPrinter(Output(json=False, stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}))
        printer.update("t", Compaction(text="in short", last="x"))
        assert stdout.getvalue() == text
