#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Times Ferry beside PyTorch on the same files and prints the ratios.

    bazel run --config=opt //tests/benchmarks:compare_with_pytorch -- [OPTIONS]

Every sample is a process of its own, and the two take turns, so that whatever
else the machine does hits both. Timed is the load or save alone: imports and
start-up are not. Files are in the page cache. Both load into memory of their
own; Ferry also computes and compares the checksums, which PyTorch does not.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

_PYTORCH = r'''
import os, sys, time
import torch
command, path = sys.argv[1:3]
if command == 'make':
    count, size = int(sys.argv[3]), int(sys.argv[4])
    torch.save({'layer.%d.weight' % i: torch.full((size,), float(i))
                for i in range(count)}, path)
    sys.exit()
if command == 'load':
    start = time.perf_counter()
    value = torch.load(path)
    seconds = time.perf_counter() - start
else:
    value = torch.load(path)
    start = time.perf_counter()
    torch.save(value, sys.argv[3])
    if sys.argv[4] == 'full':
        # As Ferry does: the file, and the directory entry that names it.
        for name in (sys.argv[3], os.path.dirname(sys.argv[3])):
            file = os.open(name, os.O_RDONLY)
            os.fsync(file)
            os.close(file)
    seconds = time.perf_counter() - start
print('%.9f %.1f' % (seconds, sum(t.view(-1)[0].item() for t in value.values())))
'''


def run(command):
    """The seconds and the check sum that a process prints."""
    output = subprocess.run(command, stdout=subprocess.PIPE,
                            check=True).stdout.split()
    return float(output[0]), output[1]


def compare(name, ferry, pytorch, samples):
    """Times two commands in turns and prints a row."""
    times = {'Ferry': [], 'PyTorch': []}
    for _ in range(samples):
        sums = set()
        for who, command in (('PyTorch', pytorch), ('Ferry', ferry)):
            seconds, check = run(command)
            times[who].append(seconds)
            sums.add(check)
        if len(sums) != 1:
            sys.exit('%s: the two have other data: %s' % (name, sums))
    medians = {who: statistics.median(t) for who, t in times.items()}
    cells = [
        '%8.1f (%.1f - %.1f)' %
        (1e3 * medians[who], 1e3 * min(t), 1e3 * max(t))
        for who, t in times.items()
    ]
    print('%-32s %28s %28s %7.1f' %
          (name, *cells, medians['PyTorch'] / medians['Ferry']),
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('ferry', help='the program that times Ferry')
    parser.add_argument('--samples', type=int, default=7)
    parser.add_argument('--large',
                        action='store_true',
                        help='also 1.5 GiB in 96 tensors: 5 GiB of disk')
    parser.add_argument('--directory',
                        help='where the files go; default: a temporary one')
    options = parser.parse_args()
    ferry = os.path.abspath(options.ferry)
    pytorch = ['/usr/bin/python3', '-c', _PYTORCH]
    print('%d samples of each; medians in ms (least - most)' % options.samples)
    print('%-32s %28s %28s %7s' % ('', 'Ferry', 'PyTorch', 'ratio'))
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        rows = [('20 000 tensors of 64 floats', 20000, 64)]
        if options.large:
            rows.append(('1.5 GiB in 96 tensors', 96, 4 << 20))
        for name, count, size in rows:
            path = os.path.join(directory, 'model.pt')
            copy = os.path.join(directory, 'copy.pt')
            subprocess.run(pytorch + ['make', path, str(count), str(size)],
                           check=True)
            compare('load ' + name, [ferry, 'load', path],
                    pytorch + ['load', path], options.samples)
            for durability in ('none', 'full'):
                arguments = ['save', path, copy, durability]
                compare('save %s, %s' % (name.split(' of')[0].split(' in')[0],
                                         'durable' if durability == 'full' else
                                         'not durable'),
                        [ferry] + arguments, pytorch + arguments,
                        options.samples)


if __name__ == '__main__':
    main()
