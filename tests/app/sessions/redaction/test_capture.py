"""Secrets on every road into a session: nowhere in the clear afterwards, and there for their owner."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.agents.files.restoring import plan_restore, read_session_files, restore
from app.sessions.diff import unified_diff
from app.sessions.events import (
    AgentMessage,
    BlobRef,
    CommandResult,
    Draft,
    FileChange,
    ToolResult,
    UserMessage,
)
from app.sessions.redaction.capture import CAPTURE_SETTING
from app.workspace import Workspace
from tests.helpers.decrypted import decrypted_pages
from tests.helpers.homes import HOME_KEY, database_in
from tests.helpers.secrets_to_plant import TOKENS, private_key

TOKEN, OTHER = TOKENS["GitHub token"], TOKENS["npm token"]


def draft(body, *, source: str | None = None, turn: str = "t") -> Draft:
    return Draft(body=body, time=1_700_000_000_000, turn=turn, agent="ada", source=source)


def append(home: Workspace, session: str, *bodies, **more) -> list[str]:
    return home.write(lambda operations: operations.append(session, [draft(body, **more) for body in bodies]))


def texts(home: Workspace, session: str) -> list[str]:
    events = home.read(lambda queries: queries.events(session, kinds=["user_message", "agent_message"]))
    return [event.body.text for event in events]


@pytest.fixture
def session(home: Workspace) -> str:
    return home.write(lambda operations: operations.create())


def test_a_secret_keeps_its_number_in_its_session(home: Workspace, session: str) -> None:
    first, *_ = append(home, session, UserMessage(text=f"use {TOKEN}"))
    append(home, session, AgentMessage(text=f"{OTHER} is not {TOKEN}"))
    assert texts(home, session) == ["use ‹secret 1›", "‹secret 2› is not ‹secret 1›"]
    kept = home.read(lambda queries: queries.secrets(session))
    assert [(one.number, one.kind) for one in kept] == [(1, "GitHub token"), (2, "npm token")]
    assert kept[0].event == first
    assert home.read(lambda queries: queries.secret(session, 1)) == TOKEN
    assert home.read(lambda queries: queries.secret(session, 3)) is None
    other = home.write(lambda operations: operations.create())
    append(home, other, UserMessage(text=OTHER))
    assert texts(home, other) == ["‹secret 1›"]
    assert home.read(lambda queries: queries.secret_count()) == 3


def test_titles_of_prompts_have_no_secret_nor_a_part_of_one(home: Workspace, session: str) -> None:
    words = "please help me with this rather long thing that I do "
    append(home, session, UserMessage(text=f"{words}{TOKENS['Anthropic key']}"))
    title = home.read(lambda queries: queries.session(session)).title
    assert "sk-" not in title and title.startswith("please help")
    prompt = f"use {TOKEN}"
    fresh = home.write(lambda operations: operations.create())
    append(home, fresh, UserMessage(text=prompt))
    assert home.read(lambda queries: queries.session(fresh)).title == "use ‹secret›"
    assert home.write(lambda operations: operations.take_title(fresh, "Better", prompt=prompt, agent="ada"))


def test_a_fork_goes_on_with_the_numbers_it_inherited(home: Workspace, session: str) -> None:
    append(home, session, UserMessage(text=TOKEN))
    fork = home.write(lambda operations: operations.fork(session))
    append(home, fork, UserMessage(text=f"{OTHER} {TOKEN}"))
    assert texts(home, fork) == ["‹secret 1›", "‹secret 2› ‹secret 1›"]
    shown = home.read(
        lambda queries: [queries.revealed(one).body for one in queries.events(fork, kinds=["user_message"])]
    )
    assert [body.text for body in shown] == [TOKEN, f"{OTHER} {TOKEN}"]


def test_a_number_that_another_device_gave_is_not_given_again(home: Workspace, session: str, new_home) -> None:
    append(home, session, UserMessage(text=TOKEN))
    written = json.loads(_exported(home, session))
    other = new_home()
    import io

    from app.sessions.archive_reader import read_archive

    other.write(lambda operations: read_archive(io.BytesIO(json.dumps(written).encode()), operations))
    assert texts(other, session) == ["‹secret 1›"]
    [event] = other.read(lambda queries: queries.events(session, kinds=["user_message"]))
    assert other.read(lambda queries: queries.revealed(event)) is event
    append(other, session, UserMessage(text=OTHER))
    assert texts(other, session)[-1] == "‹secret 2›"


def _exported(home: Workspace, session: str) -> str:
    from app.sessions.archive import write_archive

    pieces: list[str] = []

    class Out:
        write = staticmethod(pieces.append)

    home.read(lambda queries: write_archive(queries, [queries.session(session)], Out()))  # type: ignore[arg-type]
    return "".join(pieces)


def test_capturing_can_be_turned_off(home: Workspace, session: str) -> None:
    home.write(lambda operations: operations.set_setting(CAPTURE_SETTING, False))
    append(home, session, UserMessage(text=TOKEN))
    assert texts(home, session) == [TOKEN]
    home.write(lambda operations: operations.set_setting(CAPTURE_SETTING, None))
    append(home, session, UserMessage(text=TOKEN))
    assert texts(home, session) == [TOKEN, "‹secret 1›"]


def test_importing_again_brings_nothing_new(home: Workspace) -> None:
    drafts = [draft(UserMessage(text=f"{n} {TOKEN}"), source=f"claude:s:{n}") for n in range(3)]

    def take(operations, *, check: bool = True):
        target = operations.open_import("claude", "s")
        from app.sessions.bodies import encode_draft
        from app.sessions.ids import event_digest

        new = [one for one in drafts if event_digest(one.source.encode(), encode_draft(one)) not in target.digests]
        return target.session, operations.import_events(target.session, new)

    session, ids = home.write(take)
    assert len(ids) == 3
    assert home.write(take) == (session, [])
    assert home.write(lambda operations: operations.import_events(session, drafts, after="")) == ids


def test_what_was_imported_before_secrets_were_looked_for_is_known_again(home: Workspace) -> None:
    home.write(lambda operations: operations.set_setting(CAPTURE_SETTING, False))
    test_importing_again_brings_nothing_new(home)
    home.write(lambda operations: operations.set_setting(CAPTURE_SETTING, True))
    session = home.write(lambda operations: operations.open_import("claude", "s")).session
    before = len(home.read(lambda queries: queries.events(session)))
    from app.sessions.bodies import encode_draft
    from app.sessions.ids import event_digest

    target = home.write(lambda operations: operations.open_import("claude", "s"))
    one = draft(UserMessage(text=f"0 {TOKEN}"), source="claude:s:0")
    assert event_digest(one.source.encode(), encode_draft(one)) in target.digests
    assert len(home.read(lambda queries: queries.events(session))) == before


def test_a_purge_takes_the_secrets_along(home: Workspace, session: str) -> None:
    append(home, session, UserMessage(text=TOKEN))
    home.write(lambda operations: operations.purge([session]))
    assert home.read(lambda queries: queries.secret_count()) == 0


def _change(home: Workspace, session: str, before: str, after: str) -> BlobRef:
    keep: Callable[[str], BlobRef] = lambda text: home.write(  # noqa: E731
        lambda operations: operations.put_blob(text.encode(), session=session, name=".env")
    )
    made = FileChange(
        path=".env", before=keep(before), after=keep(after), diff=unified_diff(".env", before, after).text, added=1
    )
    append(home, session, made)
    assert made.after is not None
    return made.after


def test_a_file_is_shown_without_its_secret_and_restored_with_it(home: Workspace, session: str, tmp_path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    home.use(home.write(lambda operations: operations.open_folder(folder)))
    session = home.write(lambda operations: operations.create())
    before, after = "A=1\n", f"A=1\nTOKEN={TOKEN}\nä ‹secret 1›\n{private_key()}\n"
    ref = _change(home, session, before, after)
    assert ref.secrets == 2
    shown = home.read(lambda queries: queries.find_blob(ref))
    assert shown is not None and TOKEN.encode() not in shown and "‹secret 1›".encode() in shown
    assert home.read(lambda queries: queries.find_whole_blob(session, ref)) == after.encode()
    (folder / ".env").write_text(after)
    files = read_session_files(home, session)
    assert [step.action for step in plan_restore(home, files)] == ["keep"]
    (folder / ".env").write_text("lost\n")
    restore(home, files, plan_restore(home, read_session_files(home, session)))
    assert (folder / ".env").read_text() == after


def test_a_file_is_not_restored_where_its_secret_is_not(home: Workspace, session: str, tmp_path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    home.use(home.write(lambda operations: operations.open_folder(folder)))
    session = home.write(lambda operations: operations.create())
    _change(home, session, "A=1\n", f"TOKEN={TOKEN}\n")
    home.with_engine(lambda engine: engine.connection.execute("DELETE FROM kept_secret"))
    [step] = plan_restore(home, read_session_files(home, session))
    assert step.action == "refuse" and step.data is None


def test_no_secret_is_written_in_the_clear(home: Workspace, session: str, tmp_path: Path) -> None:
    """The whole decrypted database, what exports write, and the sealed files, searched for what was planted."""
    everything = {TOKEN, OTHER, TOKENS["Stripe key"], TOKENS["Anthropic key"], private_key().split("\n")[2]}
    append(home, session, UserMessage(text=f"use {TOKEN}"), AgentMessage(text=private_key()))
    append(
        home,
        session,
        ToolResult(call_id="1", status="completed", output=f"{OTHER}\n" * 2000, content={"a": [OTHER]}),
        CommandResult(call_id="2", stdout=f"x {TOKENS['Stripe key']}\n"),
    )
    home.write(lambda operations: operations.save_draft(session, "d", "agent_message", f"so {TOKENS['Anthropic key']}"))
    _change(home, session, "", f"K={TOKENS['Anthropic key']}\n" * 9000)
    home.write(
        lambda operations: operations.import_events(
            session, [draft(UserMessage(text=f"imported {OTHER}"), source="claude:s:1")]
        )
    )
    home.with_engine(lambda engine: engine.connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall())
    pages = decrypted_pages(database_in(home.home).path, HOME_KEY)
    exported = _exported(home, session).encode()
    for secret in everything:
        assert secret.encode() not in pages, secret[:8]
        assert secret.encode() not in exported
    assert b"secret 1" in exported
    for path in (home.home / "blobs").rglob("*"):
        assert not path.is_file() or not any(secret.encode() in path.read_bytes() for secret in everything)
    kept = home.read(lambda queries: [queries.secret(session, row.number) for row in queries.secrets(session)])
    assert {TOKEN, OTHER, TOKENS["Stripe key"], TOKENS["Anthropic key"]} < set(kept)


def test_a_prompt_may_name_a_secret_by_its_placeholder(home: Workspace, session: str) -> None:
    append(home, session, UserMessage(text=f"use {TOKEN}"))
    fork = home.write(lambda operations: operations.fork(session))
    for place in (session, fork):
        told = home.read(lambda queries, place=place: queries.with_secrets(place, "again ‹secret 1› and ‹secret 7›"))
        assert told == f"again {TOKEN} and ‹secret 7›"


def test_a_note_has_the_placeholders_of_its_session(home: Workspace, session: str) -> None:
    append(home, session, UserMessage(text=TOKEN))
    home.write(lambda operations: operations.set_note(session, f"the key is {TOKEN}, the other one {OTHER}"))
    note = home.read(lambda queries: queries.note(session))
    assert note == "the key is ‹secret 1›, the other one ‹secret 2›"
    home.write(lambda operations: operations.set_note(session, f"{note} or {OTHER}", base=note))
    assert home.read(lambda queries: queries.note(session)).endswith("‹secret 2› or ‹secret 2›")


def test_what_is_remembered_has_no_secret(home: Workspace, session: str) -> None:
    fact = home.write(lambda operations: operations.remember(f"deploy with {TOKEN}, not ‹secret 2›", session=session))
    home.write(lambda operations: operations.edit_fact(fact, f"deploy with {OTHER}"))
    with_note = home.read(lambda queries: queries.connection.execute("SELECT group_concat(text) FROM note").fetchone())
    assert "deploy with ‹secret›" in with_note[0] and OTHER not in with_note[0]
