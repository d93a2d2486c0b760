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
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.agents.own_command import own_environment
from app.errors import UserError

SECONDS = 15.0
"""So long git has for one thing."""
MOST_BYTES = 64 * 1024 * 1024
"""Git is ended when it prints more than this."""
_MOST_COMPLAINT = 16 * 1024
_PIECE = 1 << 16
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
    environment = own_environment(os.environ) | _ALWAYS
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
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *words,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if error.filename == str(folder):
            raise UserError(f"The folder {folder} is not there any more.") from error
        raise UserError("Git is not on this computer, or not found on its PATH. Install it to see this.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"Git cannot be started: {error}.") from error
    try:
        async with asyncio.timeout(seconds):
            _, out, complaint = await asyncio.gather(
                _feed(process, fed), _read(process.stdout, most), _read(process.stderr, _MOST_COMPLAINT, cut=True)
            )
            code = await process.wait()
    except TimeoutError as error:
        raise UserError(f"Git took more than {seconds:.0f} seconds in {folder} and was ended. Try again.") from error
    finally:
        await _end(process)
    return Printed(code, out, complaint.decode("utf-8", "replace"))


async def _feed(process: asyncio.subprocess.Process, fed: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(fed)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass
    process.stdin.close()


async def _read(stream: asyncio.StreamReader | None, most: int, *, cut: bool = False) -> bytes:
    """All that comes. cut: drop what is more; else UserError."""
    assert stream is not None
    kept = bytearray()
    while piece := await stream.read(_PIECE):
        if len(kept) + len(piece) > most and not cut:
            raise UserError(f"Git prints more than {most >> 20} MB; that is too much to be shown here.")
        kept += piece[: most - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing of it running."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        await asyncio.shield(process.wait())
