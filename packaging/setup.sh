#!/bin/sh
# Makes this checkout ready to run. Safe to repeat: what is present is left alone, silently.
#
#   packaging/setup.sh run        system libraries, .venv, the embedded model (LOCAL=0 leaves the model out)
#   packaging/setup.sh test       system libraries and those the tests use, .venv
#   packaging/setup.sh external   the above, the embedded model, and the outside programs that tests talk to
#   packaging/setup.sh package    system libraries, .venv and what makes a Debian package
set -eu
cd "$(dirname "$0")/.."

RUN_PACKAGES="make bubblewrap libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0
 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 fonts-inter fonts-jetbrains-mono fonts-noto-color-emoji"
TEST_PACKAGES="xvfb xdotool openbox at-spi2-core dbus gnome-keyring iproute2 tmux gcc libc6-dev"
PACKAGE_PACKAGES="binutils dpkg-dev"
# For the test that installs the package into a bare system, and the checks of its desktop data.
TRIAL_PACKAGES="debootstrap desktop-file-utils appstream"
EXTERNAL_DIR=build/external
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore .venv/bin/python -m pip install -qq --no-input"
AUTOMERGE_JS="@automerge/automerge@3.5 @automerge/automerge-repo@2.5 @automerge/automerge-repo-network-websocket@2.5"
AGENTS_JS="opencode-ai@1.18.33 @qwen-code/qwen-code@0.24.4"
# Later versions of the conformance suite need Node.js 22, which Debian 12 and 13 do not have.
MCP_JS="@modelcontextprotocol/server-everything@2026.8.31 @modelcontextprotocol/server-filesystem@2026.8.31
 @modelcontextprotocol/server-memory@2026.8.31 @modelcontextprotocol/conformance@0.1.13"

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Debian and Ubuntu name some libraries differently since the change to 64-bit times: NAME or NAMEt64.
installed() {
    dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" "${1}t64" 2>/dev/null | grep -q '^ii'
}

missing_packages() {
    for package in "$@"; do
        installed "$package" || printf ' %s' "$package"
    done
}

# What to put before a command that needs root; sudo asks for a password only where someone can type one.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then
        return 0
    elif ! command -v sudo >/dev/null; then
        fail "Lovelace needs system packages and there is no sudo. Run as root, then try again: apt-get install $*"
    elif [ -t 0 ]; then
        echo sudo
    else
        echo sudo -n
    fi
}

apt_install() {
    apt="$(root_prefix "$@") env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300"
    apt_log=$(mktemp)
    if ! { $apt update && $apt install --no-install-recommends "$@"; } >"$apt_log" 2>&1; then
        cat "$apt_log" >&2
        rm -f "$apt_log"
        fail "apt-get could not install: $*. The lines above say why; 'make' again goes on from here."
    fi
    rm -f "$apt_log"
}

system_packages() {
    if [ "$(uname -s)" = Darwin ]; then
        command -v node >/dev/null || [ "$step" != external ] || fail "Install Node.js first: brew install node"
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        say "This is not Debian or Ubuntu: install the equivalents of these packages by hand if the window does not open:"
        say "  $*"
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    say "Installing system packages:$missing"
    # shellcheck disable=SC2086  # a list of words is meant
    apt_install $missing
}

usable_python() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

