"""The composition root: one open home, its writing thread, its readers, and the workspace of the call.

Blocking and asynchronous forms of the same two calls: `write` runs an operation on the one writing thread, `read` a
query on a reading thread (or, blocking, on the caller's). The engine, with its documents, is only loaded by the first
write: reading commands never pay for it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.sessions.fields import PROFILE_NOTE
from app.sessions.queries import Queries
from sync.clock import Clock, Random, SystemClock, system_random
from sync.errors import DamagedError, StoreError
from sync.store.blobs import BlobStore
from sync.store.database import DATABASE_NAME, Database, DatabaseFault, translated

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from app.sessions.operations import SessionOperations
    from sync.engine import Engine
    from sync.repository.opened import Damage

PERSONAL = "Personal"
NAME_SETTING = "name"
CLOSING_PIECES = 18
"""So many small steps of bundling, a segment at most, are done before a home is closed."""
RECLAIM_LOOKS = 60
"""After so many looks for commits that found none, about a minute, unused space goes back to the disk."""
_PLACES = "workspace/", f"note/{PROFILE_NOTE}"
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the database may be opened. passphrase: only this is tried, no keyring. prompt: asks the person."""

    passphrase: bytes | None = None
    prompt: Callable[[str], bytes | None] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What commits since the last look touched. own: all of them were of this process.

    places: not empty where workspaces came, or read differently.
    """

    seq: int
    own: bool
    sessions: frozenset[str]
    drafts: frozenset[str]
    company: frozenset[str]
    places: frozenset[str]
    jobs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Commits:
    """Commits since the last look: the processes that made them and all they touched (see `sync.events.Committed`)."""

    seq: int
    processes: frozenset[str]
    subjects: frozenset[str]


class _Threads:
    """A pool that begins to exist when it is needed: most commands only read, on their own thread."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._beginning = threading.Lock()
        self._closed = False

    def submit(self, call: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """As `concurrent.futures.Executor.submit`. RuntimeError after `shutdown`."""
        from concurrent.futures import ThreadPoolExecutor

        with self._beginning:
            if self._closed:
                raise RuntimeError(f"The {self._name} threads have ended.")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._count, self._name)
        return self._pool.submit(call, *arguments)

    def shutdown(self) -> None:
        """Finish what was submitted and end the threads."""
        with self._beginning:
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown()


class Settings:
    """Local settings as JSON values; never synced."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or the default."""
        return self._workspace.read(lambda queries: queries.setting(name, default))

    def set(self, name: str, value: Any) -> None:
        """Keep a setting; None removes it."""
        self._workspace.write(lambda operations: operations.set_setting(name, value))


