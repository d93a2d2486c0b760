"""Running the git program: bounded in time and in what it prints, and in one of two ways.

*Looking* must never run what a repository's own settings name, because agents and strangers write those: monitors,
hooks, external diffs and text converters, transports are turned off, and so are filters that the repository itself
sets; a filter that the person set for all repositories (Git LFS) stays. *Changing* is what the person asked for and
does as git does in a terminal of theirs, hooks and filters included.
"""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.agents.own_command import own_environment
from app.errors import UserError

SECONDS = 15.0
"""So long git has for one thing."""
MOST_BYTES = 64 * 1024 * 1024
"""Git is ended when it prints more than this."""
_MOST_COMPLAINT = 16 * 1024
_PIECE, _SAFE_WRITE = 1 << 16, 4096
"""A pipe that can be written to takes the second at once."""
_LOOK_SECONDS = 0.1
_FIXED = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.untrackedCache": "false",
    "safe.bareRepository": "explicit",
}
_LOOKING = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C.UTF-8",
}
_ALWAYS = {"GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
_ELSEWHERE = frozenset(
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_PREFIX".split()
)
"""Variables by which git would work in another repository than the one that is shown."""
_RUNS = re.compile(r"filter\..*\.(clean|smudge|process|required)", re.DOTALL)
_OWN_SCOPES = ("system", "global")


@dataclass(frozen=True, slots=True)
class Printed:
    """What git printed and how it ended."""

    code: int
    out: bytes
    complaint: str


async def look_with_git(folder: Path, *words: str, seconds: float = SECONDS, most: int = MOST_BYTES) -> Printed:
    """Run git in a folder so that nothing of the repository's is run. Raises UserError where it cannot run at all."""
    listed = await _run(folder, ("config", "--list", "--show-scope", "-z"), _looking(_FIXED))
    settings = _FIXED | neutral_filters(listed.out.decode("utf-8", "surrogateescape"))
    return await _run(folder, words, _looking(settings), seconds=seconds, most=most)


async def change_with_git(folder: Path, *words: str, fed: bytes = b"", seconds: float = 4 * SECONDS) -> bytes:
    """Run git as the person; what it printed. Raises UserError with git's own words where it fails."""
    own = {name: value for name, value in own_environment(os.environ).items() if name not in _ELSEWHERE}
    environment = own | _ALWAYS
    return succeeded(await _run(folder, words, environment, fed=fed, seconds=seconds))


def succeeded(printed: Printed) -> bytes:
    """What was printed. Raises UserError with git's own words where git failed."""
    if printed.code:
        words = printed.complaint.strip() or f"it ended with {printed.code}"
        raise UserError(f"Git says: {words.removeprefix('fatal: ').removeprefix('error: ')}")
    return printed.out


def neutral_filters(listed: str) -> dict[str, str]:
    """Settings that take the filters away which a repository sets itself. Pure.

    listed: of `git config --list --show-scope -z`. A filter that the person's own settings name keeps their value.
    """
    own: dict[str, str] = {}
    foreign: set[str] = set()
    words = listed.split("\0")
    for scope, entry in zip(words[::2], words[1::2], strict=False):
        key, _, value = entry.partition("\n")
        if _RUNS.fullmatch(key):
            if scope in _OWN_SCOPES:
                own[key] = value
            else:
                foreign.add(key)
    return {key: own.get(key, "false" if key.endswith(".required") else "") for key in sorted(foreign)}


def _looking(settings: Mapping[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    counted = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment | _ALWAYS | _LOOKING | counted


async def _run(
    folder: Path,
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    fed: bytes = b"",
    seconds: float = SECONDS,
    most: int = MOST_BYTES,
) -> Printed:
    """Run git on a thread; when the caller is cancelled, git is ended."""
    stopped = threading.Event()
    try:
        return await asyncio.to_thread(_run_here, folder, words, environment, fed, seconds, most, stopped)
    finally:
        stopped.set()


def _run_here(
    folder: Path,
    words: Sequence[str],
    environment: Mapping[str, str],
    fed: bytes,
    seconds: float,
    most: int,
    stopped: threading.Event,
) -> Printed:
    process = _start(folder, words, environment)
    deadline = time.monotonic() + seconds
    talk = _Talk(process, fed, most)
    try:
        while talk.goes_on(_LOOK_SECONDS):
            if time.monotonic() > deadline or stopped.is_set():
                raise TimeoutError
        process.wait(max(_LOOK_SECONDS, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise UserError(f"Git took more than {seconds:.0f} seconds in {folder} and was ended. Try again.") from error
    finally:
        talk.close()
        _end(process)
    return Printed(process.returncode, bytes(talk.out), talk.complaint.decode("utf-8", "replace"))


def _start(folder: Path, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            ["git", *words],
            cwd=folder,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if str(error.filename) == str(folder):
            raise UserError(f"The folder {folder} is not there any more.") from error
        raise UserError("Git is not on this computer, or not found on its PATH. Install it to see this.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"Git cannot be started: {error}.") from error


class _Talk:
    """Feeds a process and takes what it prints, whichever is ready."""

    def __init__(self, process: subprocess.Popen[bytes], fed: bytes, most: int) -> None:
        assert process.stdin and process.stdout and process.stderr
        self.out, self.complaint = bytearray(), bytearray()
        self._most = most
        self._stdin, self._stdout = process.stdin, process.stdout
        self._rest = memoryview(fed)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(process.stdout, selectors.EVENT_READ)
        self._waiting.register(process.stderr, selectors.EVENT_READ)
        self._waiting.register(process.stdin, selectors.EVENT_WRITE)

    def goes_on(self, seconds: float) -> bool:
        """Wait for so long at most; False when the process has closed both streams."""
        for key, _ in self._waiting.select(seconds):
            if key.fileobj is self._stdin:
                self._feed()
            else:
                self._take(key.fileobj)
        return any(key.fileobj is not self._stdin for key in self._waiting.get_map().values())

    def close(self) -> None:
        """Wait for nothing any more."""
        self._waiting.close()

    def _feed(self) -> None:
        try:
            size = os.write(self._stdin.fileno(), self._rest[:_SAFE_WRITE]) if self._rest else 0
        except BrokenPipeError:
            self._rest, size = self._rest[:0], 0
        self._rest = self._rest[size:]
        if not self._rest:
            self._waiting.unregister(self._stdin)
            self._stdin.close()

    def _take(self, stream: Any) -> None:
        piece = os.read(stream.fileno(), _PIECE)
        if not piece:
            self._waiting.unregister(stream)
        elif stream is not self._stdout:
            self.complaint += piece[: _MOST_COMPLAINT - len(self.complaint)]
        elif len(self.out) + len(piece) > self._most:
            raise UserError(f"Git prints more than {self._most >> 20} MB; that is too much to be shown here.")
        else:
            self.out += piece


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it running."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
