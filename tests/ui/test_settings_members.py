"""Settings: members are invited, let in or refused, given roles, removed; and the person joins, leaves, hands over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtGui import QGuiApplication

from app.network import inviting, meeting, members
from app.network.inviting import Reception
from app.ui.settings.members import MemberCard, MembersPage, RequestCard
from app.ui.settings.sync import SyncPage
from app.workspace import Workspace
from sync.protocol.address import Address
from sync.protocol.addresses import encode_address
from sync.protocol.invite_link import read_invite
from tests.helpers.links import open_text, session_of, share_at
from tests.sync.repository.peers import exchange
from tests.ui.peers_home import Neighbours, neighbours
from tests.ui.running import Running
from tests.ui.settings_home import SettingsRoom

AnyCard = TypeVar("AnyCard", MemberCard, RequestCard)


@pytest.fixture
def others(here: SettingsRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbours]:
    with neighbours(here, tmp_path, monkeypatch) as made:
        yield made


def open_page(here: SettingsRoom) -> MembersPage:
    page = here.page("members", MembersPage)
    here.until(lambda: page.cards)
    return page


def card(page: MembersPage, kind: type[AnyCard], name: str) -> AnyCard:
    found = [one for one in page.cards if isinstance(one, kind) and one.row.name == name]
    assert len(found) == 1
    return found[0]


def names(page: MembersPage, kind: type[AnyCard]) -> list[str]:
    return [one.row.name for one in page.cards if isinstance(one, kind)]


def link_to(others: Neighbours, host: Workspace, role: str = "member") -> str:
    return inviting.invite(host, role, [encode_address(Address(others.device(host)))]).link  # type: ignore[arg-type]


def host(others: Neighbours, home: Workspace) -> None:
    """Let visitors come to a home."""
    transport = others.wires.transport(others.device(home))
    others.run(transport.start(Reception(home).serve, lambda _device, purpose: purpose == "join"))


def ask(here: SettingsRoom, others: Neighbours, guest: Workspace, link: str) -> None:
    others.run(meeting.join_by_link(guest, read_invite(link)))


def guest_in(here: SettingsRoom, others: Neighbours) -> Workspace:
    """Bob, let in."""
    bob = others.home("bob", "Bob")
    host(others, here.workspace)
    ask(here, others, bob, link_to(others, here.workspace))
    members.accept(here.workspace, members.find_request(here.workspace, "bob").request or "")
    sync(here.workspace, bob)
    return bob


def sync(*homes: Workspace) -> None:
    exchange([home.with_engine(lambda engine: engine) for home in homes])


def test_alone_one_is_the_founder_who_cannot_leave(here: SettingsRoom) -> None:
    page = open_page(here)
    me = card(page, MemberCard, "Ada")
    assert me.row.you and me.row.founder and me.accessibleName() == "Member Ada, you"
    assert not hasattr(me, "leave") and not hasattr(me, "remove") and not me.role.isVisible()
    assert page.where.text() == "Who is in Personal, and what they may do. You are alone."


def test_an_invite_link_is_shown_as_the_secret_that_it_is(here: SettingsRoom) -> None:
    page = open_page(here)
    page.role.setCurrentText("reader")
    assert page.may.text() == "Reads"
    page.invite.click()
    here.until(page.link.isVisible)
    assert page.link.text().startswith("lovelace://invite/#") and "is a secret" in page.secret.text()
    page.link.copy.click()
    assert QGuiApplication.clipboard().text() == page.link.text()
    here.desk.tell_configured("folders")
    assert page.link.text() == "" and not page.link.isVisible()


@pytest.mark.parametrize("accepted", [True, False])
def test_who_asks_is_let_in_or_refused(here: SettingsRoom, others: Neighbours, accepted: bool) -> None:
    host(others, here.workspace)
    ask(here, others, others.home("bob", "Bob"), link_to(others, here.workspace))
    page = open_page(here)
    request = card(page, RequestCard, "Bob")
    (request.accept if accepted else request.refuse).click()
    here.until(lambda: names(page, RequestCard) == [])
    assert names(page, MemberCard) == (["Ada", "Bob"] if accepted else ["Ada"])
    assert page.said.text() == ("Bob is in, as a member." if accepted else "Bob stays out; the invite is used up.")


def test_a_request_that_comes_while_the_page_is_seen_shows_by_itself(here: SettingsRoom, others: Neighbours) -> None:
    page = open_page(here)
    page._again.setInterval(50)
    host(others, here.workspace)
    ask(here, others, others.home("bob", "Bob"), link_to(others, here.workspace))
    here.until(lambda: names(page, RequestCard) == ["Bob"])


def test_a_member_gets_another_role_and_is_removed(here: SettingsRoom, others: Neighbours) -> None:
    guest_in(here, others)
    page = open_page(here)
    bob = card(page, MemberCard, "Bob")
    bob.role.setCurrentText("reader")
    bob.role.activated.emit(2)
    here.until(lambda: card(page, MemberCard, "Bob").row.role == "reader")
    assert page.said.text() == "Bob is a reader now."
    bob = card(page, MemberCard, "Bob")
    bob.remove.click()
    assert "get nothing newer" in bob.question.text.text() and bob.question.no.hasFocus()
    bob.question.yes.click()
    here.until(lambda: names(page, MemberCard) == ["Ada"])
    assert "change its credentials" in page.said.text()


def test_the_workspace_is_handed_over_and_left(here: SettingsRoom, others: Neighbours) -> None:
    guest_in(here, others)
    page = open_page(here)
    bob = card(page, MemberCard, "Bob")
    bob.hand_over.click()
    bob.question.yes.click()
    here.until(lambda: card(page, MemberCard, "Bob").row.founder)
    me = card(page, MemberCard, "Ada")
    me.leave.click()
    me.question.yes.click()
    here.until(lambda: names(page, MemberCard) == ["Bob"])
    assert not page.invite.isEnabled()


def test_the_person_joins_by_a_link(here: SettingsRoom, others: Neighbours) -> None:
    grace = others.home("grace", "Grace")
    host(others, grace)
    page = open_page(here)
    page.answer.setText(link_to(others, grace))
    page.join.click()
    here.until(lambda: page.join_said.property("role") == "done")
    assert page.join_said.text().startswith("You asked to join Personal.") and page.answer.text() == ""
    assert [row.name for row in members.members(grace) if row.state == "requested"] == ["Ada"]
    here.workspace.use(grace.id)
    here.desk.tell_configured("folders")
    here.until(lambda: names(page, RequestCard) == ["Ada"])
    assert not hasattr(card(page, RequestCard, "Ada"), "accept")


@pytest.mark.parametrize("link", ["", "nonsense", "lovelace://invite/#", "lovelace://invite/#AAAA", "x" * 50_000])
def test_a_bad_invite_is_a_sentence(here: SettingsRoom, others: Neighbours, link: str) -> None:
    page = open_page(here)
    page.answer.setText(link)
    page.join.click()
    here.until(lambda: page.join_said.property("role") == "failed")
    assert "Something went wrong" not in page.join_said.text() and page.join.isEnabled()


def test_an_invite_whose_devices_are_off_is_a_sentence(here: SettingsRoom, others: Neighbours) -> None:
    page = open_page(here)
    page.answer.setText(link_to(others, others.home("grace", "Grace")))
    page.join.click()
    here.until(lambda: page.join_said.property("role") == "failed")
    assert "Something went wrong" not in page.join_said.text()


def test_an_invite_link_that_is_opened_asks_first(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with neighbours(running, tmp_path, monkeypatch) as others:
        grace = others.home("grace", "Grace")
        host(others, grace)
        running.window.open_link(link_to(others, grace))
        assert "invites you into a workspace" in running.window.notice.text.text()
        assert len(members.members(grace)) == 1
        running.window.notice.button.click()
        running.until(lambda: "You asked to join Personal" in running.window.notice.text.text())
        assert [row.name for row in members.members(grace)] == ["Grace", "Ada"]


def test_a_workspace_of_copies_has_no_members_and_no_mailboxes(here: SettingsRoom, others: Neighbours) -> None:
    grace = others.home("grace", "Grace")
    link = share_at(grace, session_of(grace, "x"), here.folder / "public").text
    here.workspace.use(open_text(here.workspace, link).workspace)
    page = here.page("members", MembersPage)
    here.until(lambda: page.where.text().startswith("Shared by Grace"))
    assert page.cards == [] and not page.invite.isEnabled() and not page.said.isVisible()
    sync = here.page("sync", SyncPage)
    here.until(lambda: sync.workspaces.cards)
    assert sync.form.isHidden()


def test_who_asks_to_be_let_in_is_said_in_the_status_bar(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with neighbours(running, tmp_path, monkeypatch) as others:
        running.workspace.settings.set("network.live", False)
        running.desk.network.begin()
        running.until(lambda: running.desk.network.service is not None)
        host(others, running.workspace)
        others.run(meeting.join_by_link(others.home("bob", "Bob"), read_invite(link_to(others, running.workspace))))
        running.until(lambda: running.window.status.sync.text() == "1 asks to join")
        running.window.status.sync.click()
        panel = running.window.areas.show_kind("settings")
        assert panel.section == "members"  # type: ignore[attr-defined]
        members.accept(running.workspace, members.find_request(running.workspace, "bob").request or "")
        running.until(lambda: "join" not in running.window.status.sync.text())
