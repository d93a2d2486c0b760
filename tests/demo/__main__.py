"""`make demo-sync`: devices, teammates and links with the real program, on this computer alone.

Four homes in a network namespace of their own: Ada's laptop and desktop, Bob, and a reader without anything. Each step
says what was done and what was seen; the exit code is 0 only if all of it held.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.demo.home import DemoHome, Mismatch
from tests.helpers import namespace

SECONDS = 45


def main() -> int:
    if not namespace.inside():
        if reason := namespace.refusal():
            print(f"This demo needs a network of its own: {reason}", file=sys.stderr)
            return 1
        command = namespace.command(sys.executable, "-m", "tests.demo")
        os.execvpe(command[0], command, namespace.environment())
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lovelace-demo-") as folder:
        try:
            _play(Path(folder))
        except Mismatch as error:
            print(f"✗ {error}", file=sys.stderr)
            return 1
    took = time.monotonic() - begun
    print(f"All of it held, in {took:.0f} s.")
    return 0 if took <= SECONDS else _late(took)


def _late(took: float) -> int:
    print(f"✗ It took {took:.0f} s; it should take {SECONDS} at most.", file=sys.stderr)
    return 1


def _play(folder: Path) -> None:
    laptop, desktop, bob, reader = (DemoHome(folder / name, name) for name in ("laptop", "desktop", "bob", "reader"))
    try:
        _devices(laptop, desktop)
        _teammate(laptop, bob)
        _link(laptop, reader, folder / "mailbox")
    finally:
        for home in (laptop, desktop, bob, reader):
            home.stop()


def _devices(laptop: DemoHome, desktop: DemoHome) -> None:
    laptop.make("Ada")
    desktop.make("Ada")
    workspace = laptop.workspace()
    paired = laptop.pair(desktop)
    said("Ada pairs her desktop with her laptop", f"{paired} is a device of hers, with the workspace")
    laptop.serve()
    desktop.serve()
    session = laptop.chat("What is a CRDT?")
    seen = desktop.until_events(session, 2)
    said("She chats on the laptop, and watches on the desktop", f"the desktop shows {seen} events, while both run")
    laptop.stop()
    desktop.stop()
    laptop.chat("Written on the train", session)
    desktop.chat("Written at the desk", session)
    laptop.serve()
    desktop.serve()
    for home in (laptop, desktop):
        home.until_says(session, "Written on the train", "Written at the desk")
    expect(laptop.events(session) == desktop.events(session), "both devices should show the same events")
    said("Both write without a network, and meet again", "each shows what both wrote, in the same order")
    desktop.stop()
    expect(workspace in desktop.workspaces(), "the desktop should have the workspace")


def _teammate(laptop: DemoHome, bob: DemoHome) -> None:
    bob.make("Bob")
    link = laptop.json("members", "invite", "--role", "member")["link"]
    request = bob.json("members", "join", link)["ids"][0]
    laptop.json("members", "accept", request)
    bob.serve()
    workspace = laptop.workspace()
    session = laptop.chat("For the team")
    bob.until_in(workspace, session)
    said("Ada invites Bob, who joins by a link", "Bob has what she wrote before and after")
    laptop.json("--yes", "members", "remove", "Bob")
    secret = laptop.chat("After Bob had left")
    time.sleep(2)
    expect(secret not in bob.sessions_in(workspace), "Bob should not read what came after he was removed")
    expect(session in bob.sessions_in(workspace), "Bob should keep what he had")
    said("She removes Bob and writes on", "Bob keeps what he had and reads nothing newer")
    bob.stop()


def _link(laptop: DemoHome, reader: DemoHome, mailbox: Path) -> None:
    mailbox.mkdir()
    session = laptop.chat("Read by everybody who has the link")
    shared = laptop.json("share", session, "--to", str(mailbox))
    laptop.stop()
    reader.make("Nobody")
    opened = reader.json("open", shared["link"])
    expect(opened["session"] == session, "the link should open the session")
    expect("Read by everybody" in reader.text(session), "the reader should read it")
    code = reader.code("chat", "Let me write", "--session", session, "--agent", "scripted")
    expect(code != 0, "the reader should not be able to write")
    expect(reader.json("members", "list", "--workspace", reader.workspace()) != [], "the reader has a home of its own")
    said("Somebody opens a link, from storage alone, while Ada's devices are off", "reads it, and can write nothing")
    laptop.json("links", "revoke", shared["id"])
    other = DemoHome(reader.folder.parent / "late", "late")
    other.make("Late")
    expect(other.code("open", shared["link"]) != 0, "a revoked link should open nothing")
    other.stop()
    said("Ada revokes the link", "who comes now gets nothing")


def said(what: str, saw: str) -> None:
    print(f"✓ {what}: {saw}.", flush=True)


def expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise Mismatch(f"{sentence}.")


if __name__ == "__main__":
    sys.exit(main())
