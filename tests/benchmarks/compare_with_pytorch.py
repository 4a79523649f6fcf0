#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Times Ferry beside PyTorch on the same files and prints the ratios.

    bazel run --config=opt //tests/benchmarks:compare_with_pytorch -- [OPTIONS]

Every sample is a process of its own, and the two take turns, so that whatever
else the machine does hits both. Timed is the load or save alone: imports and
start-up are not. Files are in the page cache. Both load into memory of their
own; Ferry also computes and compares the checksums, which PyTorch does not.

"load" is the first load of a process, most of whose memory comes from the
system meanwhile, which on a virtual machine can take longer than the load.
"load again" is the median of seven loads that follow one in the same process,
as in a program that opens one checkpoint after another. The rows "into used
memory" are those of a program that keeps its tensors: LoadInto, beside
torch.load and a copy from it, and, for Ferry alone, reading the file by as many
threads without doing anything else.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

_PYTORCH = r'''
import os, statistics, sys, time
import torch
command, path = sys.argv[1:3]
if command == 'make':
    count, size = int(sys.argv[3]), int(sys.argv[4])
    torch.save({'layer.%d.weight' % i: torch.full((size,), float(i))
                for i in range(count)}, path)
    sys.exit()
if command == 'into':
    used = {k: torch.ones_like(v) for k, v in torch.load(path).items()}
    start = time.perf_counter()
    value = torch.load(path)
    for name, tensor in value.items():
        used[name].copy_(tensor)
    seconds = time.perf_counter() - start
    value = used
elif command == 'load':
    start = time.perf_counter()
    value = torch.load(path)
    seconds = time.perf_counter() - start
elif command == 'again':
    times = []
    for _ in range(8):
        value = None
        start = time.perf_counter()
        value = torch.load(path)
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times[1:])
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
print('%.9f %.1f 0' % (seconds, sum(t.view(-1)[0].item() for t in value.values())))
'''


def run(command):
    """The seconds, the check sum and the peak memory that a process prints."""
    output = subprocess.run(command, stdout=subprocess.PIPE,
                            check=True).stdout.split()
    return float(output[0]), output[1], int(output[2])


def cell(times):
    return '%8.1f (%.1f - %.1f)' % (1e3 * statistics.median(times),
                                    1e3 * min(times), 1e3 * max(times))


def time_alone(name, ferry, samples):
    """Times a command that has nothing to be compared with."""
    print('%-32s %28s' %
          (name, cell([run(ferry)[0] for _ in range(samples)])),
          flush=True)


def show_peak(ferry, path, tensor_bytes):
    """The memory that a load takes beyond the tensors."""
    peak = run([ferry, 'load', path])[2] << 10
    print('%-32s %24.1f MiB beyond the tensors' %
          ('peak memory of a load', (peak - tensor_bytes) / 2.**20),
          flush=True)


def compare(name, ferry, pytorch, samples):
    """Times two commands in turns and prints a row."""
    times = {'Ferry': [], 'PyTorch': []}
    for _ in range(samples):
        sums = set()
        for who, command in (('PyTorch', pytorch), ('Ferry', ferry)):
            seconds, check, _ = run(command)
            times[who].append(seconds)
            sums.add(check)
        if len(sums) != 1:
            sys.exit('%s: the two have other data: %s' % (name, sums))
    medians = {who: statistics.median(t) for who, t in times.items()}
    print('%-32s %28s %28s %7.1f' %
          (name, cell(times['Ferry']), cell(times['PyTorch']), medians['PyTorch'] / medians['Ferry']),
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
            compare('  load again', [ferry, 'again', path],
                    pytorch + ['again', path], options.samples)
            show_peak(ferry, path, 4 * count * size)
            compare('  into used memory', [ferry, 'into', path],
                    pytorch + ['into', path], options.samples)
            time_alone('  the file, by pread alone', [ferry, 'pread', path],
                       options.samples)
            for durability in ('none', 'full'):
                arguments = ['save', path, copy, durability]
                compare('save %s, %s' % (name.split(' of')[0].split(' in')[0],
                                         'durable' if durability == 'full' else
                                         'not durable'),
                        [ferry] + arguments, pytorch + arguments,
                        options.samples)


if __name__ == '__main__':
    main()
