# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Ferry and PyTorch take the same number of threads from the environment.

    num_threads_test.py NUM_THREADS

PyTorch reads the variables anew in each thread that asks for the first time, so
one process is enough.
"""

import os
import subprocess
import sys
import tempfile
import threading
import unittest

import torch

NUM_THREADS = os.path.abspath(sys.argv.pop(1))
VARIABLES = 'FERRY_NUM_THREADS', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS'

# No machine has one of these numbers of CPUs by chance.
TEXTS = ('97', '97,2', '97x', '97.5', ' +97', '097', '0x97', '0', '-97', 'abc',
         '', ' ', '2147483647', '2147483648', '99999999999999999999')
PAIRS = (('97', '89'), ('97', 'abc'), ('97', '0'), ('abc', '89'), ('0', '89'),
         ('', '89'), ('-97', '89'), ('abc', '0'))


def in_pytorch(environment):
    """(number of threads, names of the variables in warnings)."""
    for name in VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(environment)
    numbers = []
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        thread = threading.Thread(
            target=lambda: numbers.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        os.dup2(stderr, 2)
        os.close(stderr)
        file.seek(0)
        warnings = file.read().decode()
    return numbers[0], {
        name for name in VARIABLES if 'Invalid %s' % name in warnings
    }


def in_ferry(environment):
    """The same."""
    lines = subprocess.run([NUM_THREADS],
                           env=environment,
                           stdout=subprocess.PIPE,
                           check=True,
                           encoding='utf-8').stdout.splitlines()
    return int(lines[0]), {line.split()[0] for line in lines[1:]}


class NumThreadsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # Each has a default of its own.
        cls.of_pytorch, warnings = in_pytorch({})
        assert not warnings
        cls.of_ferry, warnings = in_ferry({})
        assert not warnings

    def assert_same(self, environment):
        with self.subTest(environment):
            expected, expected_warnings = in_pytorch(environment)
            actual, warnings = in_ferry(environment)
            if expected == self.of_pytorch:
                expected = self.of_ferry
            self.assertEqual(actual, expected)
            self.assertEqual(warnings, expected_warnings)

    def test_each_variable_alone(self):
        for name in VARIABLES[1:]:
            for text in TEXTS:
                self.assert_same({name: text})

    def test_both_variables(self):
        for mkl, omp in PAIRS:
            self.assert_same({'MKL_NUM_THREADS': mkl, 'OMP_NUM_THREADS': omp})

    def test_numbers_are_taken_at_all(self):
        self.assertEqual(in_pytorch({'OMP_NUM_THREADS': '97'})[0], 97)
        self.assertEqual(in_pytorch({'OMP_NUM_THREADS': 'abc'}),
                         (self.of_pytorch, {'OMP_NUM_THREADS'}))

    def test_the_variable_of_ferry_comes_first(self):
        environment = {'MKL_NUM_THREADS': '97', 'OMP_NUM_THREADS': '89'}
        self.assertEqual(
            in_ferry({'FERRY_NUM_THREADS': '83', **environment}), (83, set()))
        self.assertEqual(
            in_ferry({'FERRY_NUM_THREADS': 'abc', **environment}),
            (97, {'FERRY_NUM_THREADS'}))


if __name__ == '__main__':
    unittest.main()
