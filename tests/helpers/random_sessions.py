"""Sessions of every sort, grown at random: for tests that compare what a home says before and after something."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from app.sessions.events import Draft, FileChange, ToolResult, UserMessage
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from tests.helpers.bodies import drafts, text
from tests.helpers.talks import foreign

_LARGE = "needle " * 3000
_fields = st.fixed_dictionaries(
    {},
    optional={
        "title": text,
        "tags": st.lists(text, max_size=3),
        "archived": st.booleans(),
        "trashed": st.booleans(),
        "status": st.sampled_from(["active", "failed", "nonsense"]),
        "type": st.sampled_from(["agent", "mcp", "interactive"]),
        "color": text,
    },
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 9), st.lists(drafts, min_size=1, max_size=4)),
        st.tuples(st.just("fork"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("set"), st.integers(0, 9), _fields),
        st.tuples(st.just("note"), st.integers(0, 9), text),
        st.tuples(st.just("large"), st.integers(0, 9), st.sampled_from([5_000, 300_000])),
        st.tuples(st.just("foreign"), st.integers(0, 9), st.sampled_from([0, 1, 5, 900, 1_000_003, 1 << 47])),
        st.tuples(st.just("import"), st.integers(0, 9), st.lists(drafts, min_size=1, max_size=2)),
    ),
    max_size=8,
)


def grow(operations: SessionOperations, wanted: list[tuple[str, int, Any]]) -> list[str]:
    """Sessions that these steps make; there is always one."""
    sessions = [operations.create(title="First", cwd="/somewhere")]
    for what, number, value in wanted:
        session = sessions[number % len(sessions)]
        if what == "append":
            operations.append(session, value)
        elif what == "fork":
            sessions.append(_fork(operations, session, value))
        elif what == "set":
            operations.set_fields(session, value)
        elif what == "note":
            operations.set_note(session, value)
        elif what == "large":
            _append_large(operations, session, value)
        elif what == "foreign":
            operations.restore_events(session, [foreign(value, UserMessage(text="needle far away"))])
        else:
            target = operations.open_import("fmt", str(number))
            operations.import_events(target.session, value)
            sessions = [*dict.fromkeys([*sessions, target.session])]
    return sessions


def _fork(operations: SessionOperations, session: str, number: int) -> str:
    with operations._engine.transaction() as tx:
        ids = tx.connection.execute(
            "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=? ORDER BY e.id", (session,)
        ).fetchall()
    return operations.fork(session, ids[number % len(ids)][0])


def _append_large(operations: SessionOperations, session: str, size: int) -> None:
    ref = operations.put_blob(bytes(size), name="zeros")
    inside = {"image": {"blob": ref.blob, "size": ref.size} | ({"key": ref.key} if ref.key else {})}
    bodies = [
        UserMessage(text=_LARGE, attachments=(ref,)),
        FileChange(path="a", before=ref, after=ref),
        ToolResult(call_id="c", status="completed", content=inside),
    ]
    operations.append(session, [Draft(body=body, time=7) for body in bodies])


def answers(queries: Queries) -> dict[str, Any]:
    """All that a home says of the workspace, apart from row ids."""
    rows = [*queries.sessions(SessionFilter(archived=None)), *queries.sessions(SessionFilter(trash=True))]
    searches = [
        SearchFilter(limit=10_000),
        *(SearchFilter(type=kind, limit=10_000) for kind in ("agent", "interactive")),
    ]
    searches += [SearchFilter(author=name, limit=10_000) for name in ("Ada", "Eve")]
    searches += [SearchFilter(session=row.id, limit=10_000) for row in rows]
    return {
        "rows": rows,
        "workspaces": queries.workspaces(),
        "latest": queries.latest(),
        "notes": [queries.note(row.id) for row in rows],
        "events": [[_answer(event) for event in queries.events(row.id)] for row in rows],
        "tails": [[event.id for event in queries.tail(row.id, 3)] for row in rows],
        "lines": [list(queries.timeline(row.id).lines) for row in rows],
        "hits": [sorted(map(repr, queries.search("needle", wanted))) for wanted in searches],
    }


def _answer(event: Any) -> tuple[Any, ...]:
    return event.to_json(), event.data, event.inherited, event.damaged, event.author
