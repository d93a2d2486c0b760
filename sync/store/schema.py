"""Tables of the sync engine: what must never be lost, and nothing that can be derived from it.

Ids, hashes and keys are 32-byte blobs. `entry` is the log that everything else is rebuilt from: one row per signed
entry with its place in the device's chain and the raw changes it covers (concatenated chunks, NULL once a bundle or a
purge took them). `state`: 0 admitted, 1 held, 2 quarantined, for which `quarantine` has the reason.
`document.kind` is 'unknown' while no entry of it was admitted, and 'purged' for good once it was taken out; `k` counts
segments, and of notes the restarts.
`bundle`: a closed segment as one saved document, see `bundles.py`. `wanted`: it is still to be made, or its single
changes are still to be removed; not wanted and without data: it cannot be made.
"""

from __future__ import annotations

from sync.store.migrations import Component

ADMITTED, HELD, QUARANTINED = 0, 1, 2
SEGMENT, NOTE, PURGED, UNKNOWN = "segment", "note", "purged", "unknown"

_TABLES = """
CREATE TABLE secret(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE identity(id BLOB PRIMARY KEY, is_own INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE device(row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, identity BLOB NOT NULL, is_own INTEGER NOT NULL);
CREATE TABLE workspace(row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, grant_id BLOB NOT NULL);
CREATE TABLE operation(row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, log BLOB NOT NULL, content BLOB NOT NULL);
CREATE INDEX operation_by_log ON operation(log);
CREATE TABLE epoch(
  row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, workspace INTEGER NOT NULL REFERENCES workspace, key BLOB NOT NULL);
CREATE TABLE document(
  row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, workspace INTEGER NOT NULL REFERENCES workspace,
  kind TEXT NOT NULL, name TEXT NOT NULL, device INTEGER REFERENCES device, grant_id BLOB, k INTEGER);
CREATE INDEX document_by_name ON document(name, device, k);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, document INTEGER NOT NULL REFERENCES document,
  device INTEGER NOT NULL REFERENCES device, grant_id BLOB NOT NULL, n INTEGER NOT NULL, prev BLOB NOT NULL,
  hash BLOB NOT NULL, signature BLOB NOT NULL, hashes BLOB NOT NULL, changes BLOB, state INTEGER NOT NULL);
CREATE INDEX entry_by_document ON entry(document);
CREATE INDEX entry_by_chain ON entry(workspace, device, n);
CREATE TABLE published(workspace INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE blob(id BLOB PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE commit_log(seq INTEGER PRIMARY KEY, process TEXT NOT NULL, subjects TEXT NOT NULL);
CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""

_BUNDLES = """
CREATE TABLE bundle(document INTEGER PRIMARY KEY REFERENCES document, wanted INTEGER NOT NULL, data BLOB);
CREATE INDEX bundle_wanted ON bundle(document) WHERE wanted;
INSERT INTO bundle SELECT row, 1, NULL FROM document d WHERE kind='segment' AND EXISTS(
  SELECT 1 FROM document n WHERE n.name=d.name AND n.device=d.device AND n.grant_id=d.grant_id AND n.k>d.k);
CREATE TABLE quarantine(entry INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE INDEX entry_aside ON entry(document, device) WHERE state<>0
"""

SYNC = Component("sync", (_TABLES, _BUNDLES), counted=("operation", "entry", "blob"))
