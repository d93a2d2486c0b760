"""The workspace's folders as tools see them: relative names in, files out, never anything outside.

A name is relative to the first folder; other folders are reached as `NAME/…`, NAME being theirs (made
unique). Names are resolved through symlinks and must end inside a folder. The resolved path is then opened
one component at a time without following links, so a link that is put there in between is refused too. Errors
name only what was asked for, never a path of this machine.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.agents.tools.failure import ToolFailure


@dataclass(frozen=True, slots=True)
class Target:
    """A place inside a folder.

    `name`: workspace-relative, as in events. `parts`: of the real path below the folder.
    """

    folder: Path
    parts: tuple[str, ...]
    name: str

    @property
    def path(self) -> Path:
        """The real path; not to be shown."""
        return self.folder.joinpath(*self.parts)


class Folders:
    """The folders a session's tools work in; the first is where commands start."""

    def __init__(self, folders: Sequence[Path], hidden: Sequence[Path] = ()) -> None:
        if not folders:
            raise ValueError("at least one folder")
        self.roots = tuple(dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders))
        self.hidden = tuple(Path(os.path.realpath(path)) for path in hidden)
        self.names = self._unique_names()

    def resolve(self, name: str) -> Target:
        """The place a relative name means. Raises ToolFailure when it is outside, hidden or malformed."""
        if "\0" in name or len(name) > 4096:
            raise ToolFailure("That is not a usable path.")
        pure = PurePosixPath(name.replace("\\", "/") if os.name == "nt" else name)
        if pure.is_absolute():
            pure = self._inside_absolute(pure, name)
        if ".." in pure.parts:
            raise ToolFailure(f"'{name}' is outside the workspace: paths are relative and have no '..'.")
        base, parts = self._base(pure.parts)
        try:
            real = Path(os.path.realpath(base.joinpath(*parts)))
        except (OSError, ValueError) as error:
            raise ToolFailure(f"'{name}' is not a usable path.") from error
        return self._inside(real, name)

    def display(self, path: Path) -> str:
        """The workspace-relative name of a real path inside a folder."""
        root = max((r for r in self.roots if path.is_relative_to(r)), key=lambda r: len(r.parts))
        relative = path.relative_to(root)
        if root != self.roots[0]:
            relative = Path(self.names[root]) / relative
        return relative.as_posix()

    def _inside_absolute(self, pure: PurePosixPath, name: str) -> PurePosixPath:
        """Models often give the absolute path of a file in the folder.

        What is inside is meant, all else refused.
        """
        for root in self.roots:
            if Path(pure).is_relative_to(root) and ".." not in pure.parts:
                return PurePosixPath(self.display(Path(pure)))
        raise ToolFailure(f"'{name}' is outside the workspace: give a path relative to its folder.")

    def _base(self, parts: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
        if parts and not os.path.lexists(self.roots[0] / parts[0]):
            for root, label in self.names.items():
                if root != self.roots[0] and label == parts[0]:
                    return root, parts[1:]
        return self.roots[0], parts

    def _inside(self, real: Path, name: str) -> Target:
        if any(real.is_relative_to(path) for path in self.hidden):
            raise ToolFailure(f"'{name}' is not open to tools.")
        holding = [root for root in self.roots if real.is_relative_to(root)]
        if not holding:
            raise ToolFailure(f"'{name}' is outside the workspace.")
        root = max(holding, key=lambda r: len(r.parts))
        return Target(root, real.relative_to(root).parts, self.display(real))

    def _unique_names(self) -> dict[Path, str]:
        names: dict[Path, str] = {}
        taken = {entry.name for entry in os.scandir(self.roots[0])} if self.roots[0].is_dir() else set()
        for root in self.roots:
            label, count = root.name, 1
            while root != self.roots[0] and label in taken:
                count += 1
                label = f"{root.name}-{count}"
            names[root] = label
            taken.add(label)
        return names


@contextmanager
def _directory(target: Target, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder that holds the target, reached without following links."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    current = os.open(target.folder, flags)
    try:
        for part in target.parts[:-1]:
            if create:
                _make_directory(part, current)
            following = os.open(part, flags, dir_fd=current)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def _make_directory(part: str, parent: int) -> None:
    try:
        os.mkdir(part, 0o777, dir_fd=parent)
    except FileExistsError:
        pass


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the system says about a file into a sentence about the name that was asked for."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ToolFailure(f"'{name}' changed into a link while it was opened; refused.") from error
        raise ToolFailure(f"'{name}': {(error.strerror or 'cannot be used').lower()}.") from error


def read_file(target: Target, limit: int) -> bytes:
    """The whole file. Raises ToolFailure when it is missing, no plain file, or larger than `limit` bytes."""
    with open_file(target) as descriptor:
        status = os.fstat(descriptor)
        if status.st_size > limit:
            raise ToolFailure(f"'{target.name}' is too large: {status.st_size} bytes, the limit is {limit}.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit)


@contextmanager
def open_file(target: Target) -> Iterator[int]:
    """A descriptor of a plain file, opened without following links. Raises ToolFailure."""
    if not target.parts:
        raise ToolFailure("That is a folder, not a file.")
    with explained(target.name), _directory(target) as parent:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(target.parts[-1], flags, dir_fd=parent)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise ToolFailure(f"'{target.name}' is a folder, not a file.")
            if not stat.S_ISREG(mode):
                raise ToolFailure(f"'{target.name}' is not a plain file.")
            yield descriptor
        finally:
            os.close(descriptor)


def read_existing(target: Target, limit: int) -> bytes | None:
    """As `read_file`, but None where there is no file."""
    if not os.path.lexists(target.path):
        return None
    return read_file(target, limit)


def write_file(target: Target, data: bytes) -> None:
    """Replace or create a file at once (readers see the old or the new one), making folders on the way."""
    if not target.parts:
        raise ToolFailure("That is a folder, not a file.")
    if ".git" in target.parts:
        raise ToolFailure(f"'{target.name}': tools do not change anything inside .git.")
    temporary = f".{secrets.token_hex(8)}.tmp"
    with explained(target.name), _directory(target, create=True) as parent:
        mode = _mode_of(target.parts[-1], parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o666, dir_fd=parent), "wb") as file:
            try:
                file.write(data)
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                file.flush()
                os.replace(temporary, target.parts[-1], src_dir_fd=parent, dst_dir_fd=parent)
            except OSError:
                os.unlink(temporary, dir_fd=parent)
                raise


def delete_file(target: Target) -> None:
    """Remove a file or a link, not what the link points to. Raises ToolFailure."""
    if not target.parts:
        raise ToolFailure("That is a folder, not a file.")
    if ".git" in target.parts:
        raise ToolFailure(f"'{target.name}': tools do not change anything inside .git.")
    with explained(target.name), _directory(target) as parent:
        os.unlink(target.parts[-1], dir_fd=parent)


def _mode_of(name: str, parent: int) -> int | None:
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return stat.S_IMODE(status.st_mode)
