#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Opens two checkpoints in PyTorch and says whether their contents are equal.

    /usr/bin/python3 open_in_pytorch.py ORIGINAL COPY

Equal means: the same types, keys in the same order, numbers, tensors with the
same dtype, shape, strides, offset, bytes, location tag and requires_grad, and
the same sharing: of objects, and of storages among tensors.

Neither file is trusted. One that refers to anything beyond tensors and plain
containers is not opened, since opening it would run code of its choice.

Exit status: 0 equal, 1 different, 2 not opened.
"""

import collections
import pickle
import struct
import sys
import types
import unittest.mock

import torch


class NotOpened(Exception):
    """PyTorch could not, or should not, open the file."""


class Different(Exception):
    """The first difference, with its place."""


# What tensors and plain containers are made of.
_ALLOWED = {
    '_codecs encode',
    'builtins bytearray',
    'builtins complex',
    'builtins frozenset',
    'builtins set',
    'collections OrderedDict',
    'torch Size',
    'torch device',
    'torch._tensor _rebuild_from_type_v2',
    'torch.nn.parameter Parameter',
    'torch.serialization _get_layout',
}


def _is_allowed(module, name):
    if '%s %s' % (module, name) in _ALLOWED:
        return True
    if module == 'torch._utils' and name.startswith('_rebuild_'):
        return True
    if module == 'torch' and '.' not in name:
        return name.endswith('Storage') or isinstance(
            getattr(torch, name, None), torch.dtype)
    return False


class _DataUnpickler(pickle.Unpickler):

    def find_class(self, module, name):
        if not _is_allowed(module, name):
            raise NotOpened('it refers to %s.%s, which would run code' %
                            (module, name))
        return super().find_class(module, name)


def _load(file, **options):
    return _DataUnpickler(file, **options).load()


# In the place of Python's own module, for torch.load.
_DATA_PICKLE = types.SimpleNamespace(
    __name__='data_pickle',
    Unpickler=_DataUnpickler,
    UnpicklingError=pickle.UnpicklingError,
    load=_load,
)


def open_checkpoint(path):
    """The contents, with all tensors on the CPU, and the storages' tags."""
    locations = []

    def keep_on_cpu(storage, location):
        locations.append(location)
        return storage

    try:
        # PyTorch 1.13 accepts a pickle_module and uses its own all the same.
        with unittest.mock.patch.object(torch.serialization, 'pickle',
                                        _DATA_PICKLE):
            contents = torch.load(
                path,
                map_location=keep_on_cpu,
                pickle_module=_DATA_PICKLE,
                weights_only=False)
    except NotOpened as error:
        raise NotOpened('PyTorch was not asked to open %s: %s' %
                        (path, error)) from None
    except Exception as error:  # PyTorch raises many kinds.
        raise NotOpened('PyTorch cannot open %s: %s: %s' %
                        (path, type(error).__name__, error)) from None
    return contents, locations


def _storage_bytes(tensor):
    """The whole storage of a strided tensor."""
    if hasattr(tensor, 'untyped_storage'):  # PyTorch 2
        storage = tensor.untyped_storage()
    else:
        storage = tensor.storage().untyped()
    return torch.tensor([], dtype=torch.uint8).set_(storage)


def _compare_scalars(a, b, place):
    if isinstance(a, float):
        a, b = struct.pack('<d', a), struct.pack('<d', b)
    elif isinstance(a, complex):
        a = struct.pack('<dd', a.real, a.imag)
        b = struct.pack('<dd', b.real, b.imag)
    if a != b:
        raise Different('%s: %r and %r' % (place, a, b))


