# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The CUDA plugin as a shared object passes `ferry plugin check` on the fake.

    cuda_check_test.py FERRY LIBFERRY_CUDA LIBFAKE_DRIVER
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

FERRY, PLUGIN, FAKE_DRIVER = map(os.path.abspath, sys.argv[1:4])
del sys.argv[1:4]

TIMINGS = ('timing=late', 'timing=random,seed=1')


class CudaCheckTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        os.umask(0o022)
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # Bazel's copy may be written by a group.
        cls.plugin = os.path.join(cls.folder, 'libferry_cuda.so')
        shutil.copyfile(PLUGIN, cls.plugin)
        os.chmod(cls.plugin, 0o755)

    def run_ferry(self, settings, *arguments, driver=FAKE_DRIVER):
        environment = dict(os.environ, FERRY_CUDA_DRIVER=driver,
                           FERRY_FAKE_DRIVER=settings)
        return subprocess.run([FERRY, *arguments], env=environment,
                              capture_output=True, text=True, check=False)

    def outcomes(self, result):
        checks = json.loads(result.stdout)['checks']
        found = {}
        for check in checks:
            found.setdefault(check['outcome'], []).append(check)
        return found

    def test_passes_with_every_timing(self):
        for timing in TIMINGS:
            with self.subTest(timing=timing):
                result = self.run_ferry(
                    timing, 'plugin', 'check', '--format=json',
                    '--expect-devices=2',
                    '--expect-failure=B-08=cuda is for this plugin',
                    self.plugin)
                found = self.outcomes(result)
                self.assertEqual((found.get('fail', []), result.returncode),
                                 ([], 0), result.stderr)
                self.assertEqual(
                    [check['id'] for check in found['expected failure']],
                    ['B-08'])
                self.assertGreater(len(found['pass']), 60)
                # Its memory is not host memory, and has bytes. It has no
                # manifest here, and no tags besides cuda and cuda:N.
                self.assertEqual(
                    sorted(check['id'] for check in found['unsupported']), [
                        'A-07', 'C-08', 'E-01', 'E-02', 'E-03', 'E-04', 'E-05',
                        'M-03', 'M-04', 'S-10'
                    ])

    def test_passes_without_a_driver(self):
        result = self.run_ferry(
            '', 'plugin', 'check', '--format=json',
            '--expect-failure=B-08=cuda is for this plugin', self.plugin,
            driver='/no/such/libcuda.so.1')
        self.assertEqual(self.outcomes(result).get('fail', []), [])
        self.assertEqual(result.returncode, 0)

    def test_devices_says_fake(self):
        result = self.run_ferry('devices=1', 'devices')
        self.assertRegex(result.stdout,
                         'cuda +priority 20\n  cuda:0 +Fake GPU .a model of the '
                         'driver, no hardware.*, 1')


if __name__ == '__main__':
    unittest.main()
