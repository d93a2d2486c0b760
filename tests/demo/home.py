"""A home of the demo, driven by the real command line."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CALL_SECONDS = 30.0
SEEN_SECONDS = 15.0
_ports = itertools.count(47_400)


class Mismatch(Exception):
    """Something was not as it should be; the text is for people."""


class DemoHome:
    """One installation. It is reached at one port of this computer."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._port = next(_ports)
        self._serving: subprocess.Popen[str] | None = None
        folder.mkdir()
        (folder / "passphrase").write_text("demo\n")

    # calling

    def json(self, *words: str) -> Any:
        """What a command prints with --json. Mismatch if it fails."""
        done = self._run("--json", *words)
        if done.returncode:
            raise Mismatch(f"{self.name}: 'lovelace {' '.join(words)}' failed: {done.stderr.strip()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def code(self, *words: str) -> int:
        """The exit code of a command."""
        return self._run("--json", *words).returncode

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*words), capture_output=True, text=True, timeout=CALL_SECONDS, env=self._environment()
        )

    def _command(self, *words: str) -> list[str]:
        home = ["--home", str(self.folder / "home"), "--passphrase-file", str(self.folder / "passphrase")]
        return [sys.executable, "-m", "app", *home, *words]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"LOVELACE_BIND": f"127.0.0.1:{self._port}", "LOVELACE_HOME": ""}

    def _start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command("--json", *words), stdout=subprocess.PIPE, text=True, env=self._environment()
        )

    # what a person does

    def make(self, person: str) -> None:
        self.json("init", "--name", person)

    def pair(self, new: DemoHome) -> str:
        """Make another home a device of this one's person; gives its name."""
        waiting = new._start("devices", "pair")
        assert waiting.stdout is not None
        ticket = json.loads(waiting.stdout.readline())["ticket"]
        paired = self.json("devices", "accept", ticket)
        waiting.communicate(timeout=CALL_SECONDS)
        if waiting.returncode:
            raise Mismatch(f"{new.name}: pairing ended with {waiting.returncode}")
        return str(paired.get("name") or paired["ids"][0][:8])

    def chat(self, text: str, session: str | None = None) -> str:
        """Say something to the scripted agent; gives the session."""
        where = ["--session", session] if session else ["--new"]
        events = self.json("--workspace", self.workspace(), "chat", text, *where, "--agent", "scripted")
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

    def workspace(self) -> str:
        """The id of the workspace that came first."""
        return str(self.workspaces()[0])

    def workspaces(self) -> list[str]:
        rows = self.json("workspace", "list")
        return [row["id"] for row in sorted(_list(rows), key=lambda row: not row["current"])]

    def events(self, session: str) -> list[dict[str, Any]]:
        return [_plain(event) for event in _list(self.json("sessions", "show", session))]

    def text(self, session: str) -> str:
        return "\n".join(str(event.get("text", "")) for event in self.events(session))

    def sessions_in(self, workspace: str) -> list[str]:
        return [row["id"] for row in _list(self.json("--workspace", workspace, "sessions", "list"))]

    def until_events(self, session: str, count: int) -> int:
        return self._until(lambda: len(self.events(session)), lambda seen: seen >= count, f"{count} events")

    def until_says(self, session: str, *texts: str) -> None:
        self._until(lambda: self.text(session), lambda said: all(text in said for text in texts), " and ".join(texts))

    def until_in(self, workspace: str, session: str) -> None:
        self._until(lambda: self.sessions_in(workspace), lambda seen: session in seen, f"session {session}")

    def _until(self, look: Any, is_seen: Any, what: str) -> Any:
        deadline = time.monotonic() + SEEN_SECONDS
        while True:
            try:
                seen = look()
                if is_seen(seen):
                    return seen
            except Mismatch:
                seen = None
            if time.monotonic() > deadline:
                raise Mismatch(f"{self.name} does not show {what}; it shows {seen}")
            time.sleep(0.1)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what only one device knows."""
    return {key: value for key, value in event.items() if key not in ("received",)}
