# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What `ferry plugin new` writes, built and checked as its README says.

    skeleton_test.py FERRY

tests/plugins/run does the same with Bazel.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FERRY = None


class SkeletonTest(unittest.TestCase):

    def setUp(self):
        os.umask(0o022)
        root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, root)
        # The README calls the command by its name.
        os.mkdir(os.path.join(root, 'bin'))
        os.symlink(FERRY, os.path.join(root, 'bin/ferry'))
        self.environment = dict(os.environ)
        self.environment['PATH'] = '%s:%s' % (
            os.path.join(root, 'bin'), os.environ.get('PATH', '/usr/bin:/bin'))
        # Warnings of the skeleton are errors here, whatever builds it.
        self.environment['CFLAGS'] = '-Werror'
        self.folder = os.path.join(root, 'plugin')

    def run_script(self, script):
        result = subprocess.run(['bash', '-euc', script], cwd=self.folder,
                                env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                check=False)
        self.assertEqual(result.returncode, 0, script + result.stdout)
        return result.stdout

    def write(self, name):
        subprocess.run([FERRY, 'plugin', 'new', name, '--output', self.folder],
                       stdout=subprocess.PIPE, check=True)
        with open(os.path.join(self.folder, 'README.md'),
                  encoding='utf-8') as file:
            return re.findall(r'```sh\n(.*?)```', file.read(), re.DOTALL)

    def test_builds_with_cc_and_passes(self):
        steps = self.write('warp_9')
        script = next(step for step in steps if step.startswith('cc '))
        script = script.replace('cc ', 'cc -Wall -Wextra -pedantic -Werror ', 1)
        self.assertIn('warp_9.json: ', self.run_script(script))
        last = next(step for step in steps if 'ferry devices' in step)
        shutil.copy(CHECKPOINT, os.path.join(self.folder, 'model.pt'))
        self.assertIn('warp_9:0 ', self.run_script(last))
        self.assertIn('warp_9:0', self.run_script('ferry inspect on_warp_9.pt'))
        # A plugin and a manifest that differ do not go together.
        self.run_script("sed -i 's/0.1.0/0.2.0/' warp_9.json\n"
                        '! ferry plugin check --only=A-07 warp_9.json')

    def test_builds_with_cmake_and_passes(self):
        steps = self.write('warp_9')
        script = next(step for step in steps if step.startswith('cmake '))
        output = self.run_script(script)
        self.assertIn('build/warp_9.json: ', output)
        self.assertIn(' 0 fail', output)

    def test_a_fault_in_it_is_found(self):
        steps = self.write('acme')
        script = next(step for step in steps if step.startswith('cc '))
        path = os.path.join(self.folder, 'acme.c')
        with open(path, encoding='utf-8') as file:
            source = file.read()
        changed = source.replace(
            'copy->offset_bytes > used->size_bytes ||', '')
        self.assertNotEqual(changed, source)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(changed)
        output = self.run_script(
            script.replace('ferry plugin check',
                           '! ferry plugin check --only=R-03'))
        self.assertIn('R-03  fail', output)


if __name__ == '__main__':
    FERRY, CHECKPOINT = [os.path.abspath(path) for path in sys.argv[1:3]]
    unittest.main(argv=sys.argv[:1])
