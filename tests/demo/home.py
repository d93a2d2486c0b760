"""A home of the demo, driven by the real command line."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CALL_SECONDS = 30.0
SEEN_SECONDS = 15.0
LOOK_SECONDS = 0.3
"""Between two looks, each of which starts a program."""
_ports = itertools.count(47_400)


class Mismatch(Exception):
    """Something was not as it should be; the text is for people."""


def at_once(*calls: tuple[Any, ...]) -> list[Any]:
    """Do several things together, each (function, argument…); gives what they gave."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(*call) for call in calls]]


class DemoHome:
    """One installation. It is reached at one port of this computer. workspace: the id of the one it made."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.workspace = folder, name, ""
        self._port = next(_ports)
        self._serving: subprocess.Popen[str] | None = None

    # calling

    def json(self, *words: str) -> Any:
        """What a command prints with --json. Mismatch if it fails."""
        done = self._run(*words)
        if done.returncode:
            raise Mismatch(f"{self.name}: 'lovelace {' '.join(words)}' failed: {done.stderr.strip()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def code(self, *words: str) -> int:
        """The exit code of a command."""
        return self._run(*words).returncode

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        line, environment = self._command(*words), self._environment()
        return subprocess.run(line, capture_output=True, text=True, timeout=CALL_SECONDS, env=environment)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "app", "--home", str(self.folder), "--json", *words]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"LOVELACE_BIND": f"127.0.0.1:{self._port}", "LOVELACE_HOME": ""}

    def _start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command(*words), stdout=subprocess.PIPE, text=True, env=self._environment())

    # what a person does

    def make(self, person: str) -> None:
        self.workspace = self.json("init", "--name", person)["id"]

    def pair(self, new: DemoHome) -> None:
        """Make another home a device of this one's person."""
        waiting = new._start("devices", "pair")
        assert waiting.stdout is not None
        ticket = json.loads(waiting.stdout.readline())["ticket"]
        self.json("devices", "accept", ticket)
        waiting.communicate(timeout=CALL_SECONDS)
        if waiting.returncode:
            raise Mismatch(f"{new.name}: pairing ended with {waiting.returncode}")
        new.workspace = self.workspace

    def chat(self, text: str, session: str | None = None) -> str:
        """Say something to the scripted agent, in a new session or this one; gives the session."""
        where = ["--session", session] if session else ["--new"]
        events = self.json("--workspace", self.workspace, "chat", text, *where, "--agent", "scripted")
        return str(events[0]["session"])

    def serve(self) -> None:
        """Sync from now on, until `stop`."""
        serving = self._serving = self._start("sync", "serve")
        assert serving.stdout is not None
        for line in serving.stdout:
            if json.loads(line)["running"]:
                return
        raise Mismatch(f"{self.name}: syncing ended with {serving.wait()}")

    def stop(self) -> None:
        """Sync no more; also: the network is cut."""
        serving, self._serving = self._serving, None
        if serving is None:
            return
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=CALL_SECONDS)
        if serving.returncode:
            raise Mismatch(f"{self.name}: syncing ended with {serving.returncode}")

    # what a person sees

    def events(self, session: str) -> list[dict[str, Any]]:
        found = self.json("sessions", "show", session)
        return found if isinstance(found, list) else [found]

    def text(self, session: str) -> str:
        return _text(self.events(session))

    def until_says(self, session: str, *texts: str) -> list[dict[str, Any]]:
        """The events of a session, once these texts are among them."""
        return self._until(
            lambda: self.events(session),
            lambda events: all(text in _text(events) for text in texts),
            f"{' and '.join(texts)!r}",
        )

    def _until(self, look: Callable[[], Any], is_seen: Callable[[Any], bool], what: str) -> Any:
        deadline = time.monotonic() + SEEN_SECONDS
        while True:
            try:
                seen = look()
                if is_seen(seen):
                    return seen
            except Mismatch as error:
                seen = error
            if time.monotonic() > deadline:
                raise Mismatch(f"{self.name} does not show {what} within {SEEN_SECONDS:.0f} s; instead: {seen}")
            time.sleep(LOOK_SECONDS)


def _text(events: list[dict[str, Any]]) -> str:
    return "\n".join(str(event.get("text", "")) for event in events)
