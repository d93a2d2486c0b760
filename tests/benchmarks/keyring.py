"""A D-Bus session and a keyring of the run's own, so that no database of a benchmark is unlocked by a passphrase.

Unlocking by passphrase takes half a second and 268 MB on purpose, and is not what the bars are about.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

INSIDE = "--inside"
_SERVICE = "org.freedesktop.secrets"
_BUS = "org.freedesktop.DBus"
_READY_S = 10.0
_STOP_S = 10.0
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "DISPLAY", "QT_QPA_PLATFORM")


def run_inside(module: str, arguments: Sequence[str]) -> int:
    """Run `python -m module --inside FOLDER arguments…` on a bus of its own; gives its exit code.

    FOLDER is its home and is removed afterwards, with everything that it started.
    """
    missing = [name for name in ("dbus-run-session", "gnome-keyring-daemon") if shutil.which(name) is None]
    if missing:
        print(f"This needs {' and '.join(missing)}; `make test` installs them.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="lovelace-") as folder:
        runtime = Path(folder, "run")
        runtime.mkdir(mode=0o700)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"HOME": folder, "XDG_RUNTIME_DIR": str(runtime)}
        command = ["dbus-run-session", "--", sys.executable, "-m", module, INSIDE, folder, *arguments]
        with subprocess.Popen(command, env=environment, start_new_session=True) as child:
            return _wait(child)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child that leads a process group; interrupted, end the group."""
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit) as ended:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(_STOP_S)
        return 130 if isinstance(ended, KeyboardInterrupt) else 143
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def unlocked_keyring() -> Iterator[None]:
    """An unlocked Secret Service on this process's bus."""
    command = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        try:
            assert daemon.stdin is not None
            daemon.stdin.write(b"benchmark\n")
            daemon.stdin.close()
            _await_service()
            yield
        finally:
            daemon.terminate()
            daemon.wait(_STOP_S)


def _await_service() -> None:
    """Until the keyring is on the bus. Asking for the service itself would start another one."""
    send = ["dbus-send", "--session", "--print-reply", f"--dest={_BUS}", "/"]
    ask = [*send, f"{_BUS}.NameHasOwner", f"string:{_SERVICE}"]
    deadline = time.monotonic() + _READY_S
    while b"true" not in subprocess.run(ask, capture_output=True, timeout=_READY_S, check=True).stdout:
        if time.monotonic() > deadline:
            raise TimeoutError("gnome-keyring-daemon did not come up.")
        time.sleep(0.02)
