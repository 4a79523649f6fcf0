# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""time_device measures nothing in a mode that it does not have.

    time_device_test.py TIME_DEVICE
"""

import os
import subprocess
import sys
import unittest

TIME_DEVICE = None


class TimeDeviceTest(unittest.TestCase):

    def test_an_unknown_mode_is_a_wrong_use(self):
        for arguments in (['-', 'cpu', 'steam', 'x.pt'],
                          ['-', 'cpu', '', 'x.pt'], ['-', 'cpu', 'stream']):
            result = subprocess.run([TIME_DEVICE] + arguments, input='\n',
                                    capture_output=True, text=True,
                                    check=False)
            self.assertEqual((result.returncode, result.stdout), (1, ''))
            self.assertIn('usage: time_device', result.stderr)


if __name__ == '__main__':
    TIME_DEVICE = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
