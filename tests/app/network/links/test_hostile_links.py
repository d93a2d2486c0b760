"""Links whose copies were tampered with, by whoever holds the place or by whoever issued the link.

The opener gets a sentence; what was in the home before stays as it was, and nothing of the copy stays.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.errors import UserError
from app.network.sharing import refresh_links
from app.sessions.ids import new_id
from app.workspace import Workspace
from sync.crypto import encode
from sync.documents.segment import segment_id
from sync.errors import LinkGone, ProtocolError
from sync.identity.device import DeviceKeys
from sync.network.link_folder import HEAD
from sync.protocol.envelope import Batch, SignedPart, decode_batch, encode_batch
from sync.protocol.published import (
    MAX_HEAD_BYTES,
    OBJECT_BYTES,
    BlobRecord,
    CopyAuthor,
    EntriesRecord,
    Head,
    Keys,
    Record,
    keys_of,
    object_name,
    open_head,
    open_unit,
    seal_head,
    seal_unit,
)
from sync.store.blobs import row_blob_id
from sync.store.links import IssuedLink
from sync.testing import seeded_random
from tests.helpers.links import open_text, say, session_of, share_at, texts_of
from tests.sync.documents.forging import Author

RANDOM = seeded_random(77)
STRANGER = DeviceKeys.create(RANDOM)


@dataclass(frozen=True)
class Copy:
    """A published copy in the hands of somebody who has the secret, and perhaps the keys of the issuer's device."""

    link: IssuedLink
    folder: Path
    issuer: DeviceKeys

    @property
    def keys(self) -> Keys:
        assert self.link.secret is not None
        return keys_of(self.link.secret)

    @property
    def place(self) -> Path:
        return self.folder / self.link.id.hex()

    def head(self) -> Head:
        return open_head((self.place / HEAD).read_bytes(), self.keys, self.issuer.device_id)

    def records(self) -> list[Record]:
        found: list[Record] = []
        for unit in self.head().units:
            found += open_unit(unit, [(self.place / name.hex()).read_bytes() for name in unit.objects], self.keys)
        return found

    def batch(self) -> tuple[bytes, Batch]:
        """The entries of the session's only segment."""
        [record] = [one for one in self.records() if isinstance(one, EntriesRecord)]
        return record.document, decode_batch(self.head().workspace, record.document, record.batch)

    def publish(self, records: Sequence[Record], signer: DeviceKeys | None = None, **more: Any) -> None:
        """Put other content there, signed by the issuer unless somebody else is to."""
        unit, objects = seal_unit(records, self.keys)
        for name, data in zip(unit.objects, objects, strict=True):
            (self.place / name.hex()).write_bytes(data)
        fields = {"units": (unit,), "number": self.head().number + 1} | more
        head = msgspec.structs.replace(self.head(), **fields)
        sealed = seal_head(head, self.keys.key, (signer or self.issuer).sign, RANDOM)
        (self.place / HEAD).write_bytes(sealed)


@pytest.fixture
def copy(ada: Workspace, tmp_path: Path) -> Copy:
    session = session_of(ada, "one", "two")
    link = share_at(ada, session, tmp_path / "public")
    return Copy(link, tmp_path / "public", ada.with_engine(lambda engine: engine.device))


def rows_of(home: Workspace) -> dict[str, list[Any]]:
    """All that the home holds, but what counts commits."""

    def read(queries: Any) -> dict[str, list[Any]]:
        connection = queries._connection
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE '%VIRTUAL%'")
        tables = sorted(name for (name,) in names if not name.startswith(("commit_log", "sqlite_", "text_")))
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall())) for name in tables}

    return home.read(read)


def refused(bob: Workspace, copy: Copy, why: str, kind: type[Exception] = ProtocolError) -> None:
    """Opening fails with this sentence, and the home is as it was."""
    own = session_of(bob, "mine")
    before, blobs = rows_of(bob), sorted((bob.home / "blobs").rglob("*"))
    with pytest.raises(kind, match=why):
        open_text(bob, copy.link.text)
    after = rows_of(bob)
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}
    assert [path for path in (bob.home / "blobs").rglob("*") if path.is_file() and path not in blobs] == []
    assert texts_of(bob, own) == ["mine"]


def test_a_copy_can_be_published_by_hand(bob: Workspace, copy: Copy) -> None:
    """What the other tests change one thing of."""
    copy.publish(copy.records())
    assert open_text(bob, copy.link.text).kind == "copy"
    assert texts_of(bob, copy.link.name) == ["one", "two"]


