"""Sync: how far every workspace is, who is there, mailboxes, how devices meet, and what of others is not shown."""

from __future__ import annotations

from functools import partial
from string import ascii_uppercase
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QWidget

from app.ui.ages import ago
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, labelled, side_by_side
from app.ui.network import sync_words
from app.ui.peers.card import Card
from app.ui.peers.mailbox_form import MailboxForm
from app.ui.peers.page import CardList, PeerPage
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.network.around import Around
    from app.network.forks import BranchRow, ForkRow
    from app.network.syncing import SyncedOnce, WorkspaceSync
    from app.sessions.aside_queries import AsideRow
    from sync.network.mailboxes import MailboxStatus
    from sync.network.node import NodeStatus
    from sync.store.network_rows import MailboxRow

_ABOUT = "The same sessions on all your devices and with teammates, directly or by a mailbox, encrypted all the way."
_MAILBOXES = (
    "Storage of your choice that keeps, encrypted, what devices have for each other, so that they need not be on "
    "at the same time. Of this workspace, on this device."
)
_WAITS = "waits for what it builds on, or for word of what its author may do"
_NOT_RUNNING = "The network of this window has not begun yet."
_ELSEWHERE = "Another program of yours runs the network now; this window takes over when that ends."


class MailboxCard(Card):
    """A mailbox and how it is."""

    def __init__(self, page: SyncPage, row: MailboxRow, shown: str, lines: tuple[tuple[str, bool], ...]) -> None:
        super().__init__(one_line(shown), f"Mailbox {shown}", "", page)
        self.row, self.shown, self._page = row, shown, page
        for text, failed in lines:
            self.add_line(text, "failed" if failed else "muted")
        self.test = self.add_button("Test", self._test)
        self.remove = self.add_button("Remove…", self._ask)

    def _test(self) -> None:
        row = self.row

        async def probe() -> None:
            from app.network import syncing
            from sync.transports.storage_uri import read_uri

            await syncing.probe(read_uri(row.uri, row.credentials))

        def tried(_nothing: None) -> None:
            self.test.setEnabled(True)
            self.said.say("It can be read and written.", "done")

        def failed(error: BaseException) -> None:
            self.test.setEnabled(True)
            self.said.fail(error)

        self.test.setEnabled(False)
        self.said.say("Trying it …")
        self._page.desk.bridge.call(probe(), while_alive(self, tried), while_alive(self, failed))

    def _ask(self) -> None:
        question = f"Use {self.shown} no more? What is in it stays there."
        self.question.ask(question, "Remove", lambda: self._page.remove(self))


class ForkCard(Card):
    """A device that wrote two chains; who may decide keeps one."""

    def __init__(self, page: SyncPage, row: ForkRow) -> None:
        from app.network import forks

        super().__init__(one_line(row.who), f"Two chains of {row.who}", "decided" if row.settled else "", page)
        self.row, self._page = row, page
        self.add_line(forks.fork_sentence(row), "muted" if row.settled else "failed")
        for letter, branch in zip(ascii_uppercase, row.branches, strict=False):
            self.add_line(one_line(f"{letter} · {forks.branch_words(branch)}"))
        pairs = list(zip(ascii_uppercase, row.branches, strict=False)) if row.may_cut else []
        self.keep = [self.add_button(f"Keep {letter}…", partial(self._ask, branch)) for letter, branch in pairs]

    def _ask(self, branch: BranchRow) -> None:
        from app.network import forks

        question = forks.cut_question(self.row, branch)
        self.question.ask(question, "Keep it", lambda: self._page.cut(self, branch), "Keep both")


