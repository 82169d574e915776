#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$ROOT" || exit 1
# shellcheck source=tools/environment.sh
. tools/environment.sh

all_stages='pep8 docs unit integration interop pythons'

usage() {
    cat << 'END'
Usage: ./run_tests.sh [--stage STAGE]... [--no-real] [--one-python] [PYTEST_ARGUMENTS...]

Installs what the tests need (Debian 12, as root or with sudo), makes .venv, and runs all stages, or those named:

  pep8         ruff, mypy, import-linter, our own checks, doc8, shellcheck, eslint
  docs         documentation and release notes, warnings are errors
  unit         unit and functional tests under eventlet, and what depends on the backend once more under threading
  integration  with RabbitMQ, databases, libvirt, QEMU and Chromium that the tests start themselves: all of it under
               eventlet, and what depends on the backend once more under threading
  interop      with processes of released Novas, 34 and 26, a released Keystone, and in a small OpenStack, under
               eventlet; prints who was seen working with whom
  pythons      unit tests with Python 3.12 and 3.13, where they are installed

  --stage STAGE  run this one; may be given several times
  --no-real      leave integration and interop out, and whatever needs libvirt, whose headers are not needed then
  --one-python   leave pythons out

Further arguments, such as -k or -x, go to every pytest. All stages run; the exit status is 1 if any failed. Where no
more than five tests of a stage fail, they run once more, alone: what passes then is named and counted apart. Ctrl-C
ends all that runs. Environment: PYTHON=/path/to/python3 makes .venv with that interpreter; NOVA_VNC_TEST_JOBS is how
many processes run tests at once, by default one more than there are processors, since most tests wait more than they
compute; NOVA_VNC_TEST_BROWSER and NOVA_VNC_TEST_CHROMEDRIVER name another Chromium; NOVA_VNC_TEST_CACHE is where the
released Novas are kept, by default ~/.cache/nova-vnc-tests.
END
}

real_parts=yes
selected=
left_out_stages=
while [ $# -gt 0 ]; do
    case $1 in
        --no-real)
            real_parts=
            left_out_stages+=' integration interop'
            ;;
        --one-python) left_out_stages+=' pythons' ;;
        --stage)
            [[ " $all_stages " == *" ${2:-?} "* ]] || die "--stage wants one of: $all_stages"
            selected+=" $2"
            shift
            ;;
        -h | --help) usage; exit ;;
        *) break ;;
    esac
    shift
done
pytest_arguments=("$@")
jobs=${NOVA_VNC_TEST_JOBS:-$(($(nproc) + 1))}
at_once=()
most_again=5
[ "$jobs" -le 1 ] || at_once=(-n "$jobs")
for name in $left_out_stages; do
    [[ " $selected " != *" $name "* ]] || die "--stage $name is left out by another option"
done

# Tell whether a stage is to run.
is_selected() {
    [[ " ${selected:-$all_stages} " == *" $1 "* && " $left_out_stages " != *" $1 "* ]]
}

# Libvirt's binding is needed by all that run tests.
[[ " ${selected:-$all_stages} " =~ " "(unit|integration|interop|pythons)" " ]] || real_parts=

# What runs now is a process group of its own, which the terminal sends no SIGINT; we end it in order.
job=
ended_by=
end_job() {
    [ -n "$ended_by" ] || say "Received SIG$1: ending what runs"
    ended_by=$1
    [ -z "$job" ] || kill -TERM -- "-$job" 2> /dev/null
}
for name in INT TERM HUP; do
    # shellcheck disable=SC2064  # now
    trap "end_job $name" $name
done

# Run a command, or nothing more after such a signal.
run_job() {
    local status
    [ -z "$ended_by" ] || return 1
    set -m
    "$@" < /dev/null &
    job=$!
    set +m
    [ -z "$ended_by" ] || end_job "$ended_by"   # it came before there was a job
    wait "$job"
    status=$?
    # A signal ends `wait`, and what has been started by the job may take a while.
    while [ -n "$ended_by" ] && kill -0 -- "-$job" 2> /dev/null; do
        sleep 0.1
    done
    job=
    return $status
}

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
summary=()
total_passed=0
total_failed=0
total_skipped=0
total_second=0

