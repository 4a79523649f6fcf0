# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What PyTorch writes, Ferry reads as PyTorch does.

    read_here_test.py DESCRIBE
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch

import old_files
import torch_cases
import torch_graph

DESCRIBE = os.path.abspath(sys.argv.pop(1))


class ReadHereTest(unittest.TestCase):

    def test_every_case(self):
        warnings.simplefilter('ignore')
        cases = torch_cases.all_cases()
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for case in cases:
                path = os.path.join(directory, case.name)
                with open(path, 'wb') as file:
                    torch.save(case.value, file, **case.options)
                paths.append(path)
            output = subprocess.run([DESCRIBE] + paths,
                                    stdout=subprocess.PIPE,
                                    check=True).stdout
            lines = output.decode().splitlines()
            self.assertEqual(len(lines), len(cases))
            for case, path, line in zip(cases, paths, lines):
                with self.subTest(case=case.name):
                    self.check(path, json.loads(line))

    def check(self, path, actual):
        self.assertNotIn('error', actual)
        # Not the value that was saved: 1.13 does not save all of it.
        value, tags = torch_graph.load(path)
        expected = torch_graph.Describer().describe(value)
        torch_graph.Renumbering().check(expected, actual['root'])
        torch_graph.compare_descriptions(expected, actual['root'])
        # Storages inside what is not described are not listed.
        self.assertLessEqual({tag for _, tag in actual['storages']}, set(tags))

    def test_one_storage_of_two_dtypes(self):
        """What PyTorch wrote before 1.11, and read as the first of the two."""
        warnings.simplefilter('ignore')
        kinds = [
            torch.BoolStorage, torch.ByteStorage, torch.CharStorage,
            torch.HalfStorage, torch.IntStorage, torch.FloatStorage,
            torch.LongStorage, torch.DoubleStorage, torch.ComplexFloatStorage
        ]
        cases = {}
        for first, second in itertools.permutations(kinds, 2):
            sizes = [torch.tensor([], dtype=kind.dtype).element_size()
                     for kind in (first, second)]
            one, other = [
                old_files.Storage('7', [1] * (16 // size), kind)
                for kind, size in zip((first, second), sizes)
            ]
            rebuilt = [
                old_files.Rebuilt(storage, 0, (1,), (1,))
                for storage in (one, other, one)
            ]
            # More elements than the storage has of the first type.
            too_many = [
                rebuilt[0],
                old_files.Rebuilt(other, 0, (16 // sizes[1],), (1,))
            ]
            # The second half, whose dtype is that of the first reference to it.
            halves = [
                old_files.View(storage, '8', 8 // size, 8 // size)
                for storage, size in zip((other, one), sizes[::-1])
            ]
            parts = [
                old_files.Rebuilt(storage, 0, (1,), (1,))
                for storage in (halves[0], one, halves[1])
            ]
            name = '%s.%s' % (first.__name__, second.__name__)
            cases[name + '.zip'] = old_files.archive(rebuilt)
            cases[name + '.legacy'] = old_files.stream(rebuilt)
            cases[name + '.all.zip'] = old_files.archive(too_many)
            cases[name + '.all.legacy'] = old_files.stream(too_many)
            cases[name + '.part.legacy'] = old_files.stream(parts)
        both = 0
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name, contents in cases.items():
                paths.append(os.path.join(directory, name))
                with open(paths[-1], 'wb') as file:
                    file.write(contents)
            output = subprocess.run([DESCRIBE] + paths,
                                    stdout=subprocess.PIPE,
                                    check=True).stdout
            for path, line in zip(paths, output.decode().splitlines()):
                with self.subTest(case=os.path.basename(path)):
                    actual = json.loads(line)
                    try:
                        torch.load(path)
                    except RuntimeError:
                        self.assertIn('error', actual)
                        continue
                    self.check(path, actual)
                    both += 1
        self.assertGreater(both, len(cases) // 2)

    def test_a_difference_is_found(self):
        describe = lambda value: torch_graph.Describer().describe(value)
        tensor = torch.arange(3.)
        for a, b in (
            ([1], [2]),
            ([1], [True]),
            ({'a': 1}, {'b': 1}),
            ([tensor], [tensor + 1]),
            ([tensor], [tensor.double()]),
            ([tensor], [torch.nn.Parameter(tensor)]),
            ([tensor, tensor[1:]], [tensor, tensor.clone()[1:]]),
            ([x := [1], x], [[1], [1]]),
            ([0.0], [-0.0]),
        ):
            with self.assertRaises(torch_graph.Different):
                expected, actual = describe(a), describe(b)
                torch_graph.Renumbering().check(expected, actual)
                torch_graph.compare_descriptions(expected, actual)


if __name__ == '__main__':
    unittest.main()