# by whoever holds the place


def test_an_older_copy_does_not_take_anything_back(ada: Workspace, bob: Workspace, copy: Copy, tmp_path: Path) -> None:
    shutil.copytree(copy.folder, tmp_path / "older")
    say(ada, copy.link.name, "three")
    asyncio.run(refresh_links(ada))
    open_text(bob, copy.link.text)
    before = rows_of(bob)["opened"]
    shutil.rmtree(copy.folder)
    shutil.copytree(tmp_path / "older", copy.folder)
    open_text(bob, copy.link.text)
    assert rows_of(bob)["opened"] == before
    assert texts_of(bob, copy.link.name) == ["one", "two", "three"]


def test_a_changed_object_is_refused(bob: Workspace, copy: Copy) -> None:
    [name] = copy.head().objects()
    path = copy.place / name.hex()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    refused(bob, copy, "damaged or was exchanged")


def test_exchanged_objects_are_refused(ada: Workspace, bob: Workspace, copy: Copy) -> None:
    ada.write(lambda operations: operations.set_note(copy.link.name, "note"))
    asyncio.run(refresh_links(ada))
    first, second = (copy.place / name.hex() for name in copy.head().objects())
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    refused(bob, copy, "damaged or was exchanged")


@pytest.mark.parametrize("data", [b"", b"\0" * (OBJECT_BYTES + 1)])
def test_a_truncated_or_swollen_object_is_refused(bob: Workspace, copy: Copy, data: bytes) -> None:
    [name] = copy.head().objects()
    (copy.place / name.hex()).write_bytes(data)
    refused(bob, copy, "damaged or was exchanged|is missing", (ProtocolError, LinkGone))  # type: ignore[arg-type]


def test_a_missing_object_says_to_try_again(bob: Workspace, copy: Copy) -> None:
    [name] = copy.head().objects()
    (copy.place / name.hex()).unlink()
    refused(bob, copy, "Try again", LinkGone)


@pytest.mark.parametrize("data", [b"", b"junk", encode({"v": 1}), b"\0" * (MAX_HEAD_BYTES + 1)])
def test_a_broken_head_is_refused(bob: Workspace, copy: Copy, data: bytes) -> None:
    (copy.place / HEAD).write_bytes(data)
    refused(bob, copy, ".", (ProtocolError, LinkGone))  # type: ignore[arg-type]


def test_the_copy_of_another_link_is_refused(ada: Workspace, bob: Workspace, copy: Copy) -> None:
    other = share_at(ada, session_of(ada, "other"), copy.folder)
    shutil.rmtree(copy.place)
    shutil.copytree(copy.folder / other.id.hex(), copy.place)
    refused(bob, copy, "another link")


def test_a_holder_of_the_link_cannot_publish_in_the_name_of_its_issuer(bob: Workspace, copy: Copy) -> None:
    copy.publish(copy.records(), signer=STRANGER)
    refused(bob, copy, "not signed by the device")


# by whoever issued it


def _changed(copy: Copy, change: Callable[[Batch], Batch]) -> list[Record]:
    document, batch = copy.batch()
    return [EntriesRecord(document, encode_batch(change(batch)))]


def _resigned(batch: Batch) -> Batch:
    parts = (*batch.parts[:-1], replace(batch.parts[-1], signature=bytes(64)))
    return replace(batch, parts=parts)


def test_an_entry_that_its_device_did_not_sign_is_refused(bob: Workspace, copy: Copy) -> None:
    copy.publish(_changed(copy, _resigned))
    refused(bob, copy, "sign")


def test_entries_with_something_missing_between_them_are_refused(bob: Workspace, copy: Copy) -> None:
    document, batch = copy.batch()
    assert len(batch.parts) > 1
    alone = Batch(batch.parts[1:], "none", b"")
    copy.publish([EntriesRecord(document, encode_batch(alone))])
    refused(bob, copy, "not whole")


def test_a_device_that_the_head_does_not_name_is_refused(bob: Workspace, copy: Copy) -> None:
    copy.publish(copy.records(), authors=(CopyAuthor(b"x" * 32, b"p" * 32),))
    refused(bob, copy, "does not name")


