# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Object graphs as PyTorch has them: in describe_main.cc's form, and compared.

Nothing here trusts a file: these are the tests' own.
"""

import array
import collections
import pickletools
import struct
import types
import weakref
import zipfile

import numpy
import torch


class Different(Exception):
    """The first difference, with its place."""


def load(path, **options):
    """What a file holds, with all storages on the CPU, and their tags."""
    tags = []

    def keep(storage, tag):
        tags.append(tag)
        return storage

    return torch.load(path, map_location=keep, **options), tags


def has_persistent_ids(path):
    """Whether the pickle of a file that torch.save wrote refers outside."""
    with open(path, 'rb') as file:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name, = [
                    name for name in archive.namelist()
                    if name.endswith('/data.pkl')
                ]
                opcodes = list(pickletools.genops(archive.read(name)))
        else:
            # The magic number, the version, the machine and the value.
            for _ in range(4):
                opcodes = list(pickletools.genops(file))
    return any(opcode.name.endswith('PERSID') for opcode, _, _ in opcodes)


def untyped(tensor):
    """The storage of a tensor, as bytes."""
    if hasattr(tensor, 'untyped_storage'):  # PyTorch 2
        return tensor.untyped_storage()
    return tensor.storage().untyped()


def storage_bytes(storage):
    """The bytes of any storage."""
    if storage.nbytes() == 0:
        return b''
    if not isinstance(storage, _UNTYPED):
        storage = storage.untyped() if hasattr(storage,
                                               'untyped') else storage._untyped()
    return bytes(torch.tensor([], dtype=torch.uint8).set_(storage).numpy())


_UNTYPED = (torch.UntypedStorage,)


def is_storage(value):
    return type(value).__name__ in ('TypedStorage', '_TypedStorage',
                                    'UntypedStorage', '_UntypedStorage')


def elements(tensor):
    """The bytes of the elements, row-major, conj and neg resolved."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    contiguous = torch.empty(tensor.shape, dtype=tensor.dtype)
    contiguous.copy_(tensor)
    return storage_bytes(untyped(contiguous))


def _bits(number):
    return struct.pack('>d', number).hex()


def _hex(text):
    return text.encode('utf-8', 'surrogatepass').hex()


class _Anything:
    """Matches every node: what Ferry does not interpret."""


ANYTHING = _Anything()


def _qualified(cls):
    return '%s.%s' % (cls.__module__, cls.__qualname__)


