import io

import pytest

from app.cli.output import Output
from app.cli.render import print_body
from app.sessions import events


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rendered(body, stream=None) -> str:
    stdout = stream or io.StringIO()
    print_body(Output(stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}), body)
    return stdout.getvalue()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (events.UserMessage(text="a\nb"), "a\nb\n"),
        (events.Plan(entries=(events.PlanEntry(text="x", status="completed"),)), "[x] x\n"),
        (events.ToolResult(call_id="c", status="failed", output="why"), "  failed\n  why\n"),
        (events.FileRead(path="a", first=1, last=3), "▸ read a:1-3\n"),
        (events.FileChange(path="a", diff="-x\n+y", added=1, removed=1), "▸ changed a +1 -1\n  -x\n  +y\n"),
        (events.CommandResult(call_id="c", signal="SIGKILL"), "  ended with SIGKILL\n"),
        (events.CommandResult(call_id="c", exit_code=0, stdout="x"), "  x\n"),
        (events.PermissionAnswer(request_id="r", answer="reject", reason="no"), "  reject: no\n"),
        (events.Verification(what="tests", passed=False, evidence="1 failed"), "✗ tests\n  1 failed\n"),
        (events.Conclusion(text="ok", outcome="completed"), "completed: ok\n"),
        (events.Usage(input=1200, output=3, cost=0.5), "1,200 tokens in, 3 out, $0.5000\n"),
        (events.SessionSet(fields={"title": "x"}), 'set title = "x"\n'),
        (events.Compaction(text="short"), "[compaction] short\n"),
        (events.Takeover(runner="d", term=1), "takeover\n"),
        (events.Unknown("future", {"a": 1}), 'future {"a":1}\n'),
    ],
)
def test_events_as_text(body, text) -> None:
    assert rendered(body) == text


@pytest.mark.parametrize("kind", events.KNOWN_KINDS)
def test_every_kind_has_a_text_of_its_own_or_its_name(kind) -> None:
    from app.cli.render import _PRINTERS

    assert kind in _PRINTERS or kind in (events.Checkpoint, events.Takeover, events.Erasure)


def test_a_terminal_gets_the_beginning_of_long_output_and_a_pipe_all() -> None:
    body = events.CommandResult(call_id="c", stdout="line\n" * 100)
    assert len(rendered(body).splitlines()) == 100
    lines = rendered(body, Terminal()).splitlines()
    assert len(lines) == 41 and "60 more lines" in lines[-1]
