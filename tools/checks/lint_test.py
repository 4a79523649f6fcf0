# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""tools/lint with stand-ins for its tools: it skips what is not installed."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

LINT = sys.argv.pop(1)

BUILDIFIER = '.cache/npm/node_modules/.bin/buildifier'
CLANG_TIDY = 'clang-tidy-22'
TOOLS = ['clang-format', CLANG_TIDY, 'python3', BUILDIFIER]


class LintTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self._root = folder.name
        self._bin = os.path.join(self._root, 'bin')
        os.makedirs(os.path.join(self._root, 'tools'))
        shutil.copy(LINT, os.path.join(self._root, 'tools', 'lint'))
        # Every command of the system but the tools.
        os.mkdir(self._bin)
        for name in os.listdir('/usr/bin'):
            if name not in TOOLS and name != 'git':
                os.symlink(os.path.join('/usr/bin', name),
                           os.path.join(self._bin, name))
        # The tree has one file, which stands for those of every pattern.
        open(os.path.join(self._root, 'a.cc'), 'w').close()
        self._install('git', 'echo a.cc')
        for tool in TOOLS:
            self._install(tool, 'exit 0')

    def _path(self, tool):
        return os.path.join(self._root if '/' in tool else self._bin, tool)

    def _install(self, tool, script):
        os.makedirs(os.path.dirname(self._path(tool)), exist_ok=True)
        with open(self._path(tool), 'w') as file:
            file.write('#!/bin/sh\n%s\n' % script)
        os.chmod(self._path(tool), 0o755)

    def _remove(self, tool):
        os.remove(self._path(tool))

    def _lint(self, *arguments):
        """The exit code, what each check came to, and the last line."""
        done = subprocess.run([self._path('tools/lint'), *arguments],
                              env={'PATH': self._bin},
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              universal_newlines=True)
        lines = done.stdout.splitlines()
        oks = [line.split()[1] for line in lines if ': ok (' in line]
        return done.returncode, oks, lines[-1]

    def test_runs_every_check(self):
        for arguments in [], ['--require-all']:
            code, oks, _ = self._lint(*arguments)
            self.assertEqual(code, 0)
            self.assertEqual(oks, [
                'clang-format:', 'buildifier:', 'source_rules:', 'clang-tidy:'
            ])

    def test_skips_what_is_not_installed(self):
        self._remove(BUILDIFIER)
        self._remove(CLANG_TIDY)
        code, oks, last = self._lint()
        self.assertEqual(code, 0)
        self.assertEqual(oks, ['clang-format:', 'source_rules:'])
        self.assertEqual(
            last, 'tools/lint: skipped: buildifier clang-tidy; '
            'tools/setup --lint installs their tools')

    def test_faults_fail_beside_what_is_skipped(self):
        self._remove(BUILDIFIER)
        self._install('python3', 'exit 1')
        code, oks, last = self._lint()
        self.assertEqual(code, 1)
        self.assertEqual(oks, ['clang-format:', 'clang-tidy:'])
        self.assertIn('skipped: buildifier;', last)

    def test_nothing_may_be_skipped_where_all_is_required(self):
        for tool, name in (CLANG_TIDY, 'clang-tidy'), (BUILDIFIER,
                                                       'buildifier'):
            self._remove(tool)
            code, oks, last = self._lint('--require-all')
            self._install(tool, 'exit 0')
            self.assertEqual(code, 1)
            self.assertEqual(len(oks), 3)
            self.assertEqual(last, 'tools/lint: failed: ' + name)


if __name__ == '__main__':
    unittest.main()
