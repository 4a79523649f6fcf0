# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""`map_location` does in Ferry what it does in PyTorch: a table of cases.

    map_location_test.py MAP_LOCATION

Compared are where each tensor ends up, what it holds, and which functions were
called for which storage in which order. The cases and their answers are lines
of JSON, as map_location_main.cc says.

On purpose Ferry differs in two things, which are not in the table: "cpu:0" and
"meta:0" mean "cpu" and "meta", where PyTorch knows no such place; and of a
storage without elements functions are told once, in PyTorch at every reference.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import serialization

MAP_LOCATION = os.path.abspath(sys.argv.pop(1))

# The tags of the tensors in each file; tensor i holds i + 1 twice.
FILES = {
    'cpu': ['cpu', 'cpu'],
    'acme': ['cpu', 'acme:0', 'acme:1', 'acme:0'],
    'cuda': ['cuda:0', 'cpu'],
    'odd': ['ACME:0', 'cpu ', 'meta-0'],
    'meta': ['meta', 'cpu'],
    'shared': ['acme:0', 'acme:0 again'],
}

FORMS = [
    {'form': 'none'},
    {'form': 'to', 'to': 'cpu'},
    {'form': 'to', 'to': 'meta'},
    {'form': 'to', 'to': 'acme:1'},
    {'form': 'to', 'to': 'cuda:0'},
    {'form': 'to', 'to': 'nowhere'},
    {'form': 'to', 'to': ''},
    {'form': 'table', 'table': {}},
    {'form': 'table', 'table': {'acme:0': 'cpu'}},
    {'form': 'table', 'table': {'acme:0': 'cpu', 'acme:1': 'cpu'}},
    # One hop.
    {'form': 'table', 'table': {'acme:0': 'acme:1', 'acme:1': 'cpu'}},
    # No wildcards, no parts, no other spelling.
    {'form': 'table', 'table': {'acme': 'cpu', 'cuda': 'cpu', 'cuda:*': 'cpu'}},
    {'form': 'table', 'table': {'CUDA:0': 'cpu', 'cpu ': 'cpu'}},
    {'form': 'table', 'table': {'cuda:0': 'cpu'}},
    {'form': 'table', 'table': {'cpu': 'meta'}},
    {'form': 'table', 'table': {'cpu': 'nowhere'}},
    {'form': 'table', 'table': {'ACME:0': 'cpu', 'meta-0': 'cpu',
                                'cpu ': 'meta'}},
    {'form': 'function', 'keep': []},
    {'form': 'function', 'keep': ['cuda:0', 'acme:0', 'acme:1', 'ACME:0',
                                  'cpu ', 'meta-0']},
    {'form': 'function', 'keep': ['acme:0']},
    {'form': 'function', 'keep': ['cpu', 'meta']},
]  # yapf: disable

PACKAGES = [
    [],
    [[5, 'first', ['acme:0', 'acme:1']]],
    # After the CPU (10) and CUDA (20), and after meta (22).
    [[30, 'last', ['acme:0', 'acme:1', 'cpu', 'ACME:0']]],
    # Asked before the CPU, it takes the CPU's.
    [[-1, 'silent', []], [7, 'greedy', ['cpu', 'acme:0', 'meta']]],
    [[40, 'late', ['acme:0']], [15, 'early', ['acme:0', 'cuda:0']],
     [16, 'middle', ['acme:0', 'acme:1']]],
]  # yapf: disable


def first_element(storage):
    elements = torch.tensor([]).set_(storage.untyped() if hasattr(
        storage, 'untyped') else storage)
    return elements[0].item() if elements.numel() else -1.0


class Keeper:
    """Keeps storages of some tags, and notes that it was called."""

    def __init__(self, name, tags, calls):
        self.name, self.tags, self.calls = name, tags, calls

    def __call__(self, storage, tag):
        self.calls.append([self.name, tag, first_element(storage)])
        return storage if tag in self.tags else None


def make_file(name, path):
    tensors = [
        torch.full((2,), float(i + 1)) for i in range(len(FILES[name]))
    ]
    if name == 'shared':
        tensors[1] = tensors[0].view(2)
    tags = {t.storage().data_ptr(): tag
            for t, tag in reversed(list(zip(tensors, FILES[name])))}
    with registered([[0, lambda storage: tags.get(storage.data_ptr()),
                      lambda storage, tag: None]]):
        torch.save(tensors, path)


class registered:
    """Registers packages for a while."""

    def __init__(self, packages):
        self.packages = packages

    def __enter__(self):
        self.old = list(serialization._package_registry)
        for package in self.packages:
            serialization.register_package(*package)

    def __exit__(self, *_):
        serialization._package_registry[:] = self.old


def run_in_pytorch(case):
    calls = []
    form = case['form']
    location = {
        'none': None,
        'to': case.get('to'),
        'table': case.get('table'),
        'function': Keeper('map', case.get('keep'), calls),
    }[form]
    with registered([[priority, lambda storage: None,
                      Keeper(name, tags, calls)]
                     for priority, name, tags in case['packages']]):
        try:
            value = torch.load(case['path'], map_location=location)
        except RuntimeError as error:
            return {'error': str(error)}
    return {
        'tensors': [[
            str(tensor.device),
            [] if tensor.is_meta else tensor.tolist()
        ] for tensor in value],
        'calls': calls
    }


class MapLocationTest(unittest.TestCase):

    def test_every_case(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = {name: os.path.join(directory, name) for name in FILES}
            for name, path in paths.items():
                make_file(name, path)
            cases = [
                dict(form, path=path, packages=packages)
                for path, form, packages in itertools.product(
                    paths.values(), FORMS, PACKAGES)
                # PyTorch 2.14 asks no package about "meta", 1.13 does.
                if not (packages and form.get('to') == 'meta' and
                        hasattr(serialization, '_is_meta_location'))
            ]
            output = subprocess.run(
                [MAP_LOCATION],
                input='\n'.join(map(json.dumps, cases)).encode(),
                stdout=subprocess.PIPE,
                check=True).stdout
            answers = [json.loads(line) for line in output.decode().splitlines()]
            self.assertEqual(len(answers), len(cases))
            errors = 0
            for case, actual in zip(cases, answers):
                expected = run_in_pytorch(case)
                with self.subTest(file=os.path.basename(case['path']),
                                  **{key: value for key, value in case.items()
                                     if key != 'path'}):
                    self.assertEqual('error' in actual, 'error' in expected,
                                     (actual, expected))
                    if 'error' in expected:
                        errors += 1
                    else:
                        self.assertEqual(actual, expected)
            # Neither all nor none of the table is about errors.
            self.assertGreater(errors, len(cases) // 10)
            self.assertLess(errors, len(cases) * 9 // 10)


if __name__ == '__main__':
    unittest.main()
