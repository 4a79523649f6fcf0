# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Files as versions of PyTorch wrote them that nobody can install any more.

They follow what today's torch.load reads: torch/serialization.py, _legacy_load.
"""

import collections
import io
import pickle
import struct
import tarfile
import zipfile

import torch

MAGIC = 0x1950a86a20f9469cfc6c


class Storage:
    """A storage: its persistent id, and what of a graph refers to it."""

    def __init__(self, key, values, kind=torch.FloatStorage, location='cpu'):
        self.key = key
        self.tensor = torch.tensor(list(values), dtype=kind.dtype)
        self.kind = kind
        self.location = location

    def raw(self):
        return (struct.pack('<q', self.tensor.numel()) +
                self.tensor.numpy().tobytes())


class View:
    """Some elements of a storage."""

    def __init__(self, root, key, offset, size):
        self.root, self.key, self.offset, self.size = root, key, offset, size


class Rebuilt:
    """A tensor over a storage or a view, by a call of `function`."""

    def __init__(self, storage, offset, size, stride,
                 function=torch._utils._rebuild_tensor, rest=()):
        self.storage, self.function = storage, function
        self.view = (offset, size, stride)
        self.rest = rest

    def __reduce__(self):
        return self.function, (self.storage, *self.view, *self.rest)


class Constructed:
    """A tensor as versions up to 0.1.12 wrote it: made empty, then set."""

    def __init__(self, storage, offset, size, stride):
        self.state = (storage, offset, size, stride)

    def __reduce__(self):
        return torch.FloatTensor, (), self.state


def stream(value, protocol=2, little_endian=True, sys_info=None, tail=b''):
    """A legacy stream, with views where the value has them."""
    roots = collections.OrderedDict()

    class Pickler(pickle.Pickler):

        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                root, view = obj, None
            elif isinstance(obj, View):
                root, view = obj.root, (obj.key, obj.offset, obj.size)
            else:
                return None
            roots.setdefault(root.key, root)
            return ('storage', root.kind, root.key, root.location,
                    root.tensor.numel(), view)

    out = io.BytesIO()
    if sys_info is None:
        sys_info = dict(protocol_version=1001,
                        little_endian=little_endian,
                        type_sizes=dict(short=2, int=4, long=4))
    for header in (MAGIC, 1001, sys_info):
        pickle.dump(header, out, protocol)
    Pickler(out, protocol).dump(value)
    keys = sorted(roots)
    pickle.dump(keys, out, protocol)
    for key in keys:
        out.write(roots[key].raw())
    return out.getvalue() + tail


def archive(value, protocol=2):
    """A zip archive as PyTorch wrote it before it compared dtypes."""
    roots = collections.OrderedDict()

    class Pickler(pickle.Pickler):

        def persistent_id(self, obj):
            if not isinstance(obj, Storage):
                return None
            roots.setdefault(obj.key, obj)
            return ('storage', obj.kind, obj.key, obj.location,
                    obj.tensor.numel())

    graph = io.BytesIO()
    Pickler(graph, protocol).dump(value)
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as records:
        records.writestr('archive/data.pkl', graph.getvalue())
        for key, root in roots.items():
            records.writestr('archive/data/' + key,
                             root.tensor.numpy().tobytes())
        records.writestr('archive/version', b'3\n')
    return out.getvalue()


def tar(value, storages, views, tensors, form=tarfile.PAX_FORMAT):
    """A tar archive of before 0.1.10.

    Args:
      value: tensors and storages in it are `Number`s.
      storages: (number, Storage) each.
      views: (number, number of the whole, offset, size) each.
      tensors: (number, number of the storage, offset, size, stride) each.
      form: of the archive.
    """

    class Pickler(pickle.Pickler):

        def persistent_id(self, obj):
            return str(obj.number) if isinstance(obj, Number) else None

    members = {}
    out = io.BytesIO()
    pickle.dump(len(storages), out, 2)
    for number, storage in storages:
        pickle.dump((number, storage.location, storage.kind), out, 2)
        out.write(storage.raw())
    pickle.dump(views, out, 2)
    members['storages'] = out.getvalue()
    out = io.BytesIO()
    pickle.dump(len(tensors), out, 2)
    for number, storage, offset, size, stride in tensors:
        pickle.dump((number, storage, torch.FloatTensor), out, 2)
        # The upper half was whatever the stack had.
        out.write(struct.pack('<iI', len(size), 0xDEADBEEF))
        out.write(struct.pack('<%dq' % (2 * len(size) + 1), *size, *stride,
                              offset))
    members['tensors'] = out.getvalue()
    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    members['pickle'] = out.getvalue()
    members['sys_info'] = pickle.dumps(
        dict(protocol_version=1000, little_endian=True,
             type_sizes=dict(short=2, int=4, long=4)), 2)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:', format=form) as archive:
        for name in ('sys_info', 'pickle', 'tensors', 'storages'):
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            archive.addfile(info, io.BytesIO(members[name]))
    return out.getvalue()


class Number:
    """What stands for a tensor or a storage in the pickle of a tar archive."""

    def __init__(self, number):
        self.number = number
