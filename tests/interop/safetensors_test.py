# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""safetensors files, by the definition of the format, to and from PyTorch's.

    safetensors_test.py FERRY

The library itself is not in Debian 12; what it wrote is in
tests/data/safetensors.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import torch

FERRY = os.path.abspath(sys.argv.pop(1))

CODES = {
    torch.bool: 'BOOL',
    torch.uint8: 'U8',
    torch.int8: 'I8',
    torch.int16: 'I16',
    torch.float16: 'F16',
    torch.bfloat16: 'BF16',
    torch.int32: 'I32',
    torch.float32: 'F32',
    torch.complex64: 'C64',
    torch.float64: 'F64',
    torch.int64: 'I64',
}


def to_bytes(tensor):
    """The elements, row-major."""
    if tensor.numel() == 0:
        return b''
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return bytes(flat.reshape(-1).view(torch.uint8).numpy())


def read(path):
    """(metadata, {name: (code, shape, bytes)}, names) of a safetensors file."""
    with open(path, 'rb') as file:
        data = file.read()
    size, = struct.unpack('<Q', data[:8])
    assert size % 8 == 0 and data[8:9] == b'{'
    header = json.loads(data[8:8 + size].decode('utf-8'))
    metadata = header.pop('__metadata__', None)
    body = data[8 + size:]
    tensors = {}
    end = 0
    for name, tensor in header.items():
        begin, stop = tensor['data_offsets']
        assert begin == end, 'a hole or an overlap'
        end = stop
        tensors[name] = (tensor['dtype'], tensor['shape'], body[begin:stop])
    assert end == len(body)
    return metadata, tensors, list(header)


def write(path, tensors, metadata):
    header = {'__metadata__': metadata}
    body = b''
    for name, tensor in tensors.items():
        data = to_bytes(tensor)
        header[name] = {
            'dtype': CODES[tensor.dtype],
            'shape': list(tensor.shape),
            'data_offsets': [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header).encode('utf-8')
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + body)


def make_tensors():
    torch.manual_seed(0)
    tensors = {}
    for dtype in CODES:
        data = torch.randint(0, 2, (3, 4, 5))
        tensors[str(dtype)] = data.to(dtype)
        # A view that is not contiguous and does not begin at the beginning.
        tensors['turned ' + str(dtype)] = data.to(
            dtype, copy=True).permute(2, 0, 1)[1:]
    tensors['parameter'] = torch.nn.Parameter(torch.randn(2, 2))
    tensors['scalar'] = torch.tensor(3.25)
    tensors['empty'] = torch.empty(0, 7)
    tensors['na\u00efve/~ "\u4e16"'] = torch.arange(3)
    return tensors


class SafetensorsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def convert(self, *arguments):
        """What the command says on stderr: nothing if all is well."""
        return subprocess.run([FERRY, 'convert', *arguments],
                              capture_output=True,
                              check=False,
                              encoding='utf-8').stderr

    def test_from_pytorch(self):
        tensors = make_tensors()
        torch.save(tensors, self.path('a.pt'))
        self.assertEqual(
            self.convert('--container=safetensors', self.path('a.pt'),
                         self.path('a.safetensors')), '')
        metadata, found, names = read(self.path('a.safetensors'))
        self.assertEqual(metadata, {'format': 'pt'})
        self.assertEqual(set(found), set(tensors))
        for name, tensor in tensors.items():
            self.assertEqual(
                found[name],
                (CODES[tensor.dtype], list(tensor.shape), to_bytes(tensor)),
                name)
        # Larger numbers first, so that all are aligned; then by name.
        sizes = [tensors[name].element_size() for name in names]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        int64 = [name for name in names if found[name][0] == 'I64']
        self.assertEqual(int64, sorted(int64))

    def test_to_pytorch(self):
        tensors = make_tensors()
        write(self.path('b.safetensors'), tensors, {'format': 'pt'})
        self.assertEqual(
            self.convert(self.path('b.safetensors'), self.path('b.pt')), '')
        loaded = torch.load(self.path('b.pt'), weights_only=True)
        self.assertEqual(list(loaded), list(tensors))
        for name, tensor in tensors.items():
            self.assertEqual(loaded[name].dtype, tensor.dtype)
            self.assertTrue(torch.equal(loaded[name], tensor), name)

    def test_shared_memory_is_refused(self):
        base = torch.randn(4)
        torch.save({'a': base, 'b': base[1:]}, self.path('c.pt'))
        self.assertIn(
            'share memory',
            self.convert('--container=safetensors', self.path('c.pt'),
                         self.path('c.safetensors')))


if __name__ == '__main__':
    unittest.main()
