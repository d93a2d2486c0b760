"""After a purge no file of the home holds anything of the session, and nothing brings it back."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from app.errors import NotFound, UserError
from app.sessions.events import AgentMessage, Draft, Notice, ToolCall, ToolResult, UserMessage
from app.sessions.filters import SearchFilter, SessionFilter
from app.workspace import Workspace
from sync.errors import StoreError
from sync.store.database import DATABASE_NAME
from tests.helpers.decrypted import decrypted_pages
from tests.helpers.homes import HOME_KEY
from tests.helpers.talks import go_on, said, talk, texts_of

SENTINEL = "Xylophon"
LARGE = 300_000
SLICE = 24


def all_bytes(home: Workspace) -> bytes:
    """What a thief of the home and its key could read: pages, log, and every other file as it is."""
    database = home.home / DATABASE_NAME
    others = [
        path for path in sorted(home.home.rglob("*")) if path.is_file() and not path.name.startswith(database.name)
    ]
    return decrypted_pages(database, HOME_KEY) + b"".join(path.read_bytes() for path in others)


def packed_needles(home: Workspace, session: str) -> list[bytes]:
    """Pieces of all that is stored deflated or sealed for a session, where no text can be searched for."""
    with home._engine.transaction() as tx:  # type: ignore[union-attr]
        values = tx.connection.execute(
            "SELECT e.changes FROM entry e JOIN document d ON d.row=e.document WHERE d.name IN (?1, 'session/' || ?1) "
            "UNION ALL SELECT CAST(e.body AS BLOB) FROM event e JOIN session s ON s.row=e.session WHERE s.id=?1 "
            "UNION ALL SELECT b.data FROM blob b JOIN session_blob r ON r.blob=lower(hex(b.id)) "
            "JOIN session s ON s.row=r.session WHERE s.id=?1",
            (session,),
        ).fetchall()
        others = tx.connection.execute(
            "SELECT e.changes FROM entry e JOIN document d ON d.row=e.document WHERE d.name<>?", (session,)
        ).fetchall()
    common = b"".join(bytes(value) for (value,) in others)
    found = [bytes(value) for (value,) in values]
    files = [path.read_bytes() for path in (home.home / "blobs").rglob("*") if path.is_file()]
    middles = [value[len(value) // 3 :][:SLICE] for value in (*found, *files) if len(value) > 3 * SLICE]
    return [needle for needle in middles if needle not in common]


def fill(home: Workspace, session: str, word: Callable[[], str], seed: int) -> None:
    """Events of all sizes, with words of one's choice, in many transactions."""
    numbers = random.Random(seed)
    for _ in range(12):
        bodies = [
            UserMessage(text=" ".join(word() for _ in range(numbers.randrange(1, 25)))),
            AgentMessage(text=" ".join(word() for _ in range(numbers.randrange(1, 90)))),
            ToolCall(call_id=word(), name="run", input={"command": word()}),
            ToolResult(call_id="c", status="completed", output=word() * numbers.randrange(1, 1500)),
        ]
        drafts = [Draft(body=body, time=numbers.randrange(10**12), turn=word(), agent=word()) for body in bodies]
        home.write(lambda operations, drafts=drafts: operations.append(session, drafts))


def make_secret(home: Workspace, *, seed: int = 0, **fields: object) -> str:
    """A session with the sentinel in every place that a session has."""
    numbers = random.Random(seed)

    def word() -> str:
        return f"{SENTINEL}{numbers.randrange(10**6)}"

    session = home.write(lambda operations: operations.create(title=f"About {word()}", cwd=f"/{word()}", **fields))
    fill(home, session, word, seed)
    ref = home.write(lambda operations: operations.put_blob((word() * LARGE)[:LARGE].encode(), name=word()))
    attached = Draft(body=UserMessage(text="see", attachments=(ref,)), time=1)
    home.write(lambda operations: operations.append(session, [attached]))
    home.write(lambda operations: operations.set_fields(session, {"tags": [word()], "title": f"Now {word()}"}))
    home.write(lambda operations: operations.set_note(session, f"Note of {word()}"))
    home.write(lambda operations: operations.set_note(session, f"Another of {word()}"))
    home.write(lambda operations: operations.save_draft(session, "t", "agent_message", f"draft {word()}"))
    return session


