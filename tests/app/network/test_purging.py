"""Purges that travel: what they take on other devices, what they leave, and what never comes back."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from app.errors import UserError
from app.network.members import accept
from app.network.syncing import add_mailbox
from app.sessions.comparison import differences
from app.sessions.events import BlobRef, Draft, UserMessage
from app.sessions.purging import LATE
from app.workspace import Workspace
from sync.engine import Engine
from sync.errors import StoreError
from tests.app.network.conftest import Place
from tests.app.network.test_fetching import alone
from tests.app.network.test_live import until
from tests.app.network.test_members import ask, invited, sync, team

SECRET = "the wombat sleeps in cellar nine"


@pytest.fixture
def homes(place: Place) -> tuple[Workspace, Workspace]:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    sync(old, new)
    return old, new


def say(home: Workspace, session: str, text: str, *refs: BlobRef) -> None:
    body = UserMessage(text=text, attachments=refs)
    home.write(lambda operations: operations.append(session, [Draft(body=body, time=1)]))


def begun(home: Workspace, text: str = SECRET) -> str:
    session = home.write(lambda operations: operations.create(title="Talk"))
    say(home, session, text)
    return session


def purge(home: Workspace, session: str) -> None:
    home.write(lambda operations: operations.purge([session]))


def said(home: Workspace) -> dict[str, list[str]]:
    """What every session of the home says, by id."""
    found: dict[str, list[str]] = {}
    rows = home.read(lambda queries: queries.connection.execute("SELECT id FROM session ORDER BY id").fetchall())
    for (session,) in rows:
        events = home.read(lambda queries, session=session: queries.events(session, kinds=["user_message"]))
        found[session] = [event.body.text for event in events if isinstance(event.body, UserMessage)]
    return found


def summary(home: Workspace) -> list[object]:
    def look(engine: Engine) -> list[object]:
        rows = engine.connection.execute("SELECT row, id FROM workspace ORDER BY id").fetchall()
        with engine.transaction():
            return [engine.replica._summarize_workspace(row, bytes(ident)) for row, ident in rows]

    return home.with_engine(look)


def finish(*homes: Workspace) -> None:
    for home in homes:
        home.write(lambda operations: operations.finish_purges())


def files(home: Workspace) -> list[str]:
    return sorted(path.name for path in (home.home / "blobs").rglob("*") if path.is_file())


def count(home: Workspace, table: str) -> int:
    return home.with_engine(lambda e: int(e.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))


def give(home: Workspace, other: Workspace, ref: BlobRef) -> None:
    """Bring a payload over, as the network does."""
    blob = bytes.fromhex(ref.blob)
    part = home.with_engine(lambda engine: engine.replica.read_blob(1, blob, 0, 1 << 20))
    assert part is not None
    row = other.write(lambda operations: operations.workspace)
    other.with_engine(lambda engine: engine.replica.keep_blob(row, blob, part))


def test_the_other_devices_of_a_person_drop_it_too(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session, kept = begun(old), begun(old, "something else")
    refs = [old.write(lambda operations, data=data: operations.put_blob(data)) for data in (b"x" * 99, b"y" * 300_000)]
    say(old, session, "With two payloads", *refs)
    old.write(lambda operations: operations.set_note(session, "a note"))
    sync(old, new)
    for ref in refs:
        give(old, new, ref)
    assert session in said(new) and len(files(new)) == 1
    purge(old, session)
    sync(old, new)
    finish(new)
    for home in homes:
        assert said(home) == {kept: ["something else"]}
        assert home.read(lambda queries: queries.search("wombat")) == [] and files(home) == []
        assert home.read(lambda queries: queries.note(kept)) == ""
        assert home.with_engine(lambda engine: engine.connection.execute("SELECT count(*) FROM blob").fetchone()) == (
            0,
        )
        assert home.with_engine(lambda engine: differences(engine, engine.blobs)) == []
    assert summary(old) == summary(new)
    with pytest.raises(UserError, match="was purged"):
        new.write(lambda operations: operations.has_session(session))


def test_it_does_not_come_back_from_who_has_it_still(homes: tuple[Workspace, Workspace], place: Place) -> None:
    old, new = homes
    session = begun(old)
    sync(old, new)
    third = place.home("third")
    asyncio.run(place.pair(third, old))
    sync(old, third)
    assert session in said(third)
    purge(new, session)
    sync(new, old)
    for _ in range(2):
        sync(third, old)
        sync(third, new)
    assert [said(home) for home in (old, new, third)] == [{}, {}, {}]
    assert summary(old) == summary(new) == summary(third)


def test_a_late_device_never_sees_it_and_is_in_sync(homes: tuple[Workspace, Workspace], place: Place) -> None:
    old, _new = homes
    session = begun(old)
    old.write(lambda operations: operations.set_note(session, "a note"))
    purge(old, session)
    begun(old, "later")
    third = place.home("third")
    asyncio.run(place.pair(third, old))
    sync(old, third)
    assert list(said(third).values()) == [["later"]]
    assert summary(old) == summary(third)
    assert count(third, "gone") == 0


def test_what_was_written_meanwhile_comes_back_as_a_new_session(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old)
    sync(old, new)
    say(new, session, "seen by both")
    sync(old, new)
    say(new, session, "Written late")
    long = "A long late text. " * 500
    say(new, session, long)
    purge(old, session)
    sync(old, new)
    assert session not in said(new)
    finish(new, old)
    sync(old, new)
    for home in homes:
        [(late, texts)] = said(home).items()
        assert late != session
        assert texts == ["Written late", long][: 2 if home is new else 1]  # payloads come by themselves, later
        notices = home.read(lambda queries, late=late: queries.events(late, kinds=["notice"]))
        assert [event.body.text for event in notices] == [LATE]
    assert new.read(lambda queries: queries.session(late)).title == "Written late"
    finish(new)
    assert len(said(new)) == 1


def test_a_first_word_into_what_was_purged_elsewhere_comes_back_too(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old)
    sync(old, new)
    purge(old, session)
    say(new, session, "My first word here")
    sync(old, new)
    finish(new)
    sync(old, new)
    assert [list(said(home).values()) for home in homes] == [[["My first word here"]]] * 2
    assert summary(old) == summary(new)
    with pytest.raises((StoreError, UserError)):
        say(new, session, "again")


def test_a_member_takes_back_their_own_part_only(place: Place) -> None:
    ada, bob, workspace = team(place)
    session = begun(ada, "Ada's word")
    sync(ada, bob)
    say(bob, session, "Bob's word")
    sync(ada, bob)
    ada.write(lambda operations: operations.save_draft(session, "t", "agent_message", "being written", "agent"))
    purge(bob, session)
    sync(ada, bob)
    finish(ada)
    assert said(ada)[session] == ["Ada's word"] and session not in said(bob)
    assert [draft.text for draft in ada.read(lambda queries: queries.drafts(session))] == ["being written"]
    say(ada, session, "and on")
    sync(ada, bob)
    assert said(ada)[session] == ["Ada's word", "and on"] and session not in said(bob)
    assert ada.with_engine(lambda engine: differences(engine, engine.blobs)) == []
    assert workspace == ada.id


def test_an_owner_purges_what_weaker_members_wrote(place: Place) -> None:
    ada, bob, _ = team(place)
    bob.use(ada.id)
    session = begun(bob, "Bob's word")
    sync(ada, bob)
    say(ada, session, "Ada's word")
    sync(ada, bob)
    purge(ada, session)
    sync(ada, bob)
    finish(bob)
    assert session not in said(ada) and session not in said(bob)


def test_a_reader_purges_on_their_own_device_only(place: Place) -> None:
    ada, bob, _ = team(place, "reader")
    session = begun(ada)
    sync(ada, bob)
    purge(bob, session)
    sync(ada, bob)
    assert session in said(ada) and session not in said(bob)
    say(ada, session, "more")
    sync(ada, bob)
    assert session not in said(bob)


def test_through_a_folder_alone(homes: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    old, new = homes
    session = begun(old)
    sync(old, new)
    box = tmp_path / "box"
    box.mkdir()
    for home in homes:
        add_mailbox(home, f"file://{box}", {})
    purge(old, session)
    begun(old, "later")

    async def bring() -> None:
        await until(lambda: old.read(lambda q: q.connection.execute("SELECT count(*) FROM holder").fetchone()) != (0,))

    async def take() -> None:
        await until(lambda: list(said(new).values()) == [["later"]])

    alone(old, bring)
    alone(new, take)
    assert new.read(lambda queries: queries.search("wombat")) == []


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_it_is_heard_all_end_alike(
    homes: tuple[Workspace, Workspace], place: Place, seed: int
) -> None:
    chance = random.Random(seed)
    third = place.home("third")
    asyncio.run(place.pair(third, homes[0]))
    everybody = (*homes, third)
    sessions = [begun(chance.choice(everybody), f"talk {number}") for number in range(4)]
    for _ in range(24):
        home, session = chance.choice(everybody), chance.choice(sessions)
        deed = chance.random()
        try:
            if deed < 0.45:
                say(home, session, f"word {chance.random()}")
            elif deed < 0.6:
                purge(home, session)
            else:
                sync(*chance.sample(everybody, 2))
        except (UserError, StoreError):
            pass  # not there yet, or not any more
        if deed > 0.9:
            finish(home)
    for _ in range(3):
        sync(homes[0], homes[1])
        sync(homes[1], third)
        finish(*everybody)
        sync(homes[0], third)
    assert said(homes[0]) == said(homes[1]) == said(third)
    assert summary(homes[0]) == summary(homes[1]) == summary(third)
    purged = third.with_engine(lambda e: {n for (n,) in e.connection.execute("SELECT name FROM purge WHERE binds")})
    assert not purged & set(said(third))


def test_who_purged_for_themselves_keeps_it_from_nobody(place: Place) -> None:
    ada, bob, _ = team(place)
    eve = place.home("eve", "Eve")
    session = begun(ada, "Ada's word")
    sync(ada, bob)
    purge(bob, session)
    asked = ask(place, ada, eve, invited(place, ada).link)
    accept(ada, asked.request)
    sync(ada, bob)
    logs_only(ada, eve)
    sync(bob, eve)
    assert session not in said(eve) and count(eve, "gone") > 0
    sync(ada, eve)
    assert said(eve)[session] == ["Ada's word"]


def logs_only(home: Workspace, other: Workspace) -> None:
    """Bring over who is in the workspace, and its keys, without anything that was written."""
    source, target = (each.with_engine(lambda engine: engine) for each in (home, other))
    peer, me = target.device.device_id, source.device.device_id

    def take(log: bytes) -> None:
        known = other.with_engine(lambda _engine: target.replica.operation_ids(me, log))
        missing = home.with_engine(lambda _engine: source.replica.operations(peer, log, known))
        other.with_engine(lambda _engine: target.replica.add_operations(me, log, missing))

    for _round in range(2):
        for log in home.with_engine(lambda _engine: source.replica.logs(peer)):
            take(log.id)


def test_what_is_asked_says_what_others_do(place: Place) -> None:
    ada, bob, _ = team(place)
    session = begun(ada, "Ada's word")
    assert ada.read(lambda queries: queries.losses([session])).elsewhere == ""
    for home in (ada, bob):
        add_mailbox(home, f"file://{place.homes['ada'].home}", {})
    sync(ada, bob)
    own = ada.read(lambda queries: queries.losses([session])).elsewhere
    assert own.startswith("Your other devices and other members erase it too when they hear of it. Whoever changed")
    bob.use(ada.id)
    add_mailbox(bob, f"file://{ada.home}", {})
    assert "members keep what you did not write" in bob.read(lambda queries: queries.losses([session])).elsewhere
    say(bob, session, "Bob's")
    sync(ada, bob)
    assert "except what stronger owners" in ada.read(lambda queries: queries.losses([session])).elsewhere
