#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares loads that stream to a device with a load and a copy after it.

    bazel run --config=opt //tests/benchmarks:compare_devices -- \\
        --plugin=libferry_opencl.so --device=opencl:0

Both put the same file, which PyTorch wrote, onto the device of a plugin:

  stream   Ferry reads the file into staging buffers, while the device copies
           what it has read before
  copy     Ferry loads the file to the host, and then copies each storage

Each sample is a fresh process; the two take turns in random order. The clock
covers only the load, not start-up or the check of the data. Files are read from
the page cache. A ratio above 1 means that the stream is faster.

On PoCL the device is the CPU and its memory is the host's, so that copies take
the CPUs from the reads. A figure from there is not one for a GPU.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile

import compare

WAYS = ('stream', 'copy')

# Name, number of tensors, elements of 4 bytes of each.
FILES = [('20000x64', 20000, 64), ('403MB', 96, 1 << 20),
         ('one of 256MiB', 1, 1 << 26)]
QUICK_FILES = [('tiny', 8, 64), ('a few MiB', 3, 1 << 20)]


def measure(command, path, samples, order, touch):
    """The seconds of both ways, sample by sample."""
    taken = {way: [] for way in WAYS}
    for _ in range(samples):
        turn = list(WAYS)
        order.shuffle(turn)
        for way in turn:
            taken[way].append(
                compare.take_sample(command + [way, path], touch))
    sums = {sample.check_sum for way in WAYS for sample in taken[way]}
    if len(sums) != 1:
        sys.exit('%s: the device has different data' % path)
    return {way: [sample.seconds for sample in taken[way]] for way in WAYS}


def cell(seconds):
    return '%9.2f (%.2f - %.2f)' % (1e3 * statistics.median(seconds),
                                    1e3 * min(seconds), 1e3 * max(seconds))


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog='compare_devices',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in ('time_device', 'ceiling', 'pytorch'):
        parser.add_argument(program, help=argparse.SUPPRESS)
    parser.add_argument('--plugin', required=True, help='the shared object')
    parser.add_argument('--device', required=True, help='such as opencl:0')
    parser.add_argument('--samples', type=int, default=7,
                        help='of each way; default: 7')
    parser.add_argument('--quick', action='store_true',
                        help='use tiny files, only to check that all runs')
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 32),
                        help='the seed of the order; default: random')
    return parser.parse_args()


def main():
    options = parse_arguments()
    # Bazel runs programs in a directory of its own.
    start = os.environ.get('BUILD_WORKING_DIRECTORY', '.')
    plugin = os.path.join(os.path.abspath(start), options.plugin)
    command = [os.path.abspath(options.time_device), plugin, options.device]
    order = random.Random(options.seed)
    print('%d samples, seed %d, load average %.1f' %
          (options.samples, options.seed, os.getloadavg()[0]))
    print('%-16s %32s %32s %8s' % ('median ms (least - most)', 'stream', 'copy',
                                   'copy/s'))
    with tempfile.TemporaryDirectory() as folder:
        for name, count, elements in (QUICK_FILES if options.quick else FILES):
            path = os.path.join(folder, 'file.pt')
            subprocess.run(['/usr/bin/python3',
                            os.path.abspath(options.pytorch), 'make', path,
                            'tensors', str(count), str(elements)], check=True)
            # For the host's copy and the device's.
            touch = [os.path.abspath(options.ceiling), 'touch',
                     str(2 * os.path.getsize(path) + (64 << 20))]
            seconds = measure(command, path, options.samples, order, touch)
            print('%-24s %28s %28s %8.2f' % (
                name, cell(seconds['stream']), cell(seconds['copy']),
                statistics.median(seconds['copy']) /
                statistics.median(seconds['stream'])), flush=True)


if __name__ == '__main__':
    main()
