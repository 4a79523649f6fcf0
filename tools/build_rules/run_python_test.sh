#!/bin/bash
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs a test with the system's Python.

if [[ ! -x /usr/bin/python3 ]]; then
  echo "There is no /usr/bin/python3. Install it: apt-get install python3" >&2
  exit 1
fi
exec /usr/bin/python3 "$@"
