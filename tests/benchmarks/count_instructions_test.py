# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""count_instructions.py, with a stand-in for valgrind that counts nothing.

    count_instructions_test.py COUNT_REGIONS TRAINING_CHECKPOINT COUNTS
"""

import json
import os
import sys
import tempfile
import unittest

import count_instructions

PROGRAM, TRAINING, COUNTS = sys.argv[1:4]
del sys.argv[1:4]

# Runs the program that follows valgrind's three options.
_VALGRIND = '''#!/bin/bash
echo "totals: 7" > callgrind.out
exec "${@:4}"
'''


def stored(**counts):
    return {'tolerance_percent': 3, 'environment': {}, 'counts': counts}


class CountInstructionsTest(unittest.TestCase):

    def test_every_region_runs_and_has_a_stored_count(self):
        with tempfile.TemporaryDirectory() as directory:
            valgrind = os.path.join(directory, 'valgrind')
            with open(valgrind, 'w', encoding='utf-8') as file:
                file.write(_VALGRIND)
            os.chmod(valgrind, 0o755)
            counts = count_instructions.count_all(PROGRAM, TRAINING, valgrind)
        with open(COUNTS, encoding='utf-8') as file:
            self.assertEqual(list(counts), list(json.load(file)['counts']))
        self.assertEqual(set(counts.values()), {7})

    def test_what_is_dearer(self):
        lines, dearer = count_instructions.compare(
            stored(same=1000, dearer=1000, cheaper=1000),
            {'same': 1030, 'dearer': 1031, 'cheaper': 969})
        self.assertEqual(dearer, ['dearer'])
        self.assertTrue(lines[1].endswith('+3.00%'))
        self.assertTrue(lines[2].endswith('+3.10%  over the tolerance'))
        self.assertTrue(lines[3].endswith('-3.10%  cheaper: run with --update'))

    def test_another_compiler(self):
        before = dict(stored(), environment={'compiler': 'a', 'cpu': 'x'})
        self.assertEqual(
            count_instructions.differences(before, {
                'compiler': 'b',
                'cpu': 'x'
            }), ['the stored counts are from compiler "a", here it is "b"'])


if __name__ == '__main__':
    unittest.main()
