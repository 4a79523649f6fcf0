# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Values for torch.save, one for each thing that a checkpoint can hold.

`all_cases()` gives them in the order of their names. All are made from fixed
numbers, so that a failure repeats.
"""

import argparse
import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import sys
import types
import uuid

import numpy
import torch
from torch import nn

# Cases whose pickles of protocols before 4 Ferry writes as CPython before 3.14
# does. Later versions do not number the parts of the name of a nested class.
OF_OLDER_PYTHON = {'nested_class'} if sys.version_info >= (3, 14) else set()


class Case:
    """A value and how it is saved.

    Attributes:
      name: also the stem of the file, unless `file_name` says otherwise.
      value: what is saved.
      options: further arguments of torch.save.
      file_name: the name of the file.
      to_buffer: whether it is saved to a file object instead of to a path.
    """

    def __init__(self, name, value, options, file_name, to_buffer):
        self.name = name
        self.value = value
        self.options = options
        self.file_name = file_name
        self.to_buffer = to_buffer

    def __repr__(self):
        return self.name


# --- Classes that no program but this one has ---------------------------------


class Net(nn.Module):
    """A module with parameters, buffers and a submodule of each kind."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2, bias=False)
        self.register_buffer('steps', torch.tensor(3))
        self.register_buffer('scratch', torch.zeros(2), persistent=False)


class Config:
    """A plain class."""

    def __init__(self):
        self.rate = 0.125
        self.layers = [1, 2, 3]
        self.mean = torch.tensor([0.5, 0.25])


class Slotted:
    """A class whose state is a tuple."""
    __slots__ = ('a', 'b')

    def __init__(self):
        self.a = 1
        self.b = [2]


class WithState:
    """A class with a state of its own making."""

    def __init__(self, values):
        self.values = values

    def __getstate__(self):
        return ('values', list(self.values))

    def __setstate__(self, state):
        self.values = state[1]


class KeywordOnly:
    """A class that pickle makes by keyword arguments."""

    def __new__(cls, *, size):
        made = super().__new__(cls)
        made.size = size
        return made

    def __getnewargs_ex__(self):
        return (), {'size': self.size}


class DictSubclass(dict):
    pass


class ListSubclass(list):
    pass


class Colour(enum.Enum):
    RED = 1
    BLUE = 'b'


class Flags(enum.IntFlag):
    A = 1
    B = 2


Point = collections.namedtuple('Point', 'x y')


class Outer:

    class Nested:

        def __init__(self):
            self.x = 1


class TaggedTensor(torch.Tensor):
    pass


# --- Parts --------------------------------------------------------------------

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16,
          torch.complex128, torch.complex64, torch.int64, torch.int32,
          torch.int16, torch.int8, torch.uint8, torch.bool)


def _name(dtype):
    return str(dtype).split('.')[1]


def _pattern(*shape, dtype=torch.float32, start=0):
    """Elements 0.25, 1.25, ... or 0, 1, ..., as the dtype allows."""
    count = 1
    for size in shape:
        count *= size
    numbers = torch.arange(start, start + count)
    if dtype == torch.bool:
        return (numbers % 3 == 0).reshape(shape)
    if dtype.is_complex:
        real = numbers.to(torch.float64)
        return torch.complex(real + 0.25, -real).to(dtype).reshape(shape)
    if dtype.is_floating_point:
        return (numbers.to(torch.float64) + 0.25).to(dtype).reshape(shape)
    return numbers.to(dtype).reshape(shape)


def _seeded(make, seed=0):
    torch.manual_seed(seed)
    return make()


def _trained(optimizer_class, **options):
    """A module and its optimizer after one step."""
    module = _seeded(lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)))
    optimizer = optimizer_class(module.parameters(), **options)
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return module, optimizer


def _views(dtype):
    base = _pattern(6, 8, dtype=dtype)
    return {
        'base': base,
        'transposed': base.t(),
        'stepped': base[1::2, ::3],
        'row': base[2],
        'diagonal': base.diagonal(),
        'expanded': base[0].expand(5, 8),
        'tail': base.view(-1)[40:],
        'element': base[3, 3],
        'nothing': base[0:0],
        'windows': base.view(-1).as_strided((4, 4), (2, 1), 3),
    }


