#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$ROOT" || exit 1
# shellcheck source=tools/environment.sh
. tools/environment.sh

usage() {
    cat << 'END'
Usage: ./run_tests.sh [--no-real] [--one-python] [PYTEST_ARGUMENTS...]

Installs what the tests need (Debian 12, as root or with sudo), makes .venv, and runs all stages:

  pep8         ruff, mypy, import-linter, our own checks, doc8, shellcheck
  docs         documentation and release notes, warnings are errors
  unit, functional
               under both concurrency backends, threading and eventlet
  integration  with RabbitMQ, libvirt, QEMU and Chromium that the tests start themselves: all of it under eventlet, and
               once more without the browser under threading, beside the other stages
  unit         with Python 3.12 and 3.13, where they are installed

  --no-real     leave integration out
  --one-python  leave the other Pythons out

Further arguments, such as -k or -x, go to every pytest. All stages run; the exit status is 1 if any failed.
Environment: PYTHON=/path/to/python3 makes .venv with that interpreter; NOVA_VNC_TEST_BROWSER and
NOVA_VNC_TEST_CHROMEDRIVER name another Chromium.
END
}

real_parts=yes
other_pythons='3.12 3.13'
while [ $# -gt 0 ]; do
    case $1 in
        --no-real) real_parts= ;;
        --one-python) other_pythons= ;;
        -h | --help) usage; exit ;;
        *) break ;;
    esac
    shift
done
pytest_arguments=("$@")

results=$(mktemp -d)
background=
trap 'end_background; rm -rf "$results"' EXIT
trap 'exit 130' INT TERM
summary=()
total_passed=0
total_failed=0
total_skipped=0

end_background() {
    [ -z "$background" ] || { kill "$background" && wait "$background"; } 2> /dev/null
}

# Run one stage: stage NAME COMMAND...
stage() {
    local began=$SECONDS status=0
    stage_name=$1
    shift
    printf '\n==> %s\n' "$stage_name"
    "$@" || status=$?
    note_result $status $((SECONDS - began))
}

# Note how the stage $stage_name went: note_result STATUS SECONDS. A stage without pytest counts as one test; so does one
# that failed although pytest counted no failure, for it may have died early.
note_result() {
    local status=$1 seconds=$2 word=passed passed failed skipped junit_file="$results/$stage_name.xml"
    # 5: nothing was selected, which is what arguments such as -k may do to a stage.
    [ "$status" = 0 ] || { [ "$status" = 5 ] && [ ${#pytest_arguments[@]} -gt 0 ]; } || word=FAILED
    summary+=("$(printf '%s  %4d s  %s' $word "$seconds" "$stage_name")")
    read -r passed failed skipped < <("$VENV/bin/python" tools/sum_results.py "$junit_file")
    if [ $word = FAILED ] && [ "${failed:-0}" = 0 ]; then
        failed=1
    elif [ ! -e "$junit_file" ]; then
        passed=1
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

# Set $pytest to the command that runs it for the stage $stage_name: prepare_pytest VENV BACKEND ARGUMENT...
prepare_pytest() {
    pytest=(env NOVA_VNC_TEST_BACKEND="$2" "$1/bin/python" -m pytest -q --disable-warnings
            --junitxml="$results/$stage_name.xml" "${@:3}" "${pytest_arguments[@]}")
}

run_pytest() {
    prepare_pytest "$@"
    "${pytest[@]}"
}

# Integration tests mostly wait. The second run of them goes on beside the other stages, and is shown when it has ended.
start_background() {
    printf '\n==> %s: started in the background\n' "$background_name"
    stage_name=$background_name
    prepare_pytest "$VENV" threading tests/integration -m 'not browser'
    background_began=$(date +%s)
    "${pytest[@]}" > "$results/background.log" 2>&1 < /dev/null &
    background=$!
}

wait_for_background() {
    local status=0
    wait "$background" || status=$?
    background=
    stage_name=$background_name
    printf '\n==> %s\n' "$stage_name"
    cat "$results/background.log"
    note_result $status $(($(date +%s -r "$results/background.log") - background_began))
}

# Run the unit tests with another Python, in a virtual environment of its own.
test_other_python() {
    local python=$1 venv=$VENV-$2
    [ -x "$venv/bin/python" ] || "$python" -m venv --clear "$venv" || return 1
    (install_project "$venv" "${project[@]}") || return 1
    run_pytest "$venv" threading tests/unit
}

# Print the interpreter of this minor version if it is here, runs, and can build extensions.
find_other_python() {
    local python
    python=$(check_python "python$1") || return
    "$python" -c 'import ensurepip, venv, sys, os, sysconfig
os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")) or sys.exit(1)' 2> /dev/null || return
    printf '%s' "$python"
}

started=$SECONDS
prepare_venv
install_packages test
if ! libvirt_python=$(libvirt_requirement); then
    exit 1
fi
project=(-e '.[demo,libvirt]' -r test-requirements.txt "$libvirt_python")
install_project "$VENV" "${project[@]}"
export PATH=$VENV/bin:$PATH
summary+=("$(printf 'passed  %4d s  installation' $((SECONDS - started)))")

background_name='integration without the browser, threading'
[ -z "$real_parts" ] || start_background
stage pep8 tools/pep8.sh
stage docs tools/docs.sh
for backend in threading eventlet; do
    stage "unit and functional, $backend" run_pytest "$VENV" $backend tests/unit tests/functional
done
[ -z "$real_parts" ] || stage 'integration, eventlet' run_pytest "$VENV" eventlet tests/integration
for version in $other_pythons; do
    if [ "$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]; then
        continue
    elif python=$(find_other_python "$version"); then
        stage "unit, Python $version" test_other_python "$python" "$version"
    else
        say "Python $version with its headers is not here: left out"
    fi
done

[ -z "$background" ] || wait_for_background

printf '\n==> Summary, %d s\n' $((SECONDS - started))
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed, %d skipped\n' $total_passed $total_failed $total_skipped
[ $total_failed = 0 ]
