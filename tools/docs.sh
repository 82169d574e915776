#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Build documentation and release notes; a warning is an error. Called by `tox -e docs` and run_tests.sh with the tools in
# PATH.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sphinx-build -q -W --keep-going -b html -d doc/build/doctrees doc/source doc/build/html
reno -q lint
sphinx-build -q -W --keep-going -b html -d releasenotes/build/doctrees releasenotes/source releasenotes/build/html
