# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The example in C runs, and docs/c-api.md shows it word for word.

    example_test.py EXAMPLE EXAMPLE_C GUIDE CHECKPOINT
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import torch

EXAMPLE, EXAMPLE_C, GUIDE, CHECKPOINT = sys.argv[1:]
del sys.argv[1:]


def blocks(language):
    with open(GUIDE, encoding='utf-8') as file:
        return re.findall('```%s\n(.*?)```' % language, file.read(), re.S)


class ExampleTest(unittest.TestCase):

    def run_example(self, *args):
        return subprocess.run([EXAMPLE, *args], capture_output=True, text=True,
                              check=False)

    def test_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, 'weight.pt')
            result = self.run_example(CHECKPOINT, '/model/hidden.weight', out)
            self.assertEqual(result.returncode, 0, result.stderr)
            saved = torch.load(out)
        weight = torch.load(CHECKPOINT)['model']['hidden.weight']
        self.assertEqual(list(saved), ['weight'])
        self.assertTrue(torch.equal(saved['weight'], weight))
        self.assertEqual(result.stdout.splitlines()[-1],
                         'first element: %g' % weight[0, 0])
        for line in ''.join(blocks('text')).splitlines():
            self.assertIn(line + '\n', result.stdout)

    def test_prints_the_error(self):
        result = self.run_example(CHECKPOINT, '/model/hiden.weight', 'out.pt')
        self.assertEqual(result.returncode, 1)
        self.assertIn('hidden.weight', result.stderr)
        self.assertFalse(os.path.exists('out.pt'))

    def test_is_what_the_guide_shows(self):
        with open(EXAMPLE_C, encoding='utf-8') as file:
            source = file.read()
        shown = blocks('c')
        self.assertGreaterEqual(len(shown), 2)
        for block in shown:
            self.assertIn(block, source)


if __name__ == '__main__':
    unittest.main()
