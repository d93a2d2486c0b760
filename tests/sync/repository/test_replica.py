from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.errors import MembershipError
from sync.membership.bodies import Cut, Remove, Set
from sync.membership.epochs import writing_epoch
from tests.sync.engine_home import append, first_workspace, notes, open_engine, shown
from tests.sync.repository.peers import bring, exchange, let_in, pair
from tests.sync.repository.support import bundle_all, edit


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[list[Engine]]:
    for name in "abc":
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        yield [stack.enter_context(closing(open_engine(tmp_path / name))) for name in "abc"]


def key_of(engine: Engine, workspace: bytes) -> bytes:
    (row,) = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
    key = engine.memberships.writing_key(workspace, row)
    assert key is not None
    return key.epoch


def row_of(engine: Engine, workspace: bytes) -> int:
    return int(engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()[0])


def founded(engine: Engine) -> bytes:
    return engine.workspace(first_workspace(engine)).id


def test_two_devices_of_a_person_have_the_same_sessions(homes: list[Engine]) -> None:
    old, new, _other = homes
    workspace = founded(old)
    append(old, 1, "s", "a", "b")
    edit(old, 1, "hello")
    pair(old, new)
    row = row_of(new, workspace)
    bring(old, new)
    assert shown(new.connection) == {"s": {"a", "b"}} and notes(new.connection) == {"notes": "hello"}
    append(new, row, "s", "c")
    append(old, 1, "t", "d")
    exchange([old, new])
    assert shown(old.connection) == shown(new.connection) == {"s": {"a", "b", "c"}, "t": {"d"}}
    peer, me = new.device.device_id, old.device.device_id
    assert old.replica.workspaces(peer) == new.replica.workspaces(me)
    assert old.replica.logs(peer) == new.replica.logs(me)


def test_bundled_segments_travel_as_bundles_and_stay_verifiable(homes: list[Engine]) -> None:
    old, new, third = homes
    founded(old)
    for _number in range(3):
        append(old, 1, "s", *(f"e{n:04}" for n in range(1500)))
    bundle_all(old)
    assert old.connection.execute("SELECT count(*) FROM entry WHERE changes IS NULL").fetchone()[0] > 0
    pair(old, new)
    bring(old, new)
    assert shown(new.connection) == shown(old.connection)
    let_in(old, third, old.workspace(1).id)
    bring(old, new)
    bring(new, third)  # not from whoever wrote it
    assert shown(third.connection) == shown(old.connection)


def test_a_member_writes_and_a_reader_does_not(homes: list[Engine]) -> None:
    owner, member, reader = homes
    workspace = founded(owner)
    let_in(owner, member, workspace)
    let_in(owner, reader, workspace, "reader")
    exchange(homes)
    append(member, row_of(member, workspace), "s", "mine")
    exchange(homes)
    assert shown(owner.connection) == shown(reader.connection) == {"s": {"mine"}}
    with pytest.raises(MembershipError, match="reader"):
        append(reader, row_of(reader, workspace), "s", "not mine")


def test_a_removed_member_gets_nothing_newer_and_gives_nothing_more(homes: list[Engine]) -> None:
    owner, member, other = homes
    workspace = founded(owner)
    let_in(owner, member, workspace)
    let_in(owner, other, workspace)
    exchange(homes)
    append(member, row_of(member, workspace), "s", "seen")
    exchange(homes)
    append(member, row_of(member, workspace), "s", "unseen")
    bring(member, other)  # one has seen more than the owner
    assert shown(other.connection)["s"] == {"seen", "unseen"}
    (n, digest) = owner.connection.execute(
        "SELECT max(n), hash FROM entry JOIN device d ON d.row=device AND d.id=?", (member.device.device_id,)
    ).fetchone()
    before = key_of(owner, workspace)
    with owner.transaction(durable=True) as tx:
        owner.members.sign(tx, workspace, Remove(member.identity, {member.device.device_id: Cut(n, digest)}))
    assert key_of(owner, workspace) != before
    append(owner, 1, "s", "secret")
    exchange([owner, other])
    bring(owner, member)
    bring(member, owner)
    assert shown(owner.connection)["s"] == shown(other.connection)["s"] == {"seen", "secret"}
    assert shown(member.connection)["s"] == {"seen", "unseen"}
    assert writing_epoch(member.memberships.state(workspace), member.memberships.roster) == before


