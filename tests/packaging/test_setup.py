"""The setup script, with stand-ins for the programs it calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    *(
        f"packaging/{name}"
        for name in ("setup.sh", *(f"requirements{kind}.txt" for kind in ("", "-external", "-agents", "-mcp")))
    ),
    "pyproject.toml",
]


class Machine:
    """A checkout and a folder of stand-in programs, alone in PATH, that write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin, self.log = folder / "checkout", folder / "bin", folder / "calls"
        for name in FILES:
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.checkout / name)
        self.bin.mkdir()
        for name in "sh cat cp dirname env grep mkdir mktemp rm sha256sum touch".split():
            (self.bin / name).symlink_to(shutil.which(name) or name)
        self.log.touch()
        self.program("uname", "echo Linux")
        self.program("id", "echo 0")
        self.program("dpkg-query", "echo 'ii '")
        for name in ("apt-get", "sudo", "npm"):
            self.program(name)
        self.python()

    def program(self, name: str, body: str = "", folder: Path | None = None) -> None:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def python(self, version: str = "3.11", body: str = "") -> None:
        """A Python that answers the version check and makes a .venv with a lovelace in it."""
        usable = "exit 0" if version in ("3.11", "3.12") else "exit 1"
        self.program("lovelace", 'mkdir -p "$HOME/m"; touch "$HOME/m/x"', self.checkout / "template")
        make = 'for place; do :; done; mkdir -p "$place/bin"; cp template/lovelace "$place/bin/"; '
        make += 'cp $0 "$place/bin/python"'
        script = f'case "$*" in *version_info\\[:2\\]*exit*|*sys.exit*) {usable};; *"-m venv"*) {make};; '
        script += f'*model_store*) echo "$HOME/m/x";; esac\n{body}'
        for name in ("python3.12", "python3.11", "python3"):
            self.program(name, script)

    def setup(self, step: str, stdin: int = subprocess.DEVNULL, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": str(self.bin), "HOME": str(self.checkout), **environment}
        self.log.write_text("")
        return subprocess.run(
            [str(self.bin / "sh"), "packaging/setup.sh", step],
            cwd=self.checkout,
            env=variables,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self, program: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(program + " ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_second_run_is_silent_and_installs_nothing(machine: Machine) -> None:
    first = machine.setup("run")
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert "Installing Python packages" in first.stderr
    assert machine.calls("lovelace") == ["lovelace models get"]
    second = machine.setup("run")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert machine.calls("apt-get") == machine.calls("lovelace") == machine.calls("python3.12") == []


def test_packages_are_installed_by_hash_and_without_build_downloads(machine: Machine) -> None:
    machine.setup("run", LOCAL="0")
    pip = [call for call in machine.log.read_text().splitlines() if " -m pip install " in call]
    assert "--require-hashes" in pip[0] and "packaging/requirements.txt" in pip[0]
    assert "--no-deps --no-build-isolation" in pip[1] and pip[1].endswith(" -e .")


def test_changed_requirements_are_installed(machine: Machine) -> None:
    machine.setup("test")
    (machine.checkout / "packaging/requirements.txt").write_text("")
    assert "Installing Python packages" in machine.setup("test").stderr


def test_local_0_leaves_the_model_out(machine: Machine) -> None:
    assert machine.setup("run", LOCAL="0").returncode == 0
    assert machine.calls("lovelace") == []


def test_without_the_model_the_program_still_starts_but_external_tests_do_not(machine: Machine) -> None:
    machine.program("lovelace", "exit 1", machine.checkout / "template")
    run = machine.setup("run")
    assert run.returncode == 0
    assert "Going on without the embedded model" in run.stderr
    external = machine.setup("external")
    assert external.returncode == 1
    assert "LOCAL=0 leaves it and its tests out" in external.stderr


def test_only_missing_system_packages_are_installed(machine: Machine) -> None:
    machine.program("dpkg-query", 'case "$*" in *xdotool*) exit 1;; *) echo "ii ";; esac')
    assert machine.setup("run", LOCAL="0").stderr.count("Installing system packages") == 0
    tested = machine.setup("test")
    assert "Installing system packages: xdotool\n" in tested.stderr
    update, install = machine.calls("apt-get")
    assert update.endswith("update")
    assert install.endswith("install --no-install-recommends xdotool")
    assert machine.calls("sudo") == []


def test_a_library_under_its_newer_debian_name_counts(machine: Machine) -> None:
    machine.program(
        "dpkg-query", 'case "$*" in *libglib2.0-0t64*) echo "ii ";; *libglib*) exit 1;; *) echo "ii ";; esac'
    )
    machine.setup("run", LOCAL="0")
    assert machine.calls("apt-get") == []


def test_sudo_is_used_by_others_than_root_and_never_asks_without_a_terminal(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("dpkg-query", "exit 1")
    machine.setup("run", LOCAL="0")
    assert machine.calls("sudo")[0].startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get")


def test_without_sudo_the_person_is_told_what_to_install(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("dpkg-query", 'case "$*" in *libegl1*) exit 1;; *) echo "ii ";; esac')
    (machine.bin / "sudo").unlink()
    failed = machine.setup("run")
    assert failed.returncode == 1
    assert failed.stderr.endswith("Run as root, then try again: apt-get install libegl1\n")


def test_a_person_at_a_terminal_is_asked_for_the_password(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("dpkg-query", 'case "$*" in *libegl1*) exit 1;; *) echo "ii ";; esac')
    terminal, other_end = os.openpty()
    try:
        machine.setup("run", stdin=other_end, LOCAL="0")
    finally:
        os.close(terminal)
        os.close(other_end)
    assert machine.calls("sudo")[0].startswith("sudo env DEBIAN_FRONTEND")


def test_a_failing_apt_says_why(machine: Machine) -> None:
    machine.program("dpkg-query", "exit 1")
    machine.program("apt-get", "echo E: no such package; exit 100")
    failed = machine.setup("run")
    assert failed.returncode == 1
    assert "E: no such package" in failed.stderr
    assert "apt-get could not install" in failed.stderr


def test_a_failing_pip_says_so_and_is_tried_again(machine: Machine) -> None:
    machine.python(body='case "$*" in *"pip install"*) exit 1;; esac')
    assert "Python packages could not be installed" in machine.setup("run").stderr
    assert machine.setup("run").returncode == 1


def test_no_fitting_python_is_one_clear_sentence(machine: Machine) -> None:
    machine.python(version="3.13")
    failed = machine.setup("run")
    assert failed.returncode == 1
    assert "needs Python 3.11 or 3.12 and found neither" in failed.stderr


def test_on_macos_nothing_is_installed_with_apt(machine: Machine) -> None:
    machine.program("uname", "echo Darwin")
    machine.program("dpkg-query", "exit 1")
    assert machine.setup("run", LOCAL="0").returncode == 0
    assert machine.calls("apt-get") == []


def test_javascript_peers_are_installed_once_by_name(machine: Machine) -> None:
    assert machine.setup("external", LOCAL="0").returncode == 0
    automerge, agents, _mcp = machine.calls("npm")
    repo = ["@automerge/automerge-repo@2.5", "@automerge/automerge-repo-network-websocket@2.5"]
    assert automerge.split()[-3:] == ["@automerge/automerge@3.5", *repo]
    assert "--prefix build/external/agents opencode-ai@" in agents and "@qwen-code/qwen-code@" in agents
    assert machine.setup("external", LOCAL="0").stderr == ""
    assert machine.calls("npm") == []


def test_storage_servers_are_installed_once_with_hashes_beside_the_environment(machine: Machine) -> None:
    def installed() -> list[str]:
        return [call for call in machine.log.read_text().splitlines() if "requirements-external.txt" in call]

    assert machine.setup("external", LOCAL="0").returncode == 0
    (call,) = installed()
    assert "--require-hashes" in call and "--target build/external/servers" in call
    assert machine.setup("external", LOCAL="0").stderr == ""
    assert installed() == []
    (machine.checkout / "packaging/requirements-external.txt").write_text("")
    assert "Installing storage servers" in machine.setup("external", LOCAL="0").stderr


def test_coding_agents_are_installed_once_each_in_a_place_of_its_own(machine: Machine) -> None:
    def installed() -> list[str]:
        return [call for call in machine.log.read_text().splitlines() if "requirements-agents.txt" in call]

    assert machine.setup("external", LOCAL="0").returncode == 0
    (call,) = installed()
    assert "--require-hashes" in call
    assert (machine.checkout / "build/external/agents/vibe/bin/python").exists()
    assert machine.setup("external", LOCAL="0").stderr == ""
    (machine.checkout / "packaging/requirements-agents.txt").write_text("")
    (machine.bin / "python3.12").unlink()
    without = machine.setup("external", LOCAL="0")
    assert without.returncode == 0
    assert "the tests with mistral-vibe are left out" in without.stderr


def test_a_python_that_only_pyenv_knows_is_found(machine: Machine) -> None:
    place = machine.checkout / ".pyenv/versions/3.12.9/bin"
    place.mkdir(parents=True)
    (machine.bin / "python3.12").rename(place / "python3.12")
    assert "left out" not in machine.setup("external", LOCAL="0").stderr
    assert (machine.checkout / "build/external/agents/vibe/bin/python").exists()


def test_mcp_servers_are_installed_once_by_name_and_hash(machine: Machine) -> None:
    def installed() -> list[str]:
        return [call for call in machine.log.read_text().splitlines() if "requirements-mcp.txt" in call]

    assert machine.setup("external", LOCAL="0").returncode == 0
    (call,) = installed()
    assert "--require-hashes" in call
    assert (machine.checkout / "build/external/mcp/python/bin/python").exists()
    names = "server-everything", "server-filesystem", "server-memory", "conformance"
    (npm,) = [call for call in machine.calls("npm") if "--prefix build/external/mcp " in call]
    assert [word.rpartition("@")[0] for word in npm.split()[-4:]] == [f"@modelcontextprotocol/{one}" for one in names]
    assert machine.setup("external", LOCAL="0").stderr == ""
    assert installed() == machine.calls("npm") == []
    (machine.checkout / "packaging/requirements-mcp.txt").write_text("")
    assert "Installing MCP servers" in machine.setup("external", LOCAL="0").stderr


def test_a_package_needs_the_tools_of_debian(machine: Machine) -> None:
    refused = machine.setup("package")
    assert refused.returncode == 1
    assert "on Debian or Ubuntu only" in refused.stderr
    machine.program("dpkg-deb")
    machine.program("dpkg-query", 'case "$*" in *dpkg-dev*) exit 1;; *) echo "ii ";; esac')
    assert machine.setup("package").returncode == 0
    assert machine.calls("apt-get")[-1].endswith("install --no-install-recommends dpkg-dev")
    assert machine.calls("lovelace") == []


def test_an_unknown_step_is_refused(machine: Machine) -> None:
    assert machine.setup("dance").returncode == 1
