# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Views, copies and casts of tensors are those of PyTorch.

    tensor_test.py TENSOR [CASES [SEED]]

Random chains of functions are applied to random tensors by both. Compared are
the elements, shape, strides and offset of every result, which results share a
storage with their tensor, and which arguments are refused.

On purpose Ferry differs in one thing: `clone` and `to` of a tensor with gaps
make it row-major, where PyTorch keeps the order of its dimensions. (A lazy
conj() is not tested here, since torch.save 1.13 drops it.)
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import torch

TENSOR = os.path.abspath(sys.argv[1])
CASES = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
del sys.argv[1:]

DTYPES = ['float64', 'float32', 'float16', 'bfloat16', 'complex64',
          'complex128', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool']
FLOATS = ['float64', 'float32', 'float16', 'bfloat16']


def make_tensors(rng):
    """Tensors of every dtype, some with gaps, an offset or another order."""
    tensors = []
    for name in DTYPES:
        dtype = getattr(torch, name)
        for shape in [(), (5,), (4, 6), (3, 1, 4), (2, 3, 4, 5), (0, 3)]:
            # Small numbers: what is out of range is for the tests of casts.
            count = torch.Size(shape).numel()
            numbers = torch.tensor(
                [rng.randrange(-100, 100) / 4 for _ in range(count)])
            if dtype in (torch.uint8, torch.bool):
                numbers = numbers.abs()
            tensor = numbers.to(dtype).reshape(shape)
            if dtype.is_complex:
                tensor = tensor * (1 + 2j)
            tensors.append(tensor)
    tensors.append(torch.arange(24.).reshape(4, 6).t())
    tensors.append(torch.arange(48.).reshape(4, 12)[:, 1::3])
    tensors.append(torch.arange(48.).reshape(4, 12)[2:, 5:])
    return tensors


def random_step(rng, tensor):
    rank = tensor.dim()
    dim = rng.randint(-rank - 1, rank)
    size = rng.randint(0, 6)
    kind = rng.choice(['narrow', 'select', 'slice', 'transpose', 'permute',
                       'expand', 'view', 'contiguous', 'clone', 'to',
                       'copy_into'])
    if kind == 'narrow':
        # PyTorch takes index -1 of an empty dimension for 0 here.
        is_empty = 0 in tensor.shape
        return [kind, dim, rng.randint(0 if is_empty else -5, 5),
                rng.randint(-1, 5)]
    if kind == 'select':
        return [kind, dim, rng.randint(-5, 5)]
    if kind == 'slice':
        return [kind, dim, rng.randint(-7, 7), rng.randint(-7, 7),
                rng.randint(0, 3)]
    if kind == 'transpose':
        return [kind, dim, rng.randint(-rank - 1, rank)]
    if kind == 'permute':
        dims = list(range(rank))
        rng.shuffle(dims)
        if rng.random() < 0.1:
            dims.append(rng.randint(-rank - 1, rank))
        return [kind, dims]
    if kind == 'expand':
        shape = [rng.choice([-1, s, s, s]) if s != 1 else rng.choice([-1, 1, 3])
                 for s in tensor.shape]
        if rng.random() < 0.3:
            shape = [rng.randint(0, 3)] + shape
        if rng.random() < 0.1:
            shape = shape[1:] + [size]
        return [kind, shape]
    if kind == 'view':
        return [kind, random_shape(rng, tensor.numel())]
    if kind == 'to':
        return [kind, rng.choice(DTYPES)]
    if kind == 'copy_into':
        shape = list(tensor.shape)
        if rng.random() < 0.3:
            shape = [2] + shape
        if rng.random() < 0.1 and shape:
            shape[-1] += 1
        return [kind, rng.choice(DTYPES), shape]
    return [kind]


def random_shape(rng, count):
    shape = []
    while count > 1 and rng.random() < 0.8:
        divisors = [d for d in range(1, count + 1) if count % d == 0]
        shape.append(rng.choice(divisors))
        count //= shape[-1]
    shape.append(count if rng.random() < 0.8 else rng.choice([-1, count + 1]))
    rng.shuffle(shape)
    return shape


def apply(tensor, step):
    """What PyTorch makes of a step; raises what it raises."""
    name, args = step[0], step[1:]
    if name == 'slice':
        dim, start, stop, skip = args
        index = [slice(None)] * tensor.dim()
        index[dim] = slice(start, stop, skip)
        return tensor[tuple(index)]
    if name == 'to':
        return tensor.to(getattr(torch, args[0]))
    if name == 'copy_into':
        return torch.zeros(args[1], dtype=getattr(torch, args[0])).copy_(tensor)
    if name in ('permute', 'expand', 'view'):
        return getattr(tensor, name)(args[0])
    return getattr(tensor, name)(*args)


def is_dense(tensor):
    """Whether `clone` keeps the strides in both."""
    next_stride = 1
    for stride, size in sorted(
        (st, sz) for st, sz in zip(tensor.stride(), tensor.shape) if sz != 1):
        if size == 0:
            return False  # PyTorch normalises the strides of empty tensors
        if stride != next_stride:
            return False
        next_stride *= size
    return True


class TensorTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_ferry(self, tensors, cases, *dtype):
        paths = [os.path.join(self.folder, name)
                 for name in ('in.pt', 'cases', 'out.pt')]
        torch.save(tensors, paths[0])
        with open(paths[1], 'w') as file:
            file.writelines(json.dumps(case) + '\n' for case in cases)
        subprocess.run([TENSOR, *paths, *dtype], check=True)
        return torch.load(paths[2])

    def assert_same(self, ours, theirs, case):
        self.assertIsInstance(ours, torch.Tensor, (case, ours))
        self.assertEqual(ours.dtype, theirs.dtype, case)
        self.assertEqual(ours.shape, theirs.shape, case)
        self.assertTrue(torch.equal(ours, theirs), case)

    def test_chains(self):
        rng = random.Random(SEED)
        tensors = make_tensors(rng)
        cases, wanted = [], []
        while len(cases) < CASES:
            index = rng.randrange(len(tensors))
            case, tensor = [index], tensors[index]
            has_layout = True  # whether strides are PyTorch's
            for _ in range(rng.randint(1, 4)):
                step = random_step(rng, tensor)
                case.append(step)
                try:
                    result = apply(tensor, step)
                    if step[0] in ('clone', 'to') and not is_dense(tensor):
                        if result is not tensor:
                            has_layout = False
                            result = result.contiguous()
                    tensor = result
                except (RuntimeError, IndexError, ValueError):
                    tensor = None
                    break
            cases.append(case)
            wanted.append((tensor, has_layout))
        results = self.run_ferry(tensors, cases)
        refused = 0
        for case, ours, (theirs, has_layout) in zip(cases, results, wanted):
            if theirs is None:
                refused += 1
                self.assertIsInstance(ours, str, case)
                continue
            self.assert_same(ours, theirs, case)
            if has_layout and theirs.numel() > 0:
                self.assertEqual(ours.stride(), theirs.stride(), case)
                self.assertEqual(ours.storage_offset(),
                                 theirs.storage_offset(), case)
        # Both answers are frequent.
        self.assertGreater(refused, CASES // 10)
        self.assertGreater(CASES - refused, CASES // 4)

    def test_load_dtype(self):
        rng = random.Random(SEED)
        tensors = make_tensors(rng)
        base = torch.arange(1000.) / 7
        tensors += [base, base[10:20], base.view(10, 100).t()]
        for name in FLOATS:
            dtype = getattr(torch, name)
            results = self.run_ferry(
                tensors, [[i] for i in range(len(tensors))], name)
            for i, (ours, tensor) in enumerate(zip(results, tensors)):
                theirs = (tensor.to(dtype) if tensor.is_floating_point()
                          else tensor)
                self.assert_same(ours, theirs, (name, i))
                self.assertEqual(ours.stride(), tensor.stride())
                self.assertEqual(ours.storage_offset(), tensor.storage_offset())
            self.assertEqual(results[-1].data_ptr(), results[-3].data_ptr())
            self.assertEqual(results[-2].data_ptr(),
                             results[-3].data_ptr() + 10 * base.to(
                                 dtype).element_size())


if __name__ == '__main__':
    unittest.main()
