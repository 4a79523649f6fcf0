# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers of Ferry, bit for bit those of PyTorch.

    random_test.py RANDOM

Both begin with the same seed or state, fill the same tensors, and must end with
the same bytes in memory and the same state of the generator. This needs PyTorch
1.13 and a processor with AVX2: core/random.h says how others differ.
"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch

RANDOM = os.path.abspath(sys.argv.pop(1))


def setUpModule():  # pylint: disable=invalid-name
    if not torch.__version__.startswith('1.13.'):
        raise unittest.SkipTest('PyTorch %s has other random numbers than 1.13' %
                                torch.__version__)


SEEDS = [
    0, 1, 42, 67280421310721, 2**31, 2**32 - 1, 2**32 + 5, 2**64 - 1, 1234567,
    987654321
]
SIZES = [0, 1, 7, 15, 16, 17, 31, 32, 100, 1000, 100000]

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
COMPLEX = [torch.complex64, torch.complex128, torch.complex32]
INTEGERS = [
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool
]

# Shapes and strides of views that are not contiguous, or only nearly so.
VIEWS = [
    ((), ()),
    ((1, 16, 1), (3, 1, 7)),
    ((4, 6), (1, 4)),
    ((6, 5), (10, 2)),
    ((2, 3, 4), (4, 8, 1)),
    ((3, 5, 2, 7), (70, 1, 35, 5)),
    ((5, 1, 3), (1, 0, 5)),
    ((8, 2, 3), (1, 100, 16)),
    ((4, 4), (1, 1)),
    ((2, 6), (2, 2)),
    ((3, 40), (50, 1)),
    ((1500,), (3,)),
    ((0, 3), (1, 2)),
]


def size_of(dtype):
    return torch.empty((), dtype=dtype).element_size()


def name_of(dtype):
    return str(dtype).split('.')[1]


def row_major(shape):
    return torch.empty(shape, dtype=torch.bool).stride()


def fill(function, *arguments, dtype=torch.float32, shape=(), strides=None):
    if strides is None:
        strides = row_major(shape)
    extent = 1 + sum(
        (size - 1) * stride for size, stride in zip(shape, strides))
    return {
        'function': function,
        'arguments': arguments,
        'dtype': dtype,
        'shape': shape,
        'strides': strides,
        'elements': 0 if 0 in shape else extent,
    }


def bernoulli_tensor(p, **kwargs):
    return {**fill('bernoulli_tensor', **kwargs), 'p': p}


def permutation(count):
    return {'function': 'permutation', 'arguments': (count,)}


def bytes_of(tensor):
    """The bytes of a tensor that is contiguous."""
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    if real.dtype == torch.bfloat16:
        real = real.view(torch.int16)
    return real.numpy().tobytes()


def fill_in_pytorch(job, generator):
    """The bytes of the storage, or None if PyTorch refuses."""
    function, arguments = job['function'], job['arguments']
    if function == 'permutation':
        return bytes_of(torch.randperm(*arguments, generator=generator))
    storage = torch.zeros(job['elements'], dtype=job['dtype'])
    tensor = storage.as_strided(job['shape'], job['strides'])
    methods = {
        'uniform': tensor.uniform_,
        'normal': tensor.normal_,
        'integers': tensor.random_,
        'bernoulli': tensor.bernoulli_,
        'bernoulli_tensor': tensor.bernoulli_,
    }
    if 'p' in job:
        arguments = (job['p'],)
    try:
        methods[function](*arguments, generator=generator)
    except (RuntimeError, TypeError):
        return None
    return bytes_of(storage)


def as_json(job):
    """The job for Ferry."""
    if job['function'] == 'permutation':
        return job
    job = {**job, 'dtype': name_of(job['dtype'])}
    if 'p' in job:
        p = job.pop('p')
        job.update(p_dtype=name_of(p.dtype),
                   p_shape=list(p.shape),
                   p_hex=bytes_of(p.contiguous()).hex())
    return job


def describe(job):
    return {key: str(value)[:100] for key, value in job.items()}


