# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""`StateDict` finds what `module.state_dict()` lists, in its order.

    state_dict_test.py STATE_DICT
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import nn

STATE_DICT = os.path.abspath(sys.argv.pop(1))


class Custom(nn.Module):
    """A class of a program's own, with everything a module can have."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(3))
        self.register_parameter('absent', None)
        self.register_buffer('mean', torch.rand(2))
        self.register_buffer('cache', torch.rand(2), persistent=False)
        self.register_buffer('nothing', None)
        self.plain = torch.rand(5)  # no buffer, so not in the state
        self.inner = nn.ModuleDict({'act': nn.ReLU(), 'fc': nn.Linear(2, 2)})
        self.layers = nn.ModuleList([nn.BatchNorm1d(2), self.inner['fc']])
        self.weights = nn.ParameterList([nn.Parameter(torch.rand(1))])
        self.gone = None


def modules():
    tied = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 4, bias=False))
    tied[1].weight = tied[0].weight
    return {
        'linear': nn.Linear(3, 2),
        'custom': Custom(),
        'parallel': nn.DataParallel(Custom()),
        'lstm': nn.LSTM(3, 2, num_layers=2, bidirectional=True),
        'transformer': nn.TransformerEncoderLayer(4, 2, 8),
        'tied': tied,
        'normed': nn.utils.spectral_norm(nn.Linear(3, 2)),
        'double': nn.Conv2d(1, 2, 3).double(),
    }


class StateDictTest(unittest.TestCase):

    def test_modules_and_checkpoints(self):
        torch.manual_seed(1)
        cases = []
        with tempfile.TemporaryDirectory() as directory:
            for name, module in modules().items():
                state = module.state_dict()
                optimizer = torch.optim.SGD(module.parameters(), 0.1)
                for form, value in (
                    ('whole', module),
                    ('bare', state),
                    ('held', {
                        'epoch': 3,
                        'optimizer': optimizer.state_dict(),
                        'rng_state': torch.get_rng_state(),
                        'model_state_dict': state
                    }),
                    ('held_whole', {
                        'model': module,
                        'optimizer': optimizer
                    }),
                ):
                    path = os.path.join(directory, '%s.%s.pt' % (name, form))
                    torch.save(value, path)
                    cases.append((path, state))
            output = subprocess.run([STATE_DICT] +
                                    [path for path, _ in cases],
                                    stdout=subprocess.PIPE,
                                    check=True).stdout
        lines = output.decode().splitlines()
        self.assertEqual(len(lines), len(cases))
        for (path, state), line in zip(cases, lines):
            with self.subTest(path=os.path.basename(path)):
                expected = [[
                    name,
                    str(tensor.dtype)[len('torch.'):],
                    list(tensor.shape),
                    tensor.detach().numpy().tobytes().hex()
                ] for name, tensor in state.items()]
                self.assertEqual(json.loads(line), expected)


if __name__ == '__main__':
    unittest.main()
