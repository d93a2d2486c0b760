"""Forms at a terminal: a question whether to fill it in, then one line for each field."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from app.agents.mcp.schema import Field, parse
from app.cli.terminal import read_line
from app.cli.text import printable
from app.errors import UserError


async def agrees(question: str) -> bool:
    """Whether the person says yes; the end of input says no."""
    line = await read_line(f"{question} [y/N] ")
    return line is not None and line.strip().lower() in ("y", "yes")


async def fill_in(fields: Sequence[Field]) -> dict[str, Any] | None:
    """What the person enters, field by field; None at the end of input."""
    values: dict[str, Any] = {}
    for field in fields:
        answered, value = await _ask_field(field)
        if not answered:
            return None
        if value is not None:
            values[field.name] = value
    return values


async def _ask_field(field: Field) -> tuple[bool, Any]:
    """(whether it was answered at all, the value)."""
    choices = f" ({', '.join(one.title for one in field.choices[:20])})" if field.choices else ""
    default = "" if field.default is None else f" [{_proposal(field.default)}]"
    while True:
        line = await read_line(printable(f"{field.title}{choices}{default}: "))
        if line is None:
            return False, None
        text = line.strip()
        if not text:
            if field.default is not None or not field.required:
                return True, field.default
            continue
        try:
            return True, parse(field, text)
        except UserError as error:
            sys.stderr.write(f"{error}\n")


def _proposal(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
