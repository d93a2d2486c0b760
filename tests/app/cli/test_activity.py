"""The line that says what a command is busy with: after half a second, and never among what is printed."""

from __future__ import annotations

import io
import threading

import pytest

from app.cli import activity as module
from app.cli.activity import Activity
from app.cli.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: moment[0])
    return moment


def test_a_step_is_shown_once_it_takes_long(now) -> None:
    stream = Terminal()
    busy = Activity(stream, shown=False)  # without its thread: drawn by hand
    busy._draw()
    busy.say("Checking keys")
    now[0] += 0.4
    busy._draw()
    busy.say("Checking database")
    now[0] += 0.4
    busy._draw()
    busy.clear()
    assert stream.getvalue() == ""
    busy.say("Checking database")
    now[0] += 3
    busy._draw()
    assert stream.getvalue() == "\r\x1b[2KChecking database 3 s"
    busy.say("Checking database", 50, 100)
    busy._draw()
    assert stream.getvalue().endswith("\r\x1b[2KChecking database [############------------]  50%")
    busy.clear()
    busy._draw()
    assert stream.getvalue().endswith("50%\r\x1b[2K")


def test_its_thread_draws_and_ends(monkeypatch) -> None:
    monkeypatch.setattr(module, "PROGRESS_AFTER_S", 0)
    monkeypatch.setattr(module, "PROGRESS_EVERY_S", 0.001)
    drawn = threading.Event()

    class Watched(Terminal):
        def write(self, text: str) -> int:
            if "Checking" in text:
                drawn.set()
            return super().write(text)

    stderr = Watched()
    with Output(stdout=io.StringIO(), stderr=stderr, environment={}).activity() as busy:
        busy.say("Checking keys")
        assert drawn.wait(30)
    assert stderr.getvalue().endswith("\r\x1b[2K")
    assert not [thread for thread in threading.enumerate() if thread.name == "activity"]


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO(), False), (Terminal(), True)])
def test_no_line_where_nobody_looks(now, stream: io.StringIO, quiet: bool) -> None:
    with Output(quiet=quiet, stdout=io.StringIO(), stderr=stream, environment={}).activity() as busy:
        busy.say("Checking keys")
        now[0] += 10
        assert not [thread for thread in threading.enumerate() if thread.name == "activity"]
    assert stream.getvalue() == ""