def test_a_bundle_that_is_none_is_refused(bob: Workspace, copy: Copy) -> None:
    copy.publish(_changed(copy, lambda batch: replace(batch, form="bundle", payload=b"\x85\x6f\x4a\x83junk")))
    refused(bob, copy, "damaged")


@pytest.mark.parametrize("record", [BlobRecord(b"b" * 32, 0, 4, b"junk"), BlobRecord(b"b" * 32, 9, 99, b"junk")])
def test_a_payload_that_is_not_what_it_should_be_is_refused(bob: Workspace, copy: Copy, record: BlobRecord) -> None:
    copy.publish([*copy.records(), record])
    refused(bob, copy, "not what its id says|is missing")


def test_a_payload_that_nothing_refers_to_does_not_stay(bob: Workspace, copy: Copy) -> None:
    content = b"ballast" * 1000
    copy.publish([BlobRecord(row_blob_id(content), 0, len(content), content), *copy.records()])
    open_text(bob, copy.link.text)
    assert not bob.read(
        lambda queries: queries._connection.execute("SELECT 1 FROM blob WHERE id=?", (row_blob_id(content),)).fetchone()
    )


def test_more_than_the_session_is_refused(ada: Workspace, bob: Workspace, copy: Copy, tmp_path: Path) -> None:
    other = share_at(ada, session_of(ada, "other"), copy.folder)
    theirs = Copy(other, copy.folder, copy.issuer)
    copy.publish([*copy.records(), *theirs.records()])
    refused(bob, copy, "more than the session")


def test_a_copy_without_a_session_is_refused(bob: Workspace, copy: Copy) -> None:
    copy.publish([])
    refused(bob, copy, "holds no session")


@pytest.mark.parametrize("name", ["profile", "../../etc", "0" * 100])
def test_what_is_no_session_is_refused(bob: Workspace, copy: Copy, name: str) -> None:
    copy.publish(copy.records(), name=name)
    refused(bob, copy, "names no session")


def test_a_session_of_the_opener_cannot_be_claimed(bob: Workspace, copy: Copy) -> None:
    own = session_of(bob, "mine")
    copy.publish(copy.records(), name=own)
    refused(bob, copy, "already, in another workspace", UserError)
    copy.publish(copy.records(), name=own, workspace=bytes.fromhex(bob.id))
    assert open_text(bob, copy.link.text).kind == "own"
    assert texts_of(bob, own) == ["mine"]


def test_a_workspace_of_the_opener_cannot_be_written_into(bob: Workspace, copy: Copy) -> None:
    copy.publish(copy.records(), name=new_id(5, bytes(10)), workspace=bytes.fromhex(bob.id))
    refused(bob, copy, "has not arrived here yet", UserError)


def test_another_issuer_cannot_add_to_what_was_opened(
    bob: Workspace, copy: Copy, new_home: Callable[[], Workspace], tmp_path: Path
) -> None:
    """Somebody shares something of their own as if it were that session."""
    open_text(bob, copy.link.text)
    mallory = new_home()
    link = share_at(mallory, session_of(mallory, "three"), tmp_path / "theirs")
    theirs = Copy(link, tmp_path / "theirs", mallory.with_engine(lambda engine: engine.device))
    theirs.publish(theirs.records(), name=copy.link.name, workspace=copy.head().workspace)
    refused(bob, theirs, "from a link of another device", UserError)
    assert texts_of(bob, copy.link.name) == ["one", "two"]


def test_entries_for_a_document_of_another_workspace_are_refused(bob: Workspace, copy: Copy) -> None:
    """Signed by a device for its own workspace, sent for a document that another workspace has."""
    own = session_of(bob, "mine")
    device, workspace = bob.with_engine(lambda engine: (engine.device.device_id, engine.workspace(1)))
    document = segment_id(own, device, workspace.grant, 0)
    author = Author(seed=9, workspace=copy.head().workspace)
    _, chunks = author.write(("x", '"x"'))
    signed, _ = author.forge(chunks, document)
    batch = Batch((SignedPart(signed.entry, signed.signature),), "changes", b"".join(chunks))
    copy.publish([EntriesRecord(document, encode_batch(batch))], authors=(CopyAuthor(author.device, b"p" * 32),))
    refused(bob, copy, "another workspace")


def test_names_of_objects_say_nothing(copy: Copy) -> None:
    for path in copy.place.iterdir():
        assert path.name == HEAD or bytes.fromhex(path.name) == object_name(path.read_bytes())
