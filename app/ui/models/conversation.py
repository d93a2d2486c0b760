"""The events of one session as rows of a Qt model that never holds all of them.

The model knows the row id and the estimated text lines of every event, and the bodies of the few hundred near the
reader; the rest is fetched when the view wants it. A session opens with its tail; its timeline follows from a worker.
After the last event come rows for texts that are being streamed (drafts).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.sessions import events as kinds
from app.sessions.bodies import missing_bytes
from app.sessions.texts import estimated_lines
from app.ui.ages import moment
from app.ui.conversation.blocks import Block, Card, Heading, Mark
from app.ui.conversation.card_texts import last_line
from app.ui.conversation.content import SPOKEN, blocks_of, plain_text, spoken, streamed_prose
from app.ui.conversation.entries import Entry, adds_to_card, has_row, is_absorbed, is_by_person, speaker
from app.ui.models.folds import Folds
from app.ui.models.held_events import HeldEvents

if TYPE_CHECKING:
    from app.sessions.views import DraftRow, Event, Timeline

Index = QModelIndex | QPersistentModelIndex
Fetch = Callable[[Sequence[int]], None]
"""Asks for the events of row ids; they come back through `add_events`."""

KEPT_TEXT = 100
"""Characters of a prompt by which it is named elsewhere."""
LOOKED_ABOVE = 8
"""So many rows above one are looked at for who spoke before."""
MARGIN = 48
"""Rows fetched beyond both ends of what the view wants: about two screens, and the results of its tool calls."""
NEWEST = 12
"""Rows at the end among which the event of a draft is looked for."""
_TOP = QModelIndex()


class ConversationModel(QAbstractListModel):
    """contents_changed: row ids (a set) whose blocks are different now. live_changed: a turn began or ended."""

    contents_changed = Signal(object)

    def __init__(self, fetch: Fetch, now: Callable[[], int]) -> None:
        super().__init__()
        self._fetch = fetch
        self._now = now
        self.device = ""
        """This device (hex); what other devices wrote says so."""
        self.identity = ""
        """This person (hex)."""
        self.names: Mapping[str, str] = {}
        """What people and devices are called, by id (hex)."""
        self._clear()

    def _clear(self) -> None:
        self._rows: array[int] = array("q")
        self._lines: array[int] = array("H")
        self._held = HeldEvents()
        self._prompts: set[int] = set()
        self._prompt_texts: dict[str, str] = {}
        """Of turns that are here, by their ids."""
        self._new_from: int | None = None
        self._asked: set[int] = set()
        self._drafts: list[tuple[int, DraftRow]] = []
        self._draft_ids: dict[tuple[str, str], int] = {}
        self._live = False
        self._newest_turns: dict[str, str] = {}
        """Of each device (hex), what it wrote last into."""
        self.folds = Folds()
        self.last_event: str | None = None
        """The id of the newest event known, shown or not."""
        self.is_complete = False
        """Whether the whole timeline is known."""

    # What the panel feeds

    def show_tail(self, events: Sequence[Event]) -> None:
        """Begin a session with its newest events."""
        self.beginResetModel()
        self._clear()
        self._add_rows(events)
        self._keep(events)
        self.endResetModel()

    def set_timeline(self, timeline: Timeline) -> None:
        """Take the whole timeline over: what comes before and after the rows known is added; else all begins anew."""
        rows, lines = timeline.rows, timeline.lines
        start = _position(rows, self._rows)
        self.is_complete = True
        prompts = [rows[place] for place in timeline.starts]
        self._prompts.update(prompts)
        self.folds.set_rows(len(rows), timeline.starts, prompts)
        if start is None:
            self._replace(rows, lines)
            return
        if start:
            self.beginInsertRows(_TOP, 0, start - 1)
            self._rows[:0] = rows[:start]
            self._lines[:0] = lines[:start]
            self.endInsertRows()
        known = len(self._rows)
        if len(rows) > known:
            self.beginInsertRows(_TOP, known, len(rows) - 1)
            self._rows.extend(rows[known:])
            self._lines.extend(lines[known:])
            self.endInsertRows()

    def append_events(self, events: Sequence[Event]) -> None:
        """New events at the end; those known already are left out."""
        known = set(self._rows[-len(events) - MARGIN :]) if events else set()
        new = [event for event in events if event.row not in known]
        if not new:
            return
        erased = {event.body.event for event in new if isinstance(event.body, kinds.Erasure)}
        if erased:
            self._announce(self._held.drop(erased))
        shown = sum(map(has_row, new))
        if shown:
            self.beginInsertRows(_TOP, len(self._rows), len(self._rows) + shown - 1)
        self._add_rows(new)
        if shown:
            self.endInsertRows()
        # Only now: rows that are there already change with the results that came.
        self.add_events(new)
        if self.folds.prompts:
            self._announce({self._rows[self.folds.prompts[-1]]})

    def add_events(self, events: Iterable[Event]) -> None:
        """Bodies that were fetched."""
        touched = self._keep(events)
        self._held.trim()
        self._announce(touched)

    def missing_rows(self) -> list[int]:
        """Row ids of the events whose bodies were not on this device when they were read."""
        return [
            row for row in self._held.rows() if (event := self._held.get(row)) and missing_bytes(event.body) is not None
        ]

    def set_drafts(self, drafts: Sequence[DraftRow]) -> None:
        """The texts being streamed now, in place of those before."""
        keys = [(draft.turn, draft.kind) for draft in drafts]
        if keys == [(draft.turn, draft.kind) for _id, draft in self._drafts]:
            changed = {
                identifier for (identifier, old), new in zip(self._drafts, drafts, strict=True) if old.text != new.text
            }
            self._drafts = [(self._draft_id(draft), draft) for draft in drafts]
            self._announce(changed)
            return
        self._remove_drafts()
        if drafts:
            first = len(self._rows)
            self.beginInsertRows(_TOP, first, first + len(drafts) - 1)
            self._drafts = [(self._draft_id(draft), draft) for draft in drafts]
            self.endInsertRows()

    def set_live(self, live: bool) -> None:
        """Whether a turn runs: its cards without a result are then shown as running, its requests as waiting."""
        if live != self._live:
            self._live = live
            self._announce(self._held.rows())

    def set_new_from(self, identifier: int | None) -> None:
        """What people have not seen begins at this row id; None: they have seen everything."""
        changed = {one for one in (self._new_from, identifier) if one is not None and identifier != self._new_from}
        self._new_from = identifier
        self._announce(changed)

    @property
    def has_new(self) -> bool:
        """Whether something is marked as new."""
        return self._new_from is not None

    def fold(self, row: int) -> tuple[int, int] | None:
        """Fold or unfold the turn of a row; gives the first and last row that this hides or shows."""
        turn = self.folds.turn_at(row)
        if turn is None or turn[1] == turn[2]:
            return None
        self.folds.toggle(turn[0])
        self._announce({turn[0]})
        return turn[1] + 1, turn[2]

    def fold_all(self, folded: bool) -> None:
        """Fold or unfold all turns."""
        self.folds.fold_all(folded)
        self._announce(set(self._prompts))

    # What the view asks

    def row_id(self, row: int) -> int:
        """A number that stays with the row's content while rows come and go; negative for drafts."""
        return self._rows[row] if row < len(self._rows) else self._drafts[row - len(self._rows)][0]

    def row_of(self, identifier: int) -> int | None:
        """The row of a row id."""
        if identifier < 0:
            positions = [number for number, (known, _draft) in enumerate(self._drafts) if known == identifier]
            return len(self._rows) + positions[0] if positions else None
        try:
            return self._rows.index(identifier)
        except ValueError:
            return None

    def event_id(self, identifier: int) -> str | None:
        """The id of the event of a row id; None for drafts, and while it is not here."""
        event = self._held.get(identifier)
        return None if event is None else event.id

    def event_at(self, row: int) -> Event | None:
        """The event of a row; None for drafts, and while it is not here."""
        return self._held.get(self._rows[row]) if 0 <= row < len(self._rows) else None

    def lines(self, first: int, last: int) -> Sequence[int]:
        """The estimated text lines of the rows `first` to `last`, both included."""
        drafts = len(self._rows) + len(self._drafts) - max(first, len(self._rows))
        return [*self._lines[first : last + 1], *([2] * drafts if last >= len(self._rows) else ())]

    def blocks(self, row: int, opened: bool) -> tuple[Block, ...] | None:
        """What a row shows; None while its event is not here."""
        if row >= len(self._rows):
            return self._draft_blocks(row)
        entry = self.entry(row)
        return None if entry is None else blocks_of(entry, now=self._now(), opened=opened)

    def want(self, first: int, last: int) -> None:
        """The view shows these rows: fetch what is missing of them, and around them."""
        near = self._rows[max(0, first - 8) : last + 9]
        if all(row in self._held or row in self._asked for row in near):
            return
        around = self._rows[max(0, first - MARGIN) : last + MARGIN + 1]
        missing = [row for row in around if row not in self._held and row not in self._asked]
        self._asked.update(missing)
        self._fetch(missing)

    def fetch_failed(self, rows: Iterable[int]) -> None:
        """These rows may be asked for again."""
        self._asked.difference_update(rows)

    def entry(self, row: int) -> Entry | None:
        """The entry of a row, if its event is here."""
        event = self._held.look_at(self._rows[row])
        if event is None:
            return None
        before = self._held.get(self._rows[row - 1]) if row else None
        return Entry(
            event,
            self._held.group(event),
            self._speaker_before(row, None if is_by_person(event) else event.turn),
            self._is_live(event),
            None if before is None else before.time,
            self.device,
            event.row == self._new_from,
            before is not None and isinstance(before.body, kinds.Erased),
            self._hides(row) if event.row in self._prompts else None,
            self.names.get(event.author.identity, ""),
            self.names.get(event.author.device, ""),
            self._prompt_of(row, event),
        )

    def _hides(self, row: int) -> int | None:
        turn = self.folds.turn_at(row)
        if turn is None or turn[1] == turn[2]:
            return None
        return turn[2] - turn[1] if self.folds.is_folded(turn[0]) else 0

    def text(self, row: int) -> str | None:
        """The copied text of a whole row; None while its event is not here."""
        if row >= len(self._rows):
            return self._drafts[row - len(self._rows)][1].text
        entry = self.entry(row)
        return None if entry is None else plain_text(entry)

    def row_ids(self, first: int, last: int) -> Sequence[int]:
        """The row ids of stored events from `first` to `last`, both included."""
        return self._rows[first : last + 1].tolist()

    def turn_of(self, row: int) -> bool:
        """Whether a row begins a turn."""
        return row < len(self._rows) and self._rows[row] in self._prompts

    def has_said(self, draft: DraftRow) -> bool:
        """Whether a streamed text is in the session already as an event: the draft goes a moment later."""
        for row in self._rows[: -NEWEST - 1 : -1]:
            event = self._held.get(row)
            if event is not None and (event.turn, event.kind) == (draft.turn, draft.kind):
                return str(getattr(event.body, "text", "")).startswith(draft.text)
        return False

    def open_request(self) -> tuple[int, str] | None:
        """The row and id of the newest permission request without an answer, of a turn that runs."""
        for row in range(len(self._rows) - 1, max(-1, len(self._rows) - 1 - 4 * MARGIN), -1):
            event = self._held.get(self._rows[row])
            if event is None or not isinstance(event.body, kinds.PermissionRequest):
                continue
            if not self._is_live(event):
                return None
            group = self._held.group(event)
            if not any(isinstance(e.body, kinds.PermissionAnswer | kinds.ToolResult) for e in group):
                return row, event.body.request_id
        return None

    def request(self, request: str) -> kinds.PermissionRequest | None:
        """A permission request among the newest events."""
        for row in self._rows[: -4 * MARGIN - 1 : -1]:
            body = event.body if (event := self._held.get(row)) is not None else None
            if isinstance(body, kinds.PermissionRequest) and body.request_id == request:
                return body
        return None

    # Inside

    def _is_live(self, event: Event) -> bool:
        """Whether an event belongs to a turn that may still run.

        Of this person's other devices it is not known whether they are at work or asleep: theirs may.
        """
        author = event.author
        if event.turn is None or event.turn != self._newest_turns.get(author.device):
            return False
        return self._live or (author.identity == self.identity and author.device != self.device and not author.claimed)

    def _add_rows(self, events: Sequence[Event]) -> None:
        for event in events:
            self.last_event = event.id
            if event.turn is not None:
                self._newest_turns[event.author.device] = event.turn
            if has_row(event):
                is_prompt = isinstance(event.body, kinds.UserMessage)
                if is_prompt:
                    self._prompts.add(event.row)
                self.folds.add_row(event.row, prompt=is_prompt)
                self._rows.append(event.row)
                self._lines.append(estimated_lines(event.kind, event.body))

    def _replace(self, rows: array[int], lines: array[int]) -> None:
        self.beginResetModel()
        self._rows, self._lines = rows[:], lines[:]
        self.endResetModel()

    def _keep(self, events: Iterable[Event]) -> set[int]:
        """Hold events; the row ids whose blocks they change."""
        events = tuple(events)
        for event in events:
            if isinstance(event.body, kinds.UserMessage) and event.turn is not None:
                self._prompt_texts.setdefault(event.turn, event.body.text[:KEPT_TEXT])
        self._asked.difference_update(event.row for event in events)
        return self._held.keep(events)

    def _speaker_before(self, row: int, turn: str | None = None) -> str | None:
        """Who spoke in the last row above that says something; '' for nobody, or for another turn than this one."""
        event = None
        for above in range(row - 1, max(-1, row - 1 - LOOKED_ABOVE), -1):
            event = self._held.get(self._rows[above])
            if event is None:
                return None
            if not adds_to_card(event):
                break
        if event is None or (turn is not None and event.turn != turn):
            return ""
        return speaker(event)

    def _prompt_of(self, row: int, event: Event) -> str:
        """The text that an event answers, where other prompts stand between them."""
        turn = self.folds.turn_at(row)
        prompt = None if turn is None else self._held.get(turn[0])
        if event.turn is None or prompt is None or prompt.turn == event.turn or is_by_person(event):
            return ""
        return self._prompt_texts.get(event.turn, "")

    def _announce(self, rows: set[int]) -> None:
        if rows:
            self.contents_changed.emit(rows)

    def _draft_id(self, draft: DraftRow) -> int:
        return self._draft_ids.setdefault((draft.turn, draft.kind), -1 - len(self._draft_ids))

    def _remove_drafts(self) -> None:
        if self._drafts:
            first = len(self._rows)
            self.beginRemoveRows(_TOP, first, first + len(self._drafts) - 1)
            self._drafts = []
            self.endRemoveRows()

    def _draft_blocks(self, row: int) -> tuple[Block, ...]:
        _id, draft = self._drafts[row - len(self._rows)]
        agent = draft.agent or "Agent"
        before = self._speaker_before(row) if row == len(self._rows) else f"agent {agent}"
        heading = () if before == f"agent {agent}" else (Heading(agent, moment(draft.time, self._now())),)
        if draft.kind == "agent_thought":
            return (*heading, Card(Mark.RUNNING, "Thinking", last_line(draft.text)))
        return (*heading, streamed_prose(draft.text))

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self._rows) + len(self._drafts)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        shown = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        if role not in shown or not index.isValid() or index.row() >= self.rowCount():
            return None
        row = index.row()
        if row >= len(self._rows):
            return self._drafts[row - len(self._rows)][1].text[-SPOKEN:]
        entry = self.entry(row)
        if entry is None:
            return "…"
        return "" if is_absorbed(entry) else spoken(entry, self._now())


def _position(rows: array[int], known: array[int]) -> int | None:
    """Where `known` stands in `rows` as a whole; None: nowhere."""
    if not known:
        return len(rows) if not rows else None
    try:
        start = rows.index(known[0], max(0, len(rows) - 4 * len(known) - 256))
    except ValueError:
        try:
            start = rows.index(known[0])
        except ValueError:
            return None
    return start if rows[start : start + len(known)] == known else None
