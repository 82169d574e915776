# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the plugin finds in a devstack: functions of the same names and contract, written anew, which tell what they are
# asked for. Sourced by the tests with ENABLED_SERVICES, CELLSV2_SETUP and DATABASE_TYPE; then `phase PHASE...`.

set -eu

: "${PLUGIN:?}" "${ENABLED_SERVICES:?}" "${CELLSV2_SETUP:=superconductor}" "${DATABASE_TYPE:=mysql}"
: "${DEST:=/nonexistent/stack}"
# shellcheck disable=SC2034
{
DATA_DIR=$DEST/data
TOP_DIR=$DEST/devstack
NOVA_CONF=${NOVA_CONF:-/etc/nova/nova.conf}
NOVA_NUM_CELLS=${NOVA_NUM_CELLS:-2}
MYSQL_GATHER_PERFORMANCE=${MYSQL_GATHER_PERFORMANCE:-True}
}

function is_service_enabled {
    local service
    for service in "$@"; do
        [[ ",$ENABLED_SERVICES," != *",$service,"* ]] || return 0
    done
    return 1
}

function enable_service {
    local service
    for service in "$@"; do
        is_service_enabled "$service" || ENABLED_SERVICES+=",$service"
    done
}

function define_plugin { :; }

function conductor_conf {
    echo "/etc/nova/nova_cell$1.conf"
}

# These two do nothing for a service that is not enabled.
function run_process {
    is_service_enabled "$1" || return 0
    [[ "$2" == /* ]] || die "$LINENO" "no absolute path: $2"
    echo "run_process $*"
}

function stop_process {
    ! is_service_enabled "$1" || echo "stop_process $*"
}

function die {
    echo "die ${*:2}"
    exit 1
}

function setup_develop {
    echo "setup_develop $* into $PIP_VIRTUAL_ENV"
}

function pip_install {
    echo "pip_install $* into $PIP_VIRTUAL_ENV"
}

function python3 {
    echo "python3 $*"
}

function rm {
    echo "rm $*"
}

function phase {
    if [[ "$1" == stack ]]; then
        # Of stack.sh alone: unstack.sh and clean.sh have neither.
        # shellcheck disable=SC2317
        function echo_summary { :; }
        # shellcheck disable=SC2034
        NOVNC_WEB_DIR=${NOVNC_WEB_DIR:-$DEST/novnc}
    fi
    # shellcheck source=/dev/null
    source "$PLUGIN/plugin.sh" "$@"
}

# shellcheck source=/dev/null
source "$PLUGIN/settings"