def make_plain(home: Workspace, seed: int) -> str:
    session = home.write(lambda operations: operations.create(title=f"Plain {seed}"))
    numbers = random.Random(seed)
    fill(home, session, lambda: f"word{numbers.randrange(500)}", seed)
    return session


def grow_together(home: Workspace, secret: str, plain: list[str]) -> None:
    """Many small changes in turn, so that rows of all sessions share pages, which are split again and again."""
    numbers = random.Random(4)
    for _ in range(25):
        for session in (secret, *plain):
            words = SENTINEL if session == secret else "word"
            drafts = [
                said(" ".join(f"{words}{numbers.randrange(10**5)}" for _ in range(numbers.randrange(1, 30))), time)
                for time in numbers.sample(range(10**9), numbers.randrange(1, 12))
            ]
            home.write(lambda operations, session=session, drafts=drafts: operations.append(session, drafts))


def test_no_byte_of_it_is_left(home: Workspace) -> None:
    plain = [make_plain(home, 1)]
    secret = make_secret(home, seed=2)
    plain += [make_plain(home, seed) for seed in range(3, 10)]
    grow_together(home, secret, plain)
    backup = home.home / "lovelace.before-update.db"
    home._database.copy_to(backup)
    before, needles = all_bytes(home).lower(), packed_needles(home, secret)
    assert before.count(SENTINEL.lower().encode()) > 100  # the control: this is how it would be found
    raw = all_bytes(home)
    assert len(needles) > 20 and all(needle in raw for needle in needles)
    conversations = [texts_of(home, session) for session in plain]

    purged = home.write(lambda operations: operations.purge([secret]))

    assert purged.sessions == (secret,) and purged.emptied
    after = all_bytes(home)
    assert SENTINEL.lower().encode() not in after.lower()
    assert [needle for needle in needles if needle in after] == []
    assert not backup.exists() and [path for path in (home.home / "blobs").rglob("*") if path.is_file()] == []
    assert (home.home / f"{DATABASE_NAME}-wal").stat().st_size == 0
    assert [texts_of(home, session) for session in plain] == conversations
    assert home.read(lambda queries: queries.search(SENTINEL)) == []


def test_nothing_brings_it_back(home: Workspace) -> None:
    secret, kept = make_secret(home), make_plain(home, 1)
    home.write(lambda operations: operations.purge([secret]))
    for _ in range(2):
        with pytest.raises(NotFound):
            home.read(lambda queries: queries.session(secret))
        with pytest.raises(NotFound):
            go_on(home, secret, "late")
        with pytest.raises(NotFound):
            home.write(lambda operations: operations.save_draft(secret, "t", "agent_message", "late"))
        with pytest.raises(NotFound):
            home.write(lambda operations: operations.set_note(secret, "late"))
        with pytest.raises(UserError, match="purged"):
            home.write(lambda operations: operations.has_session(secret))
        with pytest.raises(StoreError, match="purged"):
            home.write(lambda operations: operations.import_events(secret, [said("late")]))
        assert [row.id for row in home.read(lambda queries: queries.sessions())] == [kept]
        home.write(lambda operations: operations.rebuild())


def test_an_import_finds_nothing_new_in_a_purged_session(home: Workspace) -> None:
    session = home.write(lambda operations: operations.open_import("fmt", "one")).session
    home.write(lambda operations: operations.import_events(session, [said("imported")]))
    home.write(lambda operations: operations.purge([session]))
    target = home.write(lambda operations: operations.open_import("fmt", "one"))
    assert (target.session, target.is_new) == (session, False)
    assert "anything" in target.digests


