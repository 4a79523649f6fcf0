# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Describes what PyTorch reads from checkpoints, as describe_main.cc does.

    pytorch_main.py [MEMORY_MIB] < PATHS

Reads one path per line and answers each with one line: "ok DESCRIPTION", or
"error MESSAGE". A file that takes more than TIMEOUT_S seconds of processor time
ends the process.

The files are not trusted. A global becomes the class or function of its name
only if that is a part of tensors and plain containers (`_real_globals`), and
only if it is called the way `torch.save` has it called. All others become
`Global`s, whose calls make `Object`s that remember what they were given. So no
code that a file names ever runs.
"""

import _codecs
import _compat_pickle
import collections
import io
import os
import pickle
import resource
import signal
import struct
import sys
import types
import warnings
import zlib

import torch

TIMEOUT_S = 20

# Longer runs of bytes are described by their checksum.
_MAX_BYTES_IN_FULL = 64


# --- What a file names --------------------------------------------------------


class Object:
    """What a call made that nobody may run, and what it was given since."""

    __slots__ = ('form', 'callable', 'args', 'kwargs', 'items', 'entries',
                 'state')

    def __init__(self, form, callable_, args, kwargs):
        self.form = form
        self.callable = callable_
        self.args = args
        self.kwargs = kwargs
        self.items = []
        self.entries = []
        self.state = []  # empty, or one state

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def add(self, item):
        self.items.append(item)

    def __setitem__(self, key, value):
        self.entries.append((key, value))

    def __setstate__(self, state):
        self.state = [state]

    def __call__(self, *args):
        return Object('call', self, args, {})


class _GlobalType(type):

    def __call__(cls, *args, **kwargs):
        if cls.real is not None:
            value = cls.real(*args, **kwargs)
            if value is not _AS_DATA:
                return value
        return Object('call', cls, args, kwargs)

    def __setstate__(cls, state):
        if cls.made is not None:
            cls.made.state = [state]
        elif state:
            raise TypeError('a class has no state')


class Global(metaclass=_GlobalType):
    """The base of classes that stand for globals.

    Attributes:
      name: "module.name".
      real: what may be called, or None.
      made: the Object if a call made the class, which then has no name.
      is_function: whether it is known to be no class.
    """
    name = ''
    real = None
    made = None
    is_function = False

    def __new__(cls, *args, **kwargs):
        if cls.is_function:
            raise TypeError('%s is a function' % cls.name)
        return Object('new', cls, args, kwargs)


class Subclassed:
    """A tensor of a class that is not there, with its attributes."""

    def __init__(self, tensor, cls, state):
        self.tensor = tensor
        self.cls = cls
        self.state = state


# A call that is not as `torch.save` writes it, so that Ferry takes it as data.
_AS_DATA = object()

# id of a tensor: its quantiser as the file describes it.
_quantizers = {}

# id of a tensor that was made empty: the name of its class. Its view is a state
# that follows; until then Ferry has it as data.
_unset_tensors = {}


def _set_or_frozenset(kind):

    def make(*args):
        if not args or len(args) == 1 and type(args[0]) in (list, tuple):
            return kind(*args)
        return _AS_DATA

    return make


def _encode(*args):
    if len(args) == 2 and type(args[0]) is str and args[1] in ('latin1',
                                                               'latin-1'):
        return _codecs.encode(*args)
    return _AS_DATA


def _bytearray(*args):
    if not args or len(args) == 1 and type(args[0]) is bytes:
        return bytearray(*args)
    value = _encode(*args)
    return value if value is _AS_DATA else bytearray(value)


def _complex(*args):
    if len(args) == 2 and type(args[0]) is float and type(args[1]) is float:
        return complex(*args)
    return _AS_DATA


def _ordered_dict(*args):
    if not args or len(args) == 1 and type(args[0]) is list and all(
            type(pair) in (list, tuple) and len(pair) == 2
            for pair in args[0]):
        return collections.OrderedDict(*args)
    return _AS_DATA


def _size(*args):
    size = torch.Size(*args)
    if type(args[0]) is tuple and all(
            type(item) is int and -2**63 <= item < 2**63 for item in args[0]):
        return size
    return _AS_DATA


def _device(*args):
    device = torch.device(*args)
    # PyTorch keeps the last eight bits of an index.
    if list(args) in ([str(device)], [device.type, device.index]):
        return device
    return _AS_DATA


def _newobj(cls, *args):
    if not isinstance(cls, type):
        raise TypeError('an object of something that is no class')
    return cls.__new__(cls, *args)


def _rebuild_qtensor(*args):
    tensor = torch._utils._rebuild_qtensor(*args)
    _quantizers[id(tensor)] = args[4]
    return tensor


def _rebuild_from_type(function, cls, args, *state):
    if type(args) is not tuple or 'from_type' in function.name:
        return _AS_DATA
    tensor = function(*args)
    if not isinstance(tensor, torch.Tensor):
        raise TypeError('a subclass of something that is no tensor')
    if cls.name == 'torch.Tensor':
        return tensor
    return Subclassed(tensor, cls, state)


def _getattr(*args):
    """A class inside another, which Python finds so before protocol 4."""
    made = Object('call', _find_global('builtins', 'getattr'), args, {})
    return _GlobalType('Global', (Global,), {'made': made})


def _load_from_bytes(contents):
    # `torch.save` has its own way to write storages.
    if not _storages.in_bare_pickle:
        return _AS_DATA
    return torch.load(io.BytesIO(contents), map_location=_storages.restore)


def _old_tensor(make):
    """A class of tensors, of which PyTorch before 0.2 wrote empty ones."""

    def make_empty(*args):
        if args:
            raise TypeError('no program saved a tensor by its elements')
        tensor = make()
        _unset_tensors[id(tensor)] = make.__name__
        return tensor

    return make_empty


def _newer(*_args):
    """What PyTorch 1.13, which is described here, does not have."""
    raise pickle.UnpicklingError('a function of a newer PyTorch')


def _real_globals():
    """What may be called: (module, name) to a class or function."""
    real = {
        ('builtins', 'set'): _set_or_frozenset(set),
        ('builtins', 'frozenset'): _set_or_frozenset(frozenset),
        ('builtins', 'bytes'): lambda *args: _AS_DATA if args else b'',
        ('builtins', 'bytearray'): _bytearray,
        ('builtins', 'complex'): _complex,
        ('builtins', 'getattr'): _getattr,
        ('_codecs', 'encode'): _encode,
        ('collections', 'OrderedDict'): _ordered_dict,
        ('copyreg', '__newobj__'): _newobj,
        ('torch', 'Size'): _size,
        ('torch', 'device'): _device,
        ('torch.serialization', '_get_layout'): torch.serialization._get_layout,
        ('torch.storage', '_load_from_bytes'): _load_from_bytes,
        ('torch._tensor', '_rebuild_from_type'): _rebuild_from_type,
        ('torch._tensor', '_rebuild_from_type_v2'): _rebuild_from_type,
        ('torch._utils', '_rebuild_qtensor'): _rebuild_qtensor,
    }
    for name in ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_parameter',
                 '_rebuild_meta_tensor_no_storage', '_rebuild_sparse_tensor',
                 '_rebuild_sparse_csr_tensor'):
        # Newer versions read compressed sparse tensors by another function.
        if hasattr(torch._utils, name):
            real['torch._utils', name] = getattr(torch._utils, name)
    for name in ('_rebuild_tensor_v3', '_rebuild_parameter_with_state'):
        real['torch._utils', name] = _newer
    for kind in ('', 'Float', 'Double', 'Half', 'Long', 'Int', 'Short', 'Char',
                 'Byte', 'Bool', 'BFloat16'):
        name = kind + 'Tensor'
        real['torch', name] = _old_tensor(getattr(torch, name))
    return real


_REAL = _real_globals()
# Modules of which the real globals are functions.
_FUNCTIONS = ('torch._utils', 'torch._tensor', '_codecs', 'torch.serialization',
              'torch.storage')

# Modules of which a name that is not there is an error, as in PyTorch.
_KNOWN_MODULES = {
    name: sys.modules[name] for name in {module for module, _ in _REAL}
}

_globals = {}


def _find_global(module, name):
    if module in _KNOWN_MODULES:
        found = _KNOWN_MODULES[module]
        for part in name.split('.'):
            found = getattr(found, part)
        if (isinstance(found, (torch.dtype, torch.qscheme)) or
                found is torch.UntypedStorage):
            return found
    if module == 'torch.tensor':
        module = 'torch._tensor'
    if (module, name) not in _globals:
        attributes = {
            'name': name if 'Storage' in name else module + '.' + name
        }
        if (module, name) in _REAL:
            attributes['real'] = staticmethod(_REAL[module, name])
            attributes['is_function'] = module in _FUNCTIONS
        if module in ('torch', 'torch.cuda') and name.endswith('Storage'):
            # Tar archives ask the class itself.
            attributes['dtype'] = getattr(torch, name).dtype
        _globals[module, name] = _GlobalType('Global', (Global,), attributes)
    return _globals[module, name]


class Unpickler(pickle.Unpickler):
    """Python's own, but for the globals."""

    def find_class(self, module, name):
        if ((module, name) in _compat_pickle.NAME_MAPPING or
                module in _compat_pickle.IMPORT_MAPPING) and self._renames():
            renamed = _compat_pickle.NAME_MAPPING.get((module, name))
            module, name = renamed or (_compat_pickle.IMPORT_MAPPING.get(
                module, module), name)
        return _find_global(module, name)

    def _renames(self):
        """Whether names of Python 2 are read, as in protocols 0 to 2."""
        try:
            super().find_class('__builtin__', 'xrange')
        except ImportError:
            return False
        return True


