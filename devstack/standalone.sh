#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Run the whole console plane in one process: ./devstack/standalone.sh [ARGUMENTS of nova-vnc-standalone]
#
# On Debian 12 or Ubuntu 24.04 with git and python3, as root or with sudo: installs what is missing (noVNC, a virtual
# environment in .venv), then runs nova-vnc-standalone, which prints the URL of a console. Without arguments the VM is a
# demo guest; with --libvirt [URI] the VMs are those of a libvirt that runs already.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
started_in=$PWD
cd "$ROOT"
# shellcheck source=tools/environment.sh
. tools/environment.sh

wants_libvirt() {
    local argument
    for argument; do
        case $argument in
            --libvirt | --libvirt=*) return 0 ;;
        esac
    done
    return 1
}

prepare_venv
if wants_libvirt "$@"; then
    install_packages standalone libvirt
    libvirt_python=$(libvirt_requirement)
    install_project "$VENV" -e '.[demo,libvirt]' "$libvirt_python"
else
    install_packages standalone
    install_project "$VENV" -e '.[demo]'
fi
cd "$started_in"    # paths among the arguments are the caller's
exec "$VENV/bin/nova-vnc-standalone" "$@"
