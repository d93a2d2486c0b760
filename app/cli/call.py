"""One call of the program: its global options, its output, and how it opens the home."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.arguments import Globals
from app.cli.output import Output
from app.errors import UserError
from sync.errors import LockedError

if TYPE_CHECKING:
    import typer

    from app.cli.activity import Activity
    from app.workspace import Credentials, Workspace
    from sync.store.database import Database


@dataclass(frozen=True, slots=True)
class Call:
    """What every command gets as its context's object (`call_of`)."""

    options: Globals
    out: Output

    @property
    def home(self) -> Path:
        """The folder with all data of this installation."""
        if self.options.home:
            return self.options.home.absolute()
        import platformdirs

        return platformdirs.user_data_path("lovelace", appauthor=False)

    @property
    def has_person(self) -> bool:
        """Whether somebody can be asked: input and messages are on a terminal."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    @contextmanager
    def workspace(self, name: str | None = None) -> Iterator[Workspace]:
        """The opened home, made on first use, and the workspace of this call. name: of the person, then."""
        opened = self._open(name)
        try:
            yield opened
        finally:
            opened.close()
            for damage in opened.damages:
                self.out.remark(str(damage))

    def is_made(self) -> bool:
        """Whether the home has been made."""
        return any((self.home / file).exists() for file in ("lovelace.db", "keyslots.json"))

    def credentials(self) -> Credentials:
        """The passphrase that the options name, and how to ask for one."""
        from app.workspace import Credentials

        return Credentials(passphrase=self._passphrase(), prompt=_prompt if self.has_person else None)

    def unlocked_database(self, folder: Path, credentials: Credentials | None = None) -> Database:
        """The database in a home or a backup, with its key; nothing is made or opened."""
        from sync.store import keyslots, making

        given = credentials or self.credentials()
        unlocked = keyslots.unlock(folder, passphrase=given.passphrase, prompt=given.prompt)
        return making.finish_home(folder, unlocked)

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question; `--yes` answers. Raises `UserError` where nobody can be asked."""
        if self.options.yes:
            return True
        if not self.has_person:
            raise UserError(f"{question} There is no terminal to ask on; --yes answers yes.")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _open(self, name: str | None) -> Workspace:
        try:
            return self._open_with(self.credentials(), name)
        except LockedError as error:
            if self.is_made() or self.options.has_passphrase or not self.has_person:
                raise
            passphrase = _new_passphrase(str(error))
        return self._open_with(replace(self.credentials(), passphrase=passphrase), name)

    def _open_with(self, credentials: Credentials, name: str | None) -> Workspace:
        from app.workspace import Workspace

        workspace, folder = self.options.workspace, working_folder()
        with ExitStack() as stack:
            shown: list[Activity] = []

            def tell(done: int, total: int) -> None:
                if not shown:
                    shown.append(stack.enter_context(self.out.activity()))
                shown[0].say("Bringing sessions up to date", done, total)

            return Workspace.open(self.home, credentials, workspace=workspace, cwd=folder, name=name, progress=tell)

    def _passphrase(self) -> bytes | None:
        path, descriptor = self.options.passphrase_file, self.options.passphrase_fd
        if path is not None:
            secret = _read_secret(path, f"--passphrase-file {path}")
        elif descriptor is not None:
            secret = _read_secret(descriptor, f"--passphrase-fd {descriptor}")
        else:
            return None
        if not secret:
            raise LockedError("The passphrase is empty. Put it into the file or descriptor on one line.")
        return secret


def call_of(context: typer.Context) -> Call:
    """The call that a command belongs to."""
    call: Any = context.obj
    assert isinstance(call, Call)
    return call


def working_folder() -> Path | None:
    """The current directory, or None when it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def read_descriptor(descriptor: int, option: str) -> bytes:
    """A secret from an open file descriptor, without one trailing newline. option: for the error."""
    return _read_secret(descriptor, f"{option} {descriptor}")


def read_file(path: Path, option: str) -> bytes:
    """A secret from a file, without one trailing newline. option: for the error."""
    return _read_secret(path, f"{option} {path}")


def _read_secret(source: Path | int, name: str) -> bytes:
    try:
        with open(source, "rb") as stream:
            return stream.read(1 << 16).removesuffix(b"\n")
    except OSError as error:
        raise LockedError(f"The secret of {name} cannot be read: {error.strerror or error}.") from error


def _new_passphrase(why: str) -> bytes:
    """A passphrase for a home that is being made without a keyring, given twice."""
    sys.stderr.write(f"{why}\nChoose a passphrase for your sessions instead; nobody can recover it.\n")
    first = _prompt("New passphrase: ")
    if not first:
        raise LockedError("No passphrase was given; nothing was made.")
    if _prompt("Again: ") != first:
        raise LockedError("The two passphrases differ; nothing was made.")
    return first


def _prompt(question: str) -> bytes | None:
    from getpass import getpass

    try:
        return getpass(question, stream=sys.stderr).encode() or None
    except EOFError:
        return None