@pytest.mark.parametrize("owner_first", [False, True])
def test_what_others_wrote_on_in_a_note_comes_with_them(homes: list[Engine], owner_first: bool) -> None:
    """The owner has not seen the last edits of whom they remove; somebody else has, and goes on from there."""
    owner, member, other = homes
    workspace = founded(owner)
    let_in(owner, member, workspace)
    let_in(owner, other, workspace)
    edit(owner, 1, "begun. ")
    exchange(homes)
    edit(member, row_of(member, workspace), "begun. late. ")
    append(member, row_of(member, workspace), "s", "late")
    bring(member, other)
    edit(other, row_of(other, workspace), "begun. late. after. ")
    before = owner.connection.execute(
        "SELECT n, hash FROM entry JOIN device d ON d.row=device WHERE d.id=?", (member.device.device_id,)
    ).fetchone()
    assert before is None
    with owner.transaction(durable=True) as tx:
        owner.members.sign(tx, workspace, Remove(member.identity, {}))
    if owner_first:
        bring(member, owner)
        bring(other, owner)
    exchange([owner, other])
    assert notes(owner.connection) == notes(other.connection) == {"notes": "begun. late. after. "}
    assert shown(owner.connection) == shown(other.connection) == {}, "in sessions nobody builds on others"
    edit(owner, 1, "begun. late. after. at last. ")
    exchange([owner, other])
    assert notes(other.connection) == {"notes": "begun. late. after. at last. "}
    owner.rebuild()
    assert notes(owner.connection) == notes(other.connection)


def test_late_edits_of_a_note_that_nobody_went_on_from_stay_out(homes: list[Engine]) -> None:
    owner, member, other = homes
    workspace = founded(owner)
    let_in(owner, member, workspace)
    edit(owner, 1, "begun. ")
    exchange([owner, member])
    edit(member, row_of(member, workspace), "begun. late. ")
    with owner.transaction(durable=True) as tx:
        owner.members.sign(tx, workspace, Remove(member.identity, {}))
    let_in(owner, other, workspace)
    exchange([owner, other])
    edit(other, row_of(other, workspace), "begun. other. ")
    bring(member, other)
    exchange([owner, other])
    assert notes(owner.connection) == notes(other.connection) == {"notes": "begun. other. "}


def test_a_member_who_comes_back_has_their_entries_back(homes: list[Engine]) -> None:
    owner, member, _other = homes
    workspace = founded(owner)
    let_in(owner, member, workspace)
    exchange([owner, member])
    append(member, row_of(member, workspace), "s", "early")
    exchange([owner, member])
    with owner.transaction(durable=True) as tx:
        owner.members.sign(tx, workspace, Set(member.identity, "reader", cuts={}))
    assert shown(owner.connection) == {}
    bring(owner, member)
    with pytest.raises(MembershipError):
        append(member, row_of(member, workspace), "s", "late")
    with owner.transaction(durable=True) as tx:
        owner.members.sign(tx, workspace, Set(member.identity, "member"))
    bring(owner, member)
    append(member, row_of(member, workspace), "s", "again")
    bring(member, owner)
    assert shown(owner.connection) == {"s": {"again"}}


def test_a_home_that_meets_its_own_later_entries_becomes_a_new_device(homes: list[Engine]) -> None:
    old, new, _other = homes
    workspace = founded(old)
    pair(old, new)
    append(new, row_of(new, workspace), "s", "one", "two")
    bring(new, old)
    with new.transaction() as tx:  # as after a roll-back of the disk
        tx.connection.execute("DELETE FROM entry")
        tx.connection.execute("DELETE FROM document")
        tx.connection.execute("DELETE FROM shown")
        tx.connection.execute("DELETE FROM chain")
    new.rebuild()
    before = new.device.device_id
    with new.transaction() as tx:
        tx.touch("x")
    bring(old, new)
    assert new.device.device_id != before
    assert shown(new.connection) == {"s": {"one", "two"}}
    append(new, row_of(new, workspace), "s", "three")
    with old.transaction(durable=True) as tx:
        old.members.add_identity(tx, old.identity, new.memberships.operations(new.identity))
    exchange([old, new])
    assert shown(old.connection) == {"s": {"one", "two", "three"}}