def every_fill(size):
    """Each function and dtype once or more, for tensors of a size."""
    fills = []
    for dtype in FLOATS + COMPLEX:
        for low, high in [(0, 1), (-3.5, 7.25), (1000, 1001), (0.1, 0.1)]:
            fills.append(fill('uniform', low, high, dtype=dtype, shape=(size,)))
        for mean, stddev in [(0, 1), (-2.5, 0.02), (1e3, 3), (0.1, 0)]:
            fills.append(
                fill('normal', mean, stddev, dtype=dtype, shape=(size,)))
    for dtype in FLOATS + INTEGERS:
        fills.append(fill('integers', dtype=dtype, shape=(size,)))
        fills.append(fill('integers', 0, 2, dtype=dtype, shape=(size,)))
    for dtype in FLOATS + INTEGERS[:4]:
        fills.append(fill('integers', -100, 100, dtype=dtype, shape=(size,)))
    for dtype in [torch.float32, torch.float64, torch.bfloat16, torch.int64]:
        for low, high in [(0, 2**32 - 1), (0, 2**32), (-5, 2**40),
                          (-2**63, 2**63 - 1), (2**24 - 3, 2**24 + 9),
                          (-2**25 - 3, 3), (-2**53 - 1, 2**53 + 1)]:
            fills.append(fill('integers', low, high, dtype=dtype,
                              shape=(size,)))
    fills.append(fill('integers', 0, 65504, dtype=torch.float16, shape=(size,)))
    fills.append(
        fill('integers', -2**31, 2**31, dtype=torch.int32, shape=(size,)))
    for dtype in [torch.float32, torch.float64] + INTEGERS:
        for p in (0, 0.1, 0.5, 1):
            fills.append(fill('bernoulli', p, dtype=dtype, shape=(size,)))
        for p_dtype in (torch.float32, torch.float64):
            p = torch.linspace(0, 1, size, dtype=p_dtype)
            fills.append(bernoulli_tensor(p, dtype=dtype, shape=(size,)))
    fills.append(permutation(size))
    return fills


def strided_fills():
    fills = []
    for shape, strides in VIEWS:
        for dtype in FLOATS + COMPLEX:
            where = dict(dtype=dtype, shape=shape, strides=strides)
            fills.append(fill('uniform', -1, 2, **where))
            fills.append(fill('normal', 0.5, 2, **where))
        for dtype in [torch.float64, torch.int64, torch.uint8]:
            where = dict(dtype=dtype, shape=shape, strides=strides)
            fills.append(fill('integers', 0, 100, **where))
            fills.append(fill('bernoulli', 0.4, **where))
            fills.append(bernoulli_tensor(torch.tensor(0.25), **where))
            if shape:
                p = torch.linspace(0, 1, shape[-1], dtype=torch.float64)
                fills.append(bernoulli_tensor(p, **where))
                p = torch.linspace(0, 1, shape[0]).reshape(
                    [shape[0]] + [1] * (len(shape) - 1))
                fills.append(bernoulli_tensor(p, **where))
    return fills


# What PyTorch refuses.
REFUSED = [
    fill('uniform', 1, 0, shape=(3,)),
    fill('uniform', 0, 1e39, shape=(3,)),
    fill('uniform', 0, 65505, dtype=torch.float16, shape=(3,)),
    fill('uniform', -3e38, 3e38, shape=(3,)),
    fill('uniform', 0, 1, dtype=torch.int64, shape=(3,)),
    fill('uniform', 0, 1, dtype=torch.int64, shape=(0,)),
    fill('uniform', 0, 1, shape=(3,), strides=(0,)),
    fill('normal', 0, -1, shape=(3,)),
    fill('normal', 0, -1, shape=(0,)),
    fill('normal', 0, 1, dtype=torch.bool, shape=(3,)),
    fill('integers', 3, 3, shape=(3,)),
    fill('integers', 0, 257, dtype=torch.uint8, shape=(3,)),
    fill('integers', -129, 1, dtype=torch.int8, shape=(3,)),
    fill('integers', 0, 3, dtype=torch.bool, shape=(3,)),
    fill('integers', 0, 65530, dtype=torch.float16, shape=(3,)),
    fill('integers', dtype=torch.complex64, shape=(3,)),
    fill('bernoulli', 1.5, shape=(3,)),
    fill('bernoulli', -0.5, shape=(0,)),
    fill('bernoulli', 0.5, dtype=torch.complex64, shape=(3,)),
    bernoulli_tensor(torch.tensor([0, 2, 0.5]), shape=(3,)),
    bernoulli_tensor(torch.tensor([math.nan]), shape=(3,)),
    bernoulli_tensor(torch.zeros(2, 3), shape=(3,)),
    bernoulli_tensor(torch.zeros(2), shape=(3,)),
    bernoulli_tensor(torch.zeros(3, dtype=torch.int32), shape=(3,)),
]


