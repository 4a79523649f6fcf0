#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of this folder anew, with the safetensors library.

    python3 make_safetensors.py FOLDER

They were written by safetensors 0.8.0 and PyTorch 2.14.1 (Debian sid).
"""

import os
import sys

import torch
from safetensors.torch import save_file

# Every dtype that the library writes.
DTYPES = [
    'bool', 'uint8', 'int8', 'float8_e5m2', 'float8_e4m3fn', 'float8_e8m0fnu',
    'float8_e4m3fnuz', 'float8_e5m2fnuz', 'float4_e2m1fn_x2', 'int16', 'uint16',
    'float16', 'bfloat16', 'int32', 'uint32', 'float32', 'complex64', 'float64',
    'int64', 'uint64'
]


def dtypes():
    """[2, n] of each dtype, over bytes that count up."""
    tensors = {}
    for name in DTYPES:
        data = torch.arange(32, dtype=torch.uint8)
        if name == 'bool':
            tensors[name] = (data % 3 == 0).reshape(2, 16)
        else:
            tensors[name] = data.view(getattr(torch, name)).reshape(2, -1)
    return tensors


def shapes():
    """Shapes and names out of the ordinary."""
    return {
        'scalar': torch.tensor(1.5),
        'empty': torch.empty(0),
        'empty rows': torch.empty(3, 0, 2, dtype=torch.int64),
        'rank 8': torch.arange(4.).reshape(1, 1, 1, 1, 1, 1, 2, 2),
        '': torch.tensor([1, 2], dtype=torch.int16),
        'a "quoted" \\ name\n': torch.tensor([3], dtype=torch.int8),
        'na\u00efve/\u4e16\U0001f600': torch.tensor([True]),
    }


def main():
    folder = sys.argv[1]
    for name, tensors, metadata in [
        ('dtypes', dtypes(), None),
        ('shapes', shapes(), {'format': 'pt \u0001 "\u00e9"'}),
        ('nothing', {}, None),
    ]:
        save_file(tensors, os.path.join(folder, name + '.safetensors'),
                  metadata=metadata)


if __name__ == '__main__':
    main()
