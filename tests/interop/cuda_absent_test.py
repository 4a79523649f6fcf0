# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What programs that link //runtime do on a machine without an NVIDIA driver.

    cuda_absent_test.py LOAD_AND_SAVE FERRY HIDE_CUDA_C CHECKPOINT

The test hides libcuda.so.1, so it is the same on a machine that has a GPU.
"""

import os
import subprocess
import sys
import tempfile
import unittest

REASON = (r'its driver is not installed: cannot open the NVIDIA driver: '
          r'/hidden/libcuda\.so\.1: cannot open shared object file')


class CudaAbsentTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        hide = self.path('hide_cuda.so')
        subprocess.run(['cc', '-shared', '-fPIC', '-o', hide, HIDE_CUDA_C,
                        '-ldl'], check=True)
        self.environment = dict(os.environ, LD_PRELOAD=hide)
        self.environment.pop('FERRY_CUDA_DRIVER', None)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_program(self, *command, text=''):
        result = subprocess.run(command, input=text, env=self.environment,
                                capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return result.stdout

    def test_devices_says_why_there_is_no_gpu(self):
        self.assertRegex(self.run_program(FERRY, 'devices'),
                         r'\ncuda +priority 20  no device: ' + REASON)

    def test_a_load_says_what_to_do(self):
        path, out = self.path('cuda0.pt'), self.path('out.pt')
        # Writing the tag needs no GPU.
        self.run_program(FERRY, 'convert', '--map-location=cuda:0', CHECKPOINT,
                         path)
        self.assertIn('cuda:0', self.run_program(FERRY, 'inspect', path))
        jobs = '%s %s\n%s %s cpu\n' % (path, out, path, out)
        refused, loaded = self.run_program(LOAD_AND_SAVE, text=jobs).splitlines()
        self.assertRegex(
            refused, '^UNAVAILABLE: .*location tag "cuda:0": there is no cuda '
            'device here: ' + REASON + '.*set LoadOptions::map_location')
        self.assertEqual(loaded, 'ok')


if __name__ == '__main__':
    LOAD_AND_SAVE, FERRY, HIDE_CUDA_C, CHECKPOINT = [
        os.path.abspath(path) for path in sys.argv[1:5]
    ]
    unittest.main(argv=sys.argv[:1])
