"""How fast the formats come in that are not lines of Claude Code or Codex, each by itself and as a library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.importers.detect import find_sources
from app.importers.ingest import ingest
from tests.app.importers.foreign import (
    Opencode,
    cursor_line,
    gemini_head,
    gemini_message,
    goose_call,
    goose_database,
    goose_message,
    goose_result,
    goose_session,
    opencode_schema,
    text,
    writing,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place

BAR_PER_S = 2_000.0
_STEPS_A_SESSION = 200
_SAID = "I look at the file, change what is wrong in it and run the tests again. " * 6


def run(place: Place) -> Iterator[Figure]:
    """Makes a source of each format, imports it into an empty home."""
    for name, make in (("opencode", _opencode), ("gemini", _gemini), ("goose", _goose), ("cursor", _cursor)):
        folder = place.folder / name
        folder.mkdir()
        make(folder, place.sizes.import_records // 12)
        yield _measure(place, name, folder)


def _measure(place: Place, name: str, folder: Path) -> Figure:
    sources = find_sources([folder])
    size = sum(path.stat().st_size for path in folder.iterdir())
    with place.opened(name) as workspace:
        begun, cpu = time.perf_counter(), time.process_time()
        report = workspace.write(lambda operations: ingest(operations, sources))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    note = f"{report.events:,} events of {size / 1e6:,.0f} MB; {report.events / cpu:,.0f} a second of processor"
    detail = {"events": report.events, "seconds": round(seconds, 2), "cpu_s": round(cpu, 2)}
    return Figure(f"import of {name}", report.events / seconds, "events/s", BAR_PER_S, True, note, detail)


def _steps(steps: int) -> Iterator[tuple[int, int]]:
    """(session, step) of so many steps."""
    for step in range(steps):
        yield step // _STEPS_A_SESSION, step % _STEPS_A_SESSION


def _opencode(folder: Path, steps: int) -> None:
    with writing(folder / "opencode.db") as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        connection.execute("BEGIN")
        prompt = ""
        for session, step in _steps(steps):
            name = f"ses_{session}"
            if step == 0:
                tool.session(name)
            if step % 20 == 0:
                prompt = tool.prompt(name, f"Prompt {step}")
            answer = tool.answer(name, prompt, _SAID)
            state: dict[str, Any] = {"status": "completed", "input": {"command": "make test"}, "output": _SAID}
            state |= {"metadata": {"exit": 0}, "time": {"start": tool.now, "end": tool.now + 9}}
            tool.part(name, answer, type="tool", tool="bash", callID=f"c{session}-{step}", state=state)
            tool.part(name, answer, type="step-finish", cost=0.1, tokens={"input": 9, "output": 3})
        connection.execute("COMMIT")


def _lines(path: Callable[[int], Path], records: Iterator[tuple[int, Any]]) -> None:
    for session, record in records:
        with path(session).open("a") as file:
            file.write(json.dumps(record) + "\n")


def _gemini(folder: Path, steps: int) -> None:
    def records() -> Iterator[tuple[int, Any]]:
        for session, step in _steps(steps):
            if step == 0:
                yield session, gemini_head(f"g{session}")
            if step % 20 == 0:
                yield session, gemini_message(f"u{step}", "user", f"Prompt {step}")
            call = {
                "id": f"c{step}",
                "name": "run_shell_command",
                "args": {"command": "make test"},
                "status": "success",
            }
            result = [{"functionResponse": {"id": f"c{step}", "response": {"output": f"Output: {_SAID}"}}}]
            tokens = {"input": 9, "output": 3, "cached": 1}
            yield session, gemini_message(f"m{step}", "gemini", _SAID, tokens=tokens)
            calls = [call | {"result": result, "resultDisplay": _SAID}]
            yield session, gemini_message(f"m{step}", "gemini", _SAID, tokens=tokens, toolCalls=calls)

    _lines(lambda session: folder / f"session-{session}.jsonl", records())


def _goose(folder: Path, steps: int) -> None:
    rows: list[tuple[str, dict[str, Any]]] = []
    for session, step in _steps(steps):
        name, created = f"20260301_{session}", 1_772_355_600 + 4 * step
        if step == 0:
            rows.append(goose_session(name))
        if step % 20 == 0:
            rows.append(goose_message("user", text(f"Prompt {step}"), created=created, session_id=name))
        call = goose_call(f"c{step}", "developer__shell", command="make test")
        rows.append(goose_message("assistant", text(_SAID), call, created=created + 1, session_id=name))
        rows.append(goose_message("user", goose_result(f"c{step}", _SAID), created=created + 2, session_id=name))
    goose_database(folder / "sessions.db", rows)


def _cursor(folder: Path, steps: int) -> None:
    def records() -> Iterator[tuple[int, Any]]:
        for session, step in _steps(steps):
            if step % 20 == 0:
                yield session, cursor_line("user", text(f"<user_query>\nPrompt {step}\n</user_query>"))
            call = {"type": "tool_use", "name": "Shell", "input": {"command": f"make test-{step}"}}
            yield session, cursor_line("assistant", text(_SAID), call)

    _lines(lambda session: folder / f"00000000-0000-4000-8000-{session:012}.jsonl", records())
