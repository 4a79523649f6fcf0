# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests check_path.py."""

import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


class CheckPathTest(unittest.TestCase):

    def run_on(self, wanted, path):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, 'path')
            with open(name, 'w', encoding='utf-8') as file:
                file.write(path)
            result = subprocess.run([sys.executable, SCRIPT, wanted, name],
                                    stdout=subprocess.PIPE, check=False)
        return result.returncode, result.stdout.decode()

    def test_a_path_that_must_not_be_is_shown(self):
        self.assertEqual(self.run_on('--never-reaches', ''), (0, ''))
        code, output = self.run_on('--never-reaches', '//a:b\n//c:d\n')
        self.assertEqual(code, 1)
        self.assertIn('//a:b\n  -> //c:d', output)

    def test_a_path_that_must_be_is_missed(self):
        self.assertEqual(self.run_on('--reaches', '//a:b\n//c:d\n'), (0, ''))
        code, output = self.run_on('--reaches', '')
        self.assertEqual(code, 1)
        self.assertIn('missing', output)


if __name__ == '__main__':
    unittest.main()
