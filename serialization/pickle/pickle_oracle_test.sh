#!/bin/bash
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs pickle_oracle_test.py (the first argument) with the rest.

set -eu
exec /usr/bin/python3 "$@"
