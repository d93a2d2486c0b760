"""`make demo-sync`: devices, teammates and links with the real program, on this computer alone.

Homes in a network namespace of their own: Ada's laptop and desktop, Bob's, and two strangers. Each step says
what was done and what was seen; the exit code is 0 only if all of it held. The keys of the homes are in a keyring of
its own, because trying a passphrase takes half a second on purpose.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.keyring import INSIDE, run_inside, unlocked_keyring
from tests.benchmarks.place import children_seconds
from tests.demo.home import DemoHome, Mismatch, at_once
from tests.helpers import namespace

SECONDS = 45
"""For all of it, on two cores with nothing else to do."""
_SCENE = """\
Ada has a laptop and a desktop, Bob works with her, and two strangers get a link. Each of them is a home of its own
below {folder}, used with the real program; their network reaches nobody else.
"""


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == [INSIDE]:
        with unlocked_keyring():
            return _run(Path(arguments[1]))
    if namespace.inside():
        return run_inside("tests.demo", ())
    if reason := namespace.refusal():
        print(f"This demo needs a network of its own: {reason}", file=sys.stderr)
        return 1
    command = namespace.command(sys.executable, "-m", "tests.demo")
    os.execvpe(command[0], command, namespace.environment())


def _run(folder: Path) -> int:
    print(_SCENE.format(folder=folder), flush=True)
    begun = time.monotonic()
    try:
        _play(folder)
    except Mismatch as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    took, worked, allowed = time.monotonic() - begun, children_seconds(), SECONDS * _crowd()
    print(f"\nAll of it held, in {took:.0f} s, of which {worked:.0f} s of processor time.")
    if took <= allowed:
        return 0
    print(f"✗ It should take {allowed:.0f} s at most.", file=sys.stderr)
    return 1


def _crowd() -> float:
    """How many times slower this computer is for what else it does."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _play(folder: Path) -> None:
    people = {"laptop": "Ada", "desktop": "Ada", "bob": "Bob", "reader": "Rita", "late": "Lars"}
    laptop, desktop, bob, reader, late = homes = [DemoHome(folder / name, name) for name in people]
    try:
        at_once(*((home.make, person) for home, person in zip(homes, people.values(), strict=True)))
        _devices(laptop, desktop)
        _teammate(laptop, desktop, bob)
        _link(laptop, reader, late, folder / "mailbox")
    finally:
        for home in homes:
            home.stop()


def _devices(laptop: DemoHome, desktop: DemoHome) -> None:
    laptop.pair(desktop)
    devices, shared = at_once((laptop.json, "devices", "list"), (desktop.json, "workspace", "list"))
    expect(sum(row["state"] == "active" for row in devices) == 2, "Ada should have two devices")
    expect(laptop.workspace in [row["id"] for row in shared], "The desktop should have the workspace")
    said("Ada pairs her desktop with her laptop", "both are devices of hers, and both have her workspace")
    at_once((laptop.serve,), (desktop.serve,))
    session = laptop.chat("What is a CRDT?")
    seen = len(desktop.until_says(session, "What is a CRDT?", "You said"))
    said("She chats on the laptop while the desktop is on", f"the desktop shows the {seen} events of the chat")
    at_once((laptop.stop,), (desktop.stop,))
    at_once((laptop.chat, "Written on the train", session), (desktop.chat, "Written at the desk", session))
    at_once((laptop.serve,), (desktop.serve,))
    both = ("Written on the train", "Written at the desk")
    here, there = at_once((laptop.until_says, session, *both), (desktop.until_says, session, *both))
    expect(here == there, "Both devices should show the same events in the same order")
    said("She writes on both without a network; they meet again", "each shows what both wrote, in the same order")


def _teammate(laptop: DemoHome, desktop: DemoHome, bob: DemoHome) -> None:
    before = laptop.chat("Before Bob came")
    request = bob.json("members", "join", laptop.json("members", "invite", "--role", "member")["link"])["ids"][0]
    at_once((laptop.json, "members", "accept", request), (bob.serve,))
    after = laptop.chat("With Bob")
    bob.until_says(after, "With Bob")
    bob.until_says(before, "Before Bob came")
    said("She invites Bob; he asks to join by the link, and she accepts", "Bob reads what she wrote before and after")
    laptop.json("--yes", "members", "remove", "Bob")
    secret = laptop.chat("After Bob had left")
    desktop.until_says(secret, "After Bob had left")
    expect(bob.code("sessions", "show", secret) != 0, "Bob should not read what came after he was removed")
    expect("With Bob" in bob.text(after), "Bob should keep what he had")
    said("She removes Bob and writes on", "her desktop shows it; Bob keeps what he had and gets nothing newer")
    at_once((bob.stop,), (desktop.stop,))


def _link(laptop: DemoHome, reader: DemoHome, late: DemoHome, mailbox: Path) -> None:
    mailbox.mkdir()
    session = laptop.chat("Read by everybody who has the link")
    shared = laptop.json("share", session, "--to", str(mailbox))
    laptop.stop()
    opened = reader.json("open", shared["link"])
    expect(opened["session"] == session, "The link should open the session")
    read, code = at_once((reader.text, session), (reader.code, "chat", "Me too", "--session", session))
    expect("Read by everybody" in read, "The reader should read it")
    expect(code != 0, "The reader should not be able to write")
    said("A stranger opens a link to a session, from storage, while Ada's devices are off", "reads it and cannot write")
    laptop.json("links", "revoke", shared["id"])
    expect(late.code("open", shared["link"]) != 0, "A revoked link should open nothing")
    said("Ada revokes the link", "the next stranger gets nothing")


def said(what: str, saw: str) -> None:
    print(f"✓ {what}: {saw}.", flush=True)


def expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise Mismatch(f"{sentence}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
