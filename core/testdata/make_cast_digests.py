#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Prints cast_digests.txt: what PyTorch makes of every cast between dtypes.

Written with PyTorch 2.14.1 on an x86-64 processor with AVX-512:

    python3 core/testdata/make_cast_digests.py > core/testdata/cast_digests.txt

A row for each dtype to cast from, with a digest for each dtype to cast to.
cast_elements_test.cc makes the same source elements and digests.
"""

import sys
import warnings

import numpy as np
import torch

# In the order of Ferry's DType.
DTYPES = ('float64', 'float32', 'float16', 'bfloat16', 'complex128',
          'complex64', 'complex32', 'bcomplex32', 'int64', 'int32', 'int16',
          'int8', 'uint64', 'uint32', 'uint16', 'uint8', 'bool', 'float8_e5m2',
          'float8_e4m3fn', 'float8_e5m2fnuz', 'float8_e4m3fnuz',
          'float8_e8m0fnu')
PARTS = {
    'complex128': 'float64',
    'complex64': 'float32',
    'complex32': 'float16',
    'bcomplex32': 'bfloat16',
}
# Bits of exponent and mantissa.
FLOATS = {'float64': (11, 52), 'float32': (8, 23)}
# The largest magnitude that is no NaN, and the mask of the magnitude, of the
# dtypes with more than one NaN.
NUMBERS = {
    'float64': (0x7FF << 52, (1 << 63) - 1),
    'float32': (0x7F800000, 0x7FFFFFFF),
    'float16': (0x7C00, 0x7FFF),
    'bfloat16': (0x7F80, 0x7FFF),
    'float8_e5m2': (0x7C, 0x7F),
    'float8_e4m3fn': (0x7E, 0x7F),
}
# NaN of these becomes 0 in some types of integers, not in all.
NANS_CAST_TO_0 = (torch.float8_e5m2fnuz, torch.float8_e4m3fnuz,
                  torch.float8_e8m0fnu)
# The elements of each wider dtype.
COUNT = 1 << 16


def torch_dtype(name):
    return getattr(torch, name)


def u64(number):
    return np.uint64(number)


def mix(x):
    """A bijection of 64-bit numbers, from splitmix64."""
    x = x + u64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> u64(27))) * u64(0x94D049BB133111EB)
    return x ^ (x >> u64(31))


def choose(index, choices):
    return np.choose((index % u64(len(choices))).astype(np.int64), choices)


def with_tail(bits, size, kind):
    """Replaces the low `size` bits by those around 0, a half and 1."""
    ones = (u64(1) << size) - u64(1)
    half = (ones + u64(1)) >> u64(1)
    tails = (u64(0), u64(1), half - u64(1), half, half + u64(1), ones)
    tail = choose(kind, tails)
    return (bits & ~ones) | (tail & ones)


def float_samples(name, count):
    exponent_bits, mantissa_bits = FLOATS[name]
    i = np.arange(count, dtype=np.uint64)
    r, s = mix(u64(2) * i), mix(u64(2) * i + u64(1))
    bias = (1 << (exponent_bits - 1)) - 1
    r = r >> u64(63 - exponent_bits - mantissa_bits)
    own = (r >> u64(mantissa_bits)) & u64((1 << exponent_bits) - 1)
    step = (s >> u64(8)) % u64(128)
    # Any, that of 0, that of infinity, around the ends of float32, around 1.
    low = np.maximum((step % u64(32)).astype(np.int64) + bias - 152, 0)
    near = step % u64(100) + u64(bias - 32)
    exponent = choose(
        s, (own, u64(0), u64((1 << exponent_bits) - 1),
            step % u64(8) + u64(bias + 120), low.astype(np.uint64), near, near,
            near))
    mantissa = r & u64((1 << mantissa_bits) - 1)
    mantissa = with_tail(mantissa, (s >> u64(16)) % u64(mantissa_bits + 1),
                         s >> u64(24))
    sign = r >> u64(exponent_bits + mantissa_bits)
    return (sign << u64(exponent_bits + mantissa_bits)) | (
        exponent << u64(mantissa_bits)) | mantissa


def integer_samples(bits, count):
    i = np.arange(count, dtype=np.uint64)
    r, s = mix(u64(2) * i), mix(u64(2) * i + u64(1))
    length = (s >> u64(8)) % u64(bits) + u64(1)
    value = with_tail(r >> (u64(64) - length), (s >> u64(16)) % length,
                      s >> u64(24))
    value = np.where((s >> u64(32)) & u64(1), u64(0) - value, value)
    return value & u64((1 << bits) - 1)


def part_bits(name):
    """The size of a part, or else of the element, in bits."""
    return torch_dtype(PARTS.get(name, name)).itemsize * 8


def samples(name):
    """The source elements as unsigned integers, one for each part."""
    bits = part_bits(name)
    i = np.arange(COUNT, dtype=np.uint64)
    part = PARTS.get(name, name)
    if part in FLOATS:
        values = float_samples(part, COUNT)
    elif name in PARTS:
        values = np.stack((i, mix(i) & u64(0xFFFF)), axis=1).reshape(-1)
    elif bits <= 16:
        values = np.arange(1 << bits, dtype=np.uint64)
    else:
        values = integer_samples(bits, COUNT)
    return values.astype('uint%d' % bits)


def cast(source, name):
    """PyTorch's cast, by a detour where Ferry documents a difference."""
    dtype = torch_dtype(name)
    if source.dtype in NANS_CAST_TO_0 and not dtype.is_floating_point:
        source = source.float()
    if (name == 'uint32' and
            (source.dtype.is_floating_point or source.dtype.is_complex)):
        # What PyTorch makes of elements that do not fill a vector.
        source = source.to(torch.int64)
    return source if source.dtype == dtype else source.to(dtype)


def bits_of(tensor, name):
    """The elements as unsigned integers, with one NaN in place of all."""
    raw = tensor.view(torch.uint8).numpy().view('uint%d' % part_bits(name))
    raw = raw.astype(np.uint64)
    part = PARTS.get(name, name)
    if part in NUMBERS:
        largest, mask = NUMBERS[part]
        raw = np.where((raw & u64(mask)) > u64(largest), u64(mask), raw)
    return raw


def digest(bits):
    """Returns 32 bits that depend on all values and their positions."""
    i = np.arange(len(bits), dtype=np.uint64)
    return int(np.sum(mix(bits + mix(i)), dtype=np.uint64)) >> 32


def main():
    warnings.simplefilter('ignore')
    for source_name in DTYPES:
        # NumPy does not have every dtype, so the elements are passed as bytes.
        source = torch.frombuffer(bytearray(samples(source_name).tobytes()),
                                  dtype=torch_dtype(source_name))
        row = ['%08x' % digest(bits_of(cast(source, name), name))
               for name in DTYPES]
        print(source_name, *row)


if __name__ == '__main__':
    sys.exit(main())
