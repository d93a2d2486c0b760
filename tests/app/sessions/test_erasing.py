"""Events that their author takes back: their words are gone from rows, index and blobs, whatever came first."""

from __future__ import annotations

import pytest

from app.errors import NotFound, UserError
from app.sessions import comparison
from app.sessions.events import AgentMessage, BlobRef, Draft, Erased, SessionSet, ToolResult, UserMessage
from app.sessions.filters import SearchFilter
from app.workspace import Workspace
from sync.errors import StoreError
from sync.store.database import DATABASE_NAME
from tests.helpers.decrypted import decrypted_pages
from tests.helpers.homes import HOME_KEY

SECRET = "Xylophon"


def say(home: Workspace, session: str, *bodies: UserMessage | AgentMessage | ToolResult | SessionSet) -> list[str]:
    drafts = [Draft(body=body, time=1_000 + number, turn="T1") for number, body in enumerate(bodies)]
    return home.write(lambda operations: operations.append(session, drafts))


def erase(home: Workspace, session: str, *events: str) -> bool:
    return home.write(lambda operations: operations.erase(session, events))


def found(home: Workspace, word: str = SECRET) -> list[str]:
    return [hit.event for hit in home.read(lambda queries: queries.search(word, SearchFilter()))]


def is_as_derived(home: Workspace) -> bool:
    return home.write(lambda operations: comparison.differences(operations._engine, operations._engine.blobs)) == []


def test_what_was_said_is_gone_and_that_something_was_said_stays(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="Talk"))
    ids = say(home, session, UserMessage(text="Hello"), AgentMessage(text=f"The {SECRET}"), UserMessage(text="Thanks"))
    before = home.read(lambda queries: queries.event(session, ids[1]))
    assert found(home) == [ids[1]]
    erase(home, session, ids[1])
    after = home.read(lambda queries: queries.event(session, ids[1]))
    assert after.body == Erased()
    assert (after.id, after.time, after.turn, after.author, after.row) == (
        before.id, before.time, before.turn, before.author, before.row,
    )  # fmt: skip
    assert found(home) == []
    assert [event.id for event in home.read(lambda queries: queries.tail(session, 9))] == ids
    assert is_as_derived(home)


def test_a_rebuild_brings_nothing_back(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create())
    ids = say(home, session, UserMessage(text=f"My {SECRET} is here"), AgentMessage(text="x" * 5_000 + SECRET))
    erase(home, session, *ids)
    home.write(lambda operations: operations.rebuild())
    assert found(home) == []
    assert {type(home.read(lambda queries, one=one: queries.event(session, one)).body) for one in ids} == {Erased}


def test_the_title_that_was_made_of_a_prompt_goes_with_it(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create())
    ids = say(home, session, UserMessage(text=f"My {SECRET} is here"))
    assert SECRET in home.read(lambda queries: queries.session(session)).title
    erase(home, session, ids[0])
    assert home.read(lambda queries: queries.session(session)).title == "Untitled"
    assert found(home) == []
    assert is_as_derived(home)


def test_a_title_that_a_person_gave_stays(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="Mine"))
    ids = say(home, session, UserMessage(text="words"))
    erase(home, session, ids[0])
    assert home.read(lambda queries: queries.session(session)).title == "Mine"


@pytest.mark.parametrize("size", [10_000, 400_000])
def test_long_texts_and_attachments_leave_all_files(home: Workspace, size: int) -> None:
    session = home.write(lambda operations: operations.create(title="Talk"))
    attached = home.write(lambda operations: operations.put_blob(SECRET.encode() * (size // 8), name="a.txt"))
    kept = home.write(lambda operations: operations.put_blob(b"kept" * (size // 4), name="b.txt"))
    ids = say(
        home,
        session,
        UserMessage(text="see", attachments=(attached, kept)),
        ToolResult(call_id="c", status="completed", output=f"{SECRET} " * (size // 9)),
        AgentMessage(text="also", attachments=(kept,)),
    )
    erase(home, session, *ids[:2])
    with pytest.raises(StoreError):
        blob(home, attached)
    assert blob(home, kept).startswith(b"kept")
    assert (SECRET * 3).encode() not in decrypted_pages(home.home / DATABASE_NAME, HOME_KEY)
    assert is_as_derived(home)


def blob(home: Workspace, ref: BlobRef) -> bytes:
    return home.read(lambda queries: queries.blob(ref))


def test_what_cannot_be_erased(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="Talk", tags=["a"]))
    (first,) = [event.id for event in home.read(lambda queries: queries.events(session))]
    with pytest.raises(UserError, match="cannot be erased"):
        erase(home, session, first)
    with pytest.raises(NotFound):
        erase(home, session, "0" * 26)


def test_erasing_twice_changes_nothing_more(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="Talk"))
    ids = say(home, session, UserMessage(text="words"))
    erase(home, session, ids[0])
    erase(home, session, ids[0])
    assert home.read(lambda queries: queries.event(session, ids[0])).body == Erased()
    assert is_as_derived(home)


def test_what_a_fork_inherited_is_erased_there_too(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="Talk"))
    ids = say(home, session, UserMessage(text=f"The {SECRET}"))
    fork = home.write(lambda operations: operations.fork(session))
    erase(home, fork, ids[0])
    assert home.read(lambda queries: queries.event(session, ids[0])).body == Erased()
    assert home.read(lambda queries: queries.event(fork, ids[0])).body == Erased()
