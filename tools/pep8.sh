#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that reads the source without running it. Called by `tox -e pep8` and run_tests.sh with the tools in PATH.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failed=

check() {
    printf -- '-- %s\n' "$*"
    "$@" || failed="$failed $1"
}

mapfile -t shell_files < <(git ls-files '*.sh' .ci/run devstack/settings)

check ruff check .
# Without its cache, which goes on complaining of modules that have come meanwhile.
check mypy --cache-dir /dev/null
check lint-imports --config setup.cfg --no-cache --no-logo
check python tools/hacking.py nova_vnc
check doc8 -q README.rst HACKING.rst doc/source releasenotes
check shellcheck -x "${shell_files[@]}"
check tools/node_packages.sh
check node_modules/.bin/eslint --max-warnings 0 .

[ -z "$failed" ] || { printf 'pep8: failed:%s\n' "$failed"; exit 1; }
