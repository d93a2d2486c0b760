"""The composition root: first use, repeated, raced; locked and missing; which workspace; changes; leftovers."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import NotFound
from app.workspace import Changes, Credentials, Workspace
from sync.engine import Engine
from sync.errors import DamagedError, LockedError, NewerDatabaseError
from sync.store.database import DATABASE_NAME
from sync.store.vacuum import KEPT_PAGES, unused_pages
from tests.helpers.homes import database_in, open_home
from tests.helpers.talks import go_on, said, talk, texts_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


def names(home: Workspace) -> list[str]:
    return [row.name for row in home.read(lambda queries: queries.workspaces())]


# first use


def test_first_use_makes_a_personal_workspace_without_a_folder(home: Workspace) -> None:
    (row,) = home.read(lambda queries: queries.workspaces())
    assert (row.name, row.current, row.folders, row.id) == ("Personal", True, (), home.id)
    assert home.settings.get("name") == "Ada"


def test_repeated_changes_nothing(tmp_path: Path) -> None:
    with_home(tmp_path, lambda home: talk(home, "x"))
    first = with_home(tmp_path, lambda home: home.read(lambda q: (q.last_seq(), q.workspaces(), q.sessions())))
    again = with_home(tmp_path, lambda home: home.read(lambda q: (q.last_seq(), q.workspaces(), q.sessions())))
    assert first == again


def with_home(path: Path, use: Callable[[Workspace], object], **more: object) -> object:
    home = open_home(path, **more)
    try:
        return use(home)
    finally:
        home.close()


def test_a_home_is_unlocked_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "home"
    credentials = Credentials(passphrase=b"correct")
    made = Workspace.open(path, credentials, name="Ada")
    made.close()
    assert (path.stat().st_mode & 0o777, (path / DATABASE_NAME).stat().st_mode & 0o777) == (0o700, 0o600)
    with pytest.raises(LockedError):
        Workspace.open(path, Credentials(passphrase=b"wrong"))
    opened = Workspace.open(path, credentials)
    assert opened.id == made.id
    opened.close()
    (path / DATABASE_NAME).rename(tmp_path / "aside")
    with pytest.raises(DamagedError, match="missing"):
        Workspace.open(path, credentials)
    (path / DATABASE_NAME).write_bytes(b"")
    with pytest.raises(DamagedError):
        Workspace.open(path, credentials)
    assert (path / DATABASE_NAME).read_bytes() == b""
    (tmp_path / "aside").rename(path / DATABASE_NAME)
    (path / "keyslots.json").unlink()
    with pytest.raises(LockedError):
        Workspace.open(path, credentials)


def test_neither_keyring_nor_passphrase(tmp_path: Path) -> None:
    with pytest.raises(LockedError):
        Workspace.open(tmp_path / "home", Credentials())
    assert not (tmp_path / "home" / DATABASE_NAME).exists()


_CHILD = """
import sys
from pathlib import Path
from app.workspace import Credentials, Workspace