def _ordered_dict_with_attributes():
    values = collections.OrderedDict([('b', 1), ('a', 2)])
    values.note = 'attribute'
    values._metadata = collections.OrderedDict([('', {'version': 1})])
    return values


def _cycles():
    items = [1]
    items.append(items)
    table = {'items': items}
    table['self'] = table
    in_tuple = []
    pair = (in_tuple, 'end')
    in_tuple.append(pair)
    four = []
    quadruple = (four, 2, 3, 4)
    four.append(quadruple)
    config = Config()
    config.me = config
    ordered = collections.OrderedDict()
    ordered['self'] = ordered
    return [items, table, pair, quadruple, config, ordered]


def _shared():
    tensor = _pattern(3)
    items = [1, 2]
    parameter = nn.Parameter(_pattern(2))
    text = 'a text that is met twice'
    numbers = (1000, 2000)
    return {
        'tensor': [tensor, tensor, {
            'again': tensor
        }],
        'same_storage': [tensor.detach(), tensor[1:]],
        'list': [items, items],
        'equal_lists': [[1, 2], [1, 2]],
        'parameter': [parameter, parameter, parameter.data],
        'text': [text, text],
        'tuple': [numbers, numbers],
        'bytes': [b := b'bytes', b],
    }


def _nested(depth):
    value = 'end'
    for i in range(depth):
        value = [value] if i % 3 == 0 else {'in': value} if i % 3 == 1 else (
            value, i)
    return value


def _sparse_coo():
    indices = torch.tensor([[0, 1, 1], [2, 0, 2]])
    values = torch.tensor([3., 4., 5.])
    return {
        'plain': torch.sparse_coo_tensor(indices, values, (2, 3)),
        'coalesced': torch.sparse_coo_tensor(indices, values, (2, 3)).coalesce(),
        'hybrid': torch.sparse_coo_tensor(indices, _pattern(3, 2), (2, 3, 2)),
        'empty': torch.sparse_coo_tensor((4, 5)),
        'integers': torch.sparse_coo_tensor(indices, torch.tensor([1, 2, 3]),
                                            (2, 3)),
    }


def _quantized():
    x = _pattern(3, 4)
    scales = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    zeros = torch.tensor([0, 1, 2])
    return {
        'quint8': torch.quantize_per_tensor(x, 0.1, 10, torch.quint8),
        'qint8': torch.quantize_per_tensor(x, 0.05, 0, torch.qint8),
        'qint32': torch.quantize_per_tensor(x, 0.01, 2, torch.qint32),
        'per_channel': torch.quantize_per_channel(x, scales, zeros, 0,
                                                  torch.qint8),
    }


def _python_objects():
    return {
        'config': Config(),
        'slotted': Slotted(),
        'with_state': WithState([1, 2]),
        'point': Point(1, torch.tensor([2.])),
        'colours': [Colour.RED, Colour.BLUE, Colour.RED],
        'flags': Flags.A | Flags.B,
        'path': pathlib.PurePosixPath('a/b'),
        'when': datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        'day': datetime.date(2026, 1, 2),
        'delta': datetime.timedelta(days=1, seconds=2),
        'zone': datetime.timezone.utc,
        'namespace': types.SimpleNamespace(a=1, b=[2]),
        'arguments': argparse.Namespace(rate=0.1, name='x'),
        'decimal': decimal.Decimal('1.10'),
        'fraction': fractions.Fraction(1, 3),
        'uuid': uuid.UUID(int=5),
        'deque': collections.deque([1, 2], maxlen=3),
        'function': torch.nn.functional.relu,
        'class': nn.Linear,
        'dict_subclass': DictSubclass(a=1, b=2),
        'list_subclass': ListSubclass([1, 2, 3]),
    }


