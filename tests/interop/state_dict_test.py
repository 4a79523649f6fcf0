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


class Scripted(nn.Module):
    """What TorchScript compiles: parameters, buffers, lists of tensors."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.rand(3))
        self.norm = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())
        self.register_buffer('mean', torch.rand(2))

    def forward(self, x):
        return self.norm(self.fc(x - self.mean) * self.scale)


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


def inside(value):
    """The names and values in a value, which is none of these if it has none."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, torch.ScriptObject):
        return inside(value.__getstate__()[0])
    return []


def holds_tensors(value):
    return isinstance(value, torch.Tensor) or any(
        holds_tensors(item) for _, item in inside(value))


def flatten(value, prefix=''):
    """What a state_dict holds, by name: tensors, and the types of the rest."""
    tensors, left_out = [], []
    for key, item in inside(value):
        name = '%s%s' % (prefix, key)
        if isinstance(item, torch.Tensor):
            tensors.append((name, item))
        elif not holds_tensors(item):
            left_out.append([name, type(item).__name__])
        else:
            more, other = flatten(item, name + '.')
            tensors += more
            left_out += other
    return tensors, left_out


def describe(tensors):
    """The rows that the program under test prints."""
    rows = []
    for name, tensor in tensors:
        tensor = tensor.detach()
        data = tensor.int_repr() if tensor.is_quantized else tensor
        rows.append([
            name,
            str(tensor.dtype)[len('torch.'):],
            list(tensor.shape),
            data.numpy().tobytes().hex()
        ])
    return rows


def find(paths):
    """What `StateDict` finds in files."""
    output = subprocess.run([STATE_DICT] + paths,
                            stdout=subprocess.PIPE,
                            check=True).stdout
    return [json.loads(line) for line in output.decode().splitlines()]


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
            rows = find([path for path, _ in cases])
        self.assertEqual(len(rows), len(cases))
        for (path, state), row in zip(cases, rows):
            with self.subTest(path=os.path.basename(path)):
                self.assertEqual(row['tensors'], describe(state.items()))
                self.assertEqual(row['left_out'], [])
                self.assertEqual(row['load_into'], '')

    def test_programs(self):
        torch.manual_seed(1)
        module = Scripted().eval()
        programs = {
            'scripted': torch.jit.script(module),
            'traced': torch.jit.trace(module, torch.rand(1, 2)),
            'frozen': torch.jit.freeze(torch.jit.script(module)),
        }
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name, program in programs.items():
                paths.append(os.path.join(directory, name))
                program.save(paths[-1])
            rows = find(paths)
        for (name, program), row in zip(programs.items(), rows):
            with self.subTest(program=name):
                self.assertEqual(row['tensors'],
                                 describe(program.state_dict().items()))
                self.assertEqual(row['load_into'], '')

    def test_quantised_modules(self):
        torch.manual_seed(1)
        module = nn.ModuleDict({
            'fc': nn.Linear(3, 2),
            'lstm': nn.LSTM(3, 2),
            'plain': nn.Conv1d(1, 1, 1)
        })
        quantised = torch.quantization.quantize_dynamic(module)
        tensors, left_out = flatten(quantised.state_dict())
        self.assertIn('fc._packed_params._packed_params.0',
                      [name for name, _ in tensors])
        # In a module these are still Python's numbers.
        numbers = [['fc.scale', 'float'], ['fc.zero_point', 'int']]
        names = [name for name, _ in numbers]
        with tempfile.TemporaryDirectory() as directory:
            state_path = os.path.join(directory, 'state.pt')
            torch.save(quantised.state_dict(), state_path)
            whole_path = os.path.join(directory, 'whole.pt')
            torch.save(quantised, whole_path)
            state, whole = find([state_path, whole_path])
        self.assertEqual(state['tensors'], describe(tensors))
        self.assertEqual(state['left_out'], left_out)
        self.assertIn('and not tensors: fc._packed_params.dtype (dtype), ',
                      state['load_into'])
        self.assertEqual(
            whole['tensors'],
            describe([(name, tensor) for name, tensor in tensors
                      if name not in names]))
        self.assertEqual(whole['left_out'], numbers + left_out)
        self.assertEqual(whole['outside'], [])

    def test_lists_and_holders(self):
        """Everything in a state is listed, by one name, or left out by name."""
        torch.manual_seed(1)
        state = {
            'weights': [torch.rand(1), torch.rand(2)],
            'fc': {'w': torch.rand(3), 'pair': (torch.rand(1), 'text', None)},
            'steps': 3,
            'empty': [],
        }
        tensors, left_out = flatten(state)
        holders = {
            'bare.pt': state,
            'params_ema.pt': {'params': {}, 'params_ema': state},
            'generator.pt': {'generator': state, 'discriminator': state},
            'only.pt': {'epoch': 3, 'any name': state},
        }
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name, value in holders.items():
                for legacy in False, True:
                    path = os.path.join(directory, '%d.%s' % (legacy, name))
                    torch.save(value,
                               path,
                               _use_new_zipfile_serialization=not legacy)
                    paths.append(path)
            rows = find(paths)
        for path, row in zip(paths, rows):
            with self.subTest(path=os.path.basename(path)):
                self.assertEqual(row['tensors'], describe(tensors))
                self.assertEqual(
                    [[name, {'none': 'NoneType'}.get(kind, kind)]
                     for name, kind in row['left_out']], left_out)
                for name, _ in left_out:
                    self.assertIn(name, row['load_into'])


if __name__ == '__main__':
    unittest.main()
