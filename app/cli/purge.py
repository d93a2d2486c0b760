"""`lovelace sessions delete --purge`: a question, the offer of an export, and then no way back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.declared import find_sessions
from app.errors import UserError

if TYPE_CHECKING:
    from app.cli.call import Call
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

_NOT_EMPTIED = (
    "Another program is reading the store, so its write-ahead log still holds encrypted copies of what was purged. "
    "Close that program; the log is emptied when the last one leaves."
)


def purge_sessions(call: Call, ids: list[str]) -> None:
    """Erase sessions and their sub-sessions, after a question that `--yes` answers."""
    from app.network.sharing import withdraw_deleted

    with call.workspace() as workspace:
        found = find_sessions(workspace, ids)
        rows = workspace.read(
            lambda queries: [queries.session(session) for session in queries.with_sub_sessions(found)]
        )
        if call.has_person and not call.options.yes:
            _offer_export(workspace, rows)
        elsewhere = workspace.read(lambda queries: queries.losses(found)).elsewhere
        if not call.confirm(f"{_question(rows, len(found))} {elsewhere}".strip()):
            raise UserError("Nothing was purged.")
        purged = workspace.write(lambda operations: operations.purge(found))
        withdraw_deleted(workspace, purged.sessions)
    what = "1 session" if len(purged.sessions) == 1 else f"{len(purged.sessions)} sessions"
    lost = f" {len(purged.forks)} forked from it lost what they had inherited." if purged.forks else ""
    call.out.done(list(purged.sessions), f"Purged {what}.{lost}", forks=list(purged.forks), emptied=purged.emptied)
    if not purged.emptied:
        call.out.remark(_NOT_EMPTIED)


def _question(rows: list[SessionRow], named: int) -> str:
    shown = "; ".join(f"'{row.title}'" for row in rows[:3]) + ("; …" if len(rows) > 3 else "")
    subs = f" ({len(rows) - named} of them sub-sessions)" if len(rows) > named else ""
    count = "1 session" if len(rows) == 1 else f"{len(rows)} sessions{subs}"
    return f"Purge {count}: {shown}? Nothing can bring that back."


def _offer_export(workspace: Workspace, rows: list[SessionRow]) -> None:
    """Ask for a file to export to first; an empty answer goes on without."""
    sys.stderr.write("A purge cannot be undone. Export to this file first (empty: no export): ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if not answer:
        return
    target = Path(answer).expanduser().absolute()
    if target.exists():
        raise UserError(f"There is a file {target} already. Nothing was purged.")
    from app.sessions.archive import write_archive

    try:
        target.touch(mode=0o600, exist_ok=False)
        with target.open("w", encoding="utf-8", newline="\n") as file:
            workspace.read(lambda queries: write_archive(queries, rows, file))
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}. Nothing was purged.") from error
    sys.stderr.write(f"Exported to {target}.\n")
