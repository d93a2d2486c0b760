"""One window per home: a second start hands its arguments to the first and leaves.

`QLockFile` decides who is first, also after the first was killed; a `QLocalServer` that only this user can reach
takes the arguments of later starts. Being first is all that a window needs to be shown; it listens a moment later, and
who comes in between waits for it.
"""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QObject, Signal

from app.errors import UserError

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

PATIENCE_S = 10.0
"""For the first to answer. It cannot while its keyring is asked."""
CONNECT_MS, REPLY_MS, LOCK_MS = 300, 2000, 100
LARGEST_MESSAGE = 64 * 1024
ACCEPTED = b"ok\n"


class SingleInstance(QObject):
    """arguments: what a later start was given, a list of strings."""

    arguments = Signal(list)

    def __init__(self, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._home = home
        self._lock = QLockFile(str(home / "window.lock"))
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None

    @cached_property
    def _name(self) -> str:
        """Of the socket."""
        import hashlib

        digest = hashlib.sha256(str(self._home.resolve()).encode()).hexdigest()[:24]
        return f"lovelace-{digest}"

    def claim(self, arguments: list[str]) -> bool:
        """True: this process is the window, and is to `listen`. False: another took the arguments.

        UserError: another does not answer.
        """
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self._lock.tryLock(LOCK_MS):
                return True
            if self._hand_over(arguments):
                return False
        raise UserError(
            "Another Lovelace window is open on these data but does not answer. "
            "Close it, or end its process, and try again."
        )

    def listen(self) -> None:
        """Take the arguments of later starts from now on; again is free. UserError: that is not possible here."""
        from PySide6.QtNetwork import QLocalServer

        if self._server is not None:
            return
        # A socket file that a killed process left; nobody else can own it while we hold the lock.
        QLocalServer.removeServer(self._name)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        if not self._server.listen(self._name):
            raise UserError(f"The window cannot listen for later starts: {self._server.errorString()}.")

    def release(self) -> None:
        """Let the next start be the first."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    def _hand_over(self, arguments: list[str]) -> bool:
        import json

        from PySide6.QtNetwork import QLocalSocket

        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(CONNECT_MS):
            return False
        socket.write(json.dumps(arguments).encode() + b"\n")
        socket.waitForBytesWritten(REPLY_MS)
        socket.waitForReadyRead(REPLY_MS)
        return bytes(socket.readAll().data()) == ACCEPTED

    def _accept(self) -> None:
        assert self._server is not None
        connection = self._server.nextPendingConnection()
        connection.disconnected.connect(connection.deleteLater)
        # No closure over this object: it would go with the connection, and with it the connection once more.
        connection.readyRead.connect(self._read_on)
        self._read(connection)

    def _read_on(self) -> None:
        from PySide6.QtNetwork import QLocalSocket

        connection = self.sender()
        assert isinstance(connection, QLocalSocket)
        self._read(connection)

    def _read(self, connection: QLocalSocket) -> None:
        if not connection.canReadLine():
            if connection.bytesAvailable() > LARGEST_MESSAGE:
                connection.abort()
            return
        import json

        try:
            arguments = json.loads(bytes(connection.readLine(LARGEST_MESSAGE).data()))
        except ValueError:
            connection.abort()
            return
        if isinstance(arguments, list) and all(isinstance(argument, str) for argument in arguments):
            connection.write(ACCEPTED)
            connection.flush()
            self.arguments.emit(arguments)
