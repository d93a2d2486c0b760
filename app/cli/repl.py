"""A conversation on the terminal: prompt after prompt until /quit or the end of input."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.cli.errors import DONE
from app.cli.output import BOLD, DIM, RED, Output
from app.cli.talk import Talk
from app.errors import AgentError

_HELP = """\
/new    start a new session
/quit   leave (also Ctrl+D)
/help   show this
Ctrl+C  stop the answer"""
_PROMPT = "› "
_HEED_S = 0.2


@dataclass(slots=True)
class Repl:
    """talk: the conversation that goes on. start_new: makes one with the named agent in a new session."""

    out: Output
    runner: asyncio.Runner
    talk: Talk
    start_new: Callable[[str], Talk]

    def run(self) -> int:
        """Read and answer until the person leaves; gives the exit code."""
        _enable_line_editing()
        where = f"Session {self.talk.session}." if self.talk.session else "A new session."
        self.out.line(f"{where} /help shows what can be typed.", DIM)
        while (text := self._read()) is not None:
            match text.split():
                case []:
                    continue
                case ["/quit" | "/exit"]:
                    break
                case ["/help"]:
                    self.out.line(_HELP)
                case ["/new"]:
                    self.talk = self.start_new(self.talk.agent)
                    self.out.line("A new session.", DIM)
                case [word, *_] if word.startswith("/") and "/" not in word[1:]:
                    self.out.line(f"There is no {word}. /help shows what can be typed.", RED)
                case _:
                    self._turn(text)
        return DONE

    def _read(self) -> str | None:
        """The next prompt; '' after Ctrl+C, None at the end of input."""
        try:
            with _heeding_interrupts():
                return input(_PROMPT)
        except KeyboardInterrupt:
            self.out.line("")
            return ""
        except EOFError:
            self.out.line("")
            return None

    def _turn(self, text: str) -> None:
        try:
            result = self.runner.run(self.talk.turn(text))
        except AgentError as error:
            self.out.line(str(error), RED)
        else:
            if result.outcome == "cancelled":
                self.out.line("Stopped.", BOLD)


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """Within: `input` heeds Ctrl+C soon, also where it comes just before the waiting for a key begins.

    Python's readline looks for signals only when one interrupts that waiting. One that came a moment earlier would be
    held back until a line is typed, and then take the line with it. So a timer interrupts the waiting now and then.
    """
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, _HEED_S, _HEED_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _enable_line_editing() -> None:
    """Arrow keys and history at the prompt; the history stays in memory."""
    try:
        import readline  # noqa: F401
    except ImportError:
        pass
