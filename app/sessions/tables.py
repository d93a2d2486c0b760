"""SQL of the sessions domain: the projection (dropped and rebuilt at will) and the local tables (kept).

Times are milliseconds. `event.row` is also the row of the full-text index and sorts by time; `event_order` sorts the
events of a session by id, which is causal, and carries what a conversation needs before it shows anything, and
what looks for a rare kind; `event_prompt` gives where its turns begin. `session_by_change` gives the newest sessions of
a list without reading the others.
`session.counter`, `lowest`, `greatest`: see `settling.py`. `session_field` keeps all values a field ever had, under the
event that set it; `claimed`: only the opening of a segment says so. `session_blob`: payloads that events refer to,
and with size 0 those that hold long bodies, or that only damaged events name.
`erased`: which events somebody took back (see `erasing.py`).
`unindexed`: events that wait for the full-text index (see `indexing.py`).
`awaited`: events (by row) whose long body is in a blob that is not on this device; size: of the body, as it is claimed.
`session.bytes`: the JSON of its own events and these payloads, each once.
"""

from __future__ import annotations

from sync.store.migrations import Component

RENEW_MS, FRESH_MS = 10_000, 25_000
"""How often a row of `presence` is renewed; one that is older says nothing any more."""
FETCH = "fetch"
"""The commit subject of what was asked for, and of how it goes on."""
FAR = "peer:"
"""What the `process` of drafts and output begins with that another device sends; its id follows."""

PROJECTION_VERSION = 10

PROJECTION = """
CREATE TABLE session(
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workspace INTEGER NOT NULL,
  type TEXT NOT NULL DEFAULT 'interactive', title TEXT, status TEXT NOT NULL DEFAULT 'active',
  archived INTEGER NOT NULL DEFAULT 0, trashed INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]',
  agent TEXT, cwd TEXT, source TEXT, origin_session TEXT, origin_event TEXT, parent TEXT,
  created INTEGER, updated INTEGER, events INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  counter INTEGER NOT NULL DEFAULT 0, lowest INTEGER, greatest INTEGER);
CREATE INDEX session_by_source ON session(source) WHERE source IS NOT NULL;
CREATE INDEX session_by_change ON session(workspace, trashed, updated, id, archived);
CREATE TABLE session_field(
  session INTEGER NOT NULL, field TEXT NOT NULL, event TEXT NOT NULL, value TEXT NOT NULL, claimed INTEGER NOT NULL,
  PRIMARY KEY(session, field, event)) WITHOUT ROWID;
CREATE TABLE session_blob(
  session INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(session, blob)) WITHOUT ROWID;
CREATE TABLE author(
  row INTEGER PRIMARY KEY, identity BLOB NOT NULL, device BLOB NOT NULL, name TEXT NOT NULL, agent TEXT NOT NULL,
  claimed INTEGER NOT NULL, UNIQUE(device, identity, name, agent, claimed));
CREATE TABLE session_author(
  session INTEGER NOT NULL, author INTEGER NOT NULL, PRIMARY KEY(session, author)) WITHOUT ROWID;
CREATE TABLE event(
  row INTEGER PRIMARY KEY, session INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, time INTEGER NOT NULL,
  author INTEGER NOT NULL, lines INTEGER NOT NULL, damaged INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX event_order ON event(session, id, lines, kind);
CREATE INDEX event_prompt ON event(session, id) WHERE kind='user_message';
CREATE TABLE erased(
  session INTEGER NOT NULL, event TEXT NOT NULL, identity BLOB NOT NULL, PRIMARY KEY(session, event, identity)
) WITHOUT ROWID;
CREATE TABLE note(
  workspace INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, fields TEXT NOT NULL,
  PRIMARY KEY(workspace, name)) WITHOUT ROWID;
CREATE TABLE unindexed(row INTEGER PRIMARY KEY, characters INTEGER NOT NULL);
CREATE TABLE awaited(
  blob TEXT NOT NULL, row INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(blob, row)) WITHOUT ROWID;
CREATE INDEX awaited_row ON awaited(row)
"""