class Workspace:
    """An open home. Close it; it owns threads and connections."""

    def __init__(self, home: Path, database: Database, clock: Clock, random: Random) -> None:
        self.home = home
        self.clock = clock
        self.settings = Settings(self)
        self.made = False
        """Whether opening it made the home, or finished making it."""
        self.damages: list[Damage] = []
        """What writing found damaged and set aside so far; each is a sentence for people."""
        self.process = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._database = database
        self._random = random
        self._blobs = BlobStore(home / "blobs")
        self._writing = _Threads(1, "writer")
        self._reading = _Threads(2, "reader")
        self._local = threading.local()
        self._open_queries: list[Queries] = []
        self._engine: Engine | None = None
        self._operations: SessionOperations | None = None
        self._given_up: set[str] = set()
        self._progress: Progress = lambda _done, _total: None
        self._row = 0
        self.id = ""

    @classmethod
    def open(
        cls,
        home: Path,
        credentials: Credentials,
        *,
        workspace: str | None = None,
        cwd: Path | None = None,
        name: str | None = None,
        clock: Clock | None = None,
        random: Random = system_random,
        progress: Progress = lambda _done, _total: None,
    ) -> Workspace:
        """Unlock a home, making it on first use, and find the workspace of the call.

        workspace: name or id, else the one with the deepest folder that contains `cwd`, else the current one.
        name: of the person, for a home that is made. progress: told, on any thread, of the documents that are projected
        anew after an update, and of how many. Raises LockedError, DamagedError, NotFound.
        """
        database = unlock_home(home, credentials, random)
        return cls.start(
            database, workspace=workspace, cwd=cwd, name=name, clock=clock, random=random, progress=progress
        )

    @classmethod
    def start(
        cls,
        database: Database,
        *,
        workspace: str | None = None,
        cwd: Path | None = None,
        name: str | None = None,
        clock: Clock | None = None,
        random: Random = system_random,
        progress: Progress = lambda _done, _total: None,
    ) -> Workspace:
        """As `open`, with a database that is unlocked already; its folder is the home."""
        opened = cls(database.path.parent, database, clock or SystemClock(), random)
        opened._progress = progress
        try:
            opened._prepare(name)
            opened._choose(workspace, cwd)
        except BaseException:
            opened.close()
            raise
        return opened

    def _prepare(self, name: str | None) -> None:
        """Bring the store up to date and make the first workspace, unless an earlier call did all that."""
        if self.read(lambda queries: queries.is_prepared()):
            self._recover(self.read(lambda queries: queries.drafting()))
        else:
            self.made = self.write(lambda operations: self._make_personal(operations, name))

    def _recover(self, drafting: Sequence[str]) -> None:
        """Bring in what dead processes were saying; only once for each, whatever comes of it.

        A home that cannot be written now is still there to be read.
        """
        if self._given_up.issuperset(drafting):
            return
        from sync.store.processes import is_alive

        gone = {process for process in drafting if not is_alive(self.home, process)}
        if gone - self._given_up:
            self._given_up |= gone
            with contextlib.suppress(StoreError):
                self.write(self._recover_drafts)

    def _recover_drafts(self, operations: SessionOperations) -> None:
        from app.sessions.recovering import recover_drafts

        assert self._engine is not None
        recover_drafts(operations, self._engine)

    def _make_personal(self, operations: SessionOperations, name: str | None) -> bool:
        """Whether this call made it."""
        from app.sessions.fields import CURRENT_WORKSPACE
        from sync.store.making import remove_unfinished

        assert self._engine is not None
        with self._engine.transaction(durable=True) as tx:
            if tx.connection.execute("SELECT 1 FROM setting WHERE name=?", (CURRENT_WORKSPACE,)).fetchone():
                return False
            remove_unfinished(self.home)
            operations.set_setting(NAME_SETTING, name or _login_name())
            operations.switch(operations.create_workspace(PERSONAL))
        return True

    def _choose(self, workspace: str | None, cwd: Path | None) -> None:
        row = self.read(lambda queries: self._find_row(queries, workspace, cwd))
        if row is None:
            raise DamagedError(
                "The current workspace is not in the database. Choose one with `lovelace workspace switch`."
            )
        self._row = row
        for queries in self._open_queries:
            queries.workspace = row
        self.id = self.read(lambda queries: queries.workspace_id())
        if self._operations is not None:
            self._operations.workspace = row

    def _find_row(self, queries: Queries, workspace: str | None, cwd: Path | None) -> int | None:
        if workspace is not None:
            return queries.workspace_number(queries.resolve_workspace(workspace).id)
        return queries.workspace_of(cwd)

    def use(self, workspace: str) -> None:
        """Make another workspace (name or id) that of this object; the stored current one stays."""
        self._choose(workspace, None)

    def use_current(self) -> None:
        """Make the current workspace of the home that of this object."""
        self._choose(None, None)

    @property
    def database(self) -> Database:
        """The database of the home: for backups, key slots and the doctor, which open it for themselves."""
        return self._database

    # the two calls

    def write(self, operation: Callable[[SessionOperations], Result]) -> Result:
        """Run an operation on the writing thread and wait for it."""
        done: Future[Result] = self._writing.submit(self._run_operation, operation)
        return done.result()

    def with_engine(self, work: Callable[[Engine], Result]) -> Result:
        """Run upkeep of the store itself on the writing thread and wait for it."""

        def run(_operations: SessionOperations) -> Result:
            assert self._engine is not None
            return work(self._engine)

        return self.write(run)

    async def write_async(self, operation: Callable[[SessionOperations], Result]) -> Result:
        """Run an operation on the writing thread."""
        import asyncio

        return await asyncio.wrap_future(self._writing.submit(self._run_operation, operation))

    def read(self, query: Callable[[Queries], Result]) -> Result:
        """Run a query on this thread."""
        try:
            return query(self._queries())
        except DatabaseFault as error:
            raise translated(error, self._database.path) from error

    async def read_async(self, query: Callable[[Queries], Result]) -> Result:
        """Run a query on a reading thread."""
        import asyncio

        return await asyncio.wrap_future(self._reading.submit(self.read, query))

    def _run_operation(self, operation: Callable[[SessionOperations], Result]) -> Result:
        if self._operations is None:
            self._operations = self._start_engine()
        return operation(self._operations)

    def _start_engine(self) -> SessionOperations:
        from app.sessions.operations import SessionOperations
        from app.sessions.projection import SessionProjector
        from app.sessions.tables import LOCAL_COMPONENTS
        from sync.engine import Engine

        engine = Engine(
            self._database,
            SessionProjector(self._blobs),
            components=LOCAL_COMPONENTS,
            blobs=self._blobs,
            clock=self.clock,
            random=self._random,
            process=self.process,
            author=self._author,
        )
        engine.on_damage(self.damages.append)
        engine.open(self._progress)
        self._engine = engine
        operations = SessionOperations(engine, self._row, self.clock, self._random)
        self._recover_drafts(operations)
        return operations

    def _author(self) -> str:
        """The person's name; runs on the writing thread, inside its transaction."""
        import msgspec

        assert self._engine is not None
        row = self._engine.connection.execute("SELECT value FROM setting WHERE name=?", (NAME_SETTING,)).fetchone()
        return str(msgspec.json.decode(row[0])) if row else _login_name()

    def _queries(self) -> Queries:
        queries: Queries | None = getattr(self._local, "queries", None)
        if queries is None:
            queries = self._local.queries = Queries(
                self._database.reader(), self._blobs, self._row, self._database.local_key
            )
            self._open_queries.append(queries)
        return queries

    # changes

    async def changes(self, *, calm: float = 0.0, after: int | None = None) -> AsyncGenerator[Changes, None]:
        """Commits of this and other processes from now on, as they happen.

        after: those since this entry of the commit log, for who looked at something first and must miss nothing.

        calm: seconds before the watch is set up, where something else is waited for; what is committed meanwhile comes
        afterwards.
        """
        async with contextlib.aclosing(self.commits(calm=calm, after=after)) as commits:
            async for commit in commits:
                subjects = commit.subjects
                yield Changes(
                    commit.seq,
                    commit.processes == {self.process},
                    frozenset(s.removeprefix("session/") for s in subjects if s.startswith("session/")),
                    frozenset(s.removeprefix("draft/") for s in subjects if s.startswith("draft/")),
                    frozenset(s.removeprefix("presence/") for s in subjects if s.startswith("presence/")),
                    frozenset(s for s in subjects if s.startswith(_PLACES)),
                    frozenset(s.removeprefix("job/") for s in subjects if s.startswith("job/")),
                )

    async def on_commit(self, listener: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call `listener` with what each commit of this process touched, on the writing thread; gives how to stop."""

        def subscribe(operations: SessionOperations) -> Callable[[], None]:
            engine = operations.engine
            heard = engine.subscribe(lambda committed: listener(committed.subjects))
            return lambda: engine.unsubscribe(heard)

        return await self.write_async(subscribe)

    async def commits(self, *, calm: float = 0.0, after: int | None = None) -> AsyncGenerator[Commits, None]:
        """As `changes`, with everything that was touched."""
        import asyncio

        from sync.store.wakeup import CommitWatch

        seq = await self.read_async(lambda queries: queries.last_seq()) if after is None else after
        await asyncio.sleep(calm)
        idle = 0
        async with CommitWatch(self._database.path) as watch:
            while True:
                rows = await self.read_async(lambda queries, since=seq: queries.commits(since))  # type: ignore[misc]
                idle = 0 if rows else idle + 1
                if rows:
                    seq = rows[-1][0]
                    processes = frozenset(row[1] for row in rows)
                    yield Commits(seq, processes, frozenset(s for row in rows for s in row[2].split("\n")))
                else:
                    await self._tidy(idle)
                await watch.wait()

    async def _tidy(self, idle: int) -> None:
        """A quiet moment: somebody who was writing may have died, and what can wait may be done in small steps."""
        import asyncio

        if drafting := await self.read_async(lambda queries: queries.drafting()):
            await asyncio.to_thread(self._recover, drafting)
        if self._operations is not None:
            with contextlib.suppress(StoreError):  # there is time for it later too
                await self.write_async(lambda operations: operations.bundle_step())
                if idle == RECLAIM_LOOKS:
                    await self.write_async(self._reclaim)

    def _reclaim(self, _operations: SessionOperations) -> None:
        if self._engine is not None:
            self._engine.reclaim()

    def close(self) -> None:
        """Finish what is being written and give everything back; again is free."""
        engine, self._engine = self._engine, None
        if engine is not None:
            self._writing.submit(_close_engine, engine).result()
        self._writing.shutdown()
        self._reading.shutdown()
        while self._open_queries:
            self._open_queries.pop().close()


def _close_engine(engine: Engine) -> None:
    """Store what was closed meanwhile more tightly, a segment at most, and give the connection back."""
    with contextlib.closing(engine), contextlib.suppress(StoreError):
        for _ in range(CLOSING_PIECES):
            if not engine.bundle_step():
                break


def unlock_home(home: Path, credentials: Credentials, random: Random = system_random) -> Database:
    """The database of a home, made on first use, unlocked. Raises LockedError, DamagedError."""
    from sync.store import keyslots, making
    from sync.store.keyslot_file import FILE_NAME

    if not (home / DATABASE_NAME).exists() and not (home / FILE_NAME).exists():
        made = making.make_home(home, passphrase=credentials.passphrase, random=random)
        if made is not None:
            return made
    unlocked = keyslots.unlock(home, passphrase=credentials.passphrase, prompt=credentials.prompt)
    return making.finish_home(home, unlocked)


def _login_name() -> str:
    """What to call the person until they say."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "me"
