"""One conversation with one device, sans-IO.

Frames and ticks go in; `next_frame` gives what is to be sent, made at that moment, and `next_happening` what the
program has to know. Hello and an overview from either side are one round trip; if the overviews are equal, that is all,
whatever the number of members and sessions. Otherwise summaries say which sets differ. Logs come first
(`log_exchange`), because they decide which workspaces both may read, then entries (`entry_exchange`), and from then on
every commit is pushed. Blobs (`blob_exchange`) and ephemeral messages go beside.

Nothing that a peer sends raises: what is malformed or senseless counts (`talk`), and too much of it ends the
conversation, as do a version that is too old and silence.
"""

from __future__ import annotations

from collections.abc import Set

from sync.errors import ProtocolError
from sync.protocol.blob_exchange import BlobExchange
from sync.protocol.digest import sets_digest
from sync.protocol.entry_exchange import EntryExchange
from sync.protocol.happenings import Ended, Ephemeral, Happening, Reached
from sync.protocol.log_exchange import LogExchange
from sync.protocol.messages import (
    LEAST_VERSION,
    MAX_EPHEMERAL,
    MAX_SETS,
    MAX_TEXT,
    MAX_TOPIC,
    VERSION,
    Beat,
    BlobData,
    Buckets,
    Bye,
    Chains,
    Entries,
    Hashes,
    Hello,
    Ids,
    Message,
    NoBlob,
    Operations,
    Overview,
    Passing,
    SetRow,
    State,
    Summary,
    WantBlob,
    Wanted,
    decode_message,
    encode_message,
)
from sync.protocol.replica import Replica
from sync.protocol.talk import MAX_STRIKES, SENSELESS, Talk

OVERVIEW = "overview"
FEATURES: frozenset[str] = frozenset((OVERVIEW,))
"""What this program can beyond version 1; used if both can."""
TICK_MS = 5_000
"""How often `tick` is to be called."""
SILENCE_MS = 15_000
"""A peer from which nothing comes for so long is gone."""
LONG_SILENCE_MS = 60_000
"""The same while a transfer is under way, whose frames may take long on a slow line."""
AGAIN_MS = 60_000
MAX_SUMMARIES = 30
"""Summaries of a peer that are looked at between two ticks."""


