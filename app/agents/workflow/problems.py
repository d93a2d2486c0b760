"""What is wrong with a workflow file: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. line, column: counted from 1. field: such as `steps[2].run`; '' for the whole file."""

    line: int
    column: int
    field: str
    message: str

    def text(self, file: str) -> str:
        """One line for people, in the form that editors understand."""
        where = f"{self.field}: " if self.field else ""
        return f"{file}:{self.line}: {where}{self.message}"

    def to_json(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {"line": self.line, "column": self.column, "field": self.field, "message": self.message}


def meant(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests what a misspelt name may have meant, or which names there are."""
    names = sorted(known)
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" There are: {', '.join(names)}." if names else ""


def listed(problems: Sequence[Problem], file: str) -> str:
    """All problems as lines, under a line that counts them."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{file} has {count}:", *(problem.text(file) for problem in problems)])
