"""A person at a terminal while an agent works: questions that can be cancelled, and Ctrl+C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from app.cli.text import printable

if TYPE_CHECKING:
    from app.agents.backend import Answered
    from app.sessions.events import PermissionAnswer, PermissionChoice, PermissionRequest

_CHOICES: dict[str, PermissionChoice] = {
    "y": "once",
    "yes": "once",
    "once": "once",
    "a": "always",
    "always": "always",
    "n": "reject",
    "no": "reject",
    "reject": "reject",
}

_LINE_BYTES = 4096


async def ask_permission(request: PermissionRequest) -> Answered:
    """Ask on the terminal whether a tool may act, or for what a server asks; the end of input rejects."""
    from app.agents.backend import Answered
    from app.agents.mcp.asked_form import form_schema
    from app.sessions.events import PermissionAnswer

    if (schema := form_schema(request)) is not None:
        return Answered(await _filled_in(request, schema))
    question = f"Allow {printable(request.title)}? [y]es, [a]lways in this session, [n]o: "
    choice = None
    while choice is None:
        line = await read_line(question)
        choice = "reject" if line is None else _CHOICES.get(line.strip().lower())
    return Answered(PermissionAnswer(request_id=request.request_id, answer=choice))


async def _filled_in(request: PermissionRequest, schema: Mapping[str, Any]) -> PermissionAnswer:
    from app.agents.mcp.schema import fields_of
    from app.cli.terminal_form import agrees, fill_in
    from app.sessions.events import PermissionAnswer

    agreed = await agrees(f"{printable(request.title)}\nAnswer?")
    values = await fill_in(fields_of(schema) or []) if agreed else None
    choice: PermissionChoice = "reject" if values is None else "once"
    return PermissionAnswer(request_id=request.request_id, answer=choice, values=values)


async def ask_approval(request: PermissionRequest) -> Answered:
    """Ask on the terminal whether a workflow may go on; the end of input says no."""
    from app.agents.backend import Answered
    from app.sessions.events import PermissionAnswer

    choice: PermissionChoice | None = None
    while choice is None:
        line = await read_line(f"{printable(request.title)} [y]es, [n]o: ")
        word = "no" if line is None else line.strip().lower()
        choice = {"y": "once", "yes": "once", "n": "reject", "no": "reject"}.get(word)  # type: ignore[assignment]
    return Answered(PermissionAnswer(request_id=request.request_id, answer=choice))


async def read_line(question: str) -> str | None:
    """One line from the terminal; None at the end of input. Other tasks go on meanwhile, and it can be cancelled."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        if not answered.done():
            answered.set_result(os.read(descriptor, _LINE_BYTES))

    sys.stderr.write(question)
    sys.stderr.flush()
    loop.add_reader(descriptor, read)
    try:
        line = await answered
    finally:
        loop.remove_reader(descriptor)
    return line.decode(errors="replace") if line else None


@asynccontextmanager
async def on_interrupt(cancel: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Within: Ctrl+C starts `cancel` instead of raising; a second one cancels the current task itself."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    cancelling: list[asyncio.Task[None]] = []

    def interrupted() -> None:
        if not cancelling:
            cancelling.append(loop.create_task(cancel()))
        elif task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*cancelling)