class Describer:
    """Describes a value in the form of describe_main.cc.

    Walks in the order in which a pickle holds the value, so that shared objects
    and storages get the same numbers on both sides.
    """

    def __init__(self):
        self._ids = {}
        self._alive = []
        self._storages = {}

    def describe(self, value):
        kind = type(value)
        if value is None:
            return {'none': True}
        if kind is bool:
            return {'bool': value}
        if kind is int:
            if -2**63 <= value < 2**63:
                return {'int': str(value)}
            size = (value + (value < 0)).bit_length() // 8 + 1
            return {'big': value.to_bytes(size, 'little', signed=True).hex()}
        if kind is float:
            return {'float': _bits(value)}
        if kind is complex:
            return {'complex': [_bits(value.real), _bits(value.imag)]}
        if kind is str:
            return {'str': _hex(value)}
        if kind is bytes:
            return {'bytes': value.hex()}
        if kind is torch.dtype:
            return {'dtype': str(value).split('.')[1]}
        if kind is torch.device:
            return {'device': str(value)}
        if kind is torch.Size:
            return {'size': list(value)}
        if kind is torch.layout:
            return {'layout': str(value).split('.')[1]}
        if is_storage(value):
            return {'storage': self._storage(value)}
        if kind is tuple and not value:
            return {'tuple': []}
        if kind not in (bytearray, list, tuple, set, frozenset, dict,
                        collections.OrderedDict) and not isinstance(
                            value, (torch.Tensor, torch.nn.Module)):
            return ANYTHING
        if id(value) in self._ids:
            return {'ref': self._ids[id(value)]}
        number = self._ids[id(value)] = len(self._ids)
        self._alive.append(value)
        node = {'id': number}
        if kind is bytearray:
            node['bytearray'] = value.hex()
        elif kind is list:
            node['list'] = [self.describe(item) for item in value]
        elif kind is tuple:
            node['tuple'] = [self.describe(item) for item in value]
        elif kind in (set, frozenset):
            node[kind.__name__] = [self.describe(item) for item in value]
        elif kind in (dict, collections.OrderedDict):
            node['dict'] = self._entries(value)
            if getattr(value, '__dict__', None):
                node['state'] = self._entries(vars(value))
        elif isinstance(value, torch.Tensor):
            if type(value) not in (torch.Tensor, torch.nn.Parameter):
                return ANYTHING
            node['tensor'] = self._tensor(value)
            node['tensor']['is_parameter'] = kind is torch.nn.Parameter
        else:
            node['object'] = _qualified(kind)
            # An LSTM of PyTorch 2 has weak references, which it does not save.
            node['state'] = self._entries({
                key: item
                for key, item in vars(value).items()
                if key != '_flat_weight_refs'
            })
        return node

    def _entries(self, entries):
        return [[self.describe(key), self.describe(value)]
                for key, value in entries.items()]

    def _storage(self, storage):
        if storage.nbytes() == 0:
            return ANYTHING  # PyTorch makes a new one at each reference.
        return self._storages.setdefault(storage.data_ptr(),
                                         len(self._storages))

    def _tensor(self, tensor):
        node = {
            'dtype': str(tensor.dtype).split('.')[1],
            'shape': list(tensor.shape),
            'layout': str(tensor.layout).split('.')[1],
            'requires_grad': tensor.requires_grad,
        }
        if tensor.layout != torch.strided:
            if tensor.layout == torch.sparse_coo:
                parts = [tensor._indices(), tensor._values()]
            else:
                parts = [
                    tensor.crow_indices(),
                    tensor.col_indices(),
                    tensor.values()
                ]
            node['components'] = [
                dict(self._tensor(part), storage=ANYTHING) for part in parts
            ]
            return node
        node['stride'] = list(tensor.stride())
        node['storage_offset'] = tensor.storage_offset()
        if tensor.is_meta:
            node['device'] = 'meta'
            return node
        storage = untyped(tensor)
        node['storage'] = self._storage(storage)
        node['storage_bytes'] = storage.nbytes()
        node['location'] = 'cpu'
        if tensor.is_quantized:
            tensor = tensor.int_repr()
        node['elements'] = elements(tensor).hex()
        return node


def compare_descriptions(expected, actual, place=''):
    """Raises Different where Ferry's description is not PyTorch's."""
    if expected is ANYTHING:
        return
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = set(expected) - {'id', 'ref'}
        if keys != set(actual) - {'id', 'ref'}:
            raise Different('%s: %s, not %s' %
                            (place, sorted(actual), sorted(expected)))
        for key in expected:
            if key in ('id', 'ref'):
                continue  # Checked by `Renumbering`.
            compare_descriptions(expected[key], actual[key],
                                 '%s/%s' % (place, key))
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            raise Different('%s: %d, not %d' %
                            (place, len(actual), len(expected)))
        for i, pair in enumerate(zip(expected, actual)):
            compare_descriptions(*pair, place='%s/%d' % (place, i))
    elif type(expected) is not type(actual) or expected != actual:
        raise Different('%s: %s, not %s' %
                        (place, str(actual)[:200], str(expected)[:200]))


