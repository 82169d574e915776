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
               once more without the browser under threading
  unit         with Python 3.12 and 3.13, where they are installed

  --no-real     leave integration out, and whatever needs libvirt, whose headers are not needed then
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
trap 'rm -rf "$results"' EXIT
summary=()
total_passed=0
total_failed=0
total_skipped=0

# Run one stage and note how it went: stage NAME COMMAND... A command without pytest counts as one test; so does one
# that failed although pytest counted no failure, for it may have died early.
stage() {
    local name=$1 began=$SECONDS word=passed passed failed skipped
    junit_file=$results/${#summary[@]}.xml
    shift
    printf '\n==> %s\n' "$name"
    "$@" || word=FAILED
    summary+=("$(printf '%s  %4d s  %s' "$word" $((SECONDS - began)) "$name")")
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

# Run pytest under a backend: run_pytest VENV BACKEND ARGUMENT...
run_pytest() {
    local venv=$1 backend=$2 status
    shift 2
    NOVA_VNC_TEST_BACKEND=$backend "$venv/bin/python" -m pytest -q --disable-warnings \
        --junitxml="$junit_file" "${left_out[@]}" "$@" "${pytest_arguments[@]}"
    status=$?
    # 5: nothing was selected, which is what arguments such as -k may do to a stage.
    [ $status = 0 ] || { [ $status = 5 ] && [ ${#pytest_arguments[@]} -gt 0 ]; }
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
if [ -n "$real_parts" ]; then
    install_packages test real
    libvirt_python=$(libvirt_requirement) || exit 1
    project=(-e '.[demo,libvirt]' -r test-requirements.txt "$libvirt_python")
    left_out=()
else
    install_packages test
    project=(-e '.[demo]' -r test-requirements.txt)
    left_out=(-m 'not libvirt')
fi
install_project "$VENV" "${project[@]}"
export PATH=$VENV/bin:$PATH
summary+=("$(printf 'passed  %4d s  installation' $((SECONDS - started)))")

stage pep8 tools/pep8.sh
stage docs tools/docs.sh
for backend in threading eventlet; do
    stage "unit and functional, $backend" run_pytest "$VENV" $backend tests/unit tests/functional
done
if [ -n "$real_parts" ]; then
    stage 'integration, eventlet' run_pytest "$VENV" eventlet tests/integration
    stage 'integration without the browser, threading' \
        run_pytest "$VENV" threading tests/integration -m 'not browser'
fi
for version in $other_pythons; do
    if [ "$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]; then
        continue
    elif python=$(find_other_python "$version"); then
        stage "unit, Python $version" test_other_python "$python" "$version"
    else
        say "Python $version with its headers is not here: left out"
    fi
done

printf '\n==> Summary, %d s\n' $((SECONDS - started))
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed, %d skipped\n' $total_passed $total_failed $total_skipped
[ $total_failed = 0 ]
