# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that two readers could take for different things.

    strict_test.py STRICT

Each file here is made so that a reader which looks at another part of it than
PyTorch finds something harmless. `Globals::kStrict` may pass a file only if
PyTorch runs nothing of it, and what Ferry reads must be what PyTorch reads.
"""

import contextlib
import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
import warnings
import zlib

import torch

import old_files

STRICT = os.path.abspath(sys.argv.pop(1))

# A file of these calls `marker.ran()` if a pickle of it is executed.
MARKER = types.ModuleType('marker')
MARKER.calls = 0


def ran():
    MARKER.calls += 1
    return {'which': 'evil'}


ran.__module__ = 'marker'
MARKER.ran = ran
sys.modules['marker'] = MARKER
sys.modules['a-b'] = MARKER

# Leaves the result on the stack, without PROTO and STOP.
CALL = b'cmarker\nran\n)R'


class Evil:
    """Pickles as a call of `marker.ran()`."""

    def __reduce__(self):
        return ran, ()


def good(which='good'):
    return {'which': which, 'w': torch.arange(4.0)}


def saved(value, **kwargs):
    out = io.BytesIO()
    torch.save(value, out, **kwargs)
    return out.getvalue()


# --- Zip archives, byte by byte -------------------------------------------------


def record(name, contents, attributes=0, disk=0):
    """(local header and contents, function of the offset that gives the entry
    of the directory)."""
    name = name.encode()
    sizes = struct.pack('<III', zlib.crc32(contents), len(contents),
                        len(contents))
    local = (struct.pack('<IHHHHH', 0x04034B50, 0, 0x0800, 0, 0, 0) + sizes +
             struct.pack('<HH', len(name), 0) + name + contents)

    def entry(offset):
        return (struct.pack('<IHHHHHH', 0x02014B50, 0, 0, 0x0800, 0, 0, 0) +
                sizes + struct.pack('<HHHHHII', len(name), 0, 0, disk, 0,
                                    attributes, offset) + name)

    return local, entry


def checkpoint_records(pickled, prefix='archive', more=(), disk=0):
    records = [('data.pkl', pickled), ('version', b'3\n'), *more]
    return [
        record(prefix + '/' + name, text, disk=disk) for name, text in records
    ]


def end_record(count, size, offset, comment=b'', disk=0):
    return struct.pack('<IHHHHIIH', 0x06054B50, disk, disk, count, count, size,
                       offset, len(comment)) + comment


def zip64_end(count, size, offset):
    return struct.pack('<IQHHIIQQQQ', 0x06064B50, 44, 0, 45, 0, 0, count, count,
                       size, offset)


def lay_out(records, offset=0):
    """(the records, their directory)."""
    body, directory = b'', b''
    for local, entry in records:
        directory += entry(offset + len(body))
        body += local
    return body, directory


def archive(records, **kwargs):
    body, directory = lay_out(records)
    return body + directory + end_record(len(records), len(directory),
                                         len(body), **kwargs)


def plain(value):
    return pickle.dumps(value, 2)


def good_archive(**kwargs):
    return archive(checkpoint_records(plain({'which': 'good'})), **kwargs)


def evil_archive():
    return archive(checkpoint_records(plain({'which': Evil()})))


def two_directories(disk=0):
    """The records of two archives, then both directories: (body, good, evil),
    a directory as (number of entries, bytes, offset)."""
    ours = checkpoint_records(plain({'which': 'good'}))
    theirs = checkpoint_records(plain({'which': Evil()}), disk=disk)
    our_body, our_directory = lay_out(ours)
    their_body, their_directory = lay_out(theirs, len(our_body))
    start = len(our_body) + len(their_body)
    body = our_body + their_body + their_directory + our_directory
    return (body, (2, len(our_directory), start + len(their_directory)),
            (2, len(their_directory), start))


def zip_files():
    """(name, bytes)"""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'x.pt')
        torch.save(good('one'), path)
        with open(path, 'rb') as file:
            one = file.read()
        torch.save(good('two'), path)
        with open(path, 'rb') as file:
            two = file.read()
    evil = saved({'which': Evil(), 'w': torch.arange(4.0)})
    yield 'one archive', one
    yield 'two archives of one length', one + two
    yield 'two archives', one + saved([good('longer'), 'x' * 1000])
    yield 'three archives', one + two + one
    yield 'an evil archive first', evil + one
    yield 'an evil archive last', one + evil
    padding = len(evil) - len(one)
    yield 'an evil archive of the same length first', evil + saved(
        dict(good(), x='y' * max(0, padding - 200)))
    yield 'archives of equal length, the first evil', (
        evil_archive() + archive(checkpoint_records(
            plain({'which': 'good'}).ljust(len(plain({'which': Evil()})), b'.'
                                          ))))
    yield 'bytes before the archive', b'#!/bin/sh\n' + one
    yield 'a pickle before the archive', CALL + b'.' + one
    yield 'a pickle of protocol 2 before it', b'\x80\x02' + CALL + b'.' + one
    yield 'a legacy stream before the archive', saved(
        {'which': Evil()}, _use_new_zipfile_serialization=False) + one
    yield 'bytes after the archive', one + b'x' * 100
    yield 'a comment', good_archive(comment=b'hello')

    # The locator of zip64 points to another end record than the one before it.
    body, ours, theirs = two_directories()
    their_end = len(body)
    data = body + zip64_end(*theirs) + zip64_end(*ours)
    data += struct.pack('<IIQI', 0x07064B50, 0, their_end, 1)
    yield 'a zip64 locator that points elsewhere', data + end_record(*ours)
    yield 'the same, all in zip64', data + end_record(0xFFFF, 0xFFFFFFFF,
                                                      0xFFFFFFFF)
    # miniz lets both numbers of disks be 1.
    body_1, ours_1, theirs_1 = two_directories(disk=1)
    yield 'an end record in the comment', body_1 + end_record(
        *ours_1, comment=end_record(*theirs_1, disk=1))
    data = body + end_record(*ours, comment=end_record(*theirs))
    yield 'an end record of another archive in the comment', data
    data = body + end_record(*ours) + b'PK\5\6' + b'\xFF' * 18
    yield 'an end record that contradicts itself', data

    yield 'two checkpoints in one archive', archive(
        checkpoint_records(plain({'which': 'a'}), 'a') +
        checkpoint_records(plain({'which': 'b'}), 'b'))
    yield 'a word in capitals', archive(
        checkpoint_records(plain({'which': 'good'}),
                           more=[('BYTEORDER', b'big')]))
    yield 'a version in capitals', archive(
        checkpoint_records(plain({'which': 'good'}),
                           more=[('.DATA/VERSION', b'99\n')]))
    yield 'a storage that is marked as a folder', archive([
        record('archive/data.pkl', old_zip_pickle()),
        record('archive/data/0', b'\0\0\x80\x3f' * 4, attributes=0x10),
        record('archive/version', b'3\n')
    ])
    for key in ('', '0/'):
        yield 'a storage %r that is named as a folder' % key, archive([
            record('archive/data.pkl', old_zip_pickle(key)),
            record('archive/data/' + key, b'\0\0\x80\x3f' * 4),
            record('archive/version', b'3\n')
        ])
    yield 'a TorchScript archive of harmless pickles', archive(
        checkpoint_records(plain({'which': 'good'}),
                           more=[('constants.pkl', plain(())),
                                 ('code/__torch__.py', b'op_version_set = 1\n')
                                ]))
    yield 'a memo entry far ahead that is set again', archive(
        checkpoint_records(b'Nr\xc8\0\0\0' + b'0X\4\0\0\0goodq\3' +
                           b'0N' * 120 + b'r\xc8\0\0\0' +
                           b'0X\3\0\0\0bad\x94' +
                           b'0}X\5\0\0\0whichh\3s.'))


def old_zip_pickle(key='0'):
    class Pickler(pickle.Pickler):

        def persistent_id(self, obj):
            if isinstance(obj, old_files.Storage):
                return ('storage', obj.kind, obj.key, 'cpu', obj.tensor.numel())
            return None

    out = io.BytesIO()
    storage = old_files.Storage(key, [1.0] * 4)
    Pickler(out, 2).dump({
        'which': 'good',
        'w': old_files.Rebuilt(storage, 0, (4,), (1,))
    })
    return out.getvalue()


# --- Streams and pickles -----------------------------------------------------------


def evil_pickle(value):
    """A pickle of `value` that calls `marker.ran()` before."""
    dumped = pickle.dumps(value, 2)
    return dumped[:2] + CALL + b'0' + dumped[2:]


def legacy_parts(value):
    """What the five pickles of a stream without storages hold."""
    sys_info = {
        'protocol_version': 1001,
        'little_endian': True,
        'type_sizes': {
            'short': 2,
            'int': 4,
            'long': 4
        }
    }
    return [old_files.MAGIC, 1001, sys_info, value, []]


def legacy_files():
    yield 'a stream', saved(good(), _use_new_zipfile_serialization=False)
    parts = legacy_parts({'which': 'good'})
    yield 'a stream by hand', b''.join(pickle.dumps(part, 2) for part in parts)
    for i, name in enumerate(
        ('magic', 'protocol version', 'sys_info', 'objects', 'keys')):
        yield 'a stream with a call in its ' + name, b''.join(
            (evil_pickle if k == i else plain)(part)
            for k, part in enumerate(parts))
    text = b'cmarker\nran\n)R0L%dL\n.' % old_files.MAGIC
    yield 'a call in a magic of protocol 0', text + b''.join(
        plain(part) for part in parts[1:])
    raw = old_files.MAGIC.to_bytes(10, 'little')
    rest = evil_pickle(1001) + b''.join(plain(part) for part in parts[2:])
    yield 'a call after a long magic', (b'\x80\x02X\x64\0\0\0' + b'a' * 100 +
                                        b'0\x8a\x0a' + raw + b'.' + rest)
    yield 'a call after a magic with a zero', (b'\x80\x02\x8a\x0b' + raw +
                                               b'\0.' + rest)
    yield 'an octal integer', b'\x80\x02}(U\5whichU\4goodU\1nI010\nu.'
    yield 'a stream, then an archive', saved(
        good('first'), _use_new_zipfile_serialization=False) + saved(good())
    yield 'two streams', b''.join(
        saved(good(name), _use_new_zipfile_serialization=False)
        for name in ('first', 'second'))
    yield 'a pickle', plain({'which': 'good'})
    yield 'an evil pickle', plain({'which': Evil()})
    yield 'a pickle, then an evil one', plain({'which': 'good'}) + plain(Evil())
    yield 'a storage in bytes', plain({
        'which': 'good',
        'x': LoadFromBytes(
            saved(Evil(), _use_new_zipfile_serialization=False))
    })


class LoadFromBytes:

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.data,)


# --- Tar archives and safetensors -----------------------------------------------------


def tar(members, **kwargs):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', **kwargs) as file:
        for name, contents, *rest in members:
            info = tarfile.TarInfo(name)
            if isinstance(contents, bytes):
                info.size = len(contents)
                if rest:
                    info.type = rest[0]
                file.addfile(info, io.BytesIO(contents))
            else:
                info.type, info.linkname = contents
                file.addfile(info)
    return out.getvalue()


def tar_members(objects, storages=plain(0) + plain([]), tensors=plain(0)):
    return [('storages', storages), ('tensors', tensors), ('pickle', objects)]


def polyglot_safetensors(code, size_byte):
    """A safetensors file whose size field begins with `size_byte`, and which
    goes on as `code` behind its header."""
    for pad in range(4096):
        header = json.dumps(
            {
                'w': {
                    'dtype': 'U8',
                    'shape': [len(code)],
                    'data_offsets': [0, len(code)]
                }
            },
            separators=(',', ':')).encode() + b' ' * pad
        if len(header) % 256 == size_byte:
            return struct.pack('<Q', len(header)) + header + code
    raise AssertionError


# How Python reads the checksum of a tar header that other programs would not.
CHECKSUMS = {
    'as usual': lambda unsigned, signed: b'%06o  ' % unsigned,
    'with a sign': lambda unsigned, signed: b'+%06o ' % unsigned,
    'with a prefix': lambda unsigned, signed: b'0o%05o ' % unsigned,
    'with an underscore': lambda unsigned, signed:
                          (b'%05o' % unsigned)[:2] + b'_' +
                          (b'%05o' % unsigned)[2:] + b'  ',
    'with a tab': lambda unsigned, signed: b'\t%06o ' % unsigned,
    'of signed bytes': lambda unsigned, signed: b'%06o  ' % signed,
}


def put_tar_header(block, size, checksum):
    """Makes of a block of text the header of a member of `size` bytes."""
    for begin, length, text in ((100, 8, '0000644 '), (108, 8, '0000000 '),
                                (116, 8, '0000000 '), (124, 12,
                                                       '%011o ' % size),
                                (136, 12, '00000000000 '), (148, 8, ' ' * 8),
                                (156, 1, '0'), (329, 8, '0000000 '),
                                (337, 8, '0000000 ')):
        block[begin:begin + length] = text.encode()
    signed = 256 + sum(struct.unpack_from('148b8x356b', bytes(block)))
    block[148:156] = checksum(sum(block), signed)


def tar_in_safetensors(members,
                       checksum=CHECKSUMS['as usual'],
                       header_bytes=4096 - 8):
    """A safetensors file that is a tar archive as well."""
    body = tar(members)
    # The first header of the tar archive is text in a remark, and its contents
    # reach to the next block after the header of the safetensors file.
    prefix = b'{"__metadata__":{"x":"'
    block = bytearray(b' ' * 512)
    block[:8] = struct.pack('<Q', header_bytes)
    block[8:8 + len(prefix)] = prefix
    if checksum is CHECKSUMS['of signed bytes']:
        # Bytes from 0x80 on, without which the two sums are equal.
        block[40:60] = '\u00e9'.encode() * 10
    gap = -(header_bytes + 8) % 512
    put_tar_header(block, header_bytes + 8 + gap - 512, checksum)
    suffix = b'"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (
        gap + len(body), gap + len(body))
    return (bytes(block) + suffix.ljust(header_bytes + 8 - 512) + b'x' * gap +
            body)


def tar_in_stream(members, checksum):
    """A legacy stream that is a tar archive as well."""
    magic, version, _, *rest = map(plain, legacy_parts({'which': 'good'}))
    # A text in sys_info reaches to the end of the first block.
    head = magic + version + b'\x80\x02}X\1\0\0\0xT'
    block = bytearray(512)
    begin = len(head) + 4
    block[:begin] = head + struct.pack('<I', 512 - begin)
    tail = b's.' + b''.join(rest)
    put_tar_header(block, len(tail), checksum)
    return bytes(block) + tail + b'\0' * (-len(tail) % 512) + tar(members)


def read_only_buffer_in_safetensors(code):
    """Python goes past READONLY_BUFFER if bytes are on the stack."""
    prefix = b'{"__metadata__":{"x":"'
    for count in range(60, 250):
        size = count << 8 | ord('C')
        # Two bytes of one character: the last of the text, and the opcode.
        text = prefix + b'a' * (1 + count - 8 - len(prefix)) + b'\xd8\x98'
        while size - len(text) > 0x7f + 2:
            step = min(0x70, size - len(text) - 2 - 0x50)
            text += b'U' + bytes([step]) + b'a' * step
        text += b'U' + bytes([size - len(text) - 2])
        text += b'"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (
            len(code), len(code))
        if len(text) <= size:
            return struct.pack('<Q', size) + text.ljust(size) + code
    raise AssertionError


def other_files():
    members = tar_members(plain({'which': 'good'}))
    evil = plain(Evil())
    yield 'a tar archive', tar(members)
    yield 'a tar archive with an evil pickle', tar(
        tar_members(plain({'which': Evil()})))
    yield 'a call in the storages', tar(
        tar_members(plain({'which': 'good'}), evil_pickle(0) + plain([])))
    yield 'a call in the tensors', tar(
        tar_members(plain({'which': 'good'}), tensors=evil_pickle(0)))
    yield 'two files of a name', tar([('pickle', evil)] + members)
    yield 'two files of a name, the last evil', tar(members + [('pickle', evil)])
    yield 'a file with a dot', tar(
        tar_members(evil) + [('./pickle', plain({'which': 'good'}))])
    yield 'a hard link', tar([('evil', evil)] + members +
                             [('pickle', (tarfile.LNKTYPE, 'evil'))])
    yield 'a symbolic link', tar([('evil', evil)] + members +
                                 [('pickle', (tarfile.SYMTYPE, 'evil'))])
    yield 'a member of an unknown type', tar(members +
                                             [('pickle', evil, b'Z')])
    yield 'a tar archive, then bytes', tar(members) + b'x' * 100
    yield 'a name that is a pickle', tar([(CALL.decode() + '.', b'')] + members)
    yield 'a name that is a part of one', tar([(CALL.decode(), b'')] + members)

    code = b'\n' + CALL + b'.'
    for size_byte in range(256):
        yield 'safetensors of a size of ...%02x' % size_byte, (
            polyglot_safetensors(b'\n1234\x93\0', size_byte))
    for size_byte in b'VSTUXBCGPIFLcipgr(0\x80\x8a\x8b\x8c\x8d\x95':
        yield 'safetensors that begin with %#x' % size_byte, (
            polyglot_safetensors(code, size_byte))
    yield 'a stream in safetensors', polyglot_safetensors(
        b'\n0L%dL\n.' % old_files.MAGIC + b''.join(
            (evil_pickle if k == 2 else plain)(part)
            for k, part in enumerate(legacy_parts({'which': 'good'})[1:], 1)),
        ord('V'))
    evil_members = tar_members(plain({'which': Evil()}))
    yield 'a tar archive in safetensors', tar_in_safetensors(evil_members)
    yield 'a tar archive in safetensors, the first byte zero', (
        tar_in_safetensors(evil_members, header_bytes=4096))
    for name, checksum in CHECKSUMS.items():
        yield 'safetensors with a checksum ' + name, tar_in_safetensors(
            evil_members, checksum)
        yield 'a stream with a checksum ' + name, tar_in_stream(
            evil_members, checksum)
    yield 'READONLY_BUFFER in safetensors', read_only_buffer_in_safetensors(
        CALL + b'.')
    yield 'a module with a hyphen in safetensors', polyglot_safetensors(
        b'\nca-b\nran\n)R.', ord('V'))
    body = tar([('PK\5\6x', b'')] + evil_members)
    records, directory = lay_out(
        checkpoint_records(plain({'which': 'good'})), len(body))
    yield 'a tar archive, then a zip archive', (
        body + records + directory +
        end_record(2, len(directory), len(body) + len(records)))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w',
                      format=tarfile.PAX_FORMAT) as archive_file:
        for name, contents in members + [('x', evil)]:
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            if name == 'x':
                info.pax_headers = {'path': 'pickle/'}
            archive_file.addfile(info, io.BytesIO(contents))
    yield 'a name of a pax header that ends with a slash', out.getvalue()


def random_files():
    """Attacks put together by chance. Most of them run."""
    rng = random.Random(1)
    # What Python can do before it comes to a call.
    steps = [
        b'N', b'\x88', b'K\1', b'I1\n', b'I\0junk\n', b'I1\0junk\n', b'L5L\n',
        b'F1.5\n', b'F1\0x\n', b"S'a'\n", b'Va{b\n', b'U\1a', b'X\1\0\0\0a',
        b'\x8c\1a', b'C\1a', b'C\1a\x98', b'B\1\0\0\0a', b'\x96\1' + b'\0' * 7 +
        b'a', b'\x96\1' + b'\0' * 7 + b'a\x97', b'\x8a\1\1', b'G' + b'\0' * 8,
        b'(', b'(t', b'(l', b'(d', b'(1', b')', b']', b'}', b'\x8f', b'(\x90',
        b'N0', b'N2', b'Np1\n', b'Nq\1', b'Nr\1\0\0\0', b'N\x94', b'N\x85',
        b'NN\x86', b'\x80\2', b'\x80\5', b'\x95' + b'\0' * 8, b'N.', b'NP1\n',
        b'NQ', b'cmissing\nname\n', b'(imissing\nname\n'
    ]
    calls = [
        CALL, b'(imarker\nran\n', b'ca-b\nran\n)R',
        b'\x8c\6marker\x8c\3ran\x93)R', b'\x80\4\x8c\6marker\x8c\3ran\x93)R'
    ]
    for i in range(300):
        code = b''.join(rng.choice(steps) for _ in range(rng.randrange(6)))
        yield 'random pickle %d in safetensors' % i, polyglot_safetensors(
            b'\n' + code + rng.choice(calls) + b'.', ord(rng.choice('VI')))
    members = tar_members(plain({'which': Evil()}))
    for i in range(100):
        yield 'random checksum %d in safetensors' % i, tar_in_safetensors(
            members, lambda unsigned, _: spell(unsigned, rng))


def spell(number, rng):
    """An octal number in 8 bytes, perhaps as Python takes it."""
    digits = '%o' % number
    while len(digits) < 8 and rng.random() < 0.7:
        at = rng.randrange(len(digits) + 1)
        digits = digits[:at] + rng.choice('0_ ') + digits[at:]
    for prefix in rng.sample(['0o', '0O', '+', '-', ' ', '\t', '\x0b', '0'], 3):
        if len(digits) + len(prefix) <= 8:
            digits = prefix + digits
    return digits.encode().ljust(8, rng.choice([b' ', b'\0', b'\n']))[:8]


# Files that are what they seem to be: both modes read them. The others that
# Ferry refuses, it refuses with a reason; PyTorch may read one of them.
HONEST = {
    'one archive', 'bytes after the archive', 'a comment', 'a stream',
    'a stream by hand', 'two streams', 'a stream, then an archive', 'a pickle',
    'a pickle, then an evil one', 'a memo entry far ahead that is set again',
    *('safetensors of a size of ...%02x' % size for size in range(256))
}
# These PyTorch runs indeed, so that the test is one.
MUST_RUN = {
    'an evil archive of the same length first',
    'archives of equal length, the first evil',
    'a pickle before the archive',
    'a legacy stream before the archive',
    'a zip64 locator that points elsewhere',
    'the same, all in zip64',
    'an end record in the comment',
    'a stream with a call in its magic',
    'a stream with a call in its sys_info',
    'a stream with a call in its keys',
    'a call in a magic of protocol 0',
    'a call in the storages',
    'a call in the tensors',
    'two files of a name, the last evil',
    'a file with a dot',
    'a hard link',
    'a member of an unknown type',
    'a name that is a pickle',
    'safetensors that begin with 0x56',
    'a stream in safetensors',
    'a tar archive in safetensors',
    'a tar archive in safetensors, the first byte zero',
    'READONLY_BUFFER in safetensors',
    'a module with a hyphen in safetensors',
    'a tar archive, then a zip archive',
    'a name of a pax header that ends with a slash',
    'a call after a long magic',
    'a call after a magic with a zero',
}


MUST_RUN.update('safetensors with a checksum ' + checksum
                for checksum in CHECKSUMS)
MUST_RUN.update('a stream with a checksum ' + checksum
                for checksum in CHECKSUMS)
# Of these the call is a part of what was saved, so Ferry shows it as data.
SHOWN = {
    'a legacy stream before the archive', 'a tar archive in safetensors',
    'safetensors with a checksum as usual', 'a tar archive, then a zip archive'
}


def load(file):
    """(whether it ran anything, the value or None)"""
    MARKER.calls = 0
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(
                io.StringIO()):
            warnings.simplefilter('ignore')
            value = torch.load(file)
    except Exception:  # pylint: disable=broad-except
        value = None
    return MARKER.calls > 0, value


class StrictTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.files = {}
        for group in (zip_files, legacy_files, other_files,
                      random_files):
            for name, data in group():
                path = os.path.join(cls.directory.name, '%d.pt' % len(cls.files))
                with open(path, 'wb') as file:
                    file.write(data)
                assert name not in cls.files, name
                cls.files[name] = path
        answers = subprocess.run([STRICT],
                                 input='\n'.join(cls.files.values()).encode(),
                                 stdout=subprocess.PIPE,
                                 check=True).stdout.splitlines()
        cls.answers = dict(zip(cls.files, map(json.loads, answers)))
        assert len(cls.answers) == len(cls.files)
        cls.loads = {}
        for name, path in cls.files.items():
            with open(path, 'rb') as file:
                data = file.read()
            cls.loads[name] = [load(path), load(io.BytesIO(data))]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_strict_passes_nothing_that_pytorch_runs(self):
        for name, answer in self.answers.items():
            with self.subTest(name):
                if answer['strict'] == 'OK':
                    self.assertEqual([ran for ran, _ in self.loads[name]],
                                     [False, False])

    def test_what_is_read_is_what_pytorch_reads(self):
        compared = 0
        for name, answer in self.answers.items():
            for _, value in self.loads[name]:
                if answer['data'] != 'OK' or answer['which'] is None:
                    continue
                if not isinstance(value, dict):
                    continue
                with self.subTest(name):
                    self.assertEqual(value['which'], answer['which'])
                compared += 1
        self.assertGreater(compared, 8)

    def test_honest_files_pass(self):
        self.assertLessEqual(HONEST, set(self.files))
        for name in HONEST:
            with self.subTest(name):
                self.assertEqual(self.answers[name]['data'], 'OK')
                self.assertEqual(self.answers[name]['strict'], 'OK')

    def test_the_attacks_are_real(self):
        for name in MUST_RUN:
            with self.subTest(name):
                self.assertTrue(any(ran for ran, _ in self.loads[name]))
                self.assertNotEqual(self.answers[name]['strict'], 'OK')
                # What cannot be shown is refused in either mode.
                self.assertEqual(self.answers[name]['data'] == 'OK',
                                 name in SHOWN)

    def test_many_random_attacks_are_real(self):
        for kind, least in ('pickle', 100), ('checksum', 20):
            ran_count = sum(
                any(ran for ran, _ in loads)
                for name, loads in self.loads.items()
                if name.startswith('random ' + kind))
            self.assertGreater(ran_count, least, kind)

    def test_all_others_are_refused(self):
        for name, answer in self.answers.items():
            if (name in HONEST or 'that begin with' in name or
                    name.startswith('random')):
                continue
            with self.subTest(name, answer=answer):
                self.assertNotEqual(answer['strict'], 'OK')


if __name__ == '__main__':
    unittest.main()
