"""The ways to open a home's database: which there are, and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import UserError
from sync.clock import Random, system_random
from sync.errors import LockedError
from sync.store import keyslots
from sync.store.keyslots import SlotState, UnlockedKey

if TYPE_CHECKING:
    from app.workspace import Workspace
    from sync.store.keyslot_file import SlotKind


@dataclass(frozen=True, slots=True)
class Keys:
    """The key slots of a home. All methods block: a passphrase takes half a second and 256 MB to try."""

    home: Path
    unlocked: UnlockedKey
    random: Random = system_random

    @classmethod
    def of(cls, workspace: Workspace) -> Keys:
        """Those of an open home."""
        key, database_id = workspace.database.identity
        return cls(workspace.home, UnlockedKey(key, database_id, "passphrase"))

    def states(self) -> list[SlotState]:
        """The ways, and which of them work now without asking."""
        return keyslots.slot_states(self.home)

    def set_passphrase(self, new: str, current: str) -> None:
        """Let a passphrase open the database. current: the one before, if there is one, or the recovery code.

        Raises LockedError when that is wrong, UserError for an empty new one.
        """
        if not new:
            raise UserError("The new passphrase is empty.")
        if "passphrase" in keyslots.slot_kinds(self.home):
            keyslots.unlock(self.home, passphrase=current.encode())
        keyslots.add_passphrase(self.home, self.unlocked, new.encode(), random=self.random)

    def new_code(self) -> str:
        """A recovery code that does not count yet."""
        return keyslots.new_recovery_code(self.random)

    def keep_code(self, code: str, typed: str) -> None:
        """Make a recovery code count. typed: what the person wrote down; UserError when that is another."""
        if not keyslots.is_same_code(code, typed):
            raise UserError("That is not the code. Look at every group again.")
        keyslots.put_recovery(self.home, self.unlocked, code, random=self.random)

    def add_keyring(self) -> None:
        """Let this computer's keyring open the database."""
        keyslots.add_keyring(self.home, self.unlocked, random=self.random)

    def remove(self, kind: SlotKind) -> str:
        """Take a way away, never the last; gives what remains to be said."""
        keyslots.remove_slot(self.home, self.unlocked, kind)
        if kind == "keyring":
            try:
                keyslots.forget_keyring(self.unlocked)
            except LockedError as error:
                return f"The keyring still has its part, which opens only older copies now: {error}"
        return ""
