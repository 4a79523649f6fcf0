# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever value a program builds, Save refuses it or PyTorch opens the file.

    any_value_test.py ANY_VALUE

Classes of the made-up module `pool` are stood in for. Any other name that a
file asks for has to be one that Ferry writes of its own accord: a file that
asks for another has opcodes in it that nobody meant.
"""

import collections
import contextlib
import copyreg
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch
import torch.serialization

ANY_VALUE = os.path.abspath(sys.argv.pop(1))
COUNT = 3000

MODULES = {
    '__builtin__', '_codecs', 'builtins', 'collections', 'torch',
    'torch._utils', 'torch.serialization', 'torch.storage'
}


class StandIn:
    """An object of a class that nobody has."""

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args = args
        return self

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        self.state = state


class Unpickler(pickle.Unpickler):

    def find_class(self, module, name):
        if module.split('.')[0] == 'pool':
            return StandIn
        if (module, name) == ('copy_reg', '__newobj__'):
            return copyreg.__newobj__  # what protocols 0 and 1 make objects by
        if module not in MODULES:
            raise AssertionError('the file asks for %s.%s' % (module, name))
        return super().find_class(module, name)


def stand_in_for_pickle():
    module = type(pickle)('pickle')
    module.__dict__.update(pickle.__dict__)
    module.Unpickler = Unpickler
    module.load = lambda file, **kwargs: Unpickler(file, **kwargs).load()
    return module


class AnyValueTest(unittest.TestCase):

    def test_pytorch_opens_what_is_written(self):
        with tempfile.TemporaryDirectory() as directory:
            result = subprocess.run([ANY_VALUE, str(COUNT), directory],
                                    stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE,
                                    check=False)
            self.assertEqual(result.returncode, 0, result.stderr.decode())
            *files, totals = map(json.loads, result.stdout.splitlines())
            self.assertEqual(len(files), totals['written'])
            self.assertGreater(totals['refused'], COUNT // 10)
            opened = collections.Counter()
            torch.serialization.pickle = stand_in_for_pickle()
            with warnings.catch_warnings(), contextlib.redirect_stderr(
                    io.StringIO()):
                warnings.simplefilter('ignore')
                for file in files:
                    if file['newer']:
                        continue
                    with self.subTest(**file):
                        # Locations are any text here.
                        torch.load(file['path'],
                                   map_location='cpu',
                                   pickle_module=torch.serialization.pickle)
                        opened[file['container'], file['protocol']] += 1
        self.assertEqual(len(opened), 12)
        for (_, protocol), count in opened.items():
            # Protocol 0 refuses what has a storage.
            self.assertGreater(count, COUNT // (30 if protocol else 100),
                               opened)


if __name__ == '__main__':
    unittest.main()
