#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares loads that stream to a device with a load and a copy after it.

    bazel run --config=opt //tests/benchmarks:compare_devices -- \\
        --plugin=libferry_opencl.so --device=opencl:0
    bazel run --config=opt //tests/benchmarks:compare_devices -- \\
        --fake-driver=bazel-bin/plugins/cuda/testing/libfake_driver.so \\
        --device=cuda:0 --bus=2,6,25

Each puts the same file, which PyTorch wrote, onto the device:

  stream   Ferry reads the file into staging buffers, while the device copies
           what it has read before
  copy     Ferry loads the file to the host, and then copies each storage

Each sample is a fresh process; the ways take turns in random order. The clock
covers only the load, not start-up or the check of the data. Files are read from
the page cache. A ratio above 1 means that the stream is faster.

On PoCL the device is the CPU and its memory is the host's, so that copies take
the CPUs from the reads. A figure from there is not one for a GPU.

With --bus, the device is CUDA's fake driver, whose bus is a model: a copy takes
the time of its bytes at so many GB/s (of 10^9 bytes), and --latency. Copies
move no bytes, because a GPU's copy engine would take no CPU for them; that the
data arrive is checked before, without the bus. The model gives pageable memory
the full speed, which a real driver does not, so it favours "copy". `ceiling` is
the time of the slower side, a load to the host or the bus alone, and `share` is
ceiling / stream. None of this is a figure of a GPU either.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile

import compare
import machine

WAYS = ('stream', 'copy')

# Name, number of tensors, elements of 4 bytes of each.
FILES = [('20000x64', 20000, 64), ('403MB', 96, 1 << 20),
         ('one of 256MiB', 1, 1 << 26)]
QUICK_FILES = [('tiny', 8, 64), ('a few MiB', 3, 1 << 20)]


def measure(command, path, samples, order, touch, ways, checked):
    """The seconds of all ways, sample by sample.

    Args:
      command: time_device with its plugin and device.
      path: the file.
      samples: the number of samples of each way.
      order: the random numbers of the order.
      touch: the command that brings memory into a known state.
      ways: of loading the file.
      checked: whether the device has the data, so that they can be compared.
    """
    taken = {way: [] for way in ways}
    for _ in range(samples):
        turn = list(ways)
        order.shuffle(turn)
        for way in turn:
            taken[way].append(
                compare.take_sample(command + [way, path], touch))
    sums = {sample.check_sum for way in ways for sample in taken[way]}
    if checked and len(sums) != 1:
        sys.exit('%s: the device has different data' % path)
    return {way: [sample.seconds for sample in taken[way]] for way in ways}


def cell(seconds):
    return '%9.2f (%.2f - %.2f)' % (1e3 * statistics.median(seconds),
                                    1e3 * min(seconds), 1e3 * max(seconds))


def fake_settings(size_bytes, bus, latency_us):
    """The settings of the fake driver; `bus` is None for a check of the data."""
    settings = 'timing=eager,memory=%d' % (size_bytes + (64 << 20))
    if bus is not None:
        settings += ',discard=1,bus=%d:%d' % (bus * 1e9, latency_us * 1e3)
    return settings


def compare_on_bus(command, name, path, touch, order, options):
    """Prints a row for each speed of the modelled bus."""
    size_bytes = os.path.getsize(path)
    os.environ['FERRY_FAKE_DRIVER'] = fake_settings(size_bytes, None, 0)
    measure(command, path, 1, order, touch, WAYS, checked=True)
    for bus in options.bus:
        os.environ['FERRY_FAKE_DRIVER'] = fake_settings(
            size_bytes, bus, options.latency)
        seconds = measure(command, path, options.samples, order, touch,
                          WAYS + ('host',), checked=False)
        median = {way: statistics.median(seconds[way]) for way in seconds}
        ceiling = max(median['host'], size_bytes / (bus * 1e9))
        print('%-24s %28s %28s %8.2f %8.2f %5.0f%%' %
              ('%s, %g GB/s' % (name, bus), cell(seconds['stream']),
               cell(seconds['copy']), median['copy'] / median['stream'],
               1e3 * ceiling, 100 * ceiling / median['stream']), flush=True)


def compare_on_device(command, name, path, touch, order, options):
    """Prints the row of a file."""
    seconds = measure(command, path, options.samples, order, touch, WAYS,
                      checked=True)
    print('%-24s %28s %28s %8.2f' %
          (name, cell(seconds['stream']), cell(seconds['copy']),
           statistics.median(seconds['copy']) /
           statistics.median(seconds['stream'])), flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog='compare_devices',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in ('time_device', 'ceiling', 'pytorch'):
        parser.add_argument(program, help=argparse.SUPPRESS)
    parser.add_argument('--plugin', default='-',
                        help='the shared object; default: none, for a device '
                        'that is built in')
    parser.add_argument('--fake-driver', help='the fake driver of CUDA')
    parser.add_argument('--bus', type=lambda text: [
        float(speed) for speed in text.split(',')
    ], help='the speeds of the modelled bus, in GB/s, with commas between')
    parser.add_argument('--latency', type=float, default=10.0,
                        help='of each copy on that bus, in microseconds; '
                        'default: 10')
    parser.add_argument('--device', required=True, help='such as opencl:0')
    parser.add_argument('--samples', type=int, default=7,
                        help='of each way; default: 7')
    parser.add_argument('--file', action='append',
                        choices=[name for name, _, _ in FILES],
                        help='measure this file alone; may be given several '
                        'times')
    parser.add_argument('--quick', action='store_true',
                        help='use tiny files, only to check that all runs')
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 32),
                        help='the seed of the order; default: random')
    options = parser.parse_args()
    if (options.bus is None) != (options.fake_driver is None):
        parser.error('--bus and --fake-driver need each other')
    return options


def main():
    options = parse_arguments()
    # Bazel runs programs in a directory of its own.
    start = os.path.abspath(os.environ.get('BUILD_WORKING_DIRECTORY', '.'))
    plugin = options.plugin
    if plugin != '-':
        plugin = os.path.join(start, plugin)
    command = [os.path.abspath(options.time_device), plugin, options.device]
    run = compare_on_device
    if options.bus is not None:
        run = compare_on_bus
        os.environ['FERRY_CUDA_DRIVER'] = os.path.join(start,
                                                       options.fake_driver)
    order = random.Random(options.seed)
    print('%s, %d CPUs, %d samples, seed %d, load average %.1f' %
          (machine.cpu_name(), len(os.sched_getaffinity(0)), options.samples,
           options.seed, os.getloadavg()[0]))
    print('%-24s %28s %28s %8s%s' %
          ('median ms (least - most)', 'stream', 'copy', 'copy/s',
           '  ceiling  share' if options.bus is not None else ''))
    with tempfile.TemporaryDirectory() as folder:
        for name, count, elements in (QUICK_FILES if options.quick else FILES):
            if options.file and name not in options.file:
                continue
            path = os.path.join(folder, 'file.pt')
            subprocess.run(['/usr/bin/python3',
                            os.path.abspath(options.pytorch), 'make', path,
                            'tensors', str(count), str(elements)], check=True)
            # For the host's copy and the device's.
            touch = [os.path.abspath(options.ceiling), 'touch',
                     str(2 * os.path.getsize(path) + (64 << 20))]
            run(command, name, path, touch, order, options)


if __name__ == '__main__':
    main()
