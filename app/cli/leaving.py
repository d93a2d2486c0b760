"""Starts this program again in a process of its own, which goes on without this terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_CODE = str(Path(__file__).resolve().parents[2])
"""The folder that our packages are in."""


def leave(arguments: Sequence[str], passphrase: bytes | None) -> None:
    """Start the program with these arguments, in a session of its own, with the passphrase in a pipe."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "app"]
    words = list(arguments)
    inherited: tuple[int, ...] = ()
    if passphrase is not None:
        reading, writing = os.pipe()
        os.write(writing, passphrase)
        os.close(writing)
        inherited = (reading,)
        words = ["--passphrase-fd", str(reading), *words]
    process = subprocess.Popen(
        [*program, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_CODE, os.environ.get("PYTHONPATH"))))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=inherited,
        start_new_session=True,
    )
    process.returncode = 0  # it lives on without us; nobody waits for it
    for descriptor in inherited:
        os.close(descriptor)
