"""The tables of the engine, by the component that made them. What a table holds is told where its rows are read.

All are named here, without the modules that use them: every program that opens a home asks whether its tables are up to
date, and most need none of those modules.
"""

from __future__ import annotations

from sync.store.migrations import Component
from sync.store.schema import PURGED, SYNC

STANDINGS = Component("standings", ("CREATE TABLE standing(workspace INTEGER PRIMARY KEY, role TEXT NOT NULL)",))
CHAINS = Component(
    "chains",
    (
        "CREATE TABLE chain(workspace INTEGER NOT NULL, device INTEGER NOT NULL, n INTEGER NOT NULL, "
        "hash BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(workspace, device)) WITHOUT ROWID",
    ),
)
NETWORK = Component(
    "network",
    (
        """
CREATE TABLE address(device BLOB PRIMARY KEY, sockets TEXT NOT NULL, relay TEXT NOT NULL, seen INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE mailbox(
  row INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, uri TEXT NOT NULL, credentials TEXT NOT NULL,
  added INTEGER NOT NULL, UNIQUE(workspace, uri));
CREATE TABLE mailbox_value(
  mailbox INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(mailbox, name)) WITHOUT ROWID;
CREATE TABLE holder(
  workspace INTEGER NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, seen INTEGER NOT NULL,
  PRIMARY KEY(workspace, name)) WITHOUT ROWID;
CREATE TABLE made(row INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, blob BLOB NOT NULL, UNIQUE(workspace, blob))
""",
    ),
)
LINKS = Component(
    "links",
    (
        """
CREATE TABLE link(
  id BLOB PRIMARY KEY, secret BLOB, proof BLOB NOT NULL, workspace BLOB NOT NULL, name TEXT NOT NULL,
  title TEXT NOT NULL, text TEXT, created INTEGER NOT NULL, expires INTEGER, once INTEGER NOT NULL,
  used INTEGER, opener BLOB, revoked INTEGER, refreshed INTEGER,
  number INTEGER NOT NULL DEFAULT 0, objects BLOB NOT NULL DEFAULT x'', state TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE link_place(
  link BLOB NOT NULL, place TEXT NOT NULL, number INTEGER NOT NULL DEFAULT 0, objects BLOB NOT NULL DEFAULT x'',
  trouble TEXT NOT NULL DEFAULT '', PRIMARY KEY(link, place)) WITHOUT ROWID;
CREATE TABLE opened(
  id BLOB PRIMARY KEY, text TEXT NOT NULL, workspace BLOB NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL,
  refreshed INTEGER NOT NULL, opened INTEGER NOT NULL, units BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX opened_by_name ON opened(name);
CREATE TABLE arrived(link BLOB NOT NULL, blob BLOB NOT NULL, PRIMARY KEY(link, blob)) WITHOUT ROWID;
CREATE TABLE copied_workspace(workspace INTEGER PRIMARY KEY REFERENCES workspace, name TEXT NOT NULL);
CREATE TABLE copied_author(
  workspace INTEGER NOT NULL, device INTEGER NOT NULL, person BLOB NOT NULL, PRIMARY KEY(workspace, device)
) WITHOUT ROWID
""",
    ),
    counted=("link", "opened", "copied_workspace"),
)

LEFT_CHAINS = Component(
    "left chains",
    (
        """
CREATE TABLE left_chain(
  workspace INTEGER NOT NULL, device INTEGER NOT NULL, n INTEGER NOT NULL, published INTEGER NOT NULL,
  fork INTEGER, rewritten INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(workspace, device)) WITHOUT ROWID;
CREATE TABLE left_note(
  document INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
  fields TEXT NOT NULL)
""",
    ),
)

PURGES = Component(
    "purges",
    (
        f"""
CREATE TABLE purge(
  workspace INTEGER NOT NULL, name TEXT NOT NULL, device INTEGER NOT NULL, own_seen INTEGER NOT NULL,
  binds INTEGER NOT NULL, PRIMARY KEY(workspace, name, device)) WITHOUT ROWID;
CREATE TABLE gone(
  row INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL, batch BLOB NOT NULL,
  UNIQUE(document, batch));
CREATE TABLE late(row INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, name TEXT NOT NULL, items TEXT NOT NULL);
CREATE TABLE purged_blob(id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE blob_secret(workspace INTEGER PRIMARY KEY, secret BLOB NOT NULL);
CREATE TABLE key_purge(row INTEGER PRIMARY KEY, workspace INTEGER NOT NULL);
CREATE TABLE kept_log_key(
  workspace INTEGER NOT NULL, epoch BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY(workspace, epoch)) WITHOUT ROWID;
INSERT INTO purge SELECT DISTINCT d.workspace, d.name, v.row, {1 << 53}, 1 FROM document d, device v
  WHERE d.kind='{PURGED}' AND v.is_own
""",
    ),
)

ENGINE_COMPONENTS = (SYNC, STANDINGS, CHAINS, NETWORK, LINKS, LEFT_CHAINS, PURGES)
