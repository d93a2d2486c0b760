"""Keys of model providers and MCP servers: in the system's keyring, never in the database, a file or an event."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from app.errors import UserError

SERVICE = "lovelace"
_SECONDS = 10.0
T = TypeVar("T")


class Secrets(Protocol):
    """Keeps one secret for each of the agents, or for each of the MCP servers."""

    async def get(self, agent: str) -> str | None:
        """The key of an agent, None when there is none."""
        ...

    async def set(self, agent: str, key: str) -> None:
        """Keep the key of an agent."""
        ...

    async def delete(self, agent: str) -> None:
        """Forget the key of an agent; nothing happens when there is none."""
        ...


class SystemSecrets:
    """The keyring of the operating system. It may ask the person to unlock it; after ten seconds we give up.

    kind: of what the secrets are; the same name may be used by two kinds.
    """

    def __init__(self, kind: str = "agent") -> None:
        self._kind = kind

    def _user(self, name: str) -> str:
        return f"{self._kind}:{name}"

    async def get(self, agent: str) -> str | None:
        """See `Secrets`."""

        def look() -> str | None:
            import keyring

            return keyring.get_password(SERVICE, self._user(agent))

        return await _in_thread(look)

    async def set(self, agent: str, key: str) -> None:
        """See `Secrets`."""

        def store() -> None:
            import keyring

            keyring.set_password(SERVICE, self._user(agent), key)

        await _in_thread(store)

    async def delete(self, agent: str) -> None:
        """See `Secrets`."""

        def forget() -> None:
            import keyring
            import keyring.errors

            try:
                keyring.delete_password(SERVICE, self._user(agent))
            except keyring.errors.PasswordDeleteError:
                pass

        await _in_thread(forget)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run in a thread that a hanging keyring cannot make anyone wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    threading.Thread(target=_deliver, args=(work, loop, future), name="keyring", daemon=True).start()
    try:
        return await asyncio.wait_for(future, _SECONDS)
    except TimeoutError as error:
        raise UserError(f"The system's keyring did not answer within {_SECONDS:g} seconds.") from error


def _deliver(work: Callable[[], T], loop: asyncio.AbstractEventLoop, future: asyncio.Future[T]) -> None:
    from keyring.errors import KeyringError

    def finish(settle: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            settle(value)

    def send(settle: Callable[[Any], None], value: Any) -> None:
        try:
            loop.call_soon_threadsafe(finish, settle, value)
        except RuntimeError:  # the loop is closed: whoever asked has gone
            pass

    try:
        value = work()
    except (KeyringError, OSError, RuntimeError) as error:
        why = str(error) or type(error).__name__
        send(future.set_exception, UserError(f"The system's keyring cannot be used: {why}."))
    else:
        send(future.set_result, value)
