#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what package-lock.json lists into node_modules, unless that is done. It is for tests and linting alone.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v npm > /dev/null || { echo 'npm is not installed (Debian packages nodejs and npm)' >&2; exit 1; }
# Tests run in several processes.
exec 9< package-lock.json
flock 9
stamp=node_modules/installed-$(sha256sum package-lock.json | cut -d' ' -f1)
[ ! -e "$stamp" ] || exit 0
npm ci --silent
touch "$stamp"
