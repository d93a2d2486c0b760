"""The same events as `catch_up` through the JavaScript automerge-repo, for comparison.

It keeps them in memory: nothing is stored, signed, encrypted, projected or indexed. `make test-external` fetches it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.sessions.bodies import encode_draft
from tests.benchmarks.figures import Figure
from tests.benchmarks.long_session import session_drafts
from tests.helpers import namespace

EXTERNAL = Path(__file__).parents[2] / "build" / "external"
TIMEOUT_S = 600
_SCRIPT = Path(__file__).with_suffix(".mjs")


def refusal() -> str:
    """Why it cannot be compared with here, or ""."""
    if shutil.which("node") is None or not (EXTERNAL / "node_modules" / "@automerge" / "automerge-repo").is_dir():
        return "automerge-repo is not here; `make test-external` fetches it"
    return namespace.refusal()


def measure(folder: Path, sessions: Sequence[range], group: int, ours: float) -> Iterator[Figure]:
    """Fetch sessions with these events, `group` in a change. ours: events a second of the product, beside it."""
    if reason := refusal():
        yield Figure("automerge-repo (not measured)", 0.0, "events/s", note=reason)
        return
    events = folder / "events.json"
    events.write_text(json.dumps([list(_turns(session, group)) for session in sessions]))
    script = EXTERNAL / _SCRIPT.name  # beside node_modules, where imports are looked for
    shutil.copy(_SCRIPT, script)
    try:
        line = ["node", str(script), "take", str(events)]
        took = json.loads(namespace.run(*line, timeout=TIMEOUT_S).stdout.splitlines()[-1])
    finally:
        script.unlink()
    rate = took["events"] / took["seconds"]
    note = f"in memory only; the product has {ours / rate:.2f} times its rate, with everything"
    yield Figure("  the same through automerge-repo", rate, "events/s", note=note, detail=took)
    yield Figure("  its peak memory, who takes", took["kib"] / 1024, "MiB")
    yield Figure("  its peak memory, who gives", took["giver"]["kib"] / 1024, "MiB")


def _turns(session: range, group: int) -> Iterator[list[str]]:
    drafts = session_drafts(session)
    for at in range(0, len(drafts), group):
        yield [encode_draft(draft).decode() for draft in drafts[at : at + group]]
