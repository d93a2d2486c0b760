"""Reading what `git status` prints: whatever it is, and what it means."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from app.agents.repository.status import MOST_FILES, ChangedFile, parse_status

OID = b"1" * 40
_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name)
_STATES = st.sampled_from([b"M.", b".M", b"MM", b"A.", b"AM", b"D.", b".D", b".T", b"M?"])


def plain(state: bytes, name: bytes, submodule: bytes = b"N...") -> bytes:
    return b" ".join([b"1", state, submodule, b"100644", b"100644", b"100644", OID, OID, name])


def test_branch_and_counts() -> None:
    head = b"# branch.oid " + OID + b"\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -13\0"
    status = parse_status(head + b"# stash 3\0! ignored\0")
    assert (status.head, status.branch, status.upstream) == (OID.decode(), "main", "origin/main")
    assert (status.ahead, status.behind, status.files) == (2, 13, ())


def test_before_the_first_commit_and_without_a_branch() -> None:
    assert parse_status(b"# branch.oid (initial)\0# branch.head (detached)\0") == parse_status(b"")


@given(st.lists(st.tuples(_STATES, _NAMES), max_size=8))
def test_every_side_of_every_file_is_told_once(files: list[tuple[bytes, bytes]]) -> None:
    status = parse_status(b"\0".join(plain(*file) for file in files))
    told = sorted((file.group, file.letter, os.fsencode(file.path)) for file in status.files)
    groups = ("staged", "changed")
    sides = [(groups[at], chr(state[at]), name) for state, name in files for at in (0, 1) if state[at : at + 1] != b"."]
    assert told == sorted(sides)


def test_a_moved_file_a_conflict_a_submodule_and_untracked_ones() -> None:
    moved = b" ".join([b"2", b"RM", b"N...", b"1", b"1", b"1", OID, OID, b"R100", b"new name"])
    conflict = b" ".join([b"u", b"UU", b"N...", b"1", b"1", b"1", b"1", OID, OID, OID, b"both"])
    records = [moved, b"old\nname", conflict, plain(b".M", b"sub", b"SC.."), b"? a b", b"? z/"]
    status = parse_status(b"\0".join(records) + b"\0")
    assert status.files == (
        ChangedFile("conflict", "both", "U"),
        ChangedFile("staged", "new name", "R", "old\nname"),
        ChangedFile("changed", "new name", "M"),
        ChangedFile("changed", "sub", "M", is_submodule=True),
        ChangedFile("untracked", "a b", "?"),
        ChangedFile("untracked", "z/", "?"),
    )


@given(st.binary(max_size=200))
def test_nothing_that_is_printed_is_an_error(printed: bytes) -> None:
    for output in (printed, b"1 " + printed + b"\0u " + printed + b"\0002 " + printed):
        status = parse_status(output)
        assert len(status.files) + status.more <= output.count(b"\0") + 1


def test_of_very_many_files_the_rest_is_counted() -> None:
    status = parse_status(b"\0".join(b"? %06d" % number for number in range(MOST_FILES + 7)))
    assert (len(status.files), status.more) == (MOST_FILES, 7)