# Every folder of PATH is tried: a version manager's "python3.12" may be there and not work.
find_python() {
    for version in python3.12 python3.11 python3; do
        IFS=:
        for folder in $PATH; do
            if [ -x "$folder/$version" ] && usable_python "$folder/$version"; then
                printf '%s\n' "$folder/$version"
                return 0
            fi
        done
        unset IFS
    done
    hint="apt-get install python3.11 (or python3.12) python3.11-venv"
    [ "$(uname -s)" != Darwin ] || hint="brew install python@3.12"
    fail "Lovelace needs Python 3.11 or 3.12 and found neither. Install one, for example: $hint"
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

python_environment() {
    wanted=$(cat packaging/requirements.txt pyproject.toml | checksum)
    [ "$(cat .venv/.installed 2>/dev/null)" != "$wanted" ] || [ ! -x .venv/bin/lovelace ] || return 0
    if ! { [ -x .venv/bin/python ] && usable_python .venv/bin/python; }; then
        python=$(find_python)
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && command -v apt-get >/dev/null; then
            system_packages "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        fi
        rm -rf .venv
        "$python" -m venv .venv || fail "$python could not make a virtual environment in $(pwd)/.venv."
    fi
    say "Installing Python packages into .venv (a minute or two)"
    $pip --require-hashes --only-binary :all: --no-deps -r packaging/requirements.txt \
        || fail "The Python packages could not be installed. The lines above say why; 'make' again goes on from here."
    $pip --no-deps --no-build-isolation --config-settings editable_mode=compat -e . || fail "Lovelace could not be installed into .venv."
    printf '%s\n' "$wanted" >.venv/.installed
}

embedded_model() {
    [ "${LOCAL:-1}" != 0 ] || return 0
    if [ -f "$(cat .venv/.model 2>/dev/null)" ]; then return 0; fi
    say "Making sure of the embedded model (1.1 GB, fetched once; LOCAL=0 leaves it out)"
    .venv/bin/lovelace models get >/dev/null && model_path >.venv/.model
}

model_path() {
    .venv/bin/python -c 'from app.agents.local import model_store; print(model_store.find(model_store.EMBEDDED))'
}

javascript_peers() {
    if ! command -v npm >/dev/null; then
        system_packages nodejs npm
    fi
    [ "$(cat $EXTERNAL_DIR/.installed 2>/dev/null)" != "$AUTOMERGE_JS" ] || return 0
    say "Installing $AUTOMERGE_JS into $EXTERNAL_DIR"
    mkdir -p $EXTERNAL_DIR
    # shellcheck disable=SC2086  # a list of words is meant
    npm install --loglevel=error --no-audit --no-fund --prefix $EXTERNAL_DIR $AUTOMERGE_JS </dev/null >&2 \
        || fail "npm could not install $AUTOMERGE_JS. The lines above say why."
    printf '%s\n' "$AUTOMERGE_JS" >$EXTERNAL_DIR/.installed
}

storage_servers() {
    wanted=$(checksum <packaging/requirements-external.txt)
    [ "$(cat $EXTERNAL_DIR/servers/.installed 2>/dev/null)" != "$wanted" ] || return 0
    say "Installing storage servers into $EXTERNAL_DIR/servers"
    rm -rf $EXTERNAL_DIR/servers
    mkdir -p $EXTERNAL_DIR/servers
    $pip --require-hashes --only-binary :all: --no-deps --target $EXTERNAL_DIR/servers \
        -r packaging/requirements-external.txt \
        || fail "The storage servers could not be installed. The lines above say why; 'make' again goes on from here."
    printf '%s\n' "$wanted" >$EXTERNAL_DIR/servers/.installed
}

# Agents that the tests of external agents talk with; mistral-vibe, which needs Python 3.12, has an environment of its own.
external_agents() {
    agents=$EXTERNAL_DIR/agents
    wanted="$AGENTS_JS $(checksum <packaging/requirements-agents.txt)"
    [ "$(cat $agents/.installed 2>/dev/null)" != "$wanted" ] || return 0
    say "Installing coding agents into $agents"
    rm -rf $agents
    mkdir -p $agents
    # shellcheck disable=SC2086  # a list of words is meant
    npm install --loglevel=error --no-audit --no-fund --prefix $agents $AGENTS_JS </dev/null >&2 \
        || fail "npm could not install $AGENTS_JS. The lines above say why."
    if python=$(python_312); then
        "$python" -m venv $agents/vibe && $agents/vibe/bin/python -m pip install -qq --no-input \
            --require-hashes --only-binary :all: --no-deps -r packaging/requirements-agents.txt \
            || fail "mistral-vibe could not be installed. The lines above say why; 'make' again goes on from here."
    else
        say "There is no Python 3.12, so the tests with mistral-vibe are left out."
    fi
    printf '%s\n' "$wanted" >$agents/.installed
}

# MCP servers that the tests connect to, and the conformance suite; those from PyPI have an environment of their own.
mcp_servers() {
    servers=$EXTERNAL_DIR/mcp
    wanted="$MCP_JS $(checksum <packaging/requirements-mcp.txt)"
    [ "$(cat $servers/.installed 2>/dev/null)" != "$wanted" ] || return 0
    say "Installing MCP servers into $servers"
    rm -rf $servers
    mkdir -p $servers
    # shellcheck disable=SC2086  # a list of words is meant
    npm install --loglevel=error --no-audit --no-fund --prefix $servers $MCP_JS </dev/null >&2 \
        || fail "npm could not install $MCP_JS. The lines above say why."
    .venv/bin/python -m venv $servers/python && $servers/python/bin/python -m pip install -qq --no-input \
        --require-hashes --only-binary :all: --no-deps -r packaging/requirements-mcp.txt \
        || fail "The MCP servers from PyPI could not be installed. The lines above say why; 'make' again goes on from here."
    printf '%s\n' "$wanted" >$servers/.installed
}

# Also one that pyenv has and no shim leads to.
python_312() {
    IFS=:
    for folder in $PATH "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.12.*/bin; do
        if [ -x "$folder/python3.12" ] && "$folder/python3.12" -c 'import ensurepip, venv' 2>/dev/null; then
            unset IFS
            printf '%s\n' "$folder/python3.12"
            return 0
        fi
    done
    unset IFS
    return 1
}

step=${1:-}
case "$step" in
run)
    system_packages $RUN_PACKAGES
    python_environment
    embedded_model || say "Going on without the embedded model. 'lovelace models get' tries again; LOCAL=0 leaves it out."
    ;;
test)
    system_packages $RUN_PACKAGES $TEST_PACKAGES
    python_environment
    ;;
external)
    system_packages $RUN_PACKAGES $TEST_PACKAGES $PACKAGE_PACKAGES $TRIAL_PACKAGES
    python_environment
    embedded_model || fail "The embedded model could not be fetched. LOCAL=0 leaves it and its tests out."
    javascript_peers
    storage_servers
    external_agents
    mcp_servers
    ;;
package)
    command -v dpkg-deb >/dev/null || fail "'make package' makes a Debian package, on Debian or Ubuntu only. For macOS see packaging/macos."
    system_packages $RUN_PACKAGES $PACKAGE_PACKAGES
    python_environment
    ;;
*)
    fail "usage: packaging/setup.sh run|test|external|package"
    ;;
esac
