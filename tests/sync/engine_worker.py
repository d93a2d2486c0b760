"""A process that writes into a shared home: `python -m tests.sync.engine_worker FOLDER NAME COUNT`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.sync.engine_home import append, first_workspace, open_engine


def main(folder: str, name: str, count: str) -> None:
    """Append events to a shared session, edit a shared note, and fail in between."""
    engine = open_engine(Path(folder), name)
    workspace = first_workspace(engine)
    for number in range(int(count)):
        append(engine, workspace, "shared", f"{name}-{number}", f"{name}-{number}-too")
        try:
            with engine.transaction() as tx:
                engine.append(tx, workspace, "shared", [(f"{name}-{number}-never", "x")], lambda: "{}")
                raise ArithmeticError
        except ArithmeticError:
            pass
        with engine.transaction() as tx:
            text = tx.connection.execute("SELECT text FROM note WHERE name='notes'").fetchone()
            engine.edit_note(tx, workspace, "notes", f"{text[0] if text else ''}{name}{number}\n")
    engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