class RandomTest(unittest.TestCase):

    def setUp(self):
        # PyTorch warns of integers that a dtype does not hold.
        warnings.simplefilter('ignore')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_ferry(self, jobs, states=()):
        """The verdict on each fill, all numbers, and the new states."""
        paths = [
            os.path.join(self.folder, name)
            for name in ('jobs.json', 'states.pt', 'numbers', 'new_states.pt')
        ]
        with open(paths[0], 'w') as file:
            json.dump([{
                **job, 'fills': list(map(as_json, job['fills']))
            } for job in jobs], file)
        torch.save(list(states), paths[1])
        lines = subprocess.run([RANDOM] + paths,
                               check=True,
                               stdout=subprocess.PIPE,
                               encoding='utf-8').stdout.splitlines()
        with open(paths[2], 'rb') as file:
            return lines, file.read(), torch.load(paths[3])

    def check(self, jobs, states=()):
        """Compares Ferry with PyTorch, and returns the new states."""
        lines, numbers, new_states = self.run_ferry(jobs, states)
        at = 0
        self.assertEqual(len(lines), sum(len(job['fills']) for job in jobs))
        lines = iter(lines)
        for job, new_state in zip(jobs, new_states):
            generator = torch.Generator()
            if 'seed' in job:
                # PyTorch takes seeds of 64 bits as signed numbers, too.
                generator.manual_seed(job['seed'])
            else:
                generator.set_state(states[job['state']])
            for one in job['fills']:
                wanted = fill_in_pytorch(one, generator)
                self.assertIsNotNone(wanted, describe(one))
                self.assertEqual(next(lines), 'ok', describe(one))
                got = numbers[at:at + len(wanted)]
                at += len(wanted)
                # assertEqual would print all bytes.
                self.assertTrue(got == wanted, describe(one))
            self.assertEqual(generator.get_state().tolist(),
                             new_state.tolist(), job.get('seed'))
        self.assertEqual(at, len(numbers))
        return new_states

    def test_seeds_and_sizes(self):
        jobs = [{
            'seed': seed,
            'fills': every_fill(size)
        } for seed in SEEDS for size in SIZES[:-1]]
        jobs += [{'seed': seed, 'fills': every_fill(SIZES[-1])}
                 for seed in SEEDS[:1]]
        self.check(jobs)

    def test_strides(self):
        self.check([{'seed': seed, 'fills': strided_fills()}
                    for seed in SEEDS[:3]])

    def test_millions_of_normal_numbers(self):
        # Fused operations show in a few of them.
        self.check([{
            'seed': 1,
            'fills': [
                fill('normal', 0.1, 3.3, dtype=dtype, shape=(1 << 21,))
                for dtype in FLOATS
            ]
        }])

    def test_states_within_a_sequence(self):
        states = []
        for normals in range(8):
            for words in (0, 1, 616, 617, 623, 624, 625):
                generator = torch.Generator().manual_seed(normals)
                torch.empty(normals).normal_(generator=generator)
                torch.empty(words).uniform_(generator=generator)
                states.append(generator.get_state())
        fills = [
            fill('normal', 0, 1, shape=(3,)),
            fill('uniform', 0, 1, shape=(7,)),
            fill('normal', 0, 1, dtype=torch.float64, shape=(40,)),
            fill('normal', 1, 2, dtype=torch.float64, shape=(2,)),
        ]
        new_states = self.check([{
            'state': i,
            'fills': fills
        } for i in range(len(states))], states)
        # Once more, from what Ferry saved.
        self.check([{
            'state': i,
            'fills': fills
        } for i in range(len(states))], new_states)

    def test_first_form_of_states(self):
        state = torch.Generator().manual_seed(9).get_state()
        old = bytearray(state[:5048].tolist())
        old[5016:5044] = struct.pack('<dddi', 0.3, 0.9, 1.7, 1)
        self.check([{
            'state': 0,
            'fills': [fill('normal', 0, 1, shape=(3,))]
        }], [torch.tensor(list(old), dtype=torch.uint8)])

    def test_refusals(self):
        for one in REFUSED:
            generator = torch.Generator()
            self.assertIsNone(fill_in_pytorch(one, generator), describe(one))
        lines, numbers, states = self.run_ferry([{
            'seed': 5,
            'fills': REFUSED
        }])
        self.assertEqual(lines, ['INVALID_ARGUMENT'] * len(REFUSED))
        self.assertEqual(numbers, b'')
        self.assertEqual(states[0].tolist(),
                         torch.Generator().manual_seed(5).get_state().tolist())


if __name__ == '__main__':
    unittest.main()
