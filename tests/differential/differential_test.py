# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What Ferry makes of a file is what PyTorch makes of it.

    differential_test.py DESCRIBE
"""

import os
import sys
import tempfile
import unittest

import differential
import seeds

DESCRIBE = os.path.abspath(sys.argv.pop(1))


class DifferentialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, 'file')
        self.readers = differential.Readers(DESCRIBE)
        self.addCleanup(self.readers.__exit__)

    def read(self, contents):
        with open(self.path, 'wb') as file:
            file.write(contents)
        return self.readers.read(self.path)

    def test_every_seed(self):
        """Ferry reads all, and as PyTorch if PyTorch can."""
        both = 0
        files = seeds.all_seeds()
        for name, contents in files:
            with self.subTest(seed=name):
                ferry, pytorch = self.read(contents)
                if not pytorch.startswith('ok '):
                    continue
                self.assertEqual(
                    ferry, pytorch,
                    differential.first_difference(ferry, pytorch))
                both += 1
        self.assertGreater(both, len(files) * 9 // 10)


if __name__ == '__main__':
    unittest.main()
