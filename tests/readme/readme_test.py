# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""README.md shows a program that compiles, runs and prints what it says."""

import os
import re
import subprocess
import sys
import unittest

(README, SOURCE, PROGRAM, CHECKPOINT, OPEN_IN_PYTORCH,
 DISK_PACKAGE, ROW_NORMS, FINE_TUNE) = sys.argv[1:9]
del sys.argv[1:9]


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def block(language, what):
    """The fenced block of README.md in this language that has `what` in it."""
    blocks = [
        text for text in re.findall(
            r'^```%s\n(.*?)^```$' % language, read(README),
            re.MULTILINE | re.DOTALL) if what in text
    ]
    if len(blocks) != 1:
        raise AssertionError('README.md has %d blocks in %s with %r' %
                             (len(blocks), language, what))
    return blocks[0]


class ReadmeTest(unittest.TestCase):

    maxDiff = None

    def test_shows_the_program_as_it_is(self):
        program = re.sub(r'\A(//.*\n)+\n', '', read(SOURCE))
        self.assertEqual(block('cpp', 'int main('), program)

    def test_shows_the_package_as_the_example_has_it(self):
        self.assertTrue(block('cpp', 'RegisterPackage(') in read(DISK_PACKAGE))

    def test_shows_the_function_as_the_example_has_it(self):
        self.assertTrue(block('cpp', 'RowNorms(') in read(ROW_NORMS))

    def test_shows_the_loss_as_the_example_has_it(self):
        self.assertTrue(block('cpp', 'Loss(') in read(FINE_TUNE))

    def test_program_prints_what_it_says_and_saves_the_same(self):
        copy = os.path.join(os.environ['TEST_TMPDIR'], 'copy.pt')
        printed = subprocess.run(
            [PROGRAM, CHECKPOINT, copy],
            check=True,
            stdout=subprocess.PIPE,
            text=True).stdout
        self.assertEqual(printed, 'float32 [16, 8]\n')
        self.assertIn(printed, block('text', 'float32 ['))
        subprocess.run([sys.executable, OPEN_IN_PYTORCH, CHECKPOINT, copy],
                       check=True)

    def test_program_says_what_went_wrong(self):
        result = subprocess.run(
            [PROGRAM, '/nonexistent.pt', 'unused'],
            stderr=subprocess.PIPE,
            text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn('/nonexistent.pt', result.stderr)


if __name__ == '__main__':
    unittest.main()