PROJECTION_TABLES = (
    "session",
    "session_field",
    "session_blob",
    "author",
    "session_author",
    "event",
    "erased",
    "note",
    "unindexed",
    "awaited",
)

_LOCAL = """
CREATE TABLE folder(path TEXT PRIMARY KEY, workspace INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE draft(
  session TEXT NOT NULL, turn TEXT NOT NULL, kind TEXT NOT NULL, agent TEXT, text TEXT NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY(session, turn, kind)) WITHOUT ROWID
"""

_DRAFT_OWNER = "ALTER TABLE draft ADD COLUMN process TEXT NOT NULL DEFAULT ''"

_OUTPUT = """
CREATE TABLE output(
  session TEXT NOT NULL, turn TEXT NOT NULL, call TEXT NOT NULL, number INTEGER NOT NULL, agent TEXT,
  text TEXT NOT NULL, time INTEGER NOT NULL, process TEXT NOT NULL, PRIMARY KEY(session, turn, call, number))
"""

_SEEN = """
CREATE TABLE seen(session TEXT PRIMARY KEY, event TEXT NOT NULL, counter INTEGER NOT NULL) WITHOUT ROWID
"""

_PRESENCE = """
CREATE TABLE presence(
  device BLOB PRIMARY KEY, session TEXT NOT NULL, typing INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID
"""

_FETCH = """
CREATE TABLE fetch(
  blob TEXT PRIMARY KEY, size INTEGER NOT NULL, problem TEXT NOT NULL, asked INTEGER NOT NULL) WITHOUT ROWID
"""

_SECRETS = """
CREATE TABLE kept_secret(
  session TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, digest BLOB NOT NULL, sealed BLOB NOT NULL,
  event TEXT NOT NULL, PRIMARY KEY(session, number)) WITHOUT ROWID;
CREATE UNIQUE INDEX kept_secret_by_value ON kept_secret(session, digest);
CREATE TABLE kept_secret_blob(
  session TEXT NOT NULL, blob TEXT NOT NULL, places BLOB NOT NULL, PRIMARY KEY(session, blob)) WITHOUT ROWID;
CREATE TABLE kept_secret_source(
  session TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(session, digest)) WITHOUT ROWID;
CREATE TABLE harmless_secret(
  workspace INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(workspace, digest)) WITHOUT ROWID
"""

LOCAL = Component("sessions", (_LOCAL, _DRAFT_OWNER, _OUTPUT, _SEEN, _PRESENCE, _FETCH), counted=("folder", "draft"))
"""draft.process, output.process: who writes it (see `recovering.py`). output: what commands print while they run, in
numbered pieces of which the last ones are kept; a command that runs has at least one (see `output_operations.py`).
seen: the newest event that people had before their eyes. presence: see `presence_operations.py`.
fetch: payloads that are wanted here (see `fetch_operations.py`)."""

SECRETS = Component("secrets", (_SECRETS,), counted=("kept_secret", "kept_secret_blob"))
"""See `redaction.vault`."""

_JOB = """
CREATE TABLE job(
  session TEXT PRIMARY KEY, text TEXT NOT NULL, agent TEXT NOT NULL, rules TEXT NOT NULL, folders TEXT NOT NULL,
  state TEXT NOT NULL, step TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0, needs TEXT NOT NULL DEFAULT '', starts INTEGER NOT NULL DEFAULT 0,
  used_ms INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE claim(session TEXT PRIMARY KEY, process TEXT NOT NULL) WITHOUT ROWID
"""

_JOB_KIND = "ALTER TABLE job ADD COLUMN kind TEXT NOT NULL DEFAULT 'task'"

JOBS = Component("jobs", (_JOB, _JOB_KIND), counted=("job",))
"""job: see `jobs.py`. claim: which process runs a session now, if it is still alive (see `job_operations.py`)."""

LOCAL_COMPONENTS = (LOCAL, SECRETS, JOBS)
"""All tables of the sessions domain that are no projection."""
