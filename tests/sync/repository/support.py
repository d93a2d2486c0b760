"""What the tests of the repository do to an engine."""

from __future__ import annotations

from collections.abc import Mapping

from sync.engine import Engine


def edit(engine: Engine, workspace: int, text: str | None, fields: Mapping[str, str] | None = None) -> None:
    with engine.transaction() as tx:
        engine.edit_note(tx, workspace, "notes", text, fields)


def bundle_all(engine: Engine) -> None:
    while engine.bundle_step():
        pass
