# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""NumPy's arrays and scalars in a checkpoint, as tensors.

    numpy_test.py SHOW
"""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch

SHOW = os.path.abspath(sys.argv.pop(1))

CODES = [
    '?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8',
    'c16'
]


def arrays():
    values = []
    for code in CODES:
        array = np.arange(12).reshape(3, 4).astype(code)
        values += [
            array,
            np.asfortranarray(array), array.T, array[1:, ::2],
            np.array(5).astype(code),
            np.zeros((0, 2), code)
        ]
        if code != '?':
            values.append(array.astype('>' + code))
        values.append(array[2, 3])  # a scalar
    values.append(np.matrix([[1, 2]]))
    return values


# What no tensor can hold.
OTHERS = [
    np.array(['text']),
    np.array([b'bytes']),
    np.array([None], dtype=object),
    np.array(['2020-01-01'], dtype='M8[D]'),
    np.array([(1, 2.)], dtype=[('a', 'i4'), ('b', 'f8')]),
]


class NumpyTest(unittest.TestCase):

    def test_every_protocol(self):
        with tempfile.TemporaryDirectory() as folder:
            for protocol in (2, 3, 4, 5):
                path = os.path.join(folder, 'arrays.pt')
                values = arrays()
                torch.save(values + OTHERS, path, pickle_protocol=protocol)
                lines = subprocess.run([SHOW, path],
                                       check=True,
                                       capture_output=True,
                                       encoding='utf-8').stdout.splitlines()
                self.assertEqual(len(lines), len(values) + len(OTHERS))
                for line, value in zip(lines, values):
                    little = np.asarray(value).astype(
                        value.dtype.newbyteorder('<'))
                    name = little.dtype.name
                    self.assertEqual(
                        line, '%s %s %s' % (name, list(
                            little.shape), little.tobytes('C').hex()))
                for line in lines[len(values):]:
                    self.assertIn('UNIMPLEMENTED', line)


if __name__ == '__main__':
    unittest.main()
