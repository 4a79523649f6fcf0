# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes checkpoints a little, so that most of them can still be read.

A checkpoint is taken apart into the parts of its container, one part is
changed, and all are put together again, with sizes and checksums made right. A
part that is a pickle is changed opcode by opcode.

Example:

    seed = mutate.Seed(contents)
    mutated = seed.mutated(random.Random(7))
"""

import io
import pickle
import pickletools
import struct
import tarfile
import zipfile

# Opcodes by name.
_CODES = {
    opcode.name: opcode.code.encode('latin-1') for opcode in pickletools.opcodes
}

# What may stand for each other: they take as many values from the stack, and
# leave as many.
_ALIKE = [
    ('NONE', 'NEWTRUE', 'NEWFALSE', 'EMPTY_TUPLE', 'EMPTY_LIST', 'EMPTY_DICT',
     'EMPTY_SET'),
    ('TUPLE', 'LIST', 'DICT', 'FROZENSET', 'OBJ'),
    ('APPENDS', 'SETITEMS', 'ADDITEMS', 'POP_MARK'),
    ('REDUCE', 'NEWOBJ', 'BUILD', 'TUPLE2', 'APPEND'),
    ('SETITEM', 'TUPLE3', 'NEWOBJ_EX'),
    ('TUPLE1', 'BINPERSID'),
]

_INTEGERS = (0, 1, 2, 3, 4, 6, 8, 16, 127, 128, 255, 256, 65535, 65536,
             2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64,
             2**200)

_FLOATS = (b'\x00' * 8, b'\x80' + b'\x00' * 7, struct.pack('>d', 1.5),
           b'\x7f\xf0' + b'\x00' * 6, b'\x7f\xf8' + b'\x00' * 6,
           b'\xff\xf8\x00\x00\x00\x00\x00\x01', struct.pack('>d', 5e-324))

_TEXTS = ('', 'a', 'storage', 'cpu', 'cuda:1', 'meta', 'latin1', 'utf-8',
          'x' * 300, '\xe9', '\ud800', '\U0001f680', '0', '1', '\x00', 'a\nb',
          'torch.strided', 'torch.sparse_coo', 'requires_grad')

_GLOBALS = (
    'builtins set', 'builtins frozenset', 'builtins bytes',
    'builtins bytearray', 'builtins complex', 'builtins list',
    'builtins int', 'builtins getattr', 'builtins TimeoutError',
    '__builtin__ set', '__builtin__ xrange', '__builtin__ bytearray',
    'copy_reg _reconstructor', 'copyreg _reconstructor', '_codecs encode',
    'collections OrderedDict', 'collections Counter', 'torch Size',
    'torch device', 'torch float32', 'torch int64', 'torch bfloat16',
    'torch quint8', 'torch Tensor', 'torch FloatTensor',
    'torch FloatStorage', 'torch DoubleStorage', 'torch HalfStorage',
    'torch ByteStorage', 'torch BoolStorage', 'torch LongStorage',
    'torch ComplexFloatStorage', 'torch UntypedStorage',
    'torch.serialization _get_layout', 'torch._utils _rebuild_tensor',
    'torch._utils _rebuild_tensor_v2', 'torch._utils _rebuild_parameter',
    'torch._utils _rebuild_qtensor', 'torch._utils _rebuild_sparse_tensor',
    'torch._utils _rebuild_meta_tensor_no_storage',
    'torch._tensor _rebuild_from_type_v2',
    'torch.tensor _rebuild_from_type', 'torch.storage _load_from_bytes',
    'torch.nn.parameter Parameter', 'some_module SomeClass', 'numpy dtype')


_STORAGES = (b'Float', b'Double', b'Half', b'BFloat16', b'ComplexFloat',
             b'Long', b'Int', b'Short', b'Char', b'Byte', b'Bool', b'QInt8',
             b'QInt32')


def _line(text):
    return text.encode('raw-unicode-escape').replace(b'\n', b'\\u000a')


def _int(number, random):
    """An int in one of the ways to write it."""
    encoded = pickle.encode_long(number)
    ways = [b'\x8b' + struct.pack('<i', len(encoded)) + encoded]
    if len(encoded) < 256:
        ways += [
            b'I%d\n' % number,
            b'L%dL\n' % number,
            b'L%d\n' % number,
            b'\x8a' + struct.pack('<B', len(encoded)) + encoded
        ]
    if 0 <= number < 256:
        ways.append(b'K' + struct.pack('<B', number))
    if 0 <= number < 65536:
        ways.append(b'M' + struct.pack('<H', number))
    if -2**31 <= number < 2**31:
        ways.append(b'J' + struct.pack('<i', number))
    return random.choice(ways)


def _text(text, random):
    """A str in one of the ways to write it."""
    utf8 = text.encode('utf-8', 'surrogatepass')
    ways = [
        b'X' + struct.pack('<I', len(utf8)) + utf8,
        b'\x8d' + struct.pack('<Q', len(utf8)) + utf8,
        b'V' + _line(text) + b'\n'
    ]
    if len(utf8) < 256:
        ways.append(b'\x8c' + struct.pack('<B', len(utf8)) + utf8)
    if text.isascii():
        ways += [
            b"S'%s'\n" % utf8.replace(b'\\', b'\\\\').replace(
                b"'", b"\\'").replace(b'\n', b'\\n'),
            b'T' + struct.pack('<i', len(utf8)) + utf8,
            b'U' + struct.pack('<B', len(utf8) % 256) + utf8[:len(utf8) % 256]
        ]
    return random.choice(ways)


def _bytes(contents, random):
    """Bytes or a bytearray in one of the ways to write them."""
    ways = [
        b'B' + struct.pack('<I', len(contents)) + contents,
        b'\x8e' + struct.pack('<Q', len(contents)) + contents,
        b'\x96' + struct.pack('<Q', len(contents)) + contents,
        b'c_codecs\nencode\n' + _text(contents.decode('latin-1'), random) +
        random.choice([b'Vlatin1\n', b'X\x07\x00\x00\x00latin-1']) + b'\x86R'
    ]
    if len(contents) < 256:
        ways.append(b'C' + struct.pack('<B', len(contents)) + contents)
    return random.choice(ways)


def _value(random, depth=0):
    """The opcodes of some value."""
    choice = random.randrange(15 if depth < 3 else 5)
    if choice == 0:
        number = random.choice(_INTEGERS)
        return _int(random.choice([number, -number, random.randrange(300)]),
                    random)
    if choice == 1:
        return _text(random.choice(_TEXTS), random)
    if choice == 2:
        return random.choice([
            b'G' + random.choice(_FLOATS),
            b'F' + random.choice([
                b'1.5', b'-0', b'nan', b'inf', b'-inf', b'1e400', b'1_0', b' 2',
                b'0x1p3', b'.5', b'5.'
            ]) + b'\n'
        ])
    if choice == 3:
        return _bytes(
            random.choice([b'', b'a', b'\xff', b'\x00\xff' * 3, b'b' * 300]),
            random)
    if choice == 4:
        return random.choice([b'N', b'\x88', b'\x89', b'I00\n', b'I01\n', b')'])
    values = [
        _value(random, depth + 1) for _ in range(random.randrange(3))
    ]
    marked = b'(' + b''.join(values)
    pairs = b'(' + b''.join(
        (_text(random.choice(_TEXTS), random)
         if random.randrange(3) else _value(random, 3)) + value
        for value in values)
    if choice == 5:
        return random.choice([marked + b'l', b']' + marked + b'e'])
    if choice == 6:
        return marked + b't'
    if choice == 7:
        return random.choice([pairs + b'd', b'}' + pairs + b'u'])
    if choice == 8:
        return random.choice([b'\x8f' + marked + b'\x90', marked + b'\x91'])
    if choice == 9:
        return (b'c__builtin__\n' + random.choice([b'set', b'frozenset']) +
                b'\n' + random.choice([marked + b'l\x85', b')']) + b'R')
    if choice == 10:
        return (b'ccollections\nOrderedDict\n)R' + pairs + b'u' +
                random.choice([b'', b'', b'}' + pairs + b'ub']))
    if choice == 11:
        return (b'ctorch\nSize\n(' + b''.join(
            _int(random.randrange(5), random) for _ in values) + b't\x85R')
    if choice == 12:
        return _global(random) + random.choice([b')R', b')\x81', marked + b'tR',
                                                marked + b't\x81', b''])
    if choice == 13:
        return (b'csome_module\nSomeClass\n)' + random.choice([b'R', b'\x81']) +
                random.choice([marked + b'e', pairs + b'u', b'']) +
                (values[0] + b'b' if values else b''))
    return (b'c__builtin__\ncomplex\nG' + random.choice(_FLOATS) + b'G' +
            random.choice(_FLOATS) + b'\x86R')


def _global(random):
    module, name = random.choice(_GLOBALS).split()
    return random.choice([
        b'c%s\n%s\n' % (module.encode(), name.encode()),
        _text(module, random) + _text(name, random) + b'\x93'
    ])


class Pickle:
    """A pickle as a list of opcodes, to be changed."""

    def __init__(self, contents):
        self.ops = []  # (name, argument, bytes)
        ops = list(pickletools.genops(contents))
        ends = [position for _, _, position in ops[1:]]
        self.size = ops[-1][2] + 1
        for (opcode, argument, start), end in zip(ops, ends + [self.size]):
            # Frames would have to be measured anew.
            if opcode.name != 'FRAME':
                self.ops.append((opcode.name, argument, contents[start:end]))

    def mutated(self, random, changes):
        ops = [raw for _, _, raw in self.ops]
        for _ in range(changes):
            self._change(ops, random)
        return b''.join(ops)

    def _change(self, ops, random):
        # Where the list still is as it was, so that names and arguments hold.
        place = random.randrange(len(self.ops))
        for _ in range(20):
            if ops[place] is self.ops[place][2] and self._change_op(
                    ops, place, random):
                return
            place = random.randrange(len(self.ops))

    def _change_op(self, ops, place, random):
        """Changes the opcode at `place`; whether it could."""
        name, argument, raw = self.ops[place]
        if name in ('PROTO', 'STOP'):
            if random.randrange(8) == 0 and name == 'PROTO':
                ops[place] = b'\x80' + bytes([random.randrange(7)])
                return True
            return False
        choice = random.randrange(17)
        if choice == 0:
            ops[place] = b''
        elif choice == 1:
            ops[place] = raw + raw
        elif choice == 2 and place + 1 < len(ops) - 1:
            ops[place] = ops[place + 1] + raw
            ops[place + 1] = b''
        elif choice == 3:
            ops[place] = raw + random.choice([
                b'20', b'(1', b'(0', b'N0', b'\x94', b'q\x00', b'h\x000', b'2',
                b'(', b'0', b'}b', b'Nb', b')b'
            ])
        elif choice == 4:
            value = _value(random)
            ops[place] = raw + value + random.choice([b'0', b'0', b'a', b'b'])
        elif choice == 5:
            # Anything that has been named gets something more.
            more = random.choice([
                _value(random) + b'a',
                _value(random) + b'b',
                _value(random, 3) + _value(random) + b's'
            ])
            ops[place] = raw + b'h%c' % random.randrange(40) + more + b'0'
        else:
            return self._change_argument(ops, place, random)
        return True

    def _change_argument(self, ops, place, random):
        name, argument, raw = self.ops[place]
        if name in ('NONE', 'NEWTRUE', 'NEWFALSE', 'EMPTY_TUPLE', 'EMPTY_LIST',
                    'EMPTY_DICT') or name.startswith(
                        ('BININT', 'LONG', 'INT')) and not name.startswith(
                            'LONG_BIN'):
            return self._change_atom(ops, place, random)
        if name in ('BINFLOAT', 'FLOAT'):
            ops[place] = random.choice(
                [b'G' + random.choice(_FLOATS), _value(random)])
        elif 'UNICODE' in name or 'STRING' in name or 'BYTES' in name:
            self._change_text(ops, place, random)
        elif name == 'GLOBAL' and argument.endswith(
                'Storage') and random.randrange(4):
            ops[place] = b'ctorch\n%sStorage\n' % random.choice(_STORAGES)
        elif name in ('GLOBAL', 'STACK_GLOBAL', 'INST'):
            ops[place] = _global(random) if name == 'GLOBAL' else raw + b'0' + (
                _global(random))
        elif 'PUT' in name or name == 'MEMOIZE':
            ops[place] = random.choice(
                [b'', b'q' + bytes([random.randrange(40)]), b'\x94', b'2'])
        elif 'GET' in name:
            ops[place] = random.choice([
                b'h' + bytes([random.randrange(40)]),
                b'h' + bytes([random.randrange(256)]),
                b'j' + struct.pack('<I', random.randrange(300)),
                b'g%d\n' % random.randrange(40),
                _value(random)
            ])
        else:
            alike = [names for names in _ALIKE if name in names]
            if not alike:
                return False
            ops[place] = _CODES[random.choice(random.choice(alike))]
        return ops[place] != raw

    def _change_atom(self, ops, place, random):
        _, argument, raw = self.ops[place]
        choice = random.randrange(6)
        if type(argument) is int and choice < 4:
            number = argument + random.choice([0, 0, 1, -1, 2])
            if choice == 0:
                number = random.choice(_INTEGERS)
            elif choice == 1:
                number = random.choice([
                    other for _, other, _ in self.ops if type(other) is int
                ])
            ops[place] = _int(number, random)
        elif choice == 4:
            # Anything that the pickle has named.
            ops[place] = b'h' + bytes([random.randrange(30)])
        else:
            ops[place] = _value(random)
        return ops[place] != raw

    def _change_text(self, ops, place, random):
        name, argument, raw = self.ops[place]
        choice = random.randrange(6)
        contents = argument if type(argument) is bytes else None
        if choice == 0:
            ops[place] = _value(random)
        elif choice == 1 and len(raw) > 3:
            # A byte of the text itself.
            changed = bytearray(raw)
            changed[random.randrange(2, len(raw))] = random.randrange(256)
            ops[place] = bytes(changed)
        elif contents is not None or 'BYTE' in name:
            ops[place] = _bytes(
                bytes(argument) + random.choice([b'', b'', b'\xff']), random)
        elif choice == 2:
            ops[place] = _text(
                random.choice([
                    other for _, other, _ in self.ops if type(other) is str
                ]), random)
        elif choice == 3:
            ops[place] = _text(random.choice(_TEXTS), random)
        else:
            ops[place] = _text(argument, random)


def _change_bytes(contents, random):
    """Some bytes, of which a few are others, more, or fewer."""
    if not contents:
        return random.choice([b'', b'', b'x', b'\x00' * 8])
    changed = bytearray(contents)
    place = random.randrange(len(changed))
    choice = random.randrange(10)
    if choice < 5:
        changed[place] ^= 1 << random.randrange(8)
    elif choice == 5:
        changed[place] = random.randrange(256)
    elif choice == 6:
        count = random.choice([1, 2, 4, 8])
        changed[place:place] = contents[place:place + count]
    elif choice == 7:
        del changed[place:place + random.choice([1, 2, 4, 8])]
    elif choice == 8:
        del changed[len(changed) - random.choice([1, 2, 4, 8]):]
    else:
        changed += random.randbytes(random.choice([1, 2, 3, 4, 8]))
    return bytes(changed)


class _Bare:
    """One pickle."""

    def __init__(self, contents):
        self.pickles = {0: Pickle(contents)}
        self.parts = {1: contents[self.pickles[0].size:]}

    def joined(self, parts, random):
        del random
        return b''.join(parts[key] for key in sorted(parts))


class _Legacy(_Bare):
    """Pickles one after another, then storages."""

    def __init__(self, contents):
        self.pickles = {}
        rest = contents
        for i in range(5):
            self.pickles[i] = Pickle(rest)
            rest = rest[self.pickles[i].size:]
        self.parts = {5: rest}


class _Zip:
    """Records, stored."""

    def __init__(self, contents):
        self.pickles = {}
        self.parts = {}
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            for info in archive.infolist():
                record = archive.read(info)
                if info.filename.endswith('/data.pkl'):
                    self.pickles[info.filename] = Pickle(record)
                else:
                    self.parts[info.filename] = record
        self._names = [info.filename for info in archive.infolist()]

    def joined(self, parts, random):
        names = list(self._names)
        if random.randrange(30) == 0:
            random.shuffle(names)
        compression = (zipfile.ZIP_DEFLATED
                       if random.randrange(30) == 0 else zipfile.ZIP_STORED)
        out = io.BytesIO()
        with zipfile.ZipFile(out, 'w', compression) as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), parts[name],
                                 compression)
        return out.getvalue()


class _Tar:
    """Members, two of which begin with pickles."""

    def __init__(self, contents):
        self.pickles = {}
        self.parts = {}
        with tarfile.open(fileobj=io.BytesIO(contents)) as archive:
            self._members = archive.getmembers()
            for member in self._members:
                record = archive.extractfile(member).read()
                if member.name in ('pickle', 'sys_info'):
                    self.pickles[member.name] = Pickle(record)
                else:
                    self.parts[member.name] = record

    def joined(self, parts, random):
        del random
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w:') as archive:
            for member in self._members:
                info = tarfile.TarInfo(member.name)
                info.size = len(parts[member.name])
                archive.addfile(info, io.BytesIO(parts[member.name]))
        return out.getvalue()


def _take_apart(contents):
    if contents.startswith(b'PK\x03\x04'):
        return _Zip(contents)
    if contents[257:262] == b'ustar':
        return _Tar(contents)
    first = Pickle(contents)
    if pickle.encode_long(0x1950a86a20f9469cfc6c) in contents[:first.size] or (
            b'L119547037146038801333356' in contents[:first.size]):
        return _Legacy(contents)
    return _Bare(contents)


class Seed:
    """A checkpoint that is to be changed."""

    def __init__(self, contents):
        self._contents = contents
        self._container = _take_apart(contents)
        pickles = self._container.pickles
        # The object graph, rather than headers.
        self._largest = max(pickles, key=lambda key: len(pickles[key].ops))

    def mutated(self, random):
        choice = random.randrange(20)
        if choice == 0:
            return _change_bytes(self._contents, random)
        container = self._container
        parts = dict(container.parts)
        for key, value in container.pickles.items():
            parts[key] = value.mutated(random, 0)
        if choice < 5 and container.parts:
            # Rather storages than the one line of a version.
            key = max(
                random.choices(sorted(container.parts), k=3),
                key=lambda key: len(parts[key]))
            parts[key] = _change_bytes(parts[key], random)
        elif choice == 5:
            key = random.choice(sorted(container.pickles))
            parts[key] = _change_bytes(parts[key], random)
        else:
            key = self._largest
            if random.randrange(20) == 0:
                key = random.choice(sorted(container.pickles))
            changes = random.choice([1, 1, 1, 2, 3])
            parts[key] = container.pickles[key].mutated(random, changes)
        return container.joined(parts, random)

    def with_part(self, name, change):
        """The checkpoint with one part that `change` returns for the old."""
        container = self._container
        parts = dict(container.parts)
        for key, value in container.pickles.items():
            parts[key] = value.mutated(None, 0)
        parts[name] = change(parts[name])
        return container.joined(parts, _NoRandom)


class _NoRandom:
    """Chooses nothing out of the ordinary."""

    @staticmethod
    def randrange(stop):
        return stop - 1