home = Workspace.open(Path(sys.argv[1]), Credentials(passphrase=b"pw"), name="Ada")
session = home.write(lambda operations: operations.create(title=sys.argv[2]))
print(home.id, session)
home.close()
"""


def test_processes_race_to_make_a_home(tmp_path: Path) -> None:
    """All get the same one, and each keeps what it wrote."""
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "home")]
    running = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    answers = [process.communicate(timeout=100) for process in running]
    assert [process.returncode for process in running] == [0] * 4, [error for _, error in answers]
    assert len({out.split()[0] for out, _ in answers}) == 1
    home = Workspace.open(tmp_path / "home", Credentials(passphrase=b"pw"))
    titles = {row.title for row in home.read(lambda queries: queries.sessions())}
    assert (titles, names(home)) == ({"0", "1", "2", "3"}, ["Personal"])
    home.close()


def test_threads_race_to_prepare_a_home(tmp_path: Path) -> None:
    database_in(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        homes = list(pool.map(lambda _: open_home(tmp_path), range(4)))
    assert len({home.id for home in homes}) == 1
    for home in homes:
        assert names(home) == ["Personal"]
        home.close()


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    def age(home: Workspace) -> None:
        home.write(
            lambda operations: operations._engine.connection.execute(
                "UPDATE meta SET value=999 WHERE name='schema/sync'"
            )
        )

    with_home(tmp_path, age)
    with pytest.raises(NewerDatabaseError, match="newer version"):
        open_home(tmp_path)


def test_a_projection_of_another_version_is_made_again(tmp_path: Path) -> None:
    def age(home: Workspace) -> str:
        session, _ = talk(home, "kept", title="T")

        def break_it(operations) -> None:
            connection = operations._engine.connection
            connection.execute("UPDATE meta SET value=0 WHERE name='projection'")
            connection.execute("DELETE FROM event")

        home.write(break_it)
        return session

    session = with_home(tmp_path, age)
    assert with_home(tmp_path, lambda home: texts_of(home, session)) == ["kept"]


# which workspace


def test_the_workspace_of_the_call(tmp_path: Path) -> None:
    outer, inner, other = tmp_path / "outer", tmp_path / "outer" / "inner", tmp_path / "other"
    for folder in (inner / "deep", other):
        folder.mkdir(parents=True)
    home = tmp_path / "home"

    def prepare(opened: Workspace) -> list[str]:
        return [opened.write(lambda operations, f=f: operations.open_folder(f)) for f in (outer, inner)] + [opened.id]

    of_outer, of_inner, personal = with_home(home, prepare)  # type: ignore[misc]
    chosen = lambda **more: with_home(home, lambda opened: opened.id, **more)  # noqa: E731
    assert chosen() == chosen(cwd=other) == chosen(cwd=tmp_path) == personal
    assert chosen(cwd=outer) == of_outer
    assert chosen(cwd=inner) == chosen(cwd=inner / "deep") == chosen(cwd=inner / "deep" / ".." / "none") == of_inner
    assert (
        chosen(cwd=inner, workspace="outer") == chosen(workspace=of_outer) == chosen(workspace=of_outer[:9]) == of_outer
    )
    with pytest.raises(NotFound):
        chosen(workspace="nothing")
    (tmp_path / "link").symlink_to(inner)
    assert chosen(cwd=tmp_path / "link") == of_inner
    with_home(home, lambda opened: opened.write(lambda operations: operations.switch(of_outer)))
    assert chosen() == of_outer


def test_use_another_workspace(home: Workspace) -> None:
    session, _ = talk(home, "mine")
    personal = home.id
    other = home.write(lambda operations: operations.create_workspace("Other"))
    home.use("Other")
    assert (home.id, home.read(lambda queries: queries.sessions())) == (other, [])
    there, _ = talk(home, "theirs")
    assert asyncio.run(_sessions(home)) == [there]
    home.use(personal)
    assert asyncio.run(_sessions(home)) == [session]
    assert home.read(lambda queries: queries.setting("current_workspace")) == personal


async def _sessions(home: Workspace) -> list[str]:
    return [row.id for row in await home.read_async(lambda queries: queries.sessions())]


def test_a_current_workspace_that_is_gone(tmp_path: Path) -> None:
    with_home(tmp_path, lambda home: home.settings.set("current_workspace", "00" * 32))
    with pytest.raises(DamagedError, match="workspace switch"):
        open_home(tmp_path)


# settings


def test_settings(home: Workspace) -> None:
    assert home.settings.get("window", 5) == 5
    for value in ({"a": [1, None]}, "x", False, 0):
        home.settings.set("window", value)
        assert home.settings.get("window", "default") == value
    home.settings.set("window", None)
    assert home.settings.get("window") is None


# the two calls


def test_errors_reach_the_caller(home: Workspace) -> None:
    for call in (home.read, home.write):
        with pytest.raises(ZeroDivisionError):
            call(lambda _: 1 / 0)
    talk(home, "still works")


async def _both(home: Workspace) -> list[str]:
    session = await home.write_async(lambda operations: operations.create(title="T"))
    await asyncio.gather(
        *(home.write_async(lambda operations, n=n: operations.append(session, [said(str(n))])) for n in range(20))
    )
    return [event.body.text for event in await home.read_async(lambda queries: queries.tail(session, 99))]


def test_asynchronous_calls(home: Workspace) -> None:
    assert sorted(asyncio.run(_both(home)), key=int) == [str(number) for number in range(20)]


def test_two_homes_objects_write_one_session(tmp_path: Path) -> None:
    """The desktop and the command line at once."""
    first, second = open_home(tmp_path), open_home(tmp_path)
    session, _ = talk(first, "0")
    for number in range(1, 10):
        go_on((first, second)[number % 2], session, str(number))
    assert texts_of(first, session) == texts_of(second, session) == [str(number) for number in range(10)]
    first.close()
    second.close()


# changes


async def _watch(home: Workspace, act: Callable[[], object], wanted: Callable[[Changes], bool]) -> Changes:
    changes = home.changes()
    watching = asyncio.ensure_future(_first(changes, wanted))
    await asyncio.sleep(0)
    while not watching.done():
        await asyncio.to_thread(act)
        await asyncio.wait([watching], timeout=0.5)
    await changes.aclose()
    return watching.result()


async def _first(changes, wanted: Callable[[Changes], bool]) -> Changes:
    async for change in changes:
        if wanted(change):
            return change
    raise AssertionError("no change came")


def test_what_is_written_before_the_watch_is_set_up_comes_too(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    async def write_meanwhile(seconds: float) -> None:
        assert seconds == 7
        made.append(await home.write_async(lambda operations: operations.create()))

    async def first() -> Changes:
        monkeypatch.setattr(asyncio, "sleep", write_meanwhile)
        async with contextlib.aclosing(home.changes(calm=7)) as changes:
            return await anext(changes)

    assert asyncio.run(first()).sessions == frozenset(made)


@pytest.mark.parametrize("own", [True, False])
def test_changes_of_this_and_other_processes(tmp_path: Path, own: bool) -> None:
    first, second = open_home(tmp_path), open_home(tmp_path)
    session, _ = talk(first, "x")
    writer = first if own else second
    try:
        act = lambda: go_on(writer, session, "y")  # noqa: E731
        change = asyncio.run(asyncio.wait_for(_watch(first, act, lambda change: bool(change.sessions)), 30))
        assert (change.own, change.sessions, change.drafts) == (own, {session}, frozenset())
        draft = lambda: writer.write(lambda o: o.save_draft(session, "t", "agent_message", "…"))  # noqa: E731
        change = asyncio.run(asyncio.wait_for(_watch(first, draft, lambda change: bool(change.drafts)), 30))
        assert (change.own, change.sessions, change.drafts) == (own, frozenset(), {session})
    finally:
        first.close()
        second.close()


# what is left behind


def test_close_ends_all_threads_and_may_be_repeated(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    home = open_home(tmp_path)
    asyncio.run(_both(home))
    assert set(threading.enumerate()) > before
    home.close()
    home.close()
    assert set(threading.enumerate()) == before
    assert not list(tmp_path.glob("*-wal")), "the last connection takes the log with it"


def test_a_home_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    open_home(tmp_path).close()
    before = set(threading.enumerate())
    with pytest.raises(NotFound):
        open_home(tmp_path, workspace="nothing")
    assert set(threading.enumerate()) == before


def test_idle_moments_give_space_back(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.workspace.RECLAIM_LOOKS", 2)
    monkeypatch.setattr("sync.store.wakeup.POLL_S", 0.02)

    given_back, reclaim = threading.Event(), Engine.reclaim

    def watched_reclaim(engine: Engine) -> None:
        reclaim(engine)
        given_back.set()

    def unused() -> int:
        return home.with_engine(lambda engine: unused_pages(engine.connection))

    def leave_pages(engine: Engine) -> None:
        engine.connection.execute("CREATE TABLE filler(x)")
        engine.connection.execute("INSERT INTO filler VALUES(zeroblob(2000000))")
        engine.connection.execute("DROP TABLE filler")

    async def watch() -> None:
        async with contextlib.aclosing(home.changes()) as changes:
            async for _ in changes:
                pass

    async def until_given_back() -> None:
        watching = asyncio.create_task(watch())
        await asyncio.to_thread(given_back.wait, 20)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    home.with_engine(leave_pages)
    assert unused() > 400
    monkeypatch.setattr(Engine, "reclaim", watched_reclaim)
    asyncio.run(until_given_back())
    assert unused() == KEPT_PAGES
