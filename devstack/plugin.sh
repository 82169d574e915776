# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The devstack plugin. In local.conf:
#
#     [[local|localrc]]
#     enable_plugin nova-vnc URL-OF-THIS-REPOSITORY main
#
# In each cell the process n-novnc runs this project's nova-novncproxy instead of Nova's, and beside it n-cauth runs
# nova-consoleauth, both with the nova.conf of the cell. Horizon, Nova's API and nova-compute stay as they are.

# Call `COMMAND SUFFIX CONF` for each cell, where SUFFIX is what devstack appends to the names of its processes.
function nova_vnc_in_each_cell {
    local command=$1 i
    if [[ "$CELLSV2_SETUP" == "singleconductor" ]]; then
        $command "" "$NOVA_CONF"
        return
    fi
    for i in $(seq 1 "$NOVA_NUM_CELLS"); do
        $command "-cell$i" "$(conductor_conf "$i")"
    done
}

function install_nova_vnc {
    [[ -d "$NOVA_VNC_VENV" ]] || python3 -m venv "$NOVA_VNC_VENV"
    PIP_VIRTUAL_ENV=$NOVA_VNC_VENV setup_develop "$NOVA_VNC_DIR" "$DATABASE_TYPE"
    # devstack names this plugin of SQLAlchemy in the URL of the database.
    if is_service_enabled mysql && [[ "$MYSQL_GATHER_PERFORMANCE" == "True" ]]; then
        PIP_VIRTUAL_ENV=$NOVA_VNC_VENV pip_install "$TOP_DIR/tools/dbcounter"
    fi
}

# Nova's proxy runs already when this is called; its unit is written anew with our command.
function start_nova_vnc_in_cell {
    local suffix=$1 conf=$2
    enable_service "n-cauth$suffix"
    run_process "n-cauth$suffix" "$NOVA_VNC_VENV/bin/nova-consoleauth --config-file $conf"
    stop_process "n-novnc$suffix"
    run_process "n-novnc$suffix" "$NOVA_VNC_VENV/bin/nova-novncproxy --config-file $conf --web $NOVNC_WEB_DIR"
}

# n-novnc is stopped by devstack itself, under the name that it gave it.
function stop_nova_vnc_in_cell {
    local suffix=$1
    enable_service "n-cauth$suffix"
    stop_process "n-cauth$suffix"
}

if is_service_enabled n-novnc && is_service_enabled n-cauth; then
    case "$1 ${2:-}" in
        "stack install")
            echo_summary "Installing nova-vnc"
            install_nova_vnc
            ;;
        "stack extra")
            echo_summary "Starting nova-vnc"
            nova_vnc_in_each_cell start_nova_vnc_in_cell
            ;;
        "unstack ")
            nova_vnc_in_each_cell stop_nova_vnc_in_cell
            ;;
        "clean ")
            rm -rf "$NOVA_VNC_VENV"
            ;;
    esac
fi
