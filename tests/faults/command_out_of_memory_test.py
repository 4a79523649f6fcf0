# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What the command does when there is not enough memory.

    command_out_of_memory_test.py FERRY FAILING_MALLOC_C FILE...

Runs commands on each FILE while one call of malloc fails, alone or with all
later ones. The command ends with the exit code of a failure, or does without;
it is never ended by a signal, and leaves no file behind.

Each command is run for 40 of its calls, chosen evenly; with the environment
variable FERRY_EVERY_CALL=1, for every call.
"""

import os
import subprocess
import sys
import tempfile
import unittest

MOST_CALLS = 40
COMMANDS = [
    ['inspect', 'IN'],
    ['inspect', '--format=json', 'IN'],
    ['verify', 'IN'],
    ['scan', 'IN'],
    ['convert', 'IN', 'OUT.pt'],
    ['convert', '--container=legacy', 'IN', 'OUT.pt'],
    ['convert', '--codec=proto', 'IN', 'OUT.pt'],
]


class CommandOutOfMemoryTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.shim = os.path.join(folder.name, 'failing_malloc.so')
        subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', self.shim,
                        FAILING_MALLOC_C], check=True)
        self.folder = os.path.join(folder.name, 'out')
        os.mkdir(self.folder)

    def run_command(self, command, path, n, later):
        settings = dict(os.environ, LD_PRELOAD=self.shim,
                        FERRY_FAIL_MALLOC=str(n))
        if later:
            settings['FERRY_FAIL_LATER'] = '1'
        arguments = [
            argument.replace('IN', path).replace('OUT', self.folder + '/out')
            for argument in command
        ]
        return subprocess.run([FERRY] + arguments, env=settings,
                              capture_output=True, text=True, check=False)

    def files(self):
        return [os.path.join(self.folder, name)
                for name in os.listdir(self.folder)]

    def test_every_command_ends_well(self):
        runs = failed = 0
        for path in FILES:
            for command in COMMANDS:
                whole = self.run_command(command, path, 0, False)
                self.assertIn(whole.returncode, (0, 1), whole.stderr)
                calls = int(whole.stderr.split()[-2])
                # The libraries that start before the program report nothing.
                first = 20
                step = 1 if EVERY_CALL else max(1, calls // MOST_CALLS)
                for file in self.files():
                    os.remove(file)
                for n in range(first, calls + 1, step):
                    for later in (False, True):
                        what = '%s, call %d of %d, later: %s' % (
                            command, n, calls, later)
                        result = self.run_command(command, path, n, later)
                        runs += 1
                        # Some calls can be done without.
                        self.assertIn(result.returncode,
                                      (whole.returncode, 2), what)
                        left = self.files()
                        if result.returncode == 2:
                            failed += 1
                            self.assertEqual(left, [], what)
                        for file in left:
                            os.remove(file)
        print('%d runs; %d reported a lack of memory' % (runs, failed))
        self.assertGreater(failed, runs // 2)


if __name__ == '__main__':
    FERRY, FAILING_MALLOC_C = sys.argv[1:3]
    FILES = sys.argv[3:]
    EVERY_CALL = os.environ.get('FERRY_EVERY_CALL') == '1'
    unittest.main(argv=sys.argv[:1])
