"""`lovelace doctor`: looks the home over and mends what can be mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import DAMAGED, DONE
from app.cli.output import GREEN, RED, YELLOW

if TYPE_CHECKING:
    from app.commands.doctor import Check

cli = group("")


@cli.command()
def doctor(context: typer.Context) -> int:
    """Check keys, files, database, lists, search and blobs; mends after a question or with --yes."""
    from app.commands.doctor import Doctor

    call = call_of(context)
    credentials = call.credentials()
    database = call.unlocked_database(call.home, credentials)
    checks: list[Check] = []
    with call.out.activity() as activity:

        def ask(question: str) -> bool:
            activity.clear()
            return _ask(call, question)

        def progress(name: str, done: int, total: int | None) -> None:
            activity.say(f"Checking {name}", done, total)

        for check in Doctor(database, passphrase=credentials.passphrase, ask=ask, progress=progress).examine():
            activity.clear()
            checks.append(check)
            _show(call, check)
    ok = all(check.ok for check in checks)
    if call.out.json:
        shown = [{"name": c.name, "ok": c.ok, "message": c.message, "mended": c.mended} for c in checks]
        call.out.value({"ok": ok, "checks": shown})
    return DONE if ok else DAMAGED


def _show(call: Call, check: Check) -> None:
    if call.out.json:
        return
    word, style = ("mended", YELLOW) if check.mended else ("ok", GREEN) if check.ok else ("NOT OK", RED)
    call.out.write(f"{word:<7}", style)
    call.out.line(f"{check.name:<11} {check.message}")
    call.out.flush()


def _ask(call: Call, question: str) -> bool:
    """Whether to mend; where nobody can be asked and `--yes` was not given nothing is."""
    if not call.options.yes and (call.out.json or not call.has_person):
        return False
    return call.confirm(question)
