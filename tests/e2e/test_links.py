"""Sharing by a link with the real program: from one home through a folder to an empty one."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Program, make_home


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, Program]:
    """Who shares, and somebody else."""
    ada, bob = (make_home(tmp_path_factory.mktemp(name)) for name in ("ada", "bob"))
    (ada.folder / "public").mkdir()
    return ada, bob


@pytest.fixture(scope="module")
def session(homes: tuple[Program, Program]) -> str:
    ada, _ = homes
    ada.run("chat", "what is the plan", "--agent", "scripted")
    found = ada.json("sessions", "list")[0]["id"]
    assert isinstance(found, str)
    return found


def test_share_open_list_and_revoke(homes: tuple[Program, Program], session: str) -> None:
    ada, bob = homes
    public = ada.folder / "public"
    shared = ada.json("share", session, "--to", str(public), "--expires", "7d")
    assert set(shared) == {"id", "link", "expires", "once"} and shared["once"] is False
    assert shared["link"].startswith("lovelace://session/#") and shared["expires"].endswith("Z")

    opened = bob.json("open", shared["link"])
    assert opened["session"] == session and opened["kind"] == "copy" and opened["title"] == "what is the plan"
    shown = bob.run("sessions", "show", session, "--json")
    assert shown.code == 0 and "what is the plan" in shown.out
    assert {event["author"]["name"] for event in shown.lines} == {"Ada"}
    assert bob.json("sessions", "list", "--workspace", opened["workspace"])[0]["workspace_name"] == "Shared by Ada"
    assert "what is the plan" in bob.run("export", session, "--format", "markdown").out
    refused = bob.run("sessions", "rename", session, "mine", "--workspace", opened["workspace"])
    assert refused.code == 1 and "read here and not changed" in refused.err
    for words in (("doctor",), ("sessions", "list")):
        assert bob.run(*words).code == 0

    [row] = ada.json("links", "list")
    assert row["id"] == shared["id"] and row["state"] == "active" and row["places"] == [str(public)]
    revoked = ada.json("links", "revoke", shared["link"])
    assert revoked["ok"] is True and revoked["ids"] == [shared["id"]] and not list(public.iterdir())
    again = bob.run("--json", "open", shared["link"])
    assert again.code == 1 and "not there any more" in again.error["message"]
    assert bob.json("sessions", "delete", session, "--workspace", opened["workspace"])["ids"] == [session]
    assert [row["name"] for row in bob.json("workspace", "list")] == ["Personal"]
    assert ada.json("links", "list")[0]["state"] == "revoked"


def test_a_home_that_was_never_used_can_open(
    homes: tuple[Program, Program], session: str, fresh_program: Program
) -> None:
    ada, _ = homes
    link = ada.json("share", session, "--to", str(ada.folder / "public"))["link"]
    assert fresh_program.json("open", link)["title"] == "what is the plan"
    ada.json("links", "revoke", link)


def test_a_purged_session_leaves_its_place(homes: tuple[Program, Program]) -> None:
    ada, _ = homes
    ada.run("chat", "something else", "--agent", "scripted", "--new")
    session = ada.json("sessions", "list")[0]["id"]
    public = ada.folder / "public"
    ada.json("share", session, "--to", str(public))
    ada.json("sessions", "delete", session, "--purge", "--yes")
    assert not list(public.iterdir())
    assert ada.json("links", "list")[0]["state"] == "deleted"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("open", "https://example.org/#nothing"), 1, "is damaged"),
        (("open", "lovelace://session/#AAAA"), 1, "is damaged"),
        (("open", "nonsense"), 1, "not a link"),
        (("open", "lovelace://session/01HXNONE"), 4, "no session"),
        (("open",), 2, "LINK"),
        (("share", "01HXNONE"), 4, ""),
        (("share", "SESSION", "--expires", "yesterday"), 2, "--expires"),
        (("share", "SESSION", "--expires", "2001-01-01"), 2, "past already"),
        (("share", "SESSION", "--once", "--to", "PUBLIC"), 2, "--once"),
        (("share", "SESSION", "--url", "https://example.org/"), 2, "Give both"),
        (("share", "SESSION", "--to", "s3://bucket/folder"), 2, "--url is missing"),
        (("share", "SESSION", "--page", "javascript:x"), 2, "--page"),
        (("links", "revoke", "abcdef12"), 4, "links list"),
    ],
)
def test_what_cannot_be_done_is_said(
    homes: tuple[Program, Program], session: str, words: tuple[str, ...], code: int, said: str
) -> None:
    ada, _ = homes
    names = {"SESSION": session, "PUBLIC": str(ada.folder / "public")}
    result = ada.run("--json", *(names.get(word, word) for word in words))
    assert result.code == code and said in result.error["message"] and not result.out


def test_a_place_that_cannot_be_reached(homes: tuple[Program, Program], session: str) -> None:
    ada, bob = homes
    blocked = ada.folder / "blocked"
    blocked.write_text("a file")
    shared = ada.run("--json", "share", session, "--to", str(blocked))
    assert shared.code == 5 and "Nothing was shared" in shared.error["message"]
    gone = ada.folder / "gone"
    gone.mkdir()
    link = ada.json("share", session, "--to", str(gone))["link"]
    moved = gone.rename(ada.folder / "moved")
    assert bob.run("open", link).code == 5
    moved.rename(gone)
    assert json.loads(bob.run("--json", "open", link).out)["session"] == session


def test_the_link_alone_is_printed_for_people(homes: tuple[Program, Program], session: str) -> None:
    ada, _ = homes
    done = ada.run("share", session, "--to", str(ada.folder / "public"), "--page", "https://example.org/read")
    assert done.out.startswith("https://example.org/read#") and done.out.count("\n") == 1
    assert "keeps what they read" in done.err


def test_help_names_the_commands(homes: tuple[Program, Program]) -> None:
    ada, _ = homes
    shown = ada.run("--help").out
    assert all(name in shown for name in ("share", "links", "open"))
