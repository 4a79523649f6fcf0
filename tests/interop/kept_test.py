# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles of things that the installed PyTorch does not have, kept as they are.

    kept_test.py CONVERT

They are made by Python's own pickle from names alone, as PyTorch's reduce
functions give them: torch/_tensor.py, torch/_utils.py, torch/csrc/Generator.cpp
and torch/nested/_internal/nested_tensor.py. Ferry loads and saves an archive
with each, in every protocol, and the pickle is the same bytes.
"""

import collections
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import types
import unittest
import zipfile

CONVERT = os.path.abspath(sys.argv.pop(1))


def name(path):
    """A function or class of this name, in modules made for it."""
    module_name, _, short = path.rpartition('.')
    module = sys.modules.setdefault(module_name, types.ModuleType(module_name))
    if not hasattr(module, short):
        made = type(short, (), {'__module__': module_name})
        setattr(module, short, made)
    return getattr(module, short)


class Call:
    """A value that is made by calling a name."""

    def __init__(self, path, *args, state=None):
        self.reduced = (name(path), args) + ((state,) if state else ())

    def __reduce__(self):
        return self.reduced


class Storage:
    """16 bytes of any kind."""

    def __init__(self, kind, num_elements):
        self.kind, self.num_elements = name(kind), num_elements


class Pickler(pickle.Pickler):

    def __init__(self, *args):
        super().__init__(*args)
        self.keys = {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        # Numbered by first reference, as PyTorch does.
        key = self.keys.setdefault(obj, str(len(self.keys)))
        return ('storage', obj.kind, key, 'cpu', obj.num_elements)


FLOATS = Storage('torch.FloatStorage', 4)
LONGS = Storage('torch.LongStorage', 2)
BYTES = Storage('torch.ByteStorage', 16)


def tensor(storage=FLOATS, size=(4,), stride=(1,)):
    return Call('torch._utils._rebuild_tensor_v2', storage, 0, size, stride,
                False, collections.OrderedDict())


def device(*args):
    return Call('torch.device', *args)


def layout(of):
    return Call('torch.serialization._get_layout', 'torch.' + of)


V2_ARGS = (FLOATS, 0, (4,), (1,), False, collections.OrderedDict())

CASES = {
    'generator':
        Call('torch._C.Generator', device('cpu'),
             state=(17, None, tensor(BYTES, (16,)))),
    'parameter_with_state':
        Call('torch._utils._rebuild_parameter_with_state', tensor(), True,
             collections.OrderedDict(), {'tag': 'x'}),
    'parameter_with_slots':
        Call('torch._utils._rebuild_parameter_with_state', tensor(), True,
             collections.OrderedDict(), (None, {'slot': 1})),
    'buffer':
        Call('torch._tensor._rebuild_from_type_v2',
             name('torch._utils._rebuild_tensor_v2'), name('torch.Tensor'),
             V2_ARGS, {'persistent': True, '_is_buffer': True}),
    'subclass_1_7':
        Call('torch.tensor._rebuild_from_type',
             name('torch._utils._rebuild_tensor_v2'), name('own.Subclass'),
             V2_ARGS, {'note': 1}),
    'wrapper_subclass':
        Call('torch._tensor._rebuild_from_type_v2',
             name('torch._utils._rebuild_wrapper_subclass'),
             name('own.Wrapper'),
             (name('own.Wrapper'), name('torch.float32'), (4,), (1,), 0,
              layout('strided'), device('cpu'), False), {'inner': tensor()}),
    'uninitialised_buffer':
        Call('torch.nn.parameter.UninitializedBuffer', False),
    'tensor_0_3':
        Call('torch._utils._rebuild_tensor', FLOATS, 0, (4,), (1,)),
    'tensor_0_1':
        Call('torch.FloatTensor', state=(FLOATS, 0, (4,), (1,))),
    'type_tags': [
        Call('torch.jit._pickle.restore_type_tag', {'a': 1}, 'Dict[str, int]'),
        Call('torch.jit._pickle.build_intlist', [1, 2]),
    ],
    'variable_0_3':
        Call('torch.autograd.variable.Variable',
             state=(tensor(), None, None, True, False)),
    'csr_1_9':
        Call('torch._utils._rebuild_sparse_csr_tensor', layout('sparse_csr'),
             (tensor(LONGS, (2,)), tensor(LONGS, (1,)), tensor(FLOATS, (1,)),
              Call('torch.Size', (1, 2)))),
    'float_qparams':
        Call('torch._utils._rebuild_qtensor',
             Storage('torch.QUInt8Storage', 16), 0, (4, 4), (4, 1),
             (name('torch.per_channel_affine'), tensor(), tensor(), 0), False,
             collections.OrderedDict()),
    'nested':
        Call('torch._utils._rebuild_nested_tensor', tensor(),
             tensor(LONGS, (2, 1), (1, 1)), tensor(LONGS, (2, 1), (1, 1)),
             tensor(LONGS, (2,))),
    'jagged':
        Call('torch.nested._internal.nested_tensor._rebuild_njt',
             {'_values': tensor(), '_offsets': tensor(LONGS, (2,)),
              '_ragged_idx': 1}),
    'device_tensor':
        Call('torch._utils._rebuild_device_tensor_from_cpu_tensor', tensor(),
             name('torch.float32'), 'xla:0', False),
    'backend_metadata':
        Call('torch._utils._rebuild_tensor_v2', *V2_ARGS,
             {'neg': True, 'of_a_backend': True}),
    'device_tensor_from_numpy':
        Call('torch._utils._rebuild_xla_tensor', [1.0], name('torch.float32'),
             'xla:0', False),
    'dtensor':
        Call('torch._tensor._rebuild_from_type_v2',
             name('torch._utils._rebuild_wrapper_subclass'),
             name('torch.distributed.tensor.DTensor'),
             (name('torch.distributed.tensor.DTensor'), name('torch.float32'),
              (8,), (1,), 0, layout('strided'), device('cuda', 0), False),
             {'_local_tensor': tensor(),
              '_spec': Call('torch.distributed.tensor._dtensor_spec.DTensorSpec',
                            state={'placements': (Call(
                                'torch.distributed.tensor.placement_types.Shard',
                                0),)})}),
    'return_types':
        Call('torch.return_types.max', (tensor(), tensor(LONGS, (2,))), {}),
    'jagged_layout':
        [layout('jagged'), layout('_mkldnn'), name('torch.per_tensor_affine')],
    'narrow_integers': [name('torch.int1'), name('torch.uint7')],
    'dtype_aliases': [name('torch.float'), name('torch.half')],
    'enumerator_3_11': Call('builtins.getattr', name('own.Colour'), 'RED'),
}  # yapf: disable


# torch.channels_last, as protocol 4 has it, and as protocol 2 of Python 3.14,
# which does not remember the parts of the call.
DOTTED_4 = (b'\x80\x04\x95\x28\0\0\0\0\0\0\0\x8c\x0ctorch._utils\x94'
            b'\x8c\x13torch.channels_last\x94\x93\x94.')
DOTTED_2 = (b'\x80\x02c__builtin__\ngetattr\nq\0ctorch._utils\ntorch\n'
            b'X\x0d\0\0\0channels_lastq\x01\x86Rq\x02.')
# Every part remembered, as of any call that a reduce function gives.
REMEMBERED_2 = (b'\x80\x02c__builtin__\ngetattr\nq\0ctorch._utils\ntorch\n'
                b'q\x01X\x0d\0\0\0channels_lastq\x02\x86q\x03Rq\x04.')


class KeptTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def job(self, case, contents, keys, protocol):
        """Writes an archive; what CONVERT is to do with it."""
        path = os.path.join(self.directory, '%s.%d' % (case, protocol))
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('a/data.pkl', contents)
            for key in keys:
                archive.writestr('a/data/' + key, bytes(range(16)))
            archive.writestr('a/version', '3\n')
        return {'from': path, 'to': path + '.copy', 'protocol': protocol,
                'archive_name': 'a'}  # yapf: disable

    def check(self, jobs, pickles):
        """The copies have these pickles."""
        output = subprocess.run([CONVERT],
                                input='\n'.join(map(json.dumps, jobs)).encode(),
                                stdout=subprocess.PIPE,
                                check=True).stdout.decode().splitlines()
        self.assertEqual(output, ['ok'] * len(jobs))
        for job, expected in zip(jobs, pickles):
            with self.subTest(file=os.path.basename(job['from'])):
                with zipfile.ZipFile(job['to']) as archive:
                    self.assertEqual(archive.read('a/data.pkl'), expected)

    def test_pickles_are_identical(self):
        jobs, pickles = [], []
        for case, value in CASES.items():
            for protocol in (2, 3, 4, 5):
                out = io.BytesIO()
                pickler = Pickler(out, protocol)
                pickler.dump({'it': value, 'again': value})
                jobs.append(
                    self.job(case, out.getvalue(), pickler.keys.values(),
                             protocol))
                pickles.append(out.getvalue())
        self.check(jobs, pickles)

    def test_memory_formats(self):
        self.check([
            self.job('as_protocol_4', DOTTED_4, (), 4),
            self.job('from_protocol_4', DOTTED_4, (), 2),
            self.job('from_python_3_14', DOTTED_2, (), 2),
        ], [DOTTED_4, REMEMBERED_2, REMEMBERED_2])


if __name__ == '__main__':
    unittest.main()
