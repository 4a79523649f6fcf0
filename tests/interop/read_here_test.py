# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What PyTorch writes, Ferry reads as PyTorch does.

    read_here_test.py DESCRIBE
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch

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
