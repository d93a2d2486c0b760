"""Names, what to read next, and upkeep, on made-up listings."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync.protocol.mailbox import (
    MAX_DEVICES,
    MAX_NUMBER,
    MAX_OBJECT_BYTES,
    Head,
    Layout,
    ObjectName,
    covered,
    object_start,
    read_heads,
    read_name,
    read_names,
    to_read,
)
from sync.protocol.mailbox_upkeep import (
    KEPT_DAYS,
    LARGE_BYTES,
    MERGED_TOGETHER,
    SMALL_BYTES,
    gaps,
    merges,
    overlapping,
    replaced,
)

numbers = st.integers(1, 60)
digests = st.binary(min_size=16, max_size=16).map(bytes.hex)


@st.composite
def object_names(draw: st.DrawFn) -> ObjectName:
    first = draw(numbers)
    size = draw(st.sampled_from([1, 500, SMALL_BYTES, LARGE_BYTES]))
    return ObjectName(first, first + draw(st.integers(0, 12)), draw(st.integers(0, 90)), size, draw(digests))


listings = st.lists(object_names(), max_size=25, unique=True)


def held(names: list[ObjectName]) -> set[int]:
    return {number for name in names for number in range(name.first, name.last + 1)}


@given(object_names())
def test_a_name_reads_as_it_was_written(name: ObjectName) -> None:
    assert read_name(str(name)) == name


@given(st.text(max_size=80) | st.from_regex(r"\A[0-9]{16}-[0-9]{16}-[0-9]{1,9}-[0-9]{1,9}-[0-9a-fA-F]{31,33}\Z"))
def test_any_other_name_is_foreign_or_reads_as_itself(text: str) -> None:
    name = read_name(text)
    assert name is None or str(name) == text


def test_names_out_of_bounds_are_foreign() -> None:
    good = ObjectName(1, 2, 3, 4, "0" * 32)
    assert read_names([str(good)]) == [good]
    for bad in (
        ObjectName(0, 2, 3, 4, "0" * 32),
        ObjectName(3, 2, 3, 4, "0" * 32),
        ObjectName(1, MAX_NUMBER + 1, 3, 4, "0" * 32),
        ObjectName(1, 2, 3, MAX_OBJECT_BYTES + 1, "0" * 32),
    ):
        assert read_names([str(bad)]) == []
    for text in (f"{good} (conflicted copy)", f"{good}.tmp", f"{good}\n", str(good).upper() + "A", f".{good}"):
        assert read_name(text) is None


def test_a_name_fits_its_content_alone() -> None:
    name = ObjectName.of(1, 2, 3, b"content")
    assert name.fits(b"content")
    assert not name.fits(b"conten") and not name.fits(b"Content") and not name.fits(b"content ")


@given(object_names(), st.integers(0, 80))
def test_names_after_a_number_are_those_that_end_after_it(name: ObjectName, n: int) -> None:
    assert (str(name) > object_start(n)) == (name.last > n)


def test_names_tell_nothing_and_differ_by_secret_device_and_purpose() -> None:
    one, other = Layout(b"1" * 32), Layout(b"2" * 32)
    device = b"d" * 32
    names = [one.root, other.root, one.folder(device), other.folder(device), one.folder(b"e" * 32)]
    names += [one.blob("f", device), one.blob("f", b"e" * 32)]
    assert len(set(names)) == len(names)
    assert all(device.hex()[:8] not in name for name in names)
    assert one.heads == f"{one.root}heads/" and one.stream("f", "entries") == f"{one.root}f/entries/"


def test_heads_are_read_by_folder_and_bounded() -> None:
    head = Head("0" * 32, 1, 2, 3, 4)
    assert read_heads([str(head), "x", f"{head} (1)", "", f"{head}-"]) == {head.folder: [head]}
    assert read_heads([f"{'0' * 32}-01-2-3-4"]) == {}
    many = [str(Head(f"{n:032x}", 1, 2, 3, 4)) for n in range(MAX_DEVICES + 10)]
    assert len(read_heads(many)) == MAX_DEVICES


@given(listings, st.integers(0, 70), st.data())
def test_everything_that_can_be_had_is_read_and_little_twice(
    names: list[ObjectName], n: int, data: st.DataObject
) -> None:
    some = st.sets(st.sampled_from(names)) if names else st.just(set[ObjectName]())
    have, without = data.draw(some), data.draw(some)
    wanted = to_read(names, n, have, without)
    useful = [name for name in names if name not in without and name.last > n]
    assert set(wanted) <= set(useful) - have
    read = held(wanted) | held([name for name in useful if name in have])
    assert {number for number in held(useful) if number > n} <= read
    assert all(left.first < right.first and left.last < right.last for left, right in pairwise(wanted))


@given(listings, st.integers(0, 70))
def test_covered_is_the_number_up_to_which_nothing_is_missing(names: list[ObjectName], n: int) -> None:
    end = covered(names, n)
    assert all(number in held(names) for number in range(n + 1, end + 1))
    assert end + 1 not in held(names)


@given(listings, st.integers(0, 90))
def test_gaps_are_what_is_in_no_object(names: list[ObjectName], last: int) -> None:
    missing = {number for first, end in gaps(names, last) for number in range(first, end + 1)}
    assert missing == set(range(1, last + 1)) - held(names)


@given(listings, st.integers(0, 120))
def test_what_goes_has_long_been_replaced_and_nothing_is_lost(names: list[ObjectName], today: int) -> None:
    gone = replaced(names, today)
    left = [name for name in names if name not in gone]
    assert held(left) == held(names)
    for name in gone:
        assert any(o.first <= name.first and name.last <= o.last and o.day <= today - KEPT_DAYS for o in left)


@given(listings)
def test_rows_to_merge_are_small_neighbours(names: list[ObjectName]) -> None:
    for row in merges(names):
        assert len(row) >= MERGED_TOGETHER
        assert all(name.size < SMALL_BYTES for name in row)
        assert sum(name.size for name in row) <= LARGE_BYTES
        assert all(right.first <= left.last + 1 for left, right in pairwise(row))


def test_many_small_objects_in_a_row_are_merged_until_they_are_large() -> None:
    def small(n: int) -> ObjectName:
        return ObjectName(n, n, 0, SMALL_BYTES - 1, f"{n:032x}")

    assert merges([small(n) for n in range(1, MERGED_TOGETHER)]) == []
    assert [len(row) for row in merges([small(n) for n in range(1, 41)])] == [16, 16]
    split = [small(n) for n in range(1, 40) if n != 12]
    assert [[row[0].first, row[-1].last] for row in merges(split)] == [[13, 28]]


@given(listings, st.sets(numbers))
def test_overlapping_objects_hold_one_of_the_numbers(names: list[ObjectName], wanted: set[int]) -> None:
    assert overlapping(names, wanted) == [name for name in names if held([name]) & wanted]
