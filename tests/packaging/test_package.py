"""What the Debian package is made of: the pure parts of `packaging/`, and the files that it installs as they are."""

from __future__ import annotations

import configparser
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PySide6.QtGui import QImage

from app.cli.root import COMMANDS
from app.sessions.links import SCHEME
from app.ui import app as desktop

ROOT = Path(__file__).parents[2]
DEB = ROOT / "packaging/deb"
METAINFO = DEB / "app.lovelace.lovelace.metainfo.xml"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the names that a file in `packaging/` defines."""

    def load(name: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "path", list(sys.path))
        before = set(sys.modules)
        try:
            return runpy.run_path(str(ROOT / "packaging" / name))
        finally:
            for module in {"icons", "libraries"} - before:
                sys.modules.pop(module, None)

    return load


def test_the_control_file_has_the_projects_version_and_every_field(recipe: Any) -> None:
    build = recipe("deb/build.py")
    assert build["project_version"]() == VERSION
    text = build["control"]("1.2.0rc1", "arm64", 1234, "libc6 (>= 2.36), libegl1")
    fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == ("lovelace", "1.2.0~rc1", "arm64")
    assert (fields["Installed-Size"], fields["Depends"]) == ("1234", "libc6 (>= 2.36), libegl1")
    assert "@" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", "0.1.0"),
        ("1.0rc1", "1.0~rc1"),
        ("1.0a2", "1.0~a2"),
        ("1.0.dev3", "1.0~dev3"),
        ("1.0.post1", "1.0.post1"),
    ],
)
def test_what_comes_before_a_release_is_older_for_debian_too(recipe: Any, version: str, expected: str) -> None:
    assert recipe("deb/build.py")["debian_version"](version) == expected


def test_links_and_menus_start_the_program_by_the_name_of_its_window() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEB / "lovelace.desktop", encoding="utf-8")
    entry = parser["Desktop Entry"]
    assert entry["Exec"] == "lovelace desktop %u"
    assert "desktop" in COMMANDS
    assert f"x-scheme-handler/{SCHEME}" in entry["MimeType"].split(";")
    assert (entry["Type"], entry["Terminal"], entry["Icon"]) == ("Application", "false", "lovelace")
    assert f'setDesktopFileName("{entry["StartupWMClass"]}")' in Path(desktop.__file__).read_text(encoding="utf-8")


def test_the_metainfo_tells_of_this_version_and_this_desktop_entry() -> None:
    component = ElementTree.parse(METAINFO).getroot()
    releases = [release.attrib["version"] for release in component.iterfind("releases/release")]
    assert releases[0] == VERSION
    assert component.findtext("launchable") == "lovelace.desktop"
    assert f"{component.findtext('id')}.metainfo.xml" == METAINFO.name
    assert component.findtext("provides/mediatype") == f"x-scheme-handler/{SCHEME}"


@pytest.mark.external
@pytest.mark.parametrize(
    "command",
    [
        ["desktop-file-validate", str(DEB / "lovelace.desktop")],
        ["appstreamcli", "validate", "--no-net", "--pedantic", str(METAINFO)],
    ],
    ids=lambda command: command[0],
)
def test_desktop_data_are_valid(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_icon_is_rendered_in_every_size(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "packaging/icons.py", tmp_path], check=True, timeout=60)
    images = {int(path.stem): QImage(str(path)) for path in tmp_path.iterdir()}
    assert sorted(images) == [16, 22, 24, 32, 48, 64, 128, 256, 512]
    for size, image in images.items():
        assert (image.width(), image.height()) == (size, size)
        assert image.pixelColor(0, 0).alpha() == 0 or size < 24, "round corners"
        assert image.pixelColor(size // 2, size // 8).name() == "#3b5bdb"


@pytest.mark.parametrize(
    ("destination", "source", "wanted"),
    [
        ("libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.3", False),
        ("libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1", False),
        ("libpython3.11.so.1.0", "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", True),
        ("python3.11/lib-dynload/_ssl.so", "/usr/lib/python3.11/lib-dynload/_ssl.so", True),
        ("libQt6Core.so.6", "/home/me/.venv/lib/PySide6/Qt/lib/libQt6Core.so.6", True),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", "/home/me/.venv/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", "/home/me/x", True),
        ("PySide6/Qt/plugins/iconengines/libqsvgicon.so", "/home/me/x", True),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", "/home/me/x", False),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", "/home/me/x", False),
        ("PySide6/Qt/translations/qt_de.qm", "/home/me/x", False),
    ],
)
def test_the_bundle_leaves_out_what_the_system_has_and_nobody_uses(
    recipe: Any, destination: str, source: str, wanted: bool
) -> None:
    assert recipe("contents.py")["is_wanted"](destination, source) is wanted


def test_nothing_that_the_program_needs_is_excluded(recipe: Any) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    assert not needed & {canonicalize_name(name) for name in recipe("contents.py")["EXCLUDED"]}


def test_other_programs_get_the_persons_environment(recipe: Any) -> None:
    environment = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/usr/lib/lovelace/_internal",
        "DYLD_LIBRARY_PATH": "/x:/mine",
        "DYLD_LIBRARY_PATH_ORIG": "/mine",
        "_PYI_ARCHIVE_FILE": "/usr/lib/lovelace/lovelace",
        "QT_PLUGIN_PATH": "/usr/lib/lovelace/_internal/PySide6/Qt/plugins",
        "QML2_IMPORT_PATH": "/usr/lib/lovelace/_internal/PySide6/Qt/qml",
    }
    recipe("start.py")["restore_environment"](environment)
    assert environment == {"PATH": "/bin", "DYLD_LIBRARY_PATH": "/mine"}


def test_the_licences_of_what_is_bundled_come_along(recipe: Any, tmp_path: Path) -> None:
    recipe("libraries.py")["copy_licenses"](tmp_path / "licenses")
    listed = (tmp_path / "licenses/README").read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in listed]
    assert {"pyside6-essentials", "shiboken6", "automerge", "pydantic-core", "openai"} <= set(names)
    assert not {"lovelace", "pytest", "mypy", "xllamacpp"} & set(names)
    assert all(re.fullmatch(r"\S+ \S+: \S.*", line) for line in listed)
    assert "Permission is hereby granted" in (tmp_path / "licenses/keyring/LICENSE").read_text(encoding="utf-8")
    assert (tmp_path / "licenses/python/LICENSE.txt").is_file()


def test_libraries_find_their_own_versions_and_nothing_of_this_machine_comes_along(recipe: Any) -> None:
    files = recipe("libraries.py")["metadata_files"]("lovelace")
    assert {Path(source).name for source, _ in files} == {"METADATA", "entry_points.txt"}
    folders = {folder for _, folder in files}
    assert any(folder.startswith("lovelace-") for folder in folders)
    assert any(folder.startswith("genai_prices-") for folder in folders)
    assert not any(folder.startswith(("pytest", "mypy")) for folder in folders)
