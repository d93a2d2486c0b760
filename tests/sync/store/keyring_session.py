"""Starts small programs inside a desktop session of their own: a D-Bus, and a keyring in some state."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_BUS_WITHOUT_SERVICES = """<busconfig>
  <type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
UNLOCKED = 'printf "pw\\n" | gnome-keyring-daemon --unlock --components=secrets >/dev/null'
LOCKED = "gnome-keyring-daemon --start --components=secrets >/dev/null"
ABSENT = "true"

_PRELUDE = """
import pathlib, sys, time
from sync.clock import system_random
from sync.errors import SyncError
from sync.store import keyring_slot, keyslots, secret_service
home = pathlib.Path(sys.argv[1])
def report(call):
    try:
        print(call())
    except SyncError as error:
        print(type(error).__name__, error)
"""


@dataclass(frozen=True)
class Session:
    """A person's folder; sessions that share it see the same keyring."""

    folder: Path

    def run(self, state: str, code: str, **variables: str) -> list[str]:
        """Lines that code prints in a new session; `home` is the data folder, `report` prints outcomes."""
        script = f'{state}; exec "$0" "$@"'
        command = [*self._bus(state), "--", "sh", "-c", script, sys.executable, "-c", _PRELUDE + code]
        done = subprocess.run(
            [*command, str(self.folder / "lovelace")],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=_ROOT,
            env=self._environment() | variables,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout.splitlines()

    def _bus(self, state: str) -> list[str]:
        if state != ABSENT:
            return ["dbus-run-session"]
        config = self.folder / "bus.conf"
        config.write_text(_BUS_WITHOUT_SERVICES)
        return ["dbus-run-session", f"--config-file={config}"]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        run = self.folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        return kept | {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(run)}
