# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""A Python test runs as a script does, and fails where a module is missing."""

import os
import subprocess
import sys
import tempfile
import unittest

RUNNER = os.path.abspath(sys.argv.pop(1))


class RunPythonTestTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self._directory = directory.name

    def write(self, name, text):
        path = os.path.join(self._directory, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def run_script(self, text, arguments=(), requires=(), modules=''):
        script = self.write('script.py', text)
        return subprocess.run(
            [sys.executable, RUNNER] +
            ['--requires=' + module for module in requires] +
            [script, *arguments],
            env={**os.environ, 'PYTHONPATH': modules},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True)

    def test_passes_arguments_and_finds_modules_beside_it(self):
        self.write('beside.py', 'WORD = "here"\n')
        result = self.run_script(
            'import beside, sys; print(__name__, sys.argv[1:], beside.WORD)',
            ['--requires=of the script'])
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(result.stdout,
                         "__main__ ['--requires=of the script'] here\n")

    def test_fails_as_the_script_does(self):
        self.assertEqual(self.run_script('raise SystemExit(3)').returncode, 3)
        self.assertEqual(self.run_script('assert False').returncode, 1)

    def test_missing_module_fails_and_names_the_package(self):
        self.write('torch.py', 'raise ImportError("no torch in this test")\n')
        result = self.run_script(
            'print("the script ran")',
            requires=['sys', 'torch'],
            modules=self._directory)
        self.assertEqual(result.returncode, 1)
        self.assertIn('no torch in this test', result.stdout)
        self.assertIn('apt-get install python3-torch', result.stdout)
        self.assertNotIn('the script ran', result.stdout)


if __name__ == '__main__':
    unittest.main()