def _builtins():
    return {
        'tuple': (1, 'a', 2.5),
        'tuples': [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))],
        'nested': [[[]], {}, (), set()],
        'set': {1, 2, 3},
        # Of several texts Python has the order by their hashes, which change.
        'frozenset': frozenset({1, 2}),
        'frozenset_of_text': frozenset({'a'}),
        'bytes': [b'', b'a', b'\xff', b'\x00\xff' * 5, b'x' * 300],
        'bytearrays': [bytearray(), bytearray(b'a'), bytearray(b'x' * 300)],
        'complex': [1 - 2j, 0j, complex(float('inf'), float('nan'))],
        'counter': collections.Counter('abca'),
        'defaultdict': collections.defaultdict(list, {'x': [1]}),
        'range': range(3, 9, 2),
        'slice': slice(1, None, 2),
        'ellipsis': Ellipsis,
        'not_implemented': NotImplemented,
        'types': [int, str, list, dict, type(None), object],
        'functions': [len, sorted],
    }


def _integers():
    edges = [0, 1, 127, 128, 255, 256, 32767, 65535, 65536]
    for bits in (31, 32, 39, 40, 47, 63, 64, 127, 255 * 8 - 1, 256 * 8, 3000):
        edges += [2**bits - 1, 2**bits, 2**bits + 1]
    return edges + [-edge for edge in edges]


def _numpy():
    return {
        'array': numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
        'fortran': numpy.asfortranarray(numpy.arange(6).reshape(2, 3)),
        'scalar': numpy.float64(1.5),
        'integer': numpy.int32(7),
        'bool': numpy.bool_(True),
        'texts': numpy.array(['a', 'bcd']),
        'structured': numpy.zeros(2, dtype=[('x', '<f4'), ('y', '<i2')]),
        'objects': numpy.array([1, 'two', None], dtype=object),
        'dtype': numpy.dtype('float16'),
        'empty': numpy.empty((0, 3)),
        'scalar_array': numpy.array(3.5),
        'big_endian': numpy.arange(3, dtype='>i4'),
        'random_state': numpy.random.RandomState(0).get_state(),
    }


def _texts():
    return [
        '', 'a', '\xe9', 'x' * 255, 'x' * 256, 'x' * 70000, '\x00', 'line\n',
        '\N{ROCKET}', '\ud800', 'e\u0301', 'tab\t', '~/', '\x7f', '\xff'
    ]


def _keys():
    return {
        0: 'a', -5: 'b', None: 1, True: 2, 2.5: 3, (1, 2): 't', b'k': 4,
        '': 5, 'with/slash': 6, 'with~tilde': 7, frozenset({1}): 8,
        torch.float32: 9, torch.Size([1]): 10, 'x' * 1000: 11, 2**70: 12
    }


def _parameters():
    attributed = nn.Parameter(_pattern(2))
    attributed.tag = 'encoder'
    return {
        'learns': nn.Parameter(_pattern(2, 2)),
        'frozen': nn.Parameter(_pattern(3), requires_grad=False),
        'plain': _pattern(2).requires_grad_(),
        'not_a_leaf': _pattern(2).requires_grad_() * 2,
        'integers': nn.Parameter(_pattern(2, dtype=torch.int64),
                                 requires_grad=False),
        'attributed': attributed,
        'list': nn.ParameterList([nn.Parameter(_pattern(1))]),
        'dict': nn.ParameterDict({'a': nn.Parameter(_pattern(1))}),
        'view': nn.Parameter(_pattern(4, 4).t()[1:]),
        'uninitialised': nn.parameter.UninitializedParameter(),
    }


def _odd_storages():
    seven = torch.arange(14, dtype=torch.uint8)
    return {
        'large_behind_small': torch.zeros(5000)[17:19],
        'untyped': seven.storage().untyped() if hasattr(
            seven.storage(), 'untyped') else seven.storage()._untyped(),
        'nothing': torch.empty(0).storage(),
        'typed': _pattern(5, dtype=torch.float64).storage(),
    }


