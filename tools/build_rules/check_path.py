#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks what `bazel query 'somepath(...)'` has found.

    check_path.py --reaches|--never-reaches FILE

FILE holds a label in each line, or nothing where there is no path. Exits with 1
if that is not what was asked for.
"""

import sys


def main(args):
    wanted, name = args
    with open(name, encoding='utf-8') as file:
        path = file.read().split()
    if wanted == '--never-reaches' and path:
        print('This dependency must not exist:\n  ' + '\n  -> '.join(path))
        return 1
    if wanted == '--reaches' and not path:
        print('A required dependency is missing.')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
