# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints for the differential test: what PyTorch wrote or could have."""

import glob
import io
import os
import pickle
import sys
import unittest.mock
import warnings

import torch

import mutate

sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../interop'))
import old_files  # noqa: E402
import torch_cases  # noqa: E402

_DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../data')

# Cases without tensors, which every protocol can hold.
_PLAIN = ('builtins', 'integers', 'texts', 'floats', 'numpy')


def saved(value, **options):
    """What torch.save writes, with numbers for addresses of storages."""
    numbers = {}
    address = torch._C.StorageBase._cdata
    number = property(lambda storage: numbers.setdefault(
        address.__get__(storage), 10000000 + len(numbers)))
    out = io.BytesIO()
    with unittest.mock.patch.object(torch.UntypedStorage, '_cdata', number):
        torch.save(value, out, **options)
    return out.getvalue()


def _from_cases():
    for case in torch_cases.all_cases():
        yield case.name + '.zip', saved(case.value, **case.options)
        yield case.name + '.legacy', saved(
            case.value, _use_new_zipfile_serialization=False, **case.options)
        if case.name not in _PLAIN:
            continue
        for protocol in range(6):
            name = '%s.p%d' % (case.name, protocol)
            yield name + '.bare', pickle.dumps(case.value, protocol)
            yield name + '.as.legacy', saved(
                case.value,
                pickle_protocol=protocol,
                _use_new_zipfile_serialization=False)


def _of_old_versions():
    storages = [
        old_files.Storage('%d' % i, range(6), kind) for i, kind in enumerate([
            torch.FloatStorage, torch.LongStorage, torch.HalfStorage,
            torch.BoolStorage
        ])
    ]
    rebuilt = [
        old_files.Rebuilt(storage, 1, (2, 2), (2, 1)) for storage in storages
    ]
    rebuilt += [
        old_files.Constructed(storages[0], 0, (3,), (2,)),
        old_files.Rebuilt(old_files.View(storages[0], '9', 2, 3), 1, (2,), (1,))
    ]
    yield 'views.legacy', old_files.stream(rebuilt)
    yield 'big_endian.legacy', old_files.stream(rebuilt, little_endian=False)
    yield 'tail.legacy', old_files.stream(rebuilt, sys_info={}, tail=b'tail')
    # Put together again without the time of day.
    old = mutate.Seed(old_files.archive(rebuilt[:4], protocol=3))
    yield 'old.zip', old.with_part('archive/version', lambda version: version)
    yield 'old.tar', old_files.tar(
        {
            'tensor': old_files.Number(10),
            'again': [old_files.Number(10), old_files.Number(11)],
            'storage': old_files.Number(1)
        }, [(1, storages[0]), (2, storages[1])], [(3, 1, 2, 3)],
        [(10, 1, 0, (2, 2), (2, 1)), (11, 3, 0, (2,), (1,))])


def files():
    """The files of the tree, by their paths from tests/data."""
    for path in sorted(glob.glob(os.path.join(_DATA, '**/*'), recursive=True)):
        if os.path.splitext(path)[1] in ('.pt', '.tar', '.pickle'):
            with open(path, 'rb') as file:
                yield os.path.relpath(path, _DATA), file.read()


def all_seeds():
    """Name and contents of every seed, the same in each run."""
    warnings.simplefilter('ignore')
    return [*_from_cases(), *_of_old_versions(), *files()]
