"""A process that does what it is told: `python -m tests.soak.worker HOME SESSION`.

Commands come as JSON lines on stdin; each is answered on stdout with one once it is committed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from app.sessions.events import AgentMessage, Draft, UserMessage
from app.sessions.operations import SessionOperations
from app.workspace import Credentials, Workspace
from tests.e2e.conftest import PASSPHRASE

IMPORTED = 40
"""Events of one imported source."""


def perform(operations: SessionOperations, session: str, command: dict[str, Any]) -> Any:
    """One command; what it answers."""
    match command:
        case {"do": "append", "texts": texts}:
            return operations.append(session, [Draft(body=UserMessage(text=text), time=0) for text in texts])
        case {"do": "say", "text": text, "turn": turn}:
            draft = Draft(body=AgentMessage(text=text), time=0, turn=turn, agent="soak")
            return operations.append(session, [draft])
        case {"do": "draft", "text": text, "turn": turn}:
            return operations.save_draft(session, turn, "agent_message", text, "soak")
        case {"do": "import", "source": source}:
            return _import(operations, source)
        case {"do": "note", "line": line}:
            return _add_line(operations, session, line)
        case {"do": "rebuild"}:
            return operations.rebuild()
    raise ValueError(command)


def _import(operations: SessionOperations, source: str) -> int:
    """A foreign session in two parts, as an import writes it; what is there already is passed over."""
    target = operations.open_import("soak", source)
    drafts = [
        Draft(body=UserMessage(text=f"{source} {number}"), time=number, source=f"soak:{source}:{number}")
        for number in range(IMPORTED)
    ]
    with operations._engine.transaction() as tx:
        sql = "SELECT count(*) FROM event e JOIN session s ON s.row=e.session WHERE s.id=?"
        there = int(tx.connection.execute(sql, (target.session,)).fetchone()[0])
        part = drafts[there : there + IMPORTED // 2]
        operations.import_events(target.session, part)
    return there + len(part)


def _add_line(operations: SessionOperations, session: str, line: str) -> None:
    with operations._engine.transaction() as tx:
        found = tx.connection.execute("SELECT text FROM note WHERE name=?", (f"session/{session}",)).fetchone()
        operations.set_note(session, f"{found[0] if found else ''}{line}\n")


def main(home: str, session: str) -> None:
    """Until stdin ends."""
    workspace = Workspace.open(Path(home), Credentials(PASSPHRASE.encode()))
    print("null", flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        answer = workspace.write(lambda operations, command=command: perform(operations, session, command))
        print(json.dumps(answer), flush=True)
    workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
