"""A process that edits its place of a shared note: `python -m tests.app.sessions.note_worker HOME SESSION NAME COUNT`.

It says `ready`, waits for a line, and then reads the note, thinks a little, and writes it with one more line below the
heading NAME, as often as COUNT says.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.helpers.homes import open_home

THINKING_S = 0.005


def main(home: str, session: str, name: str, count: str) -> None:
    workspace = open_home(Path(home))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        read = workspace.read(lambda queries: queries.note(session))
        time.sleep(THINKING_S)
        text = read.replace(f"{name}:\n", f"{name}:\n{name} {number}\n")
        workspace.write(lambda operations, text=text, read=read: operations.set_note(session, text, base=read))
    workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
