"""What the parts of one conversation have in common."""

from __future__ import annotations

from collections import deque

from sync.protocol.digest import EMPTY
from sync.protocol.happenings import Happening
from sync.protocol.outgoing import Outbox
from sync.protocol.replica import Replica

MAX_STRIKES = 64
"""The weight of senseless frames after which a conversation ends; every tick forgives `FORGIVEN`."""
FORGIVEN = 4
SENSELESS = 4
REFUSED = 1
"""Weights: of a frame that an honest peer never sends, and of one whose content was refused."""


class Talk:
    """The two ends of a conversation, what is to be sent and what has happened. device: our own id."""

    def __init__(self, replica: Replica, device: bytes, peer: bytes) -> None:
        self.replica = replica
        self.device = device
        self.peer = peer
        self.outbox = Outbox()
        self.happenings: deque[Happening] = deque()
        self.shared: frozenset[bytes] = frozenset()
        """Workspaces whose entries the peer may have, when it was last looked at."""
        self.logs_digest = EMPTY
        """Of all operations here, when they were last looked at: what was in vain under other ones is tried again."""
        self.now_ms = 0
        """By the last tick."""
        self.strikes = 0
        self.last_strike = ""

    def happened(self, happening: Happening) -> None:
        self.happenings.append(happening)

    def strike(self, reason: str, weight: int = SENSELESS) -> None:
        """Count something that an honest peer seldom sends; reason: a sentence."""
        self.strikes += weight
        self.last_strike = reason

    def forgive(self) -> None:
        """Some time has gone by."""
        self.strikes = max(0, self.strikes - FORGIVEN)

    def look_at_workspaces(self) -> dict[bytes, tuple[int, bytes]]:
        """Count and digest of every workspace that is shared now."""
        found = {each.id: (each.count, each.digest) for each in self.replica.workspaces(self.peer)}
        self.shared = frozenset(found)
        return found
