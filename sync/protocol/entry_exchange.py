"""The entries of one workspace between two devices, from the first comparison to live push.

What the peer has is known in two ways: what was *sent* to it (by device, up to which n), and what it *claimed* to have
of a chain without a gap (n and hash, worth something when that entry is here too). Each `Entries` and each `Chains`
brings a claim. Whenever nothing more is to be sent, a `State` says what is here; a peer that compares it with its own
while nothing is under way knows whether both are in sync, and if not begins with `Chains`.

A comparison of the same two sets under the same logs is not begun twice (`_tried`) until `forget_attempts`, and no more
than `ROUNDS` times between two ticks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain as chain_messages

import msgspec

from sync.errors import ProtocolError
from sync.protocol.bucket_exchange import BucketExchange
from sync.protocol.digest import EMPTY
from sync.protocol.envelope import MAX_ENTRIES
from sync.protocol.happenings import Acknowledged, InSync, Received
from sync.protocol.messages import MAX_CHAINS, ChainRow, Chains, Entries, Message, State
from sync.protocol.outgoing import PIECE, pieces
from sync.protocol.replica import ChainSummary, Outgoing
from sync.protocol.talk import REFUSED, Talk

ROUNDS = 6
MAX_ANSWERS = 4 * ROUNDS
LIVE_PIECE = 64 << 10
MAX_TRIED = 1024
_ZEROS = bytes(32)


class EntryExchange:
    """One workspace that both may read."""

    def __init__(self, talk: Talk, workspace: bytes) -> None:
        self._talk = talk
        self._workspace = workspace
        self._buckets = BucketExchange(talk, workspace, self._work, self._exchanged)
        self._sent: dict[bytes, int] = {}
        self._claims: dict[bytes, tuple[int, bytes]] = {}
        self._steps: dict[bytes, int] = {}
        self._is_known = False
        """Whether `_sent` and `_claims` say what the peer has."""
        self._is_dirty = False
        self._changed: list[ChainSummary] = []
        """Chains that are still to be looked at for what is to be pushed."""
        self._has_waiting = False
        """Whether something was not pushed because its chain was under way."""
        self._is_unsure = False
        """Whether entries went by hash, which `_sent` does not show."""
        self._frames_out = 0
        self._seen = 0
        """Of the peer's `Entries`, how many had been sent when it last said so."""
        self._answers = 0
        self._round = 0
        self._asked = 0
        """The round whose answer is awaited; 0: none."""
        self._answered = 0
        self._rounds_left = ROUNDS
        self._is_late = False
        self._moved = 0
        self._tried: set[tuple[bytes, bytes, bytes]] = set()
        self._theirs: State | None = None
        """What the peer last said, until it is compared or overtaken."""
        self._last_state: State | None = None
        self._acknowledged = 0
        self._synced: tuple[int, bytes] | None = None

    @property
    def buckets(self) -> BucketExchange:
        """The part that is about gaps and forks."""
        return self._buckets

    def compare(self, mine: tuple[int, bytes], theirs: tuple[int, bytes]) -> None:
        """What a summary says."""
        self._asked = 0
        if mine == theirs:
            self._in_sync(mine, thoroughly=True)
        elif not self._is_working and not self._is_dirty:
            self._reconcile(mine, theirs)

    def local_change(self) -> None:
        """Entries were added here, by whomever."""
        self._is_dirty = True
        self._talk.outbox.soon(("live", self._workspace), self._live)

    def tick(self, *, again: bool) -> None:
        """Allow more rounds. again: try once more what was in vain, if nothing moves."""
        self._rounds_left, self._answers = ROUNDS, 0
        moved = self._seen + self._frames_out
        again = again and moved == self._moved
        if again:
            self._tried.clear()
            self._buckets.give_up()
        self._moved = moved
        if self._is_late or (again and self._synced is None):
            self._is_late = False
            self._ask()

    # what the peer says

    def chains(self, message: Chains) -> None:
        """Send what the peer lacks; ask back if it has something else."""
        self._seen = message.sent
        self._answers += 1
        if self._answers > MAX_ANSWERS:
            raise ProtocolError("It asks for the same workspace again and again.")
        theirs = {row.device: row for row in message.chains}
        is_fresh = message.seen == self._frames_out
        wants = False
        self._claims = {row.device: (row.n, row.hash) for row in message.chains}
        for chain in self._talk.replica.chains(self._talk.peer, self._workspace):
            row = theirs.pop(chain.device, None) or ChainRow(chain.device, 0, _ZEROS, 0, EMPTY)
            wants |= self._judge(chain, row, is_fresh)
        wants |= any(row.count for row in theirs.values())
        self._is_known = True
        self._answered = message.round
        if wants and not self._asked:
            self._ask()
        self._owe_state()

    def entries(self, message: Entries) -> None:
        """Take in what the peer sent."""
        self._seen, self._theirs = message.sent, None
        if message.n and (message.device in self._claims or len(self._claims) < MAX_CHAINS):
            self._claims[message.device] = (message.n, message.hash)
        self._owe_state()
        if not message.envelopes:
            return
        try:
            taken = self._talk.replica.receive(self._talk.peer, self._workspace, message.envelopes)
        except ProtocolError as error:
            self._talk.strike(str(error))
            return
        if taken.refused:
            self._talk.strike(taken.refused[0], REFUSED)
        self._talk.happened(Received(self._workspace, taken.admitted, taken.waiting, taken.refused))

    def state(self, message: State) -> None:
        """Compare, if nothing is under way."""
        self._seen = message.sent
        if message.round == self._asked:
            self._asked = 0
        self._acknowledge(message.n, message.hash)
        self._theirs = message
        if not self._is_working and not self._is_dirty:
            mine = self._talk.look_at_workspaces().get(self._workspace)
            self._compare_state(mine)

    # comparing

    @property
    def _is_working(self) -> bool:
        return bool(self._steps or self._changed) or self._buckets.is_busy

    def _compare_state(self, mine: tuple[int, bytes] | None) -> None:
        """Compare with what the peer last said, if it had seen by then all that was sent."""
        theirs = self._theirs
        if mine is None or theirs is None or theirs.seen != self._frames_out:
            return
        self._theirs = None
        if mine == (theirs.count, theirs.digest):
            self._in_sync(mine, thoroughly=self._is_unsure or not self._is_known)
        elif not self._asked:
            self._reconcile(mine, (theirs.count, theirs.digest))

    def _in_sync(self, both: tuple[int, bytes], *, thoroughly: bool) -> None:
        if thoroughly:
            for chain in self._talk.replica.chains(self._talk.peer, self._workspace):
                self._sent[chain.device] = chain.n
                if chain.device == self._talk.device:
                    self._acknowledge(chain.n, chain.hash)
            self._is_known, self._is_unsure = True, False
        if self._synced != both:
            self._synced = both
            self._talk.happened(InSync(self._workspace))

    def _reconcile(self, mine: tuple[int, bytes], theirs: tuple[int, bytes]) -> None:
        self._synced = None
        attempt = (mine[1], theirs[1], self._talk.logs_digest)
        if attempt not in self._tried and len(self._tried) < MAX_TRIED:
            self._tried.add(attempt)
            self._ask()

    def _ask(self) -> None:
        if self._rounds_left <= 0:
            self._is_late = True
            return
        self._rounds_left -= 1
        self._round += 1
        self._asked = self._round
        self._talk.outbox.soon(("chains", self._workspace), self._own_chains)

    def _own_chains(self) -> Message:
        chains = self._talk.replica.chains(self._talk.peer, self._workspace)[:MAX_CHAINS]
        rows = tuple(ChainRow(c.device, c.n, c.hash, c.count, c.digest) for c in chains)
        return Chains(self._workspace, rows, self._round, self._frames_out, self._seen)

    def _judge(self, chain: ChainSummary, theirs: ChainRow, is_fresh: bool) -> bool:
        """Send what the peer lacks of a chain; gives whether it has to hear what we have of it."""
        device = chain.device
        if device == self._talk.device:
            self._acknowledge(theirs.n, theirs.hash)
        if (chain.count, chain.digest) == (theirs.count, theirs.digest):
            self._sent[device] = chain.n
            return False
        if theirs.count == theirs.n <= chain.n and self._holds(device, theirs.n, theirs.hash):
            after = theirs.n if is_fresh else max(theirs.n, self._sent.get(device, 0))
            self._send_after(device, after)
            return False
        if chain.count == chain.n < theirs.n:
            return True
        if device not in self._steps:
            self._buckets.ask(device)
        return False

    def _holds(self, device: bytes, n: int, digest: bytes) -> bool:
        return self._talk.replica.holds(self._workspace, device, n, digest)

    def _acknowledge(self, n: int, digest: bytes) -> None:
        if n > self._acknowledged and self._holds(self._talk.device, n, digest):
            self._acknowledged = n
            self._talk.happened(Acknowledged(self._workspace, n))

    # sending

    def _work(self, device: bytes, messages: Iterator[Message]) -> None:
        self._steps[device] = self._steps.get(device, 0) + 1
        self._talk.outbox.bulk(("entries", self._workspace), self._counted(device, messages))

    def _counted(self, device: bytes, messages: Iterator[Message]) -> Iterator[Message]:
        for message in messages:
            yield self._numbered(message)
        self._steps[device] -= 1
        if not self._steps[device]:
            del self._steps[device]
        self._moved_on()

    def _numbered(self, message: Message) -> Message:
        if not isinstance(message, Entries):
            return message
        self._frames_out += 1
        return msgspec.structs.replace(message, sent=self._frames_out)

    def _exchanged(self, device: bytes) -> None:
        """A chain was compared bucket by bucket: the peer has, or is being sent, all of it."""
        self._is_unsure = True
        self._sent[device] = self._head(device)[0]
        self._moved_on()

    def _moved_on(self) -> None:
        if self._has_waiting:
            self._has_waiting = False
            self.local_change()
        self._owe_state()

    def _send_after(self, device: bytes, n: int) -> None:
        if device not in self._steps:
            self._work(device, self._after(device, n))

    def _after(self, device: bytes, n: int) -> Iterator[Message]:
        done = False
        while not done:
            sent = self._talk.replica.entries_after(self._talk.peer, self._workspace, device, n, PIECE)
            done = sent.done or sent.after <= n
            n = self._sent[device] = max(n, sent.after)
            yield from self._entries(device, sent, done)

    def _entries(self, device: bytes, sent: Outgoing, done: bool) -> Iterator[Message]:
        n, digest = self._head(device) if done else (0, _ZEROS)
        for piece, more in pieces(sent.envelopes, MAX_ENTRIES):
            if piece:
                is_last = done and not more
                head = (n, digest) if is_last else (0, _ZEROS)
                yield Entries(self._workspace, device, piece, *head, more=not is_last)

    def _head(self, device: bytes) -> tuple[int, bytes]:
        chains = self._talk.replica.chains(self._talk.peer, self._workspace)
        return next(((c.n, c.hash) for c in chains if c.device == device), (0, _ZEROS))

    def _live(self) -> Message | None:
        """The next entries of a chain that the peer has not been sent; called again until there are none."""
        if self._is_dirty:
            self._is_dirty = False
            self._changed = [*self._talk.replica.chains(self._talk.peer, self._workspace)] if self._is_known else []
        while self._changed:
            if (message := self._push(self._changed.pop())) is not None:
                self._talk.outbox.soon(("live", self._workspace), self._live)
                return message
        self._owe_state()
        return None

    def _push(self, chain: ChainSummary) -> Message | None:
        device, after = chain.device, self._base(chain)
        if after >= chain.n:
            return None
        if device in self._steps or self._buckets.is_open(device):
            self._has_waiting = True
            return None
        sent = self._talk.replica.entries_after(self._talk.peer, self._workspace, device, after, LIVE_PIECE)
        messages = list(self._entries(device, sent, sent.done))
        if not messages:
            return None
        self._sent[device] = max(after, sent.after)
        if messages[1:] or not sent.done:
            rest = () if sent.done else self._after(device, sent.after)
            self._work(device, chain_messages(messages[1:], rest))
        return self._numbered(messages[0])

    def _base(self, chain: ChainSummary) -> int:
        """Up to which n the peer has what is here of a chain."""
        sent = self._sent.get(chain.device, 0)
        n, digest = self._claims.get(chain.device, (0, _ZEROS))
        return n if sent < n <= chain.n and self._holds(chain.device, n, digest) else sent

    def _owe_state(self) -> None:
        self._talk.outbox.soon(("state", self._workspace), self._own_state)

    def _own_state(self) -> Message | None:
        """What is here, once nothing more is to be sent and unless the same was said before."""
        if self._is_working or self._is_dirty:
            return None
        found = self._talk.look_at_workspaces().get(self._workspace)
        if found is None:
            return None
        self._compare_state(found)
        n, digest = self._head(self._talk.peer)
        state = State(self._workspace, *found, n, digest, self._answered, self._frames_out, self._seen)
        if state == self._last_state:
            return None
        self._last_state = state
        return state
