"""People in a workspace: invited, let in, given other roles, removed; and what they then read and write."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import NotFound, UserError
from app.network import devices, handing, inviting, members
from app.network.inviting import Asked
from app.workspace import Workspace
from sync.errors import IdentityError, MembershipError, ProtocolError, TransportError
from sync.protocol.address import Address
from sync.protocol.addresses import decode_address, encode_address
from sync.protocol.invite_link import InviteLink, read_invite
from sync.transports.connection import Transport
from tests.app.network.conftest import NOBODY, Place, device, identity
from tests.app.network.test_pairing import keys, write_session
from tests.sync.repository.peers import exchange


def sync(*homes: Workspace) -> None:
    exchange([home.with_engine(lambda engine: engine) for home in homes])


def invited(place: Place, host: Workspace, role: str = "member") -> inviting.Invited:
    return inviting.invite(host, role, [encode_address(Address(device(host)))])  # type: ignore[arg-type]


def ask(place: Place, host: Workspace, guest: Workspace, link: str) -> Asked:
    async def run() -> Asked:
        transport = place.transport(guest)
        await transport.start(*NOBODY)
        try:
            return await place.while_hosting(host, lambda: answer(guest, transport, read_invite(link)))
        finally:
            await transport.stop()

    return asyncio.run(run())


async def answer(guest: Workspace, transport: Transport, link: InviteLink) -> Asked:
    return await inviting.join(guest, transport, [decode_address(address) for address in link.addresses], link)


def team(place: Place, role: str = "member") -> tuple[Workspace, Workspace, str]:
    """Ada with a workspace, Bob in it, and its id."""
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    asked = ask(place, ada, bob, invited(place, ada, role).link)
    members.accept(ada, asked.request)
    sync(ada, bob)
    return ada, bob, ada.id


def test_an_invited_person_asks_is_let_in_and_reads(place: Place) -> None:
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    session = write_session(ada, "Plans")
    asked = ask(place, ada, bob, invited(place, ada).link)
    assert (asked.workspace, asked.name) == (ada.id, "Personal")
    [_, request] = members.members(ada)
    assert (request.state, request.name, request.role, request.request) == ("requested", "Bob", "member", asked.request)
    assert {row.id for row in bob.read(lambda q: q.workspaces())} == {bob.id, ada.id}
    sync(ada, bob)
    with pytest.raises(NotFound):
        bob.read(lambda q: q.session(session))
    members.accept(ada, members.find_request(ada, "bob").request or "")
    sync(ada, bob)
    bob.use(ada.id)
    assert bob.read(lambda q: q.session(session)).title == "Plans"
    answer = write_session(bob, "Answer")
    sync(ada, bob)
    assert ada.read(lambda q: q.session(answer)).title == "Answer"
    for home in (ada, bob):
        assert [(m.name, m.role, m.you, m.founder) for m in members.members(home)] == [
            ("Ada", "owner", home is ada, True),
            ("Bob", "member", home is bob, False),
        ]


def test_nothing_readable_leaves_when_somebody_joins(place: Place) -> None:
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    write_session(ada, "Plans")
    link = invited(place, ada).link
    ask(place, ada, bob, link)
    parsed, sent = read_invite(link), b"".join(place.wires.frames)
    secrets = [*keys(ada), parsed.seed, parsed.log_key, b"Ada", b"Bob", b"Personal", bytes.fromhex(ada.id)]
    assert len(sent) > 1000
    for secret in secrets:
        assert secret not in sent
    assert not keys(ada) & keys(bob)


def test_a_link_counts_once(place: Place) -> None:
    ada, bob, eve = place.home("ada"), place.home("bob", "Bob"), place.home("eve", "Eve")
    link = invited(place, ada).link
    members.accept(ada, ask(place, ada, bob, link).request)
    with pytest.raises(ProtocolError, match="refused: This invite does not count"):
        ask(place, ada, eve, link)
    assert len(members.members(ada)) == 2


def test_of_two_who_answer_one_link_one_is_let_in(place: Place) -> None:
    ada, bob, eve = place.home("ada"), place.home("bob", "Bob"), place.home("eve", "Eve")
    link = invited(place, ada).link
    first, second = ask(place, ada, bob, link), ask(place, ada, eve, link)
    members.accept(ada, first.request)
    with pytest.raises(NotFound):
        members.accept(ada, second.request)
    assert [m.name for m in members.members(ada)] == ["Ada", "Bob"]


def test_only_owners_invite_and_accept(place: Place) -> None:
    ada, bob, workspace = team(place)
    bob.use(workspace)
    with pytest.raises(MembershipError, match="not an owner"):
        invited(place, bob)
    eve = place.home("eve", "Eve")
    asked = ask(place, ada, eve, invited(place, ada).link)
    sync(ada, bob)
    assert [m.name for m in members.members(bob)] == ["Ada", "Bob", "Eve"]
    with pytest.raises(MembershipError, match="not an owner"):
        members.accept(bob, asked.request)


def test_any_members_device_takes_the_answer(place: Place) -> None:
    ada, bob, _workspace = team(place)
    link = read_invite(invited(place, ada).link)
    sync(ada, bob)
    eve = place.home("eve", "Eve")
    here = encode_address(Address(device(bob)))
    through_bob = type(link)(link.workspace, link.invite, link.seed, link.log_key, (here,))
    asked = ask(place, bob, eve, str(through_bob))
    sync(ada, bob)
    members.accept(ada, asked.request)
    assert [m.name for m in members.members(ada)] == ["Ada", "Bob", "Eve"]


def test_a_removed_member_reads_nothing_newer(place: Place) -> None:
    ada, bob, workspace = team(place)
    bob.use(workspace)
    kept = write_session(bob, "Bob was here")
    sync(ada, bob)
    before = keys(bob)
    members.remove(ada, members.find_member(ada, "Bob").identity)
    newer = write_session(ada, "Without Bob")
    late = write_session(bob, "too late")
    sync(ada, bob)
    assert keys(bob) == before and keys(ada) - before
    with pytest.raises(NotFound):
        bob.read(lambda q: q.session(newer))
    with pytest.raises(NotFound):
        ada.read(lambda q: q.session(late))
    assert ada.read(lambda q: q.session(kept)).title == "Bob was here"
    assert [m.name for m in members.members(ada)] == ["Ada"]
    with pytest.raises(UserError, match="This is you"):
        members.remove(ada, identity(ada).hex())


def test_a_reader_reads_and_does_not_write(place: Place) -> None:
    ada, bob, workspace = team(place)
    bob.use(workspace)
    kept = write_session(bob, "as a member")
    sync(ada, bob)
    members.change_role(ada, identity(bob).hex(), "reader")
    session = write_session(ada, "News")
    sync(ada, bob)
    assert bob.read(lambda q: q.session(session)).title == "News"
    assert ada.read(lambda q: q.session(kept)).title == "as a member"
    with pytest.raises(MembershipError, match="reader"):
        write_session(bob, "No")
    members.change_role(ada, identity(bob).hex(), "member")
    sync(ada, bob)
    again = write_session(bob, "Again")
    sync(ada, bob)
    assert ada.read(lambda q: q.session(again)).title == "Again"
    with pytest.raises(UserError, match="already"):
        members.change_role(ada, identity(bob).hex(), "member")


def test_founders_hand_over_before_they_leave(place: Place) -> None:
    ada, bob, _workspace = team(place)
    with pytest.raises(MembershipError, match="founder"):
        members.leave(ada)
    members.transfer_founder(ada, identity(bob).hex())
    sync(ada, bob)
    members.leave(ada)
    sync(ada, bob)
    bob.use(_workspace)
    assert [(m.name, m.role, m.founder) for m in members.members(bob)] == [("Bob", "owner", True)]


def test_people_call_themselves_something_else(place: Place) -> None:
    ada, bob, _workspace = team(place)
    devices.rename_person(ada, " Countess\n")
    devices.rename_person(bob, "Robert")
    sync(ada, bob)
    assert [m.name for m in members.members(ada)] == ["Countess", "Robert"]
    assert ada.settings.get("name") == "Countess"
    assert [m.name for m in members.members(bob)] == ["Robert"]  # of his own workspace
    with pytest.raises(UserError, match="not empty"):
        devices.rename_person(ada, " ")


def test_who_is_meant_is_found_by_name_or_prefix(place: Place) -> None:
    ada, bob, _workspace = team(place)
    row = members.find_member(ada, "bob")
    assert row.identity == identity(bob).hex()
    assert members.find_member(ada, row.identity[:10]) == row
    assert set(row.to_json()) == {"identity", "name", "role", "devices", "you", "founder", "state", "request"}
    for who in ("", "nobody", "zz"):
        with pytest.raises(NotFound, match="no member"):
            members.find_member(ada, who)
    with pytest.raises(NotFound, match="no request"):
        members.find_request(ada, "bob")


def test_a_host_that_is_off_is_told(place: Place) -> None:
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    link = read_invite(invited(place, ada).link)

    async def run() -> None:
        transport = place.transport(bob)
        await transport.start(*NOBODY)
        with pytest.raises(TransportError):
            await answer(bob, transport, link)
        with pytest.raises(NotFound):
            await inviting.join(bob, transport, [], link)
        await transport.stop()

    asyncio.run(run())
    with pytest.raises(IdentityError):
        read_invite("lovelace://invite/#nonsense")


def test_an_answer_for_somebody_else_is_refused(place: Place) -> None:
    """Whoever proved an invite hands over a Join that names another identity, or none at all."""
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    link = read_invite(invited(place, ada).link)
    given = inviting.give_logs(ada, link.invite)
    answer, _asked = inviting.answer_invite(bob, link, given)
    without = type(answer)(answer.identity, "Bob", logs={answer.identity: answer.logs[answer.identity]})
    for wrong in (without, type(answer)(identity(ada), "Ada", logs=answer.logs)):
        with pytest.raises(ProtocolError):
            inviting.take_answer(ada, link.workspace, link.invite, wrong, device(bob))
    assert len(members.members(ada)) == 1
    inviting.take_answer(ada, link.workspace, link.invite, answer, device(bob))
    assert device(bob).hex() == members.members(ada)[1].devices[0].id


def test_who_is_refused_stays_out_and_their_invite_is_used_up(place: Place) -> None:
    ada, bob = place.home("ada"), place.home("bob", "Bob")
    link = invited(place, ada).link
    asked = ask(place, ada, bob, link)
    members.refuse(ada, asked.request)
    assert [row.name for row in members.members(ada)] == ["Ada"]
    with pytest.raises(NotFound, match="Nobody waits"):
        members.refuse(ada, asked.request)
    with pytest.raises(ProtocolError):
        ask(place, ada, place.home("eve", "Eve"), link)


def test_what_a_home_would_leave_as_another_person_is_told(place: Place) -> None:
    ada, bob, workspace = team(place)
    assert handing.left_behind(ada) == [], "what this person owns comes along"
    [name] = handing.left_behind(bob)
    assert name == {row.id: row.name for row in bob.read(lambda q: q.workspaces())}[workspace]
    assert f"Others own “{name}”" in handing.left_behind_question([name])
    cleo = place.home("cleo", "Cleo")
    session = write_session(bob, "Bob's own")
    asyncio.run(place.pair(bob, cleo))
    assert bob.read(lambda q: q.session(session)).title == "Bob's own"
    assert [(m.name, m.role) for m in members.members(bob) if m.you] == [("Cleo", "owner")]
    bob.use(workspace)
    assert not [row for row in members.members(bob) if row.you]
