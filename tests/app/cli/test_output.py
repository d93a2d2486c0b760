import io
import json

import pytest

from app.cli.errors import Failure, OutputClosed
from app.cli.output import Output, encode_json


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def pipe_output(**options) -> tuple[Output, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Output(stdout=stdout, stderr=stderr, environment={}, **options), stdout, stderr


def test_json_is_one_value_on_one_line() -> None:
    out, stdout, _ = pipe_output(json=True)
    out.value({"a": ["é\n"]})
    out.done(["1"], "Never shown.", created=2)
    assert [json.loads(line) for line in stdout.getvalue().splitlines()] == [
        {"a": ["é\n"]},
        {"ok": True, "ids": ["1"], "created": 2},
    ]


def test_json_of_broken_text_is_still_json() -> None:
    assert json.loads(encode_json({"name": "a\udc80"})) == {"name": "a\udc80"}


def test_tables_in_a_pipe_are_tabbed_lines_without_headings() -> None:
    out, stdout, _ = pipe_output()
    out.table(["id", "title"], [("1", "a\tb\nc\x1b[2J")])
    assert stdout.getvalue() == "1\ta b c␛[2J\n"


def test_tables_on_a_terminal_fit_its_width(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stdout = Terminal()
    Output(stdout=stdout, stderr=io.StringIO(), environment={"NO_COLOR": "1"}).table(
        ["id", "title"], [("1", "word " * 40), ("2", "日本")]
    )
    lines = stdout.getvalue().splitlines()
    assert lines[0] == "id  title"
    assert lines[1].endswith("…") and all(len(line) <= 30 for line in lines)
    assert lines[2] == "2   日本"


def test_colour_only_on_a_terminal() -> None:
    stdout = Terminal()
    Output(stdout=stdout, stderr=io.StringIO(), environment={}).line("x", "1")
    assert stdout.getvalue() == "\x1b[1mx\x1b[0m\n"
    assert not Output(json=True, stdout=Terminal(), stderr=io.StringIO()).terminal


def test_quiet_says_nothing_beside_results() -> None:
    out, stdout, stderr = pipe_output(quiet=True)
    out.done([], "Done.")
    out.remark("By the way.")
    assert stdout.getvalue() == stderr.getvalue() == ""


def test_failures_go_to_stderr_with_their_candidates() -> None:
    failure = Failure(4, "No session ‘x’.", ("xa", "xb"))
    out, stdout, stderr = pipe_output()
    out.fail(failure)
    assert (stdout.getvalue(), stderr.getvalue()) == ("", "No session ‘x’.\n  xa\n  xb\n")
    out, stdout, stderr = pipe_output(json=True)
    out.fail(failure)
    assert json.loads(stderr.getvalue()) == {
        "error": {"code": 4, "message": "No session ‘x’.", "candidates": ["xa", "xb"]}
    }


def test_a_reader_that_left_is_told_apart_from_other_errors() -> None:
    out = Output(stdout=Closed(), stderr=io.StringIO(), environment={})
    with pytest.raises(OutputClosed):
        out.line("x")


@pytest.mark.parametrize(("total", "shown"), [(100, "Reading [############------------]  50%"), (None, "Reading 50")])
def test_progress_is_drawn_after_half_a_second_and_wiped(monkeypatch, total, shown) -> None:
    now = [0.0]
    monkeypatch.setattr("app.cli.output.time.monotonic", lambda: now[0])
    stderr = Terminal()
    out = Output(stdout=io.StringIO(), stderr=stderr, environment={})
    with out.progress("Reading", total) as advance:
        advance(10)
        assert stderr.getvalue() == ""
        now[0] = 0.6
        advance(50)
    assert stderr.getvalue() == f"\r\x1b[2K{shown}\r\x1b[2K"
