#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the files of compare.py, and times one load or save by PyTorch.

    time_pytorch.py info
    time_pytorch.py make [FILE tensors|objects|keys COUNT ELEMENTS]...
    time_pytorch.py load|again|map|into|list FILE
    time_pytorch.py save FILE COPY zip|safetensors none|full

`info` prints the version of PyTorch, and that of the safetensors library or "-"
if it is not installed. That library reads and writes files of its format.

All but `info` and `make` speak as sample.h says, and their check sums are those
of time_ferry_main.cc.
"""

import os
import resource
import sys
import time

import torch

try:
    import safetensors
    import safetensors.torch
except ImportError:
    safetensors = None

# As many as in time_ferry_main.cc.
LOADS_AGAIN = 7


def make_tensors(count, elements):
    return {
        'layer.%d.weight' % i: torch.full((elements,), float(i))
        for i in range(count)
    }


def make_objects(count, _):
    """What tensors stand among: lists and dicts of numbers and texts."""
    return [{
        'index': i,
        'name': 'item %d' % i,
        'score': i / 8,
        'tags': ['tag %d' % (i % 100), 'all'],
        'position': (i, i + 1),
    } for i in range(count)]


def make_keys(count, _):
    """A dict whose keys are tuples, as those of an index of shards."""
    return {(i, 'part %d' % i): i for i in range(count)}


MAKERS = {
    'tensors': make_tensors,
    'objects': make_objects,
    'keys': make_keys,
}


def check_sum(value):
    if isinstance(value, torch.Tensor):
        return value.view(-1)[0].item()
    if isinstance(value, str):
        return float(len(value))
    if isinstance(value, (int, float)):
        return float(value)
    total = 0.0
    if isinstance(value, dict):
        for key, item in value.items():
            total += check_sum(key)
            total += check_sum(item)
    else:
        for item in value:
            total += check_sum(item)
    return total


def read(path, **options):
    """Loads a file; safetensors files are always mapped."""
    if path.endswith('.safetensors'):
        return safetensors.torch.load_file(path)
    return torch.load(path, **options)


def await_start():
    print('ready', flush=True)
    sys.stdin.readline()


class Stopwatch:
    """Measures seconds on the clock, and of all CPUs, since it was made."""

    def __init__(self):
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def read(self):
        wall = time.perf_counter() - self._wall
        return wall, time.process_time() - self._cpu


def print_sample(times, total):
    print('%.9f %.9f %.1f %d' %
          (*times, total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def time_load(path, **options):
    await_start()
    stopwatch = Stopwatch()
    value = read(path, **options)
    times = stopwatch.read()
    print_sample(times, check_sum(value))


def time_map(path):
    time_load(path, mmap=True)


def time_loads_again(path):
    times = []
    await_start()
    for _ in range(LOADS_AGAIN + 1):
        value = None
        stopwatch = Stopwatch()
        value = torch.load(path)
        times.append(stopwatch.read())
    print_sample(sorted(times[1:])[LOADS_AGAIN // 2], check_sum(value))


def time_load_into(path):
    """Loads into tensors that exist: a load, and a copy from it."""
    tensors = {k: torch.ones_like(v) for k, v in torch.load(path).items()}
    await_start()
    stopwatch = Stopwatch()
    for name, tensor in torch.load(path).items():
        tensors[name].copy_(tensor)
    times = stopwatch.read()
    print_sample(times, check_sum(tensors))


def time_list(path):
    """Names and shapes, for which PyTorch must load everything."""
    await_start()
    stopwatch = Stopwatch()
    state = [(name, tensor.numel())
             for name, tensor in torch.load(path).items()]
    times = stopwatch.read()
    print_sample(times, sum(len(name) + size for name, size in state))


def time_save(path, copy, container, durability):
    value = torch.load(path)
    await_start()
    stopwatch = Stopwatch()
    if container == 'safetensors':
        safetensors.torch.save_file(value, copy)
    else:
        torch.save(value, copy)
    if durability == 'full':
        # As Ferry does: the file, and the directory entry that names it.
        for name in (copy, os.path.dirname(copy)):
            file = os.open(name, os.O_RDONLY)
            os.fsync(file)
            os.close(file)
    times = stopwatch.read()
    print_sample(times, check_sum(value))


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == 'info':
        print(torch.__version__,
              safetensors.__version__ if safetensors else '-')
        return
    if command == 'make':
        while arguments:
            path, maker, count, elements = arguments[:4]
            del arguments[:4]
            torch.save(MAKERS[maker](int(count), int(elements)), path)
        return
    {
        'load': time_load,
        'again': time_loads_again,
        'map': time_map,
        'into': time_load_into,
        'list': time_list,
        'save': time_save,
    }[command](*arguments)


if __name__ == '__main__':
    main()