def test_shared_blobs_stay(home: Workspace) -> None:
    """A payload and a long body that another session refers to as well."""
    content, long = b"shared" * LARGE, "long " * 3000
    ref = home.write(lambda operations: operations.put_blob(content))
    drafts = [Draft(body=UserMessage(text=long, attachments=(ref,)), time=5)]
    one = home.write(lambda operations: operations.create())
    two = home.write(lambda operations: operations.create())
    for session in (one, two):
        home.write(lambda operations, session=session: operations.append(session, drafts))
    home.write(lambda operations: operations.purge([one]))
    assert home.read(lambda queries: queries.blob(ref)) == content
    assert texts_of(home, two) == [long]
    home.write(lambda operations: operations.purge([two]))
    with pytest.raises(StoreError):
        home.read(lambda queries: queries.blob(ref))


def test_forks_say_what_they_lost(home: Workspace) -> None:
    origin, events = talk(home, "one", "two", title="Origin")
    fork = home.write(lambda operations: operations.fork(origin, events[0]))
    go_on(home, fork, "three")
    [last] = go_on(home, fork, "four")
    second = home.write(lambda operations: operations.fork(fork, last))
    assert texts_of(home, second) == ["one", "three", "four"]
    purged = home.write(lambda operations: operations.purge([origin]))
    assert set(purged.forks) == {fork, second}
    assert texts_of(home, fork) == texts_of(home, second) == ["three", "four"]
    for session in (fork, second):
        notices = home.read(lambda queries, session=session: queries.events(session, kinds=["notice"]))
        assert isinstance(notices[-1].body, Notice) and "purged" in notices[-1].body.text
        assert not notices[-1].inherited
    further = home.write(lambda operations: operations.fork(second))
    assert texts_of(home, further) == ["three", "four"]
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.fork(second, events[0]))


def test_sub_sessions_go_along(home: Workspace) -> None:
    parent, _ = talk(home, "parent")
    child, _ = talk(home, "child", parent={"session": parent, "call_id": "c"})
    grandchild, _ = talk(home, "grandchild", parent={"session": child})
    other, _ = talk(home, "other")
    assert set(home.read(lambda queries: queries.with_sub_sessions([parent]))) == {parent, child, grandchild}
    home.write(lambda operations: operations.purge([parent]))
    assert [row.id for row in home.read(lambda queries: queries.sessions())] == [other]


def test_one_unknown_session_keeps_all(home: Workspace) -> None:
    session, _ = talk(home, "kept")
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.purge([session, "0" * 26]))
    assert texts_of(home, session) == ["kept"]


def test_a_reader_that_holds_on_is_told(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = talk(home, "kept")
    home._engine.connection.execute("PRAGMA busy_timeout=50")  # type: ignore[union-attr]
    reader = home._database.reader()
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchone()
    assert not home.write(lambda operations: operations.purge([session])).emptied
    reader.close()
    assert home.read(lambda queries: queries.sessions(SessionFilter(archived=None))) == []
    assert home.read(lambda queries: queries.search("kept", SearchFilter())) == []


def test_in_the_trash_too(home: Workspace) -> None:
    session, _ = talk(home, "away")
    home.write(lambda operations: operations.set_all([session], {"trashed": True}))
    home.write(lambda operations: operations.purge([session]))
    assert home.read(lambda queries: queries.sessions(SessionFilter(trash=True))) == []


def test_losses_are_told_before(home: Workspace) -> None:
    parent, _ = talk(home, "one", "two")
    child = home.write(lambda operations: operations.create(parent={"session": parent, "call": "c"}))
    home.write(lambda operations: operations.fork(parent))
    rows = home.read(lambda queries: [queries.session(session) for session in (parent, child)])
    lost = home.read(lambda queries: queries.losses([parent]))
    assert (lost.sessions, lost.subs, lost.forks) == (2, 1, 1)
    assert (lost.events, lost.bytes) == (sum(row.events for row in rows), sum(row.bytes for row in rows))
    assert home.read(lambda queries: queries.losses([parent, child])).subs == 0
    purged = home.write(lambda operations: operations.purge([parent]))
    assert (len(purged.sessions), len(purged.forks)) == (lost.sessions, lost.forks)
    assert home.read(lambda queries: queries.losses([parent])).sessions == 0
