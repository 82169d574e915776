# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What run_tests.sh and devstack/standalone.sh have in common: a Python, Debian packages and a virtual environment of
# the source tree's own. Sourced by them with $ROOT, the root of the source tree, as working directory.
#
# Each step says in one line what it does, and nothing where there is nothing to do.

: "${ROOT:?}"
VENV=$ROOT/.venv

# Nothing of the caller's Python gets in. Without compiled files each of the thousand processes that tests start, and
# each that runs tests, would compile anew.
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() {
    printf '==> %s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "this needs root and there is no sudo: $*"
    fi
}

# Print the real path of the interpreter $1 if it runs and is new enough. A pyenv shim without a version behind it exists
# but does not run.
check_python() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2> /dev/null
}

# The system's own Python comes first, because the Debian packages (python3-venv, python3-dev) belong to it.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        check_python "$PYTHON" || die "PYTHON=$PYTHON is not a Python of version 3.11 or later"
        return
    fi
    for candidate in /usr/bin/python3 python3 python3.11 python3.12 python3.13; do
        check_python "$candidate" && return
    done
    die 'no Python of version 3.11 or later was found; install one, or name it: PYTHON=/path/to/python3 '"$0"
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Install Debian packages. Those with a service (RabbitMQ, databases, libvirt) would start it: for the time of the installation
# policy-rc.d, the way in which Debian asks the administrator, says no.
apt_install() {
    say "Installing Debian packages: $*"
    (
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap 'as_root rm -f $policy' EXIT
            printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
        fi
        apt_get update && apt_get install -y --no-install-recommends "$@" > /dev/null
    ) || die "apt-get could not install: $*"
}

# Make .venv, or make it anew where its Python is gone or another one is asked for.
prepare_venv() {
    local python
    python=$(find_python) || exit 1
    if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        command -v apt-get > /dev/null || die "$python lacks the modules venv and ensurepip; install them"
        apt_install python3-venv
    fi
    if [ "$("$VENV/bin/python" -V 2> /dev/null)" != "$("$python" -V)" ]; then
        say "Making .venv with $("$python" -V) ($python)"
        [ -d "$VENV" ] || rm -f "$VENV"    # a file of that name is a hint of tox's or an editor's
        "$python" -m venv --clear "$VENV"
    fi
}

# Install what bindep.txt lists for the given profiles and this machine lacks.
install_packages() {
    local missing
    if ! command -v apt-get > /dev/null; then
        say "This is neither Debian nor Ubuntu: what bindep.txt lists for '$*' is yours to install"
        return
    fi
    [ -x "$VENV/bin/bindep" ] || "$VENV/bin/pip" install -q bindep
    missing=$("$VENV/bin/bindep" -b -f "$ROOT/bindep.txt" "$@") || true
    # shellcheck disable=SC2086  # one word a package
    [ -z "$missing" ] || apt_install $missing
}

# Print the requirement for libvirt-python: no newer than the libvirt that it is built against.
libvirt_requirement() {
    local version
    version=$(pkg-config --modversion libvirt) || die 'the headers of libvirt are missing (libvirt-dev, pkg-config)'
    printf 'libvirt-python<=%s' "$version"
}

# Install this project with pip into the virtual environment $1, unless that was done already with these arguments and
# files: install_project VENV PIP_ARGUMENT...
install_project() {
    local venv=$1 stamp hash
    shift
    hash=$( (echo "$ROOT" "$@"; "$venv/bin/python" -V
             cat setup.cfg setup.py pyproject.toml requirements.txt test-requirements.txt) | sha256sum | cut -d' ' -f1)
    stamp=$venv/installed-$hash
    [ ! -e "$stamp" ] || return 0
    say "Installing into ${venv#"$ROOT/"}: $*"
    "$venv/bin/python" -m pip install -q --use-pep517 "$@" || die "pip could not install: $*"
    touch "$stamp"
}
