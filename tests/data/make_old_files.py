#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the files in old/: containers of before PyTorch 1.6.

Written with Debian 12's PyTorch 1.13:

    /usr/bin/python3 tests/data/make_old_files.py tests/data/old
"""

import os
import pickle
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'interop'))
# pylint: disable=wrong-import-position
import old_files
from old_files import Number, Rebuilt, Storage, View


class Halves(torch.nn.Module):
    """A module whose source a stream keeps."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.5, 0.25]))


def contents():
    root = Storage('71', range(6))
    yield 'views.pt', old_files.stream([
        Rebuilt(View(root, '72', 0, 2), 0, (2,), (1,)),
        Rebuilt(View(root, '73', 1, 5), 1, (2, 2), (2, 1)),
        Rebuilt(root, 0, (6,), (1,)),
        Rebuilt(Storage('8', [7], torch.LongStorage, 'cuda:0'), 0, (1,), (1,)),
    ])
    storages = [(10, Storage('', range(6))),
                (11, Storage('', [1, 2], torch.LongStorage, 'cuda:0'))]
    value = {
        'a': Number(20),
        'again': [Number(20), Number(21)],
        'long': Number(22),
        'part': Number(23),
        'empty': Number(24),
        'storage': Number(10),
    }
    yield 'tensors.tar', old_files.tar(value, storages, [(12, 10, 2, 4)], [
        (20, 10, 0, (2, 3), (3, 1)),
        (21, 10, 2, (2,), (2,)),
        (22, 11, 0, (2,), (1,)),
        (23, 12, 1, (2,), (1,)),
        (24, None, 0, (), ()),
    ])
    tensor = torch.arange(4.)
    yield 'tensors.pickle', pickle.dumps([tensor, tensor[1:], {'n': 1}], 2)


def main():
    folder = sys.argv[1]
    for name, data in contents():
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)
    # The file's name would be a path of this machine.
    torch.serialization.get_source_lines_and_file = lambda kind: (
        ['class %s(torch.nn.Module):\n' % kind.__name__, '    pass\n'], 1,
        'halves.py')
    for protocol in (0, 2, 4):
        torch.save({'net': Halves(), 'x': torch.arange(3)},
                   os.path.join(folder, 'module.p%d.pt' % protocol),
                   pickle_protocol=protocol,
                   _use_new_zipfile_serialization=False)


if __name__ == '__main__':
    main()
