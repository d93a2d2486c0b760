"""Finds threads and child processes that a test left behind."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

_GRACE = 3.0  # seconds for what is ending to end
_ALLOWED_THREADS = (
    "pytest_timeout",  # the timer of pytest-timeout
    "Dummy-",  # threads of native libraries that called into Python once
)
_ALLOWED_COMMANDS = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


def snapshot() -> tuple[set[int], set[int]]:
    """Identities of the living threads and child processes."""
    return {id(thread) for thread in threading.enumerate()}, set(_children())


def leaked_since(before: tuple[set[int], set[int]]) -> list[str]:
    """Descriptions of what was not there before; waits a little for what is about to end."""
    deadline = time.monotonic() + _GRACE
    while (found := _new_threads(before[0]) + _new_children(before[1])) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _new_threads(before: set[int]) -> list[str]:
    return [
        f"thread '{thread.name}'"
        for thread in threading.enumerate()
        if id(thread) not in before and not thread.name.startswith(_ALLOWED_THREADS)
    ]


def _new_children(before: set[int]) -> list[str]:
    commands = {pid: _command(pid) for pid in _children() if pid not in before}
    return [
        f"process {pid}: {command.replace(bytes(1), b' ').decode(errors='replace')[:200]}"
        for pid, command in commands.items()
        if command and not any(allowed in command for allowed in _ALLOWED_COMMANDS)
    ]


def _children() -> list[int]:
    """Child processes of this process; empty where the system has no /proc."""
    try:
        lists = [Path("/proc/self/task", thread, "children") for thread in os.listdir("/proc/self/task")]
        return [int(pid) for one in lists for pid in one.read_bytes().split()]
    except OSError:  # a thread ended meanwhile, or the system keeps no such lists
        return _all_with_this_parent()


def _all_with_this_parent() -> list[int]:
    children: list[int] = []
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        try:
            # pid (name) state parent …; the name may contain anything, also spaces and parentheses
            parent = int(Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):  # it ended meanwhile
            continue
        if parent == os.getpid():
            children.append(int(pid))
    return children


def _command(pid: int) -> bytes:
    """Command line of a process; empty when it ended, also when nobody has waited for it yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
