# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""A program that closes the library goes on, although its threads are there.

    unload_test.py LIBFERRY FERRY_H
"""

import _ctypes
import ctypes
import os
import sys
import tempfile
import time
import unittest

from testing import ferry_c

LIBFERRY, FERRY_H = sys.argv[1:]
del sys.argv[1:]

# Enough for several threads.
SIZE_BYTES = 64 << 20


def save_and_load(library, path):
    shape = (ctypes.c_int64 * 1)(SIZE_BYTES)
    tensor = library.new('ferry_tensor_allocate', b'uint8', 1, shape)
    library.save(library.value({'w': tensor}), path,
                 ferry_c.SaveOptions(flags=ferry_c.SAVE_NOT_DURABLE))
    library.call('ferry_checkpoint_load_all', library.open(path))


class UnloadTest(unittest.TestCase):

    def test_library_stays_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    library = ferry_c.Library(LIBFERRY, FERRY_H)
                    for _ in range(3):
                        save_and_load(library, os.path.join(folder, 'w.pt'))
                        _ctypes.dlclose(library.c._handle)
                        # Threads that wait for work wake up.
                        time.sleep(0.2)
                        library = ferry_c.Library(LIBFERRY, FERRY_H)
                    code = 0
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
        self.assertEqual(status, 0)


if __name__ == '__main__':
    unittest.main()