def all_cases():
    cases = []

    def add(name, value, file_name=None, to_buffer=False, **options):
        cases.append(
            Case(name, value, options, file_name or name + '.pt', to_buffer))

    for dtype in DTYPES:
        add('dtype_' + _name(dtype), [
            _pattern(2, 3, dtype=dtype),
            _pattern(1, dtype=dtype)[0],
            torch.empty(0, dtype=dtype)
        ])
    for dtype in (torch.float32, torch.float16, torch.complex128, torch.bool):
        add('views_' + _name(dtype), _views(dtype))
    add('dtypes_together', {_name(d): _pattern(5, dtype=d) for d in DTYPES})
    add('special_floats',
        torch.tensor([float('nan'), float('inf'), -0.0, 5e-324, 1e308]).double())
    add('tensor', _pattern(3, 4))
    add('scalar', torch.tensor(3.5, dtype=torch.float64))
    add('high_rank', _pattern(*([1, 2] * 5)))
    add('channels_last',
        _pattern(2, 3, 4, 5).to(memory_format=torch.channels_last))
    add('permuted', _pattern(2, 3, 4).permute(2, 0, 1))
    add('expanded', _pattern(1, 3).expand(1000, 3))
    add('empty_shapes', [
        torch.empty(0),
        torch.empty(2, 0, 3),
        torch.zeros(1, 1, 1),
        torch.empty(0, 5).t()
    ])
    # Their offsets lie behind the last element of the storage.
    add('empty_past_the_end', [
        torch.zeros(10)[::4][3:],
        torch.arange(12.).view(3, 4)[::2][2:],
        torch.zeros(5, 7)[:, ::3][:, 3:],
        torch.zeros(4, dtype=torch.int8).as_strided((0,), (2**62,), 2**62)
    ])
    add('parameters', _parameters())
    add('shared', _shared())
    add('cycles', _cycles())
    add('nested', _nested(100))
    add('list_of_tensors', [_pattern(i) for i in range(1, 12)])
    add('three_hundred_storages', [_pattern(2, start=i) for i in range(300)])
    add('batches_1000', {'list': list(range(1000)),
                         'dict': {i: i for i in range(1000)}})
    add('batches_1001', {'list': list(range(1001)),
                         'dict': {i: i for i in range(1001)},
                         'ordered': collections.OrderedDict(
                             (i, i) for i in range(1001))})
    add('batches_2000', {'list': list(range(2000)),
                         'dict': {i: i for i in range(2000)},
                         'ordered': collections.OrderedDict(
                             (i, i) for i in range(2000)),
                         'deque': collections.deque(range(2000)),
                         'set': set(range(2000))})
    add('memo_256', [[i] for i in range(300)])
    add('memo_65536', [[] for i in range(66000)])
    add('ordered_dict', collections.OrderedDict(b=1, a=2))
    add('ordered_dict_attributes', _ordered_dict_with_attributes())
    add('state_dict', _seeded(Net).state_dict())
    add('state_dict_half', _seeded(Net).half().state_dict())
    add('module', _seeded(lambda: nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2),
                                                  nn.Dropout(0.25)))))
    add('user_module', _seeded(Net))
    add('module_list', _seeded(lambda: nn.ModuleList([nn.Linear(1, 1)])))
    add('transformer', _seeded(lambda: nn.TransformerEncoderLayer(4, 2, 8)))
    add('lstm', _seeded(lambda: nn.LSTM(2, 3, num_layers=2)))
    add('tied_module', _tied())
    for name, options in (('SGD', {'lr': 0.1, 'momentum': 0.9}),
                          ('Adam', {'lr': 1e-3}),
                          ('AdamW', {'lr': 1e-3, 'amsgrad': True}),
                          ('Adagrad', {'lr': 0.1}),
                          ('RMSprop', {'lr': 0.1})):
        module, optimizer = _trained(getattr(torch.optim, name), **options)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)
        add('training_' + name, {
            'model': module.state_dict(),
            'optimizer': optimizer.state_dict(),
            'scheduler': scheduler.state_dict(),
            'epoch': 17,
            'best': float('-inf'),
        })
    add('optimizer', _trained(torch.optim.Adam, lr=1e-3)[1])
    add('random_state', torch.Generator().manual_seed(3).get_state())
    add('sparse_coo', _sparse_coo())
    add('sparse_csr', _pattern(4, 4).to_sparse_csr())
    add('quantized', _quantized())
    add('quantized_module', _quantized_linear())
    add('meta', {'meta': torch.empty(3, 4, device='meta'),
                 'strided': torch.empty(4, 3, device='meta').t(),
                 'host': _pattern(2)})
    # Without an attribute PyTorch 1.13 cannot load it again.
    tagged = _pattern(4).as_subclass(TaggedTensor)
    tagged.note = ['attribute']
    add('tensor_subclass', {'x': tagged})
    add('odd_storages', _odd_storages())
    add('storage_and_view', {'s': (t := _pattern(5)).storage(), 't': t})
    add('sizes', [torch.Size([]), torch.Size([2, 3]), torch.Size([1] * 5)])
    add('devices', [torch.device('cpu'), torch.device('cuda', 1),
                    torch.device('cuda'), torch.device('meta')])
    add('torch_dtypes', list(DTYPES) + [torch.quint8, torch.float32])
    add('layouts', [torch.strided, torch.sparse_coo, torch.strided])
    add('return_types', _pattern(3, 3).max(dim=1))
    add('builtins', _builtins())
    add('integers', _integers())
    add('texts', _texts())
    add('keys', _keys())
    add('floats', [0.0, -0.0, 1e308, 5e-324, float('inf'), float('nan')])
    add('python_objects', _python_objects())
    add('nested_class', Outer.Nested())
    add('keyword_only', KeywordOnly(size=3), pickle_protocol=4)
    add('numpy', _numpy())
    add('none', None)
    add('number', 42)
    add('text', 'text')
    add('empty_dict', {})
    add('empty_list', [])
    add('a_tuple', (1, 2, 3, 4, 5))
    add('long_text', 'x' * 100000)
    add('long_bytes', b'\x80' * 100000)
    add('frames', ['x' * 30000 for _ in range(8)])

    for protocol in (3, 4, 5):
        suffix = '_p%d' % protocol
        add('builtins' + suffix, _builtins(), pickle_protocol=protocol)
        add('integers' + suffix, _integers(), pickle_protocol=protocol)
        add('texts' + suffix, _texts(), pickle_protocol=protocol)
        add('state_dict' + suffix, _seeded(Net).state_dict(),
            pickle_protocol=protocol)
        add('module' + suffix, _seeded(Net), pickle_protocol=protocol)
        add('shared' + suffix, _shared(), pickle_protocol=protocol)
        add('cycles' + suffix, _cycles(), pickle_protocol=protocol)
        add('numpy' + suffix, _numpy(), pickle_protocol=protocol)
        add('python_objects' + suffix, _python_objects(),
            pickle_protocol=protocol)
        add('batches' + suffix, {'list': list(range(2001)),
                                 'dict': {i: i for i in range(2000)},
                                 'set': set(range(1000))},
            pickle_protocol=protocol)
        add('frames' + suffix, ['x' * 30000 for _ in range(8)] + ['y' * 70000],
            pickle_protocol=protocol)
        add('sparse_and_quantized' + suffix, [_sparse_coo(), _quantized()],
            pickle_protocol=protocol)

    small = {'w': _pattern(4), 'v': None}
    add('buffer', small, to_buffer=True)
    for name, file_name in (('name_dots', 'my.model.pt'),
                            ('name_tar', 'archive.tar.gz'),
                            ('name_space', 'with space.pt'),
                            ('name_plain', 'without_extension'),
                            ('name_dot_last', 'a.'),
                            ('name_long', 'n' * 200 + '.pt'),
                            ('name_backslash', 'in\\side.pt'),
                            ('name_unicode', 'mod\xe8le.pt')):
        add(name, small, file_name=file_name)
    cases.sort(key=lambda case: case.name)
    return cases


def _tied():
    module = _seeded(lambda: nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    module[1].weight = module[0].weight
    return module


def _quantized_linear():
    module = _seeded(lambda: nn.Sequential(nn.Linear(4, 2)))
    return torch.quantization.quantize_dynamic(module, {nn.Linear}).state_dict()