class Conversation:
    """What is said over one connection. device: our own id. peer: the other's, as the transport authenticated it.

    Every method is called on the writer's thread and after each `next_frame` is worth asking. program: for people.
    """

    def __init__(
        self,
        replica: Replica,
        device: bytes,
        peer: bytes,
        *,
        program: str,
        version: int = VERSION,
        features: frozenset[str] = FEATURES,
    ) -> None:
        self._talk = Talk(replica, device, peer)
        self._logs = LogExchange(self._talk, self._logs_done)
        self._blobs = BlobExchange(self._talk)
        self._entries: dict[bytes, EntryExchange] = {}
        self._program = program
        self._version = version
        self._features = features
        self._farewell: bytes | None = None
        self._is_started = self._is_met = self._is_over = False
        self._theirs: Summary | None = None
        self._wants_answer = False
        self._is_viewed = False
        self._omits_logs = False
        """Whether the next summary may leave out the logs, which the peer is known to have."""
        self._summaries = 0
        self._heard = self._sent = False
        self._heard_ms: int | None = None
        self._silence_ms = SILENCE_MS
        self._again_ms = 0

    @property
    def peer(self) -> bytes:
        """The id of the device at the other end."""
        return self._talk.peer

    @property
    def is_over(self) -> bool:
        """Whether `Ended` has happened; a last frame may still be there to be sent."""
        return self._is_over

    # what the program does

    def start(self) -> None:
        """Begin; both sides do."""
        if not self._is_started:
            self._is_started = True
            features = tuple(sorted(self._features))
            hello = Hello(self._version, LEAST_VERSION, features, self._program[:MAX_TEXT])
            self._talk.outbox.soon("hello", lambda: hello)

    def next_frame(self) -> bytes | None:
        """The next frame to send; None while there is none."""
        if self._is_over:
            frame, self._farewell = self._farewell, None
            return frame
        frame = self._talk.outbox.next_frame()
        self._sent = self._sent or frame is not None
        return frame

    def next_happening(self) -> Happening | None:
        """The next thing to know; None while there is none."""
        return self._talk.happenings.popleft() if self._talk.happenings else None

    def tick(self, now_ms: int) -> None:
        """Every `TICK_MS`, by a clock that does not jump."""
        if self._is_over:
            return
        self._talk.now_ms = now_ms
        self._listen(now_ms)
        self._talk.forgive()
        self._catch_up()
        if not self._sent and self._is_started:
            self._talk.outbox.soon("beat", Beat)
        self._sent = False
        self._logs.tick()
        self._blobs.tick()
        again = now_ms - self._again_ms >= AGAIN_MS
        if again:
            self._again_ms = now_ms
            self._logs.forget_attempts()
        for exchange in self._entries.values():
            exchange.tick(again=again)

    def local_change(self, workspace: bytes) -> None:
        """Entries of a workspace were committed here, by this device or by what came from another peer."""
        if not self._is_over and workspace in self._entries:
            self._entries[workspace].local_change()

    def logs_changed(self) -> None:
        """Operations of some log were committed here, or a key came that allows to send what waited."""
        if self._is_met and not self._is_over:
            self._look_at_workspaces()
            self._say_summary(answer=True)

    def want_blob(self, workspace: bytes, blob: bytes, offset: int = 0) -> None:
        """Fetch a blob from this peer. offset: what is known to be here; if more is, only the first part is wasted."""
        if not self._is_over:
            self._blobs.want((workspace, blob), offset)

    def stop_blob(self, workspace: bytes, blob: bytes) -> None:
        """Fetch a blob from this peer no more; what has come of it stays."""
        if not self._is_over:
            self._blobs.stop((workspace, blob))

    def send_ephemeral(self, workspace: bytes, topic: str, payload: bytes) -> bool:
        """Send what is not stored; False if it was dropped. ValueError if it is larger than it may be."""
        if len(payload) > MAX_EPHEMERAL or len(topic) > MAX_TOPIC:
            raise ValueError(f"An ephemeral message has at most {MAX_EPHEMERAL} bytes and a topic of {MAX_TOPIC}.")
        if not self._is_met or self._is_over or workspace not in self._talk.shared:
            return False
        return self._talk.outbox.pass_on(encode_message(Passing(workspace, topic, payload)))

    def leave(self, reason: str = "") -> None:
        """End the conversation; reason: a sentence for the other side."""
        if not self._is_over:
            self._end("", reason)

    def lose(self, reason: str) -> None:
        """The connection is gone; reason: a sentence."""
        if not self._is_over:
            self._end(reason, None)

    def receive(self, frame: bytes) -> None:
        """Take in a frame from the peer."""
        if self._is_over:
            return
        self._heard = True
        try:
            message = decode_message(frame)
            if message is not None:
                self._take(message)
        except ProtocolError as error:
            self._talk.strike(str(error))
        if not self._is_over and self._talk.strikes > MAX_STRIKES:
            self._end(
                f"The other device sends what makes no sense. {self._talk.last_strike}", "Too much made no sense."
            )

    # what the peer says

    def _take(self, message: Message) -> None:
        self._silence_ms = LONG_SILENCE_MS if getattr(message, "more", False) else SILENCE_MS
        match message:
            case Beat():
                pass
            case Bye():
                self._end(f"The other device ended the conversation. {message.reason}".strip(), None)
            case Hello():
                self._meet(message)
            case _ if not self._is_met:
                raise ProtocolError("It did not begin with a greeting.")
            case Overview():
                self._overview(message)
            case Summary():
                self._summary(message)
            case Ids():
                self._logs.ids(message)
            case Operations():
                self._logs.operations(message)
                self._look_at_workspaces()
            case WantBlob():
                self._blobs.serve(message)
            case NoBlob():
                self._blobs.missing(message)
            case BlobData():
                self._silence_ms = LONG_SILENCE_MS
                self._blobs.part(message)
            case Chains() | Entries() | State() | Buckets() | Hashes() | Wanted() | Passing():
                self._about_workspace(message)

    def _about_workspace(self, message: Chains | Entries | State | Buckets | Hashes | Wanted | Passing) -> None:
        workspace = message.workspace
        if workspace not in self._talk.shared:
            self._talk.strike("It speaks of a workspace that it does not share with this device.", SENSELESS // 4)
            return
        exchange = self._exchange(workspace)
        match message:
            case Passing():
                self._talk.happened(Ephemeral(workspace, self.peer, message.topic, message.payload))
            case Chains():
                exchange.chains(message)
            case Entries():
                exchange.entries(message)
            case State():
                exchange.state(message)
            case Buckets():
                exchange.buckets.buckets(message)
            case Hashes():
                exchange.buckets.hashes(message)
            case Wanted():
                exchange.buckets.wanted(message)

    def _meet(self, hello: Hello) -> None:
        if self._is_met:
            raise ProtocolError("It greeted twice.")
        if hello.version < LEAST_VERSION:
            self._part(f"It runs a version that is too old ({hello.program}); update it.", "Update this program.")
        elif hello.least > self._version:
            self._part(f"It runs a newer version ({hello.program}); update this one.", "A newer version is needed.")
        else:
            self.start()
            self._is_met = True
            features = self._features & frozenset(hello.features)
            self._talk.happened(Reached(features, hello.program))
            self._look_at_workspaces()
            if OVERVIEW in features:
                self._talk.outbox.soon("overview", self._own_overview)
            else:
                self._say_summary(answer=False)

    def _overview(self, message: Overview) -> None:
        """If all is the same here, it is as if the peer had said so set by set."""
        if self._is_viewed:
            raise ProtocolError("It sent its overview twice.")
        self._is_viewed = True
        mine = self._own_overview()
        if message == mine:
            workspaces = tuple(SetRow(key, *value) for key, value in self._look_at_workspaces().items())
            self._theirs = Summary((), workspaces)
            self._compare_workspaces()
        else:
            self._say_summary(answer=False)
            self._omits_logs = message.logs == mine.logs

    def _summary(self, message: Summary) -> None:
        """Compare; if the peer sends many, the last one at the next tick."""
        self._theirs = message
        self._summaries += 1
        if self._summaries > MAX_SUMMARIES:
            return
        if message.answer:
            self._say_summary(answer=False)
        if not self._logs.is_busy:
            self._logs.compare(message.logs)
        if not self._logs.is_busy:
            self._compare_workspaces()

    def _catch_up(self) -> None:
        late = self._theirs if self._summaries > MAX_SUMMARIES else None
        self._summaries = 0
        if late is not None:
            self._summary(late)

    def _logs_done(self) -> None:
        """Everything of logs came: what is shared may be more now, on both sides."""
        self._theirs = None
        self._look_at_workspaces()
        self._say_summary(answer=True)

    def _compare_workspaces(self) -> None:
        if self._theirs is None:
            return
        theirs = {row.id: (row.count, row.digest) for row in self._theirs.workspaces}
        self._theirs = None
        mine = self._look_at_workspaces()
        self._forget_workspaces(self._entries.keys() - theirs.keys())
        for workspace in theirs.keys() & mine.keys():
            self._exchange(workspace).compare(mine[workspace], theirs[workspace])

    # what is said

    def _say_summary(self, *, answer: bool) -> None:
        self._wants_answer, self._omits_logs = self._wants_answer or answer, False
        self._talk.outbox.soon("summary", self._own_summary)

    def _own_overview(self) -> Overview:
        return Overview(sets_digest(self._logs.look()), sets_digest(self._look_at_workspaces()))

    def _own_summary(self) -> Message:
        answer, self._wants_answer = self._wants_answer, False
        found = {} if self._omits_logs else self._logs.look()
        logs = tuple(SetRow(key, *value) for key, value in found.items())
        workspaces = tuple(SetRow(key, *value) for key, value in self._look_at_workspaces().items())
        return Summary(logs[:MAX_SETS], workspaces[:MAX_SETS], answer)

    def _look_at_workspaces(self) -> dict[bytes, tuple[int, bytes]]:
        found = self._talk.look_at_workspaces()
        self._forget_workspaces(self._entries.keys() - found.keys())
        return found

    def _forget_workspaces(self, workspaces: Set[bytes]) -> None:
        for workspace in workspaces:
            del self._entries[workspace]
            self._talk.outbox.forget(workspace)

    def _exchange(self, workspace: bytes) -> EntryExchange:
        if workspace not in self._entries:
            self._entries[workspace] = EntryExchange(self._talk, workspace)
        return self._entries[workspace]

    # the end

    def _listen(self, now_ms: int) -> None:
        if (self._heard and self._is_met) or self._heard_ms is None:
            self._heard, self._heard_ms = False, now_ms
        elif now_ms - self._heard_ms >= self._silence_ms:
            self._end("The other device does not answer any more.", None)

    def _part(self, reason: str, farewell: str) -> None:
        self._end(f"The other device cannot be understood. {reason}", farewell)

    def _end(self, reason: str, farewell: str | None) -> None:
        """farewell: for the other side; None when there is nobody to say it to."""
        self._is_over = True
        self._talk.outbox.clear()
        if farewell is not None:
            self._farewell = encode_message(Bye(farewell[:MAX_TEXT]))
        self._talk.happened(Ended(reason))