class Comparison:
    """Walks two object graphs side by side."""

    def __init__(self):
        self.tensors = 0
        self._pairs = {}  # id in a: (id in b, both objects, kept alive)
        self._reverse = {}
        self._storages = {}
        self._storages_reverse = {}
        self._pending = collections.deque()

    @property
    def storages(self):
        return len(self._storages)

    def run(self, a, b):
        self._pending.append((a, b, ''))
        while self._pending:
            self._compare(*self._pending.popleft())

    def _compare(self, a, b, place):
        at = place or '(the whole)'
        if type(a) is not type(b):
            raise Different('%s: a %s and a %s' %
                            (at, type(a).__name__, type(b).__name__))
        if a is None or isinstance(
                a, (bool, int, float, complex, str, bytes, torch.Size,
                    torch.dtype, torch.device, torch.layout, set, frozenset)):
            _compare_scalars(a, b, at)
            return
        known = self._pairs.get(id(a)), self._reverse.get(id(b))
        if known != (None, None):
            if known != (id(b), id(a)) and a != ():
                raise Different('%s: shared in one file only' % at)
            return
        self._pairs[id(a)] = id(b)
        self._reverse[id(b)] = id(a)
        if isinstance(a, torch.Tensor):
            self._compare_tensors(a, b, at)
        elif isinstance(a, dict):
            if len(a) != len(b):
                raise Different('%s: %d and %d entries' % (at, len(a), len(b)))
            for key_a, key_b in zip(a, b):
                if type(key_a) is not type(key_b) or key_a != key_b:
                    raise Different('%s: the keys %r and %r' %
                                    (at, key_a, key_b))
                self._pending.append(
                    (a[key_a], b[key_b], '%s/%s' % (place, key_a)))
        elif isinstance(a, (list, tuple)):
            if len(a) != len(b):
                raise Different('%s: %d and %d items' % (at, len(a), len(b)))
            for i, pair in enumerate(zip(a, b)):
                self._pending.append((*pair, '%s/%d' % (place, i)))
        elif isinstance(a, bytearray):
            _compare_scalars(a, b, at)
        else:
            raise Different('%s: a %s, which cannot be compared' %
                            (at, type(a).__name__))
        attributes_a = getattr(a, '__dict__', {})
        attributes_b = getattr(b, '__dict__', {})
        if attributes_a or attributes_b:
            self._pending.append((attributes_a, attributes_b, place + '/.'))

    def _compare_tensors(self, a, b, at):
        self.tensors += 1
        for what in ('layout', 'dtype', 'shape', 'requires_grad'):
            if getattr(a, what) != getattr(b, what):
                raise Different('%s: %s %s and %s' % (at, what, getattr(
                    a, what), getattr(b, what)))
        if a.layout == torch.sparse_coo:
            self._compare_tensors(a._indices(), b._indices(), at)
            self._compare_tensors(a._values(), b._values(), at)
            return
        if a.layout != torch.strided:
            raise Different('%s: %s, which cannot be compared' % (at, a.layout))
        for what in ('stride', 'storage_offset', 'is_conj', 'is_neg'):
            if getattr(a, what)() != getattr(b, what)():
                raise Different('%s: %s %s and %s' % (at, what, getattr(
                    a, what)(), getattr(b, what)()))
        if a.is_quantized:
            for what in ('q_scale', 'q_zero_point'):
                if (a.qscheme() == torch.per_tensor_affine and
                        getattr(a, what)() != getattr(b, what)()):
                    raise Different('%s: %s' % (at, what))
        if a.is_meta or b.is_meta:
            return
        bytes_a, bytes_b = _storage_bytes(a), _storage_bytes(b)
        if bytes_a.numel() == 0 and bytes_b.numel() == 0:
            return
        start_a, start_b = bytes_a.data_ptr(), bytes_b.data_ptr()
        known = (self._storages.get(start_a),
                 self._storages_reverse.get(start_b))
        if known != (None, None):
            if known != (start_b, start_a):
                raise Different('%s: a storage shared in one file only' % at)
            return
        self._storages[start_a] = start_b
        self._storages_reverse[start_b] = start_a
        if not torch.equal(bytes_a, bytes_b):
            raise Different('%s: other elements' % at)


def compare(original, copy):
    """Compares the contents of two files; a `Comparison` that found them equal.

    Raises:
      NotOpened: PyTorch does not open one of them.
      Different: the contents differ.
    """
    contents_a, locations_a = open_checkpoint(original)
    contents_b, locations_b = open_checkpoint(copy)
    comparison = Comparison()
    comparison.run(contents_a, contents_b)
    if locations_a != locations_b:
        raise Different('location tags %s and %s' % (locations_a, locations_b))
    return comparison


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        equal = compare(*arguments)
    except NotOpened as error:
        print(error, file=sys.stderr)
        return 2
    except Different as error:
        print('The contents differ at %s' % error, file=sys.stderr)
        return 1
    print('PyTorch %s opens both files; the contents are equal: '
          '%d tensors over %d storages.' % (torch.__version__, equal.tensors,
                                            equal.storages))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
