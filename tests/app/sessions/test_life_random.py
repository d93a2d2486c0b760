"""Random lives of sessions against a simple model: lists, what is said, titles and tags; also after a rebuild."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.filters import SessionFilter
from app.workspace import Workspace
from tests.helpers.random_sessions import answers
from tests.helpers.talks import go_on, texts_of


@dataclass(frozen=True)
class Known:
    """What must be true of a session. origin, at: the session it continues, and how many of its own messages."""

    title: str
    said: tuple[str, ...] = ()
    status: str = "active"
    archived: bool = False
    trashed: bool = False
    tags: frozenset[str] = frozenset()
    origin: str | None = None
    at: int = 0


@dataclass
class Model:
    """All sessions that should be there."""

    sessions: dict[str, Known] = field(default_factory=dict)

    def told(self, session: str) -> list[str]:
        """The whole conversation, inherited messages first."""
        return self._told_until(session, None)

    def _told_until(self, session: str | None, count: int | None) -> list[str]:
        """The conversation up to so many of the session's own messages; nothing of a session that is gone."""
        known = self.sessions.get(session or "")
        return [] if known is None else [*self._told_until(known.origin, known.at), *known.said[:count]]

    def change(self, session: str, **fields: Any) -> None:
        self.sessions[session] = replace(self.sessions[session], **fields)


_NAMES = "new archive unarchive pause resume trash undelete rename tag fork fork say say say purge rebuild".split()
_steps = st.lists(
    st.tuples(
        st.sampled_from(_NAMES),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=30,
)


def _apply(home: Workspace, model: Model, step: str, number: int, other: int) -> None:
    if step == "new" or not model.sessions:
        session = home.write(lambda operations: operations.create(title=f"T{number}"))
        model.sessions[session] = Known(f"T{number}")
        return
    session = list(model.sessions)[number % len(model.sessions)]
    known = model.sessions[session]
    match step:
        case "say":
            go_on(home, session, f"{session} {len(known.said)}")
            model.change(session, said=(*known.said, f"{session} {len(known.said)}"))
        case "archive" | "unarchive" | "trash" | "undelete":
            name, value = ("archived" if "archive" in step else "trashed"), step in ("archive", "trash")
            home.write(lambda operations: operations.set_all([session], {name: value}))
            model.change(session, **{name: value})
        case "pause" | "resume":
            _change_status(home, model, step, session)
        case "rename":
            home.write(lambda operations: operations.set_fields(session, {"title": f"R{other}"}))
            model.change(session, title=f"R{other}")
        case "tag":
            tags = known.tags ^ {f"t{other % 3}"}
            home.write(lambda operations: operations.set_fields(session, {"tags": sorted(tags)}))
            model.change(session, tags=tags)
        case "fork":
            _fork(home, model, session, other)
        case "purge":
            home.write(lambda operations: operations.purge([session]))
            del model.sessions[session]
        case "rebuild":
            before = home.read(answers)
            home.write(lambda operations: operations.rebuild())
            assert home.read(answers) == before


def _change_status(home: Workspace, model: Model, step: str, session: str) -> None:
    known = model.sessions[session]
    try:
        home.write(lambda operations: getattr(operations, step)([session]))
    except UserError:
        assert known.trashed
        return
    assert not known.trashed
    model.change(session, status="paused" if step == "pause" else "active")


def _fork(home: Workspace, model: Model, session: str, other: int) -> None:
    """At one of the messages of the conversation, own or inherited."""
    messages = home.read(lambda queries: queries.events(session, kinds=["user_message"]))
    if not messages:
        return
    event = messages[other % len(messages)]
    forked = home.write(lambda operations: operations.fork(session, event.id))
    at = model.sessions[event.session].said.index(event.body.text) + 1  # type: ignore[union-attr]
    title = f"{model.sessions[session].title} (fork)"
    model.sessions[forked] = Known(title, origin=event.session, at=at)


def _check(home: Workspace, model: Model) -> None:
    everything = [
        *home.read(lambda queries: queries.sessions(SessionFilter(archived=None))),
        *home.read(lambda queries: queries.sessions(SessionFilter(trash=True))),
    ]
    assert {row.id: (row.title, row.status, row.archived, row.trashed, frozenset(row.tags)) for row in everything} == {
        session: (known.title, known.status, known.archived, known.trashed, known.tags)
        for session, known in model.sessions.items()
    }
    for session in model.sessions:
        assert texts_of(home, session) == model.told(session)


@settings(max_examples=25)
@given(_steps)
def test_any_life_of_sessions(shared: Workspace, steps: list[tuple[str, int, int]]) -> None:
    shared.use(shared.write(lambda operations: operations.create_workspace("A life")))
    model = Model()
    for step in steps:
        _apply(shared, model, *step)
    _check(shared, model)
    before = shared.read(answers)
    shared.write(lambda operations: operations.rebuild())
    assert shared.read(answers) == before
    _check(shared, model)
