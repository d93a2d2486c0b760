"""Wraps the bundle into a Debian package: `python packaging/deb/build.py`, after PyInstaller (`make package`).

The package depends on the libraries of the distribution that it is built on, as `dpkg-shlibdeps` names them, so it is
for that distribution and later ones.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUNDLE = ROOT / "build/bundle/lovelace"
TREE = ROOT / "build/deb"
sys.path.insert(0, str(HERE.parent))

from icons import SVG, render_icons  # noqa: E402  scripts beside this folder
from libraries import copy_licenses  # noqa: E402

METAINFO = "app.lovelace.lovelace.metainfo.xml"
PROGRAM = "usr/lib/lovelace"


def project_version() -> str:
    """The version in `pyproject.toml`."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def debian_version(version: str) -> str:
    """A Python version as Debian orders it: what comes before a release has a tilde."""
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version)


def control(version: str, architecture: str, kibibytes: int, libraries: str) -> str:
    """The control file. libraries: the value of its field Depends."""
    values = {
        "VERSION": debian_version(version),
        "ARCHITECTURE": architecture,
        "KIBIBYTES": str(kibibytes),
        "LIBRARIES": libraries,
    }
    template = (HERE / "control.in").read_text(encoding="utf-8")
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], template)


def lay_out(tree: Path) -> None:
    """Fill an empty folder with everything that the package installs."""
    shutil.copytree(BUNDLE, tree / PROGRAM, symlinks=True)
    link = tree / "usr/bin/lovelace"
    link.parent.mkdir(parents=True)
    link.symlink_to("../lib/lovelace/lovelace")
    icons = tree / "usr/share/icons/hicolor"
    install(SVG, icons / "scalable/apps/lovelace.svg")
    for size, file in render_icons(ROOT / "build/icons").items():
        install(file, icons / f"{size}x{size}/apps/lovelace.png")
    install(HERE / "lovelace.desktop", tree / "usr/share/applications/lovelace.desktop")
    install(HERE / METAINFO, tree / "usr/share/metainfo" / METAINFO)
    documents = tree / "usr/share/doc/lovelace"
    install(HERE / "copyright", documents / "copyright")
    copy_licenses(documents / "licenses")


def install(source: Path, target: Path) -> None:
    """Copy a file that everyone may read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def needed_libraries(tree: Path) -> str:
    """The packages whose libraries the bundle's programs need, in the form of the field Depends."""
    work = ROOT / "build/shlibdeps"
    (work / "debian").mkdir(parents=True, exist_ok=True)
    (work / "debian/control").write_text("Source: lovelace\n\nPackage: lovelace\nArchitecture: any\n")
    own = sorted({file.parent for file in binaries(tree)})
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", *(f"-l{folder}" for folder in own)]
    return run(*command, *map(str, binaries(tree)), cwd=work).removeprefix("shlibs:Depends=")


def binaries(tree: Path) -> Iterator[Path]:
    """Programs and libraries in a folder: the files that begin as ELF files do."""
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def main() -> None:
    """Build the package and say where it is."""
    shutil.rmtree(TREE, ignore_errors=True)
    (TREE / "DEBIAN").mkdir(parents=True)
    lay_out(TREE)
    version, architecture = project_version(), run("dpkg", "--print-architecture")
    kibibytes = sum(path.lstat().st_size for path in TREE.rglob("*") if not path.is_dir()) // 1024
    text = control(version, architecture, kibibytes, needed_libraries(TREE))
    (TREE / "DEBIAN/control").write_text(text, encoding="utf-8")
    package = ROOT / f"dist/lovelace_{debian_version(version)}_{architecture}.deb"
    package.parent.mkdir(exist_ok=True)
    run("dpkg-deb", "--root-owner-group", "--build", str(TREE), str(package))
    print(f"{package.relative_to(ROOT)}: {package.stat().st_size / 1e6:.0f} MB, {kibibytes / 1024:.0f} MiB installed")


def run(*command: str, cwd: Path = ROOT) -> str:
    """What a program prints; leaves with its error when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
