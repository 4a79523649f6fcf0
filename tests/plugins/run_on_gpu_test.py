# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What run_on_gpu prints where it cannot run its checks.

    run_on_gpu_test.py RUN_ON_GPU
"""

import os
import subprocess
import sys
import tempfile
import unittest

RUN_ON_GPU = None


def run_with(script):
    """Runs run_on_gpu with a shell script as the program ferry."""
    with tempfile.TemporaryDirectory() as folder:
        ferry = os.path.join(folder, 'ferry')
        with open(ferry, 'w', encoding='utf-8') as file:
            file.write('#!/bin/bash\n' + script)
        os.chmod(ferry, 0o755)
        return subprocess.run([RUN_ON_GPU, folder], capture_output=True,
                              text=True, check=False)


class RunOnGpuTest(unittest.TestCase):

    def test_a_crash_is_a_failed_run(self):
        result = run_with('kill -SEGV $$')
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout.strip().split('\n')[-1],
                         r'^\d{4}-\d\d-\d\d, no device, driver .*: FAILED')
        self.assertNotIn('no GPU', result.stderr)

    def test_no_gpu_is_no_run(self):
        result = run_with('echo "cuda: no driver"')
        self.assertEqual((result.returncode, result.stdout), (1, ''))
        self.assertIn('cuda: no driver', result.stderr)
        self.assertIn('there is no GPU here', result.stderr)


if __name__ == '__main__':
    RUN_ON_GPU = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
