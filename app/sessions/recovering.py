"""What a process leaves that dies in the middle of a turn: its drafts become interrupted messages.

What its commands printed becomes their result; nobody knows how they ended.

A draft belongs to the process that writes it, which shows itself as alive (`sync.store.processes`) from its first draft
on. Whoever starts to write next and finds the owner gone appends the text to the session and removes the draft, in one
transaction: twice is impossible, and a living process is never robbed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import AppError
from app.sessions.events import AgentMessage, AgentThought, Body, CommandResult, Draft
from app.sessions.operations import SessionOperations
from app.sessions.tables import FAR
from sync.engine import Engine
from sync.errors import SyncError
from sync.repository.transaction import Transaction
from sync.store.processes import is_alive, remove_stale

_DRAFTS = "SELECT session, turn, kind, agent, text, time, process FROM draft"
_OUTPUTS = "SELECT DISTINCT session, turn, call, agent, process FROM output"


@dataclass(frozen=True, slots=True)
class _Left:
    session: str
    turn: str
    kind: str
    agent: str | None
    text: str
    time: int
    process: str


def recover_drafts(operations: SessionOperations, engine: Engine) -> int:
    """Turn what dead processes left into events; gives how many drafts that were.

    What cannot be written now (a full disk, a damaged session) stays for the next one who tries.
    """
    found = [_Left(*row) for row in engine.connection.execute(_DRAFTS)]
    gone = _gone(engine, {draft.process for draft in found})
    recovered = 0
    for session, turn in dict.fromkeys((draft.session, draft.turn) for draft in found if draft.process in gone):
        try:
            recovered += _recover_turn(operations, engine, session, turn)
        except (SyncError, AppError):
            continue
    silent = _recover_outputs(operations, engine)
    if gone or silent:
        remove_stale(engine.home)
    return recovered + silent


def _recover_outputs(operations: SessionOperations, engine: Engine) -> int:
    found = engine.connection.execute(_OUTPUTS).fetchall()
    gone = _gone(engine, {row[4] for row in found})
    recovered = 0
    for session, turn, call, agent, process in found:
        if process in gone:
            try:
                recovered += _recover_output(operations, engine, session, turn, call, agent)
            except (SyncError, AppError):
                continue
    return recovered


def _recover_output(
    operations: SessionOperations, engine: Engine, session: str, turn: str, call: str, agent: str | None
) -> int:
    where = "FROM output WHERE session=? AND turn=? AND call=?"
    with engine.transaction() as tx:
        pieces = tx.connection.execute(
            f"SELECT number, text, time, process {where} ORDER BY number", (session, turn, call)
        ).fetchall()
        if not _gone(engine, {piece[3] for piece in pieces}):  # another process was faster
            return 0
        if _exists(tx, session):
            text = "".join(piece[1] for piece in pieces)
            body = CommandResult(call_id=call, stdout=text, truncated=pieces[0][0] > 0)
            operations.append(session, [Draft(body=body, time=pieces[-1][2], turn=turn, agent=agent)])
        tx.connection.execute(f"DELETE {where}", (session, turn, call))
        tx.touch(f"draft/{session}")
    return 1


def _gone(engine: Engine, writers: Iterable[str]) -> set[str]:
    others = {writer for writer in writers if writer != engine.presence.name and not writer.startswith(FAR)}
    return {process for process in others if not is_alive(engine.home, process)}


def _recover_turn(operations: SessionOperations, engine: Engine, session: str, turn: str) -> int:
    with engine.transaction() as tx:
        rows = tx.connection.execute(f"{_DRAFTS} WHERE session=? AND turn=? ORDER BY time, kind DESC", (session, turn))
        drafts = [_Left(*row) for row in rows]
        gone = _gone(engine, {draft.process for draft in drafts})
        left = [draft for draft in drafts if draft.process in gone]
        said = [_event(draft) for draft in left if draft.text.strip()]
        if said and _exists(tx, session):
            operations.append(session, said)
        for draft in left:
            tx.connection.execute(
                "DELETE FROM draft WHERE session=? AND turn=? AND kind=?", (session, turn, draft.kind)
            )
        tx.touch(f"draft/{session}")
    return len(left)


def _exists(tx: Transaction, session: str) -> bool:
    return tx.connection.execute("SELECT 1 FROM session WHERE id=?", (session,)).fetchone() is not None


def _event(draft: _Left) -> Draft:
    body: Body = AgentMessage(text=draft.text, interrupted=True)
    if draft.kind == "agent_thought":
        body = AgentThought(text=draft.text)
    return Draft(body=body, time=draft.time, turn=draft.turn, agent=draft.agent)