class Renumbering:
    """Checks that shared nodes and storages are the same on both sides.

    The numbers differ where one side has looked into what the other takes as
    opaque; what must hold is that they correspond one to one.
    """

    def __init__(self):
        self._there = {}
        self._here = {}

    def check(self, expected, actual, place=''):
        """Replaces the numbers in both by those of the expected side."""
        if expected is ANYTHING:
            return
        if isinstance(expected, dict) and isinstance(actual, dict):
            for key in ('id', 'ref', 'storage'):
                if (key in expected) != (key in actual):
                    raise Different('%s: %s in one of them' % (place, key))
                if key in expected and expected[key] is not ANYTHING:
                    kind = 'storage' if key == 'storage' else 'node'
                    self._pair((kind, expected[key]), (kind, actual[key]),
                               '%s/%s' % (place, key))
                    if key == 'storage':
                        actual[key] = expected[key]
            for key in expected:
                if key in actual:
                    self.check(expected[key], actual[key],
                               '%s/%s' % (place, key))
        elif isinstance(expected, list) and isinstance(actual, list):
            for i, pair in enumerate(zip(expected, actual)):
                self.check(*pair, place='%s/%d' % (place, i))

    def _pair(self, there, here, place):
        if (self._there.setdefault(there, here) != here or
                self._here.setdefault(here, there) != there):
            raise Different('%s: shared on one side only' % place)


# --- Two values in PyTorch -----------------------------------------------------

_ATOMS = (type(None), bool, int, str, bytes, torch.dtype, torch.device,
          torch.Size, torch.layout)

# Values of which Python, PyTorch or NumPy may keep one object for all.
_SINGLETONS = (type, types.FunctionType, types.BuiltinFunctionType,
               type(Ellipsis), type(NotImplemented), numpy.dtype)


