#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of casts, strided copies and sums with PyTorch.

    bazel run --config=opt //tests/benchmarks:compare_tensors -- [OPTIONS]

Both write into memory that has been written before. For each row the two take
turns, and each runs as often as it can in one turn; the figure is the fastest
run. A turn must be long, because a thread that has slept may take milliseconds
to wake up. Threads are pinned to CPUs in both.

A ratio above 1 means that Ferry is faster. GB/s count the bytes read and
written, once each. PyTorch before 2.1 has no float8, so it has no figures in
those rows.
"""

import argparse
import os
import subprocess
import sys
import time

# Before PyTorch starts OpenMP, which then keeps this thread on the first CPU.
CPUS = os.sched_getaffinity(0)
os.environ['OMP_PROC_BIND'] = 'true'
os.environ['OMP_PLACES'] = ','.join('{%d}' % cpu for cpu in sorted(CPUS))

import torch  # pylint: disable=wrong-import-position

CASTS = [
    ('float32', 'bfloat16'), ('bfloat16', 'float32'), ('float32', 'float16'),
    ('float16', 'float32'), ('float32', 'float64'), ('float64', 'float32'),
    ('int64', 'float32'), ('float32', 'int32'), ('uint8', 'float32'),
    ('float32', 'float8_e4m3fn'), ('float8_e4m3fn', 'float32'),
    ('float32', 'float8_e5m2'), ('float8_e5m2', 'float32'),
]
ROWS = ([('cast', *cast) for cast in CASTS] +
        [(kind, dtype, dtype) for kind in ('transpose', 'step', 'rows')
         for dtype in ('uint8', 'bfloat16', 'float32', 'float64')] +
        [('sum', 'float32', 'float32')])
SIZES = {'64K': 1 << 16, '1M': 1 << 20, '16M': 1 << 24}


def make(kind, source_dtype, target_dtype, elements):
    """A function that does what time_tensors does."""
    source_dtype = getattr(torch, source_dtype)
    target_dtype = getattr(torch, target_dtype)
    if kind == 'sum':
        ones = torch.ones(elements, dtype=source_dtype)
        return lambda: torch.sum(ones)
    if kind == 'cast':
        source = torch.ones(elements).to(source_dtype)
        target = torch.zeros(elements).to(target_dtype)
    else:
        side = int(elements**0.5)
        target = torch.zeros(side, side, dtype=source_dtype)
        if kind == 'transpose':
            source = torch.ones(side, side, dtype=source_dtype).t()
        else:
            source = torch.ones(side, 2 * side, dtype=source_dtype)
            source = source[:, ::2] if kind == 'step' else source[:, :side]
    return lambda: target.copy_(source)


def best_seconds(function, seconds):
    best = float('inf')
    end = time.perf_counter() + seconds
    start = 0
    while start <= end:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def moved_bytes(kind, source, target, elements):
    size = {'uint8': 1, 'bfloat16': 2, 'float16': 2, 'float32': 4, 'float64': 8,
            'int32': 4, 'int64': 8}
    of = lambda name: size.get(name, 1)
    return elements * (of(source) + (0 if kind == 'sum' else of(target)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program', help=argparse.SUPPRESS)
    parser.add_argument('--sizes', default='64K,1M,16M',
                        help='numbers of elements, among ' + ', '.join(SIZES))
    parser.add_argument('--threads', default='1,2', help='numbers of threads')
    parser.add_argument('--turns', type=int, default=7,
                        help='turns of each, per row')
    parser.add_argument('--seconds', type=float, default=0.05,
                        help='the time of a turn')
    parser.add_argument('--rows', default='',
                        help='only rows that contain this text')
    options = parser.parse_args()
    ferry = subprocess.Popen(
        [options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, bufsize=1,
        preexec_fn=lambda: os.sched_setaffinity(0, CPUS))
    print('PyTorch %s' % torch.__version__)
    print('%-34s %5s %3s %9s %9s %6s' %
          ('', 'size', 'thr', 'torch', 'ferry', 'ratio'))
    ratios = []
    for threads in options.threads.split(','):
        torch.set_num_threads(int(threads))
        for size in options.sizes.split(','):
            for row in ROWS:
                name = ' '.join(row[:2] if row[1] == row[2] else
                                (row[0], row[1], 'to', row[2]))
                if options.rows not in name:
                    continue
                # Debian's PyTorch has no float8.
                has_peer = all(hasattr(torch, dtype) for dtype in row[1:])
                peer = make(*row, SIZES[size]) if has_peer else None
                ours = theirs = float('inf')
                for _ in range(options.turns):
                    # Time for the threads of the other to stop spinning.
                    time.sleep(0.025)
                    ferry.stdin.write(' '.join(row) + ' %d %s %g\n' %
                                      (SIZES[size], threads, options.seconds))
                    answer = ferry.stdout.readline()
                    if not answer:
                        sys.exit('%s ended' % options.program)
                    ours = min(ours, float(answer))
                    time.sleep(0.025)
                    if peer:
                        theirs = min(theirs,
                                     best_seconds(peer, options.seconds))
                gb = moved_bytes(*row, SIZES[size]) / 1e9
                ratio = theirs / ours if peer else None
                if peer:
                    ratios.append((ratio, name, size, threads))
                print('%-34s %5s %3s %9s %9.1f %6s' %
                      (name, size, threads,
                       '%.1f' % (gb / theirs) if peer else '-',
                       gb / ours, '%.2f' % ratio if peer else '-'), flush=True)
    if ratios:
        print('\nThe lowest ratio is %.2f: %s, %s elements, %s threads.' %
              min(ratios))
        print('%d of %d ratios are below 0.9.' %
              (sum(ratio < 0.9 for ratio, *_ in ratios), len(ratios)))
    ferry.stdin.close()
    return ferry.wait()


if __name__ == '__main__':
    sys.exit(main())
