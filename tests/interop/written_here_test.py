# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What was built with Ferry alone, PyTorch opens as `weights_only=True`.

    written_here_test.py BUILD

What each file holds is said in build_main.cc, and again here.
"""

import collections
import fractions
import os
import subprocess
import sys
import tempfile
import types
import unittest
import zipfile

import torch

import torch_graph

BUILD = os.path.abspath(sys.argv.pop(1))


def arange(*shape):
    count = 1
    for size in shape:
        count *= size
    return torch.arange(float(count)).reshape(shape)


class WrittenHereTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        subprocess.run([BUILD, cls.directory.name], check=True)

    def path(self, name, protocol):
        return os.path.join(self.directory.name, '%s.p%d.pt' % (name, protocol))

    def check(self, name, expected, weights_only=True):
        """Every protocol opens; protocol 2 without running any code."""
        for protocol in (2, 3, 4, 5):
            with self.subTest(protocol=protocol):
                value = torch.load(self.path(name, protocol),
                                   weights_only=weights_only and protocol == 2)
                torch_graph.compare(expected, value)

    def test_state_dict(self):
        version = {'version': 1}
        state = collections.OrderedDict([('fc.weight', arange(2, 3)),
                                         ('fc.bias', arange(2))])
        state._metadata = collections.OrderedDict([('', version),
                                                   ('fc', dict(version))])
        self.check('state_dict', state)
        module = torch.nn.Sequential(collections.OrderedDict(
            fc=torch.nn.Linear(3, 2)))
        module.load_state_dict(torch.load(self.path('state_dict', 2)))
        self.assertTrue(torch.equal(module.fc.weight, arange(2, 3)))

    def test_dtypes(self):
        expected = {}
        for name in ('float64', 'float32', 'float16', 'bfloat16', 'complex128',
                     'complex64', 'int64', 'int32', 'int16', 'int8', 'uint8',
                     'bool'):
            dtype = getattr(torch, name)
            size = torch.empty((), dtype=dtype).element_size()
            data = torch.arange(1, 3 * size + 1, dtype=torch.uint8)
            expected[name] = (data % 2).to(
                torch.bool) if dtype == torch.bool else torch.tensor(
                    [], dtype=dtype).set_(data.storage().untyped())
        self.check('old_dtypes', expected)

    def test_newer_dtypes_are_written_as_pytorch_writes_them(self):
        # This version cannot open them; what they are made by is in the pickle.
        with zipfile.ZipFile(self.path('dtypes', 2)) as archive:
            pickle = archive.read('dtypes.p2/data.pkl')
            records = archive.namelist()
        for name in ('float8_e4m3fn', 'float8_e5m2', 'uint16', 'uint64',
                     'complex32'):
            self.assertIn(b'ctorch\n%s\n' % name.encode(), pickle)
        self.assertIn(b'ctorch._utils\n_rebuild_tensor_v3\n', pickle)
        self.assertIn(b'ctorch.storage\nUntypedStorage\n', pickle)
        self.assertIn('dtypes.p2/data/20', records)

    def test_views_share_a_storage(self):
        base = arange(4, 6)
        flat = base.view(-1)
        self.check(
            'views', {
                'base': base,
                'transposed': base.t(),
                'row': base[2],
                'stepped': flat.as_strided((2, 2), (12, 3), 1),
                'expanded': flat.as_strided((5, 6), (0, 1), 6),
                'scalar': base[3, 5],
            })

    def test_gradients(self):
        self.check(
            'gradients', {
                'learns': torch.nn.Parameter(arange(2, 2)),
                'frozen': torch.nn.Parameter(arange(3), requires_grad=False),
                'plain': arange(2).requires_grad_(),
            })

    def test_containers(self):
        shared = [1, 2]
        cycle = []
        cycle.append(cycle)
        self.check(
            'containers',
            {
                'none': None,
                'bools': [True, False],
                'ints':
                    [0, 255, 256, 65536, -1, 2**40, -2**63, 2**63 - 1],
                'floats': [0.1, -0.0],
                'complex': 1 - 2j,
                'str': '\xe9\N{ROCKET}',
                'bytes': b'\x00\xff',
                'bytearray': bytearray(b'abc'),
                'tuples': ((), (1,), (1, 'two', 3.0, None)),
                'size': torch.Size([2, 3]),
                'dtype': torch.bfloat16,
                'device': torch.device('cuda', 1),
                'cpu': torch.device('cpu'),
                7: 'int key',
                (1, 't'): 'tuple key',
                'shared': [shared, shared],
                'cycle': cycle,
            },
            # 1.13 knows neither complex nor torch.device there; 2.x does.
            weights_only=False)

    def test_meta_and_empty(self):
        self.check('meta_and_empty', [
            torch.empty(3, 4, device='meta'),
            torch.empty(2, 0, 3, dtype=torch.int64),
            torch.tensor(0.)
        ])

    def test_objects(self):
        shapes = types.ModuleType('shapes')
        shapes.Circle = type('Circle', (), {'__module__': 'shapes'})
        sys.modules['shapes'] = shapes
        self.addCleanup(sys.modules.pop, 'shapes')
        for protocol in (2, 3, 4, 5):
            value = torch.load(self.path('objects', protocol))
            self.assertIs(type(value[0]), shapes.Circle)
            self.assertEqual(value[0].radius, 0.5)
            self.assertEqual(value[0].center.tolist(), [0, 1])
            self.assertEqual(value[1:], [fractions.Fraction(3, 4), range(3)])

    def test_many_tensors(self):
        for protocol in (2, 5):
            state = torch.load(self.path('many', protocol),
                               weights_only=protocol == 2)
            self.assertIs(type(state), collections.OrderedDict)
            self.assertEqual(len(state), 20000)
            for i, (name, tensor) in enumerate(state.items()):
                self.assertEqual(name, 'layer.%d.weight' % i)
                self.assertEqual(tensor.tolist(), [i, -1])


if __name__ == '__main__':
    unittest.main()
