"""Errors of the sync engine. Each class exists because a caller catches it; texts are for people."""

from __future__ import annotations


class SyncError(Exception):
    """Base of everything the engine raises on purpose."""


class IdentityError(SyncError):
    """Keys or an identity are missing, malformed or do not belong together."""


class StoreError(SyncError):
    """The database or its key file cannot be used."""


class LockedError(StoreError):
    """There is no key for the database, or the wrong one (the command line leaves with 3)."""


class DamagedError(StoreError):
    """Stored data is damaged, empty or not ours (the command line leaves with 6)."""


class NewerDatabaseError(StoreError):
    """The database was written by a newer version of the program, which must open it."""


class ProtocolError(SyncError):
    """Bytes from outside do not follow the format: wrong encoding, length, signature or key."""


class MembershipError(SyncError):
    """A membership operation is well encoded, but not allowed or not meaningful."""


class TransportError(SyncError):
    """A peer or a mailbox cannot be reached, or left."""


class LinkGone(SyncError):
    """What a link opens is no longer given: revoked, expired, used, or deleted. Its text says so."""


class DocumentError(SyncError):
    """A document cannot be built, read or changed."""


class MissingChanges(DocumentError):
    """A change depends on changes that are not in the document: it is held until they come."""


class RejectedChange(DocumentError):
    """A change from outside was refused before (or by) the document core.

    `reason` is one short phrase in lower case, which is also the text of the error.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