# Run one stage and note how it went: stage NAME COMMAND... A command without pytest counts as one test; so does one
# that failed although pytest counted no failure, for it may have died early.
stage() {
    local name=$1 began=$SECONDS word=passed passed failed skipped failed_at_first
    [ -z "$ended_by" ] || return
    junit_file=$results/${#summary[@]}.xml
    shift
    printf '\n==> %s\n' "$name"
    run_job "$@" || word=FAILED
    read -r passed failed skipped < <("$VENV/bin/python" tools/sum_results.py "$junit_file")
    if [ -e "$junit_file.again" ]; then
        failed_at_first=$failed
        read -r _ failed _ < <("$VENV/bin/python" tools/sum_results.py "$junit_file.again")
        passed=$((passed + failed_at_first - failed))
        total_second=$((total_second + failed_at_first - failed))
        name+=", $((failed_at_first - failed)) of $failed_at_first in a second run"
    fi
    summary+=("$(printf '%s  %4d s  %s' "$word" $((SECONDS - began)) "$name")")
    if [ $word = FAILED ] && [ "${failed:-0}" = 0 ]; then
        failed=1
    elif [ ! -e "$junit_file" ]; then
        passed=1
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

# Run a command so that nothing of it is left, whatever it started and however it ends.
supervise() {
    "$VENV/bin/python" tools/supervise.py "$@"
}

# Run pytest under a backend: run_pytest VENV BACKEND MARKS ARGUMENT...; MARKS is an expression for -m, or empty.
run_pytest() {
    local venv=$1 backend=$2 marks=$3 status
    shift 3
    [ -n "$real_parts" ] || marks="${marks:+($marks) and }not libvirt"
    set -- ${marks:+-m "$marks"} "$@" "${pytest_arguments[@]}"
    NOVA_VNC_TEST_BACKEND=$backend supervise "$venv/bin/python" -m pytest -q --disable-warnings "${at_once[@]}" \
        --junitxml="$junit_file" "$@"
    status=$?
    if [ $status = 1 ] && are_few_failed; then
        printf '\n==> what failed, once more and alone\n'
        NOVA_VNC_TEST_BACKEND=$backend supervise "$venv/bin/python" -m pytest -q --disable-warnings -rp \
            --last-failed --last-failed-no-failures=none --junitxml="$junit_file.again" "$@"
        status=$?
    fi
    # 5: nothing was selected, which is what arguments such as -k may do to a stage.
    [ $status = 0 ] || { [ $status = 5 ] && [ ${#pytest_arguments[@]} -gt 0 ]; }
}

# Tell whether so few tests failed that it may have been the others that they ran beside, or the machine. A fault that
# is there each time fails again, and one that is not would not be found by a run of everything anew either.
are_few_failed() {
    local failed
    read -r _ failed _ < <("$VENV/bin/python" tools/sum_results.py "$junit_file")
    [ "${failed:-0}" -gt 0 ] && [ "$failed" -le "$most_again" ]
}

# Run the unit tests with another Python, in a virtual environment of its own.
test_other_python() {
    local python=$1 venv=$VENV-$2
    [ -x "$venv/bin/python" ] || "$python" -m venv --clear "$venv" || return 1
    (install_project "$venv" "${project[@]}") || return 1
    run_pytest "$venv" threading '' tests/unit
}

# Print the interpreter of this minor version if it is here, runs, and can build extensions.
find_other_python() {
    local python
    python=$(check_python "python$1") || return
    "$python" -c 'import ensurepip, venv, sys, os, sysconfig
os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")) or sys.exit(1)' 2> /dev/null || return
    printf '%s' "$python"
}

# Install what all stages need.
install() {
    prepare_venv
    install_packages "${profiles[@]}"
    if [ -n "$real_parts" ]; then
        libvirt_python=$(libvirt_requirement) || exit 1
        project+=("$libvirt_python")
    fi
    install_project "$VENV" "${project[@]}"
}

started=$SECONDS
if [ -n "$real_parts" ]; then
    profiles=(test real)
    project=(-e '.[demo,libvirt]' -r test-requirements.txt)
else
    profiles=(test)
    project=(-e '.[demo]' -r test-requirements.txt)
fi
# A Node.js that is not Debian's brings its own, with which Debian's conflicts.
command -v npm > /dev/null || profiles+=(npm)
if [ "$(id -u)" = 0 ]; then
    run_job install || exit 1
else
    # In the foreground, for sudo may ask for a password.
    (install) || exit 1
fi
[ -z "$real_parts" ] || project+=("$(libvirt_requirement)")
export PATH=$VENV/bin:$PATH
summary+=("$(printf 'passed  %4d s  installation' $((SECONDS - started)))")

! is_selected pep8 || stage pep8 supervise tools/pep8.sh
! is_selected docs || stage docs supervise tools/docs.sh
if is_selected unit; then
    stage 'unit and functional, eventlet' run_pytest "$VENV" eventlet '' tests/unit tests/functional
    stage 'unit and functional without what is run once, threading' \
        run_pytest "$VENV" threading 'not once' tests/unit tests/functional
fi
released=(tests/integration/interop tests/integration/keystone tests/integration/small_cloud)
if is_selected integration; then
    own=(tests/integration)
    for directory in "${released[@]}"; do
        own+=(--ignore "$directory")
    done
    stage 'integration, eventlet' run_pytest "$VENV" eventlet '' "${own[@]}"
    stage 'integration without browser and what is run once, threading' \
        run_pytest "$VENV" threading 'not browser and not once' "${own[@]}"
fi
# What a Queens of our own answers is in the table of interop too.
! is_selected interop || stage 'interop, eventlet' \
    run_pytest "$VENV" eventlet 'interop or released' "${released[@]}" tests/integration/test_old_servers.py
for version in $(! is_selected pythons || echo 3.12 3.13); do
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
if [ -n "$ended_by" ]; then
    printf '\nEnded by SIG%s\n' "$ended_by"
    exit $((128 + $(kill -l "$ended_by")))
fi
printf '\n%d passed, %d failed, %d skipped\n' $total_passed $total_failed $total_skipped
[ $total_second = 0 ] || printf '%d of those that passed did so only in a second run, alone: see above\n' $total_second
[ $total_failed = 0 ]
