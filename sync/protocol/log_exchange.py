"""Logs: each side says which operations of a differing log it has and gets those it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sync.errors import MembershipError, ProtocolError
from sync.protocol.digest import EMPTY, set_digest, union
from sync.protocol.happenings import OperationsReceived
from sync.protocol.messages import MAX_IDS, MAX_OPERATIONS, Ids, Message, Operations, SetRow, join, split
from sync.protocol.outgoing import pieces
from sync.protocol.talk import Talk

AT_ONCE = 8
"""Logs that are asked for at the same time."""
MAX_ANSWERS = 2 * AT_ONCE
MAX_TRIED = 4096
GIVE_UP_MS = 60_000
_NOTHING = (0, EMPTY)


class LogExchange:
    """The logs shared with one peer. on_done: called when everything that was asked for came."""

    def __init__(self, talk: Talk, on_done: Callable[[], None]) -> None:
        self._talk = talk
        self._on_done = on_done
        self._waiting: dict[bytes, bool] = {}
        self._asked: dict[bytes, bool] = {}
        self._answers: dict[bytes, bytes] = {}
        """Ids of what the peer has of logs that it asked for, until the answer begins."""
        self._tried: set[tuple[bytes, ...]] = set()
        self._moved_ms = 0

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for has not come yet."""
        return bool(self._asked)

    def look(self) -> dict[bytes, tuple[int, bytes]]:
        """Count and digest of every log that is shared now."""
        found = {each.id: (each.count, each.digest) for each in self._talk.replica.logs(self._talk.peer)}
        self._talk.logs_digest = union(digest for _, digest in found.values())
        return found

    def compare(self, theirs: tuple[SetRow, ...]) -> None:
        """Ask for what differs, unless the same was asked in vain before. A log of which nothing is here may be new."""
        mine = self.look()
        for row in theirs:
            own = mine.get(row.id, _NOTHING)
            if (row.count, row.digest) != own:
                self._want(row.id, own[1], row.digest, is_listed=row.id in mine)
        self._ask()

    def ids(self, message: Ids) -> None:
        """Answer with what the peer lacks; ask back if it has something new."""
        replica, peer, log = self._talk.replica, self._talk.peer, message.log
        theirs = frozenset(split(message.ids))
        if log not in self._answers:
            if len(self._answers) >= MAX_ANSWERS:
                self._talk.strike("It asks for too many logs at once.")
                return
            self._talk.outbox.bulk("logs", self._answer(log))
        self._answers[log] = message.ids
        mine = replica.operation_ids(peer, log)
        if mine and not theirs.issubset(mine):
            self._want(log, set_digest(mine), set_digest(theirs), is_listed=True)
            self._ask()

    def operations(self, message: Operations) -> None:
        """Take in operations that were asked for."""
        log = message.log
        if log not in self._asked:
            self._talk.strike("It sent operations that nobody asked for.")
            return
        self._moved_ms = self._talk.now_ms
        if message.operations:
            self._add(log, message)
        if not message.more:
            del self._asked[log]
            self._ask()
            if not self._asked:
                self._on_done()

    def tick(self) -> None:
        """What does not come for a minute is given up."""
        if self._asked and self._talk.now_ms - self._moved_ms >= GIVE_UP_MS:
            self._waiting.clear()
            self._asked.clear()
            self._on_done()

    def forget_attempts(self) -> None:
        """What was in vain may be tried again."""
        self._tried.clear()

    def _want(self, log: bytes, own: bytes, theirs: bytes, *, is_listed: bool) -> None:
        attempt = (log, own, theirs, self._talk.logs_digest)
        if log not in self._asked and attempt not in self._tried and len(self._tried) < MAX_TRIED:
            self._tried.add(attempt)
            self._waiting[log] = is_listed

    def _ask(self) -> None:
        while self._waiting and len(self._asked) < AT_ONCE:
            log = next(iter(self._waiting))
            self._asked[log] = self._waiting.pop(log)
            self._moved_ms = self._talk.now_ms
            self._talk.outbox.soon(("ids", log), partial(self._own_ids, log))

    def _own_ids(self, log: bytes) -> Message:
        return Ids(log, join(self._talk.replica.operation_ids(self._talk.peer, log)[:MAX_IDS]))

    def _add(self, log: bytes, message: Operations) -> None:
        try:
            self._talk.replica.add_operations(self._talk.peer, log, message.operations)
        except (ProtocolError, MembershipError) as error:
            if self._asked[log]:
                self._talk.strike(str(error))
            return
        self._talk.happened(OperationsReceived(log))

    def _answer(self, log: bytes) -> Iterator[Message]:
        operations = self._talk.replica.operations(self._talk.peer, log, frozenset(split(self._answers.pop(log))))
        for piece, more in pieces(operations, MAX_OPERATIONS):
            yield Operations(log, piece, more)