# The only way to find the protocol: what is tried must not be there.
sys.modules['__builtin__'] = None


def _load_pickle(file, **options):
    return Unpickler(file, **options).load()


# In the place of Python's own module.
PICKLE = types.SimpleNamespace(
    __name__='pickle',
    Unpickler=Unpickler,
    UnpicklingError=pickle.UnpicklingError,
    load=_load_pickle,
)


class StorageType(torch.serialization.StorageType):
    """PyTorch's, which forgets its name."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


def _no_source(*_):
    raise OSError('the source of a class is not looked for')


def _no_torchscript(*_, **__):
    raise RuntimeError('TorchScript archives are not read')


# --- Loading ------------------------------------------------------------------


class _Storages:
    """Keeps storages on the CPU, and their tags."""

    def __init__(self):
        self.in_bare_pickle = False
        self._tags = {}  # identity: (address, size in bytes, tag)
        self._alive = []

    def restore(self, storage, tag):
        self._tags[storage._cdata] = (storage.data_ptr(), storage.nbytes(), tag)
        self._alive.append(storage)
        return storage

    def tag(self, storage):
        """The tag of a storage, or of the one that it is a part of."""
        if storage._cdata in self._tags:
            return self._tags[storage._cdata][2]
        begin, size = storage.data_ptr(), storage.nbytes()
        for at, whole, tag in self._tags.values():
            if at <= begin and begin + size <= at + whole:
                return tag
        return '?'


_storages = _Storages()


def load(path):
    """What torch.load makes of a file; of a bare pickle what pickle makes."""
    global _storages
    _storages = _Storages()
    _quantizers.clear()
    _unset_tensors.clear()
    torch._utils._sparse_tensors_to_validate.clear()
    try:
        return torch.load(path, map_location=_storages.restore)
    except RuntimeError as error:
        if 'Invalid magic number' not in str(error):
            raise
    _storages.in_bare_pickle = True
    with open(path, 'rb') as file:
        return _load_pickle(file, encoding='utf-8')


# --- Describing ---------------------------------------------------------------


def _bits(number):
    return struct.pack('>d', number).hex()


def _contents(data):
    if len(data) <= _MAX_BYTES_IN_FULL:
        return data.hex()
    return 'crc%08x' % zlib.crc32(data)


def _plain(name):
    """A name without blanks and ends of lines."""
    return ''.join(
        chr(byte) if 0x21 <= byte < 0x7f and byte != 0x25 else '%%%02x' % byte
        for byte in name.encode('utf-8', 'surrogatepass'))


def _atom(value):
    """The words for a value without an identity, or None."""
    kind = type(value)
    if value is None:
        return 'none'
    if kind is bool:
        return 'true' if value else 'false'
    if kind is int:
        if -2**63 <= value < 2**63:
            return 'int:%d' % value
        size = (value + (value < 0)).bit_length() // 8 + 1
        return 'int:0x' + value.to_bytes(size, 'little', signed=True).hex()
    if kind is float:
        return 'float:' + _bits(value)
    if kind is complex:
        return 'complex:%s,%s' % (_bits(value.real), _bits(value.imag))
    if kind is str:
        return 'str:' + value.encode('utf-8', 'surrogatepass').hex()
    if kind is bytes:
        return 'bytes:' + value.hex()
    if kind is torch.dtype:
        return 'dtype:' + str(value)[len('torch.'):]
    if kind is torch.device:
        return 'device:%s' % value
    if kind is torch.layout:
        return 'layout:' + str(value)[len('torch.'):]
    if kind is torch.Size:
        return 'size:' + ','.join(map(str, value))
    if kind is StorageType or kind is _GlobalType and value.made is None:
        return 'global:' + _plain(value.name)
    if kind is torch.qscheme:
        return 'global:%s' % value
    if value is torch.UntypedStorage:
        return 'global:UntypedStorage'
    if kind in (tuple, frozenset) and not value:
        return kind.__name__ + ':0'
    return None


def _set_key(value):
    atom = _atom(value)
    if atom is None and type(value) is tuple:
        items = [_atom(item) for item in value]
        if None not in items:
            return ' '.join(['tuple'] + items)
    return atom


class _Words(str):
    """Words among values that are still to be described."""


class Description:

    def __init__(self, storages):
        self._tag = storages.tag
        self._numbers = {}
        self._storages = {}
        self._places = []
        self._alive = []

    def of(self, root):
        words = []
        pending = [root]
        while pending:
            value = pending.pop()
            if type(value) is _Words:
                words.append(value)
                continue
            word, children = self._words(value)
            words.append(word)
            pending.extend(reversed(children))
        return ' '.join(words)

    def _words(self, value):
        """The words for a value, and what follows them."""
        atom = _atom(value)
        if atom is not None:
            return atom, []
        kind = type(value)
        if kind is torch.storage.TypedStorage:
            return 'storage:%s:%s' % (str(value.dtype)[len('torch.'):],
                                      self._storage(value.untyped())), []
        if id(value) in self._numbers:
            return '@%d' % self._numbers[id(value)], []
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)
        if kind is bytearray:
            return 'bytearray:' + value.hex(), []
        if kind in (list, tuple):
            return '%s:%d' % (kind.__name__, len(value)), value
        if kind in (set, frozenset):
            return '%s:%d' % (kind.__name__, len(value)), _sorted(value)
        if kind is dict:
            return 'dict:%d' % len(value), _pairs(value.items())
        if kind is collections.OrderedDict:
            children = _pairs(value.items())
            attributes = vars(value)
            if attributes:
                children.append(_Words('attributes:%d' % len(attributes)))
                children += _pairs(attributes.items())
            return 'odict:%d' % len(value), children
        if kind is Object:
            return self._object(value)
        if kind is _GlobalType:
            return self._object(value.made)
        if kind is Subclassed:
            word, children = self._tensor(
                value.tensor, value.cls.name == 'torch.nn.parameter.Parameter')
            return word, [
                *children, _Words('subclass'), value.cls, *value.state
            ]
        if isinstance(value, torch.Tensor):
            if id(value) in _unset_tensors and not value.storage().nbytes():
                return 'object:call', [
                    _find_global('torch', _unset_tensors[id(value)]),
                    _Words('args:0')
                ]
            return self._tensor(value, type(value) is torch.nn.Parameter)
        return '?' + kind.__name__, []

    def _object(self, value):
        children = [value.callable, _Words('args:%d' % len(value.args))]
        children += value.args
        if value.kwargs:
            children.append(_Words('kwargs:%d' % len(value.kwargs)))
            children += _pairs(value.kwargs.items())
        if value.items:
            children.append(_Words('items:%d' % len(value.items)))
            children += value.items
        if value.entries:
            children.append(_Words('entries:%d' % len(value.entries)))
            children += _pairs(value.entries)
        if value.state:
            children.append(_Words('state'))
            children += value.state
        return 'object:' + value.form, children

    def _tensor(self, tensor, is_parameter):
        children = []
        if id(tensor) in _quantizers:
            children += [_Words('quantizer'), _quantizers[id(tensor)]]
        hooks = tensor._backward_hooks
        if hooks is not None:
            children += [_Words('hooks'), hooks]
        return '%s:%s:%s' % ('parameter' if is_parameter else 'tensor', 'g' if
                             tensor.requires_grad else '',
                             self._view(tensor)), children

    def _view(self, tensor):
        flags = (('c' if tensor.is_conj() else '') +
                 ('n' if tensor.is_neg() else ''))
        words = ':'.join([
            str(tensor.layout)[len('torch.'):],
            str(tensor.dtype)[len('torch.'):],
            ','.join(map(str, tensor.shape)), flags
        ])
        if tensor.layout == torch.sparse_coo:
            parts = [tensor._indices(), tensor._values()]
        elif tensor.layout == torch.sparse_csr:
            parts = [
                tensor.crow_indices(),
                tensor.col_indices(),
                tensor.values()
            ]
        else:
            words += ':%s:%d:' % (','.join(map(
                str, tensor.stride())), tensor.storage_offset())
            if tensor.is_meta:
                return words + 'meta'
            return words + self._storage(tensor.storage().untyped())
        return words + ''.join(':[%s]' % self._view(part) for part in parts)

    def _storage(self, storage):
        identity = storage._cdata
        if identity in self._storages:
            return 's%d' % self._storages[identity]
        number = self._storages[identity] = len(self._storages)
        self._alive.append(storage)
        size = storage.nbytes()
        data = storage.data_ptr()
        whole = next((place for place in self._places if data < place[1] +
                      place[2] and place[1] < data + size), None)
        tag = self._tag(storage).encode('utf-8', 'surrogatepass')
        words = 's%d=%d,%s' % (number, size, tag.hex())
        if storage.device.type == 'meta':
            return words + ',meta'
        if size == 0:
            return words
        words += ',' + _contents(_storage_bytes(storage))
        if whole:
            words += ',s%d+%d' % (whole[0], data - whole[1])
        self._places.append((number, data, size))
        return words


def _storage_bytes(storage):
    return bytes(torch.tensor([], dtype=torch.uint8).set_(storage).numpy())


def _pairs(pairs):
    return [part for pair in pairs for part in pair]


def _sorted(values):
    """The items of a set: see `AddSet` in describe_main.cc."""
    keys = [(_set_key(value), value) for value in values]
    items = [
        value for _, value in sorted((pair for pair in keys if pair[0]),
                                     key=lambda pair: pair[0])
    ]
    others = [value for key, value in keys if key is None]
    if len(others) == 1:
        items += others
    elif others:
        items.append(_Words('others:%d' % len(others)))
    return items


def describe(path):
    """The line for one file."""
    try:
        value = load(path)
    except Exception as error:  # PyTorch raises many kinds.
        message = '%s: %s' % (type(error).__name__, error)
        return 'error ' + ' '.join(ascii(message)[1:-1].split())
    return 'ok ' + Description(_storages).of(value)


def main(arguments):
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    torch.serialization.pickle = PICKLE
    torch.serialization.StorageType = StorageType
    torch.serialization.get_source_lines_and_file = _no_source
    torch.jit.load = _no_torchscript
    if arguments:
        limit = int(arguments[0]) << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, TIMEOUT_S)
        answer = describe(line.rstrip('\n'))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(answer, flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
