# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Two shared objects, each with a whole Ferry, work in one process.

    two_ferrys_test.py LIBRARY LIBRARY CHECKPOINT PLUGIN
"""

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

MODES = {'local': ctypes.DEFAULT_MODE, 'global': ctypes.RTLD_GLOBAL}


def use_both(mode, paths, checkpoint, plugin, folder):
    """Uses two Ferrys in turn, in this process."""
    first, second = [ctypes.CDLL(path, MODES[mode]) for path in paths]

    def copy(library):
        out = os.path.join(folder, 'copy.pt')
        assert library.CopyCheckpoint(checkpoint.encode(), out.encode())

    for library in (first, second, first):
        copy(library)
        assert library.HasDeviceType(b'cpu')
        assert not library.HasDeviceType(b'toy')
    # What one registers, or sets, is not in the other.
    assert first.LoadPlugin(plugin.encode())
    assert first.HasDeviceType(b'toy')
    assert not second.HasDeviceType(b'toy')
    assert second.LoadPlugin(plugin.encode())
    assert second.HasDeviceType(b'toy')
    first.EnableGradients(0)
    assert not first.GradientsEnabled()
    assert second.GradientsEnabled()
    for library in (first, second):
        copy(library)


class TwoFerrysTest(unittest.TestCase):

    def test_in_both_orders_and_modes(self):
        os.umask(0o022)
        with tempfile.TemporaryDirectory() as folder:
            # Bazel's copy may be written by a group.
            plugin = os.path.join(folder, 'libtoy.so')
            shutil.copyfile(PLUGIN, plugin)
            os.chmod(plugin, 0o755)
            for mode, paths in itertools.product(
                    MODES, itertools.permutations(LIBRARIES)):
                with self.subTest(mode=mode, paths=paths):
                    result = subprocess.run(
                        [sys.executable, __file__, '--use', mode, *paths,
                         CHECKPOINT, plugin, folder],
                        capture_output=True, text=True, check=False)
                    self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == '__main__':
    if sys.argv[1] == '--use':
        use_both(sys.argv[2], sys.argv[3:5], *sys.argv[5:])
    else:
        LIBRARIES = [os.path.abspath(path) for path in sys.argv[1:3]]
        CHECKPOINT, PLUGIN = map(os.path.abspath, sys.argv[3:5])
        del sys.argv[1:5]
        unittest.main()
