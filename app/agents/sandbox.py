"""What an agent's command can reach: a bubblewrap sandbox that starts from nothing, or process limits alone.

Inside the sandbox there are the system's programs (read-only), the workspace's folders, an empty /tmp and
nothing else: no home, no /run, no session bus, keyring or agent sockets, and no network unless the rules
allow it. A `.git` folder is read-only, because its hooks and settings would later run outside the sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.agents.rules import Rules
from app.errors import UserError

UNCONFINED_WARNING = (
    "bubblewrap does not work on this machine, so commands run without a sandbox: with limits of memory, time and "
    "file size only. Install bubblewrap (on Debian: apt-get install bubblewrap) to confine them."
)
_ETC = (
    "alternatives", "ca-certificates", "group", "hosts", "java-11-openjdk", "java-17-openjdk",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "passwd",
    "pki", "python3", "python3.11", "python3.12", "ssl",
)  # fmt: skip
_NETWORK_ETC = ("resolv.conf", "services", "protocols", "host.conf", "gai.conf")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_EXTRA_PROGRAMS = "/opt/lovelace/bin"
_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")

_LIMIT_SCRIPT = (
    'ulimit -c 0; ulimit -v "$1" 2>/dev/null; ulimit -f "$2" 2>/dev/null; ulimit -t "$3" 2>/dev/null; '
    'ulimit -u "$4" 2>/dev/null || ulimit -p "$4" 2>/dev/null; shift 4; exec "$@"'
)
_MEMORY_KIB = 16 * 1024 * 1024
"""Of address space; programs such as node reserve far more than they use."""
_FILE_BLOCKS = 4 * 1024 * 1024
"""Of 512 bytes: 2 GiB."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a command: its whole argument vector and its environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@cache
def bubblewrap_works() -> bool:
    """Whether bubblewrap is there and the system lets it make its namespaces.

    Found out by running it once.
    """
    program = shutil.which("bwrap")
    if program is None:
        return False
    probe = [
        program,
        "--unshare-all",
        "--die-with-parent",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "true",
    ]
    try:
        done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def plan_launch(
    command: str,
    *,
    cwd: Path,
    folders: Sequence[Path],
    hidden: Sequence[Path],
    rules: Rules,
    confined: bool,
    variables: Mapping[str, str] | None = None,
) -> Launch:
    """How to run a shell command line in a folder; `confined`: inside the sandbox. variables: for its environment."""
    given = variables or {}
    limits = (str(_MEMORY_KIB), str(_FILE_BLOCKS), _cpu_seconds(rules), str(_process_limit(rules, confined)))
    shell = ("/bin/sh", "-c", _LIMIT_SCRIPT, "sh", *limits, "/bin/sh", "-c", command)
    if not confined:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return Launch(shell, {**kept, "TERM": "dumb", **given})
    sandbox = sandbox_arguments(cwd=cwd, folders=folders, hidden=hidden, rules=rules)
    set_variables = [word for name, value in given.items() for word in ("--setenv", name, value)]
    return Launch((*sandbox[:-1], *set_variables, sandbox[-1], *shell), {})


def _process_limit(rules: Rules, confined: bool) -> int:
    """Outside the sandbox the system counts all processes of the person, so only a bomb is to be stopped."""
    return rules.processes if confined else 16384


def _cpu_seconds(rules: Rules) -> str:
    return str(int(rules.command_seconds * (os.cpu_count() or 1)) + 5)


def sandbox_arguments(*, cwd: Path, folders: Sequence[Path], hidden: Sequence[Path], rules: Rules) -> tuple[str, ...]:
    """The command line of bubblewrap up to the command. Paths must be real (no symlinks)."""
    chains = [Path(chain).expanduser() for chain in rules.tool_chains]
    path = ":".join([*(str(chain / "bin") for chain in chains), _SYSTEM_PATH, _EXTRA_PROGRAMS])
    arguments = [
        shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
        *(["--share-net"] if rules.network else []),
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr",
        *_links("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
        *_read_only(Path("/etc", name) for name in _ETC + (_NETWORK_ETC if rules.network else ())),
        *_read_only(chains), *_python_name(),
        *_folder_mounts(folders, rules),
        *_masks(hidden, folders), "--remount-ro", "/",
        "--setenv", "PATH", path, "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8",
        "--setenv", "TERM", "dumb", "--setenv", "PYTHONDONTWRITEBYTECODE", "1",
        "--chdir", str(cwd), "--",
    ]  # fmt: skip
    return tuple(arguments)


def _links(*paths: str) -> Iterable[str]:
    """/bin and its like: links into /usr on merged systems, folders on others."""
    for path in paths:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)


def _python_name() -> Iterable[str]:
    """Many systems have `python3` only; agents say `python`."""
    if shutil.which("python3", path=_SYSTEM_PATH) and not shutil.which("python", path=_SYSTEM_PATH):
        yield from ("--symlink", shutil.which("python3", path=_SYSTEM_PATH) or "", f"{_EXTRA_PROGRAMS}/python")


def _read_only(paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        yield from ("--ro-bind-try", str(path), str(path))


def _folder_mounts(folders: Sequence[Path], rules: Rules) -> Iterable[str]:
    for folder in folders:
        if folder == Path("/"):
            raise UserError(
                "The workspace's folder is the whole disk: commands cannot be confined to it. Open a folder below it."
            )
        writable = rules.paths is None
        yield from ("--bind" if writable else "--ro-bind", str(folder), str(folder))
        for pattern in rules.paths or ():
            place = str(_fixed_part(folder, pattern))
            yield from ("--bind-try", place, place)
        if os.path.lexists(folder / ".git"):
            yield from ("--ro-bind", str(folder / ".git"), str(folder / ".git"))


def _fixed_part(folder: Path, pattern: str) -> Path:
    """The deepest path of a glob that has no wildcard in it, never outside the folder."""
    place = folder
    for part in Path(pattern).parts:
        if set(part) & set("*?[") or part in ("/", "..") or (place / part).is_symlink():
            break
        place = place / part
    return place


def _masks(hidden: Sequence[Path], folders: Sequence[Path]) -> Iterable[str]:
    for path in hidden:
        if not any(path.is_relative_to(folder) for folder in folders):
            continue
        if path.is_dir():
            yield from ("--tmpfs", str(path))
        elif path.exists():
            yield from ("--ro-bind", "/dev/null", str(path))