class SyncPage(PeerPage):
    """workspaces, peers: cards and lines as they are now; aside: what of others is not shown; forks: two chains of one
    device; renewed: that this home was an older copy.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Sync", _ABOUT, parent)
        self.state, self.runs = Prose("", self), Prose("", self)
        self.now = QPushButton("&Sync now", self)
        self.workspaces, self.peers, self.boxes, self.aside, self.forks = (CardList() for _ in range(5))
        self.renewed = Prose("", self)
        self.nobody, self.no_box, self.nothing = (Prose("", self) for _ in range(3))
        self.form = MailboxForm(desk, self)
        self.live = QCheckBox("Connect to devices directly", self)
        self.lan = QCheckBox("Find devices in the local network", self)
        self.relay = QLineEdit(self)
        self.relay.setPlaceholderText("none")
        self.relay_said = Said(self)
        self._arrange()
        self.now.clicked.connect(lambda _checked: self._sync_now())
        self.form.added.connect(self.shown)
        self.live.clicked.connect(lambda on: self._keep("network.live", on))
        self.lan.clicked.connect(lambda on: self._keep("network.lan", on))
        self.relay.editingFinished.connect(self._keep_relay)

    def _arrange(self) -> None:
        self.add(self.state, self.runs, side_by_side(self.now), self.said, self.workspaces.layout)
        self.add(self.forks.layout, self.renewed)
        self.part("Connected now")
        self.add(self.peers.layout, self.nobody)
        self.part("Mailboxes", _MAILBOXES)
        self.add(self.boxes.layout, self.no_box, self.form)
        self.part("How devices meet")
        hint = "Helps where two networks let nothing through; it sees who talks to whom, not what."
        self.add(self.live, self.lan, labelled("&Relay", self.relay, hint), self.relay_said)
        self.part("Not shown", "What came from others into this workspace and is not part of it, or not yet.")
        self.add(self.aside.layout, self.nothing)

    def shown(self) -> None:
        workspace, node = self.desk.workspace, self.desk.network.view.node
        there = [] if node is None else [peer.device.hex() for peer in node.peers]

        def look() -> Around:
            from app.network.around import look_around

            return look_around(workspace, there)

        self.look(look, self._show)

    def _show(self, around: Around) -> None:
        network = self.desk.network
        node, now = network.view.node, self.desk.now()
        self.state.setText(sync_words(msgspec.structs.replace(network.view, requests=0))[1])
        self.runs.setText(self._running_words(node))
        self.runs.setVisible(bool(self.runs.text()))
        here = self.desk.workspace.id
        rows = tuple((row.name, row.id == here, _workspace_lines(state)) for row, state in around.workspaces)
        self.workspaces.show(rows, lambda place: _workspace_card(self, *rows[place]))
        is_own = any(row.id == here for row, _state in around.workspaces)  # a copy of others needs no mailbox
        self.form.setVisible(is_own)
        self._show_peers(around, node)
        self._show_boxes(around, node, now)
        self._show_aside(around)
        self._show_forks(around)
        self.live.setChecked(around.settings.live)
        self.lan.setChecked(around.settings.lan)
        self.lan.setEnabled(around.settings.live)
        if not self.relay.hasFocus():
            self.relay.setText(around.settings.relay)

    def _running_words(self, node: NodeStatus | None) -> str:
        if node is not None:
            return node.trouble
        return _NOT_RUNNING if self.desk.network.service is None else _ELSEWHERE

    def _show_peers(self, around: Around, node: NodeStatus | None) -> None:
        peers = () if node is None else node.peers
        rows = tuple(
            (
                one_line(around.people.get(peer.device.hex(), "")) or peer.device.hex()[:8],
                "In sync" if peer.in_sync else "Syncing",
                one_line(peer.program),
                one_line(peer.refused),
            )
            for peer in peers
        )
        self.nobody.setVisible(not rows)
        self.nobody.setText("No other device is there now. What is written meanwhile goes over when one is.")
        self.peers.show(rows, lambda place: _peer_card(self, *rows[place]))

    def _show_boxes(self, around: Around, node: NodeStatus | None, now: int) -> None:
        from app.network.syncing import shown

        statuses = {} if node is None else {status.row: status for status in node.mailboxes}
        states = {state.id: state for _row, state in around.workspaces}
        state = states.get(self.desk.workspace.id)
        rows = [(row, shown(row), _box_lines(row, statuses.get(row.row), state, now)) for row in around.mailboxes]
        self.no_box.setText("There is none: devices sync while they see each other.")
        self.no_box.setVisible(not rows)
        facts = tuple((row.row, name, lines) for row, name, lines in rows)
        self.boxes.show(facts, lambda place: MailboxCard(self, *rows[place]))

    def _show_aside(self, around: Around) -> None:
        rows = tuple((row, one_line(around.people.get(row.device, row.device[:8]))) for row in around.aside)
        self.nothing.setText("Nothing: all that came is shown.")
        self.nothing.setVisible(not rows)
        self.aside.show(rows, lambda place: _aside_card(self, *rows[place]))

    def _show_forks(self, around: Around) -> None:
        from app.network.forks import renewal_sentence

        self.forks.show(around.forks, lambda place: ForkCard(self, around.forks[place]))
        self.renewed.setText(" ".join(map(renewal_sentence, around.renewed)))
        self.renewed.setVisible(bool(around.renewed))

    # deeds

    def cut(self, card: ForkCard, branch: BranchRow) -> None:
        """Keep one side of a forked device; the person said yes."""
        workspace, row = self.desk.workspace, card.row

        def cut() -> None:
            from app.network import forks

            forks.cut(workspace, row.device, branch.id)

        def done(_nothing: None) -> None:
            self.said.say(f"It is decided what counts of {one_line(row.who)}.", "done")
            self.shown()

        self.do(cut, done, card.said)

    def remove(self, card: MailboxCard) -> None:
        """Use a mailbox no more; the person said yes."""
        workspace, row, name = self.desk.workspace, card.row, card.shown

        def remove() -> None:
            from app.network import syncing

            syncing.remove_mailbox(workspace, row)

        def removed(_done: None) -> None:
            self.said.say(f"{name} is not used any more.")
            self.shown()

        self.do(remove, removed, card.said)

    def _sync_now(self) -> None:
        service, workspace = self.desk.network.service, self.desk.workspace
        if service is None:
            self.said.say(f"{_NOT_RUNNING} It begins by itself in a moment.")
            return

        async def sync() -> SyncedOnce:
            from app.network import syncing

            return await syncing.sync_once(workspace, service)

        def done(value: SyncedOnce) -> None:
            self.now.setEnabled(True)
            troubles = [box.trouble for box in value.mailboxes if box.trouble]
            self.said.say(" ".join([_synced_words(value), *troubles]), "muted" if troubles else "done")
            self.shown()

        def failed(error: BaseException) -> None:
            self.now.setEnabled(True)
            self.said.fail(error)

        self.now.setEnabled(False)
        self.said.say("Trying every mailbox and every device that is known …")
        self.call(sync(), done, failed)

    def _keep(self, name: str, value: object) -> None:
        self.desk.write(lambda operations: operations.set_setting(name, value), lambda _done: self._look_if_seen())

    def _keep_relay(self) -> None:
        relay = self.relay.text().strip()
        if relay and not relay.startswith(("https://", "http://")):
            self.relay_said.say("A relay is named by its address, beginning with https://", "failed")
            return
        self.relay_said.say("")
        self._keep("network.relay", relay or None)


def _workspace_lines(state: WorkspaceSync) -> tuple[tuple[str, bool], ...]:
    """What is to be known of how far a workspace is; and whether it is bad."""
    if not state.shared:
        first = f"On this device only: {_entries(state.entries)}"
    elif state.waiting:
        first = f"{state.waiting:,} of {state.entries:,} entries of this device are not yet elsewhere"
    else:
        first = f"All {state.entries:,} entries of this device are also elsewhere"
    return ((f"{first}.", False),)


def _box_lines(
    row: MailboxRow, status: MailboxStatus | None, state: WorkspaceSync | None, now: int
) -> tuple[tuple[str, bool], ...]:
    there = {} if state is None else {one.id: one.entries for one in state.holders if one.kind == "mailbox"}
    lines = [f"{there.get(str(row.row), 0):,} of {0 if state is None else state.entries:,} entries of this device"]
    if status is not None and status.reached:
        lines.append(f"reached {ago(status.reached, now)}")
    if status is not None and status.behind:
        lines.append(f"something of {counted(status.behind, 'device')} is announced and not there yet")
    if status is not None and status.waiting:
        lines.append("waits for a new key from an owner’s device")
    found = [(" · ".join(lines), False)]
    if status is not None and status.trouble:
        found.append((status.trouble, True))
    return tuple(found)


def _workspace_card(page: SyncPage, name: str, is_here: bool, lines: tuple[tuple[str, bool], ...]) -> Card:
    return _with_lines(Card(one_line(name), f"Workspace {name}", "in front" if is_here else "", page), lines)


def _peer_card(page: SyncPage, who: str, state: str, program: str, refused: str) -> Card:
    card = Card(who, f"Connected: {who}, {state}", "", page)
    lines = [(" · ".join(filter(None, (state, program))), False)]
    return _with_lines(card, (*lines, *([(f"Something that it sent was refused: {refused}", True)] if refused else [])))


def _aside_card(page: SyncPage, row: AsideRow, who: str) -> Card:
    entries = _entries(row.count)
    where = f"to “{one_line(row.title)[:60]}”" if row.title else "to something that is not known here"
    why = f"refused: {one_line(row.reason)}" if row.reason else _WAITS
    card = Card(who, f"Not shown, of {who}", "", page)
    return _with_lines(card, ((f"{entries} {where} · {why}", bool(row.reason)),))


def _with_lines(card: Card, lines: tuple[tuple[str, bool], ...]) -> Card:
    for text, failed in lines:
        card.add_line(text, "failed" if failed else "muted")
    return card


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _synced_words(value: SyncedOnce) -> str:
    if value.elsewhere:
        return "The program that runs the network tries everything now."
    reached = sum(1 for box in value.mailboxes if not box.trouble)
    met = [counted(len(value.peers), "device")] if value.peers else []
    met += ["1 mailbox" if reached == 1 else f"{reached} mailboxes"] if reached else []
    if not met:
        return "Nobody could be met now; what is written waits here until somebody is."
    rest = "all of this device is elsewhere" if not value.state.waiting else f"{value.state.waiting:,} still to go"
    return f"Met {' and '.join(met)}: {rest}."
