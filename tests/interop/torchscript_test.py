# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""TorchScript archives: what is in them, as PyTorch sees it.

    torchscript_test.py FERRY
"""

import enum
import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from typing import Dict, List, Optional, Tuple

import torch

FERRY = os.path.abspath(sys.argv.pop(1))


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Attributes(torch.nn.Module):
    numbers: List[int]
    words: List[str]
    tensors: Dict[str, torch.Tensor]
    nested: Dict[int, List[float]]
    nothing: Optional[torch.Tensor]
    pair: Tuple[int, torch.Tensor]

    def __init__(self):
        super().__init__()
        self.numbers = [1, -2, 2**40]
        self.words = ['a', '\u00e9']
        self.tensors = {'k': torch.zeros(3)}
        self.nested = {1: [0.5]}
        self.nothing = None
        self.pair = (3, torch.ones(1))
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 2),
                                          torch.nn.ReLU())
        self.weight = torch.nn.Parameter(torch.randn(2, 2))
        self.register_buffer('row', self.weight.detach()[1])

    def forward(self, x):
        return self.layers(x) + self.weight


class Colored(torch.nn.Module):

    def __init__(self):
        super().__init__()
        self.color = Color.BLUE

    def forward(self, x: int):
        return self.color == Color.RED


class Holder(torch.nn.Module):

    def __init__(self, tensor):
        super().__init__()
        self.register_buffer('tensor', tensor)

    def forward(self):
        return self.tensor


class TorchScriptTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        warnings.simplefilter('ignore')
        torch.manual_seed(0)
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def save(self, module, name, **options):
        torch.jit.save(torch.jit.script(module), self.path(name), **options)

    def as_data(self, name):
        subprocess.run([
            FERRY, 'convert', '--as-data',
            self.path(name),
            self.path('data_' + name)
        ],
                       check=True)
        return torch.load(self.path('data_' + name))

    def inspect(self, name):
        output = subprocess.run(
            [FERRY, 'inspect', '--format=json',
             self.path(name)],
            check=True,
            capture_output=True).stdout
        return json.loads(output)

    def test_attributes(self):
        module = Attributes()
        self.save(module, 'attributes.pt')
        data = self.as_data('attributes.pt')
        for name in ('numbers', 'words', 'nested', 'nothing'):
            self.assertEqual(data[name], getattr(module, name))
        self.assertTrue(torch.equal(data['tensors']['k'], torch.zeros(3)))
        self.assertEqual(data['pair'][0], 3)
        for name, tensor in module.state_dict().items():
            part = data
            for step in name.split('.'):
                part = part[step]
            self.assertTrue(torch.equal(part, tensor), name)
        self.assertTrue(data['weight'].requires_grad)
        # Views share their storage as before.
        self.assertEqual(data['row'].data_ptr(),
                         data['weight'].data_ptr() + 8)

    def test_layouts(self):
        x = torch.tensor([[1., 0.], [2., 3.]])
        for name, tensor in [
            ('coo', x.to_sparse()),
            ('affine', torch.quantize_per_tensor(x, .1, 2, torch.qint8)),
            ('channel',
             torch.quantize_per_channel(x, torch.tensor([.1, .2]),
                                        torch.tensor([0, 1]), 0, torch.qint8)),
        ]:
            self.save(Holder(tensor), name + '.pt')
            loaded = self.as_data(name + '.pt')['tensor']
            self.assertEqual(loaded.layout, tensor.layout, name)
            self.assertEqual(loaded.dtype, tensor.dtype, name)
            dense = (lambda t: t.dequantize()) if tensor.is_quantized else (
                lambda t: t.to_dense())
            self.assertTrue(torch.equal(dense(loaded), dense(tensor)), name)
        self.save(Holder(torch.empty(2, device='meta')), 'meta.pt')
        self.assertEqual(self.as_data('meta.pt')['tensor'].device.type, 'meta')

    def test_enumerations(self):
        self.save(Colored(), 'colored.pt')
        self.assertEqual(self.as_data('colored.pt')['color'], 2)

    def test_constants(self):
        constant = torch.arange(4.)
        torch.jit.save(
            torch.jit.trace(lambda x: x + constant, torch.ones(4)),
            self.path('constants.pt'))
        (found,) = self.as_data('constants.pt')['__constants__']
        self.assertTrue(torch.equal(found, constant))
        shown = self.inspect('constants.pt')
        self.assertEqual(shown['kind'], 'torchscript')
        (row,) = shown['constants']
        self.assertEqual((row['pointer'], row['dtype'], row['shape']),
                         ('/0', 'float32', [4]))

    def test_code_is_text(self):
        self.save(Attributes(), 'code.pt', _extra_files={'note.txt': 'hello'})
        shown = self.inspect('code.pt')
        self.assertIn('code/__torch__.py', shown['code'])
        self.assertIn({
            'name': 'extra/note.txt',
            'size_bytes': 5
        }, shown['program_records'])
        text = subprocess.run(
            [FERRY, 'inspect', '--code',
             self.path('code.pt')],
            check=True,
            capture_output=True,
            encoding='utf-8').stdout
        self.assertIn('def forward(self: __torch__.Attributes', text)


if __name__ == '__main__':
    unittest.main()