class Comparison:
    """Walks two values side by side: everything that PyTorch shows of them."""

    def __init__(self):
        self._there = {}
        self._here = {}
        self._alive = []
        self._storages = {}
        self._storages_back = {}

    def run(self, a, b):
        pending = [(a, b, '')]
        while pending:
            pending.extend(reversed(list(self._compare(*pending.pop()))))

    def _compare(self, a, b, place):
        if type(a) is not type(b):
            raise Different('%s: %s became %s' % (place, type(a), type(b)))
        if isinstance(a, (float, complex)) and type(a) in (float, complex):
            if repr(a) != repr(b):
                raise Different('%s: %r became %r' % (place, a, b))
            return
        if type(a) in _ATOMS:
            if a != b:
                raise Different('%s: %.80r became %.80r' % (place, a, b))
            return
        if isinstance(a, _SINGLETONS) or hasattr(type(a), '__members__'):
            if a != b:
                raise Different('%s: %r became %r' % (place, a, b))
            return
        if is_storage(a):
            self._compare_storages(a, b, place)
            return
        if not (isinstance(a, (tuple, frozenset)) and len(a) == 0):
            known = self._there.get(id(a)), self._here.get(id(b))
            if known != (None, None):
                if known != (id(b), id(a)):
                    raise Different('%s: shared on one side only' % place)
                return
            self._there[id(a)] = id(b)
            self._here[id(b)] = id(a)
            self._alive += (a, b)
        yield from self._compare_contents(a, b, place)
        slots = [
            name for cls in type(a).__mro__
            for name in getattr(cls, '__slots__', ()) if hasattr(a, name)
        ] if not isinstance(a, torch.Tensor) else []
        for name in slots:
            if type(a).__module__ != 'uuid':
                yield getattr(a, name), getattr(b, name), '%s.%s' % (place,
                                                                     name)
        attributes = getattr(a, '__dict__', None)
        if attributes or getattr(b, '__dict__', None):
            yield attributes, b.__dict__, place + '/.'

    def _compare_contents(self, a, b, place):
        if isinstance(a, torch.Tensor):
            self._compare_tensors(a, b, place)
        elif isinstance(a, torch.Generator):
            if not torch.equal(a.get_state(), b.get_state()):
                raise Different('%s: a generator' % place)
        elif isinstance(a, numpy.ndarray):
            if (a.dtype != b.dtype or a.shape != b.shape or
                    a.flags['F_CONTIGUOUS'] != b.flags['F_CONTIGUOUS'] or
                    a.tolist() != b.tolist()):
                raise Different('%s: an array' % place)
        elif isinstance(a, dict):
            if len(a) != len(b):
                raise Different('%s: %d entries became %d' %
                                (place, len(a), len(b)))
            for (key_a, value_a), (key_b, value_b) in zip(a.items(), b.items()):
                yield key_a, key_b, place + '.key'
                yield value_a, value_b, '%s/%.40s' % (place, key_a)
        elif isinstance(a, (list, tuple, collections.deque)):
            if len(a) != len(b):
                raise Different('%s: %d items became %d' %
                                (place, len(a), len(b)))
            if getattr(a, 'maxlen', None) != getattr(b, 'maxlen', None):
                raise Different('%s: maxlen' % place)
            for i, pair in enumerate(zip(a, b)):
                yield (*pair, '%s/%d' % (place, i))
        elif isinstance(a, (set, frozenset, bytearray, array.array)):
            if a != b:
                raise Different('%s: %s' % (place, type(a)))
        elif isinstance(a, weakref.ref):  # of an LSTM, in PyTorch 2
            yield a(), b(), place + '.ref'
        elif type(a).__eq__ is not object.__eq__:
            if a != b:
                raise Different('%s: %r became %r' % (place, a, b))

    def _compare_storages(self, a, b, place):
        if a.nbytes() != b.nbytes():
            raise Different('%s: a storage of %d bytes became one of %d' %
                            (place, a.nbytes(), b.nbytes()))
        if getattr(a, 'dtype', None) != getattr(b, 'dtype', None):
            raise Different('%s: a storage of another dtype' % place)
        if a.nbytes() == 0:
            return
        there, here = a.data_ptr(), b.data_ptr()
        known = self._storages.get(there), self._storages_back.get(here)
        if known != (None, None):
            if known != (here, there):
                raise Different('%s: a storage shared on one side only' % place)
            return
        self._storages[there] = here
        self._storages_back[here] = there
        if storage_bytes(a) != storage_bytes(b):
            raise Different('%s: other elements' % place)

    def _compare_tensors(self, a, b, place):
        if isinstance(a, torch.nn.parameter.UninitializedTensorMixin):
            if a.requires_grad != b.requires_grad:
                raise Different('%s: requires_grad' % place)
            return
        for what in ('layout', 'dtype', 'shape', 'requires_grad', 'is_leaf',
                     'is_quantized', 'device'):
            if getattr(a, what) != getattr(b, what):
                raise Different(
                    '%s: %s %s became %s' %
                    (place, what, getattr(a, what), getattr(b, what)))
        if a.layout == torch.sparse_coo:
            if a.is_coalesced() != b.is_coalesced():
                raise Different('%s: coalesced' % place)
            parts = ('_indices', '_values')
        elif a.layout == torch.sparse_csr:
            parts = ('crow_indices', 'col_indices', 'values')
        else:
            parts = ()
        for part in parts:
            # Made anew at each call, so their storages cannot be told apart.
            x, y = getattr(a, part)(), getattr(b, part)()
            if not torch.equal(x, y) or x.dtype != y.dtype:
                raise Different('%s: %s' % (place, part))
        if parts:
            return
        for what in ('stride', 'storage_offset', 'is_conj', 'is_neg'):
            if getattr(a, what)() != getattr(b, what)():
                raise Different(
                    '%s: %s %s became %s' %
                    (place, what, getattr(a, what)(), getattr(b, what)()))
        if a.is_meta:
            return
        if a.is_quantized:
            if a.qscheme() != b.qscheme():
                raise Different('%s: qscheme' % place)
            if a.qscheme() == torch.per_tensor_affine:
                same = (a.q_scale(), a.q_zero_point()) == (b.q_scale(),
                                                           b.q_zero_point())
            else:
                same = (a.q_per_channel_axis() == b.q_per_channel_axis() and
                        torch.equal(a.q_per_channel_scales(),
                                    b.q_per_channel_scales()) and
                        torch.equal(a.q_per_channel_zero_points(),
                                    b.q_per_channel_zero_points()))
            if not same:
                raise Different('%s: its quantiser' % place)
        self._compare_storages(untyped(a), untyped(b), place)


def compare(a, b):
    """Raises Different where two values are not equal in every respect."""
    Comparison().run(a, b)
