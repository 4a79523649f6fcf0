# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Ferry casts elements to what PyTorch casts them to, bit for bit.

    cast_test.py CAST

All elements of dtypes of 8 and 16 bits, and random bits of the others, to all
dtypes that this PyTorch has. NaN is compared as NaN. cast_elements_test.cc
covers the dtypes that are newer.
"""

import os
import subprocess
import sys
import unittest
import warnings

import numpy
import torch

CAST = os.path.abspath(sys.argv.pop(1))

NAMES = ('float64', 'float32', 'float16', 'bfloat16', 'complex128', 'complex64',
         'complex32', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool')
# This PyTorch drops the imaginary part here; newer ones do not.
LEFT_OUT = [('complex32', 'bool')]
RANDOM_ELEMENTS = 100000


def size_of(dtype):
    return torch.empty(0, dtype=dtype).element_size()


def tensor_of(data, dtype):
    return torch.frombuffer(bytearray(data), dtype=dtype)


def parts(tensor):
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def source(name, generator):
    """Elements of a dtype, with numbers of ordinary size among them."""
    dtype = getattr(torch, name)
    size = size_of(dtype)
    if name == 'bool':
        return torch.tensor([False, True] * 100)
    if size <= 2:
        every = numpy.arange(1 << 8 * size, dtype='uint%d' % (8 * size))
        return tensor_of(every.tobytes(), dtype)
    bits = tensor_of(generator.bytes(size * RANDOM_ELEMENTS), dtype)
    small = tensor_of(generator.bytes(2 * RANDOM_ELEMENTS), torch.int16)
    if dtype.is_floating_point or dtype.is_complex:
        small = small / torch.tensor(generator.choice([1., 8., 1e4, 1e9], 1))
    return torch.cat([bits, small.to(dtype)])


def difference(expected, actual):
    """The first place where two tensors differ, or None.

    Zeros differ in their sign, and NaN is equal to NaN.
    """
    if expected.dtype.is_floating_point:
        same = (expected == actual) & (expected.signbit() == actual.signbit())
        same |= expected.isnan() & actual.isnan()
    else:
        same = expected == actual
    return None if same.all() else int((~same).reshape(-1).nonzero()[0])


class CastTest(unittest.TestCase):

    def test_all_pairs(self):
        warnings.simplefilter('ignore')  # of imaginary parts that are dropped
        generator = numpy.random.RandomState(17)
        sources = {name: source(name, generator) for name in NAMES}
        pairs = [(a, b) for a in NAMES for b in NAMES
                 if (a, b) not in LEFT_OUT]
        requests = b''.join(
            b'%s %s %d\n' % (a.encode(), b.encode(), sources[a].numel()) +
            bytes(parts(sources[a]).contiguous().view(torch.uint8).numpy())
            for a, b in pairs)
        answer = subprocess.run([CAST],
                                input=requests,
                                stdout=subprocess.PIPE,
                                check=True).stdout
        at = 0
        for a, b in pairs:
            dtype = getattr(torch, b)
            size = sources[a].numel() * size_of(dtype)
            actual = parts(tensor_of(answer[at:at + size], dtype))
            at += size
            expected = parts(sources[a].to(dtype))
            place = difference(expected, actual)
            if place is not None:
                element = place // (expected.numel() // sources[a].numel())
                self.fail('%s to %s: element %d, %s, is %s, not %s' %
                          (a, b, element, sources[a][element],
                           actual.reshape(-1)[place],
                           expected.reshape(-1)[place]))
        self.assertEqual(at, len(answer))


if __name__ == '__main__':
    unittest.main()
