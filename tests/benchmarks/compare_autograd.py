#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of ops and their gradients with libtorch.

    bazel run --config=opt //tests/benchmarks:compare_autograd -- [OPTIONS]

Both are C++ programs, because the interpreter would take longer than a small
op. The one with libtorch is compiled at the first run, which takes a minute and
needs tools/setup --benchmark.

For each row the two take turns, and each runs as often as it can in one turn;
the figure is the fastest run. A turn must be long, because a thread that has
slept may take milliseconds to wake up. Threads are pinned to CPUs in both.
A ratio above 1 means that Ferry is faster.

Debian's libtorch multiplies matrices with the reference BLAS unless there is
another one. --blas names the folder of a libblas.so.3, such as that of
libopenblas0-openmp, which is the default if it is installed.

Rows:

  add         the sum of two vectors; "recorded" for gradients
  adds        ten sums, one after the other
  chain       (x * y + x) * 2 - y of vectors
  exp         of a vector, as tanh and gelu
  softmax     of the rows of a square matrix, as layer_norm
  sum         all elements of a square matrix; sum_rows and sum_columns give a
              vector
  mm          the product of square matrices
  bmm         products of so many 64 x 64 matrices
  network     a batch through two linear layers, 256 to 512 to 64, with relu
              in between

"backward" rows are the op, a sum of the result, and the backward pass.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time

CPUS = os.sched_getaffinity(0)
OPENBLAS = '/usr/lib/x86_64-linux-gnu/openblas-openmp'

ROWS = ([(kind, 1) for kind in ('add', 'add_recorded', 'adds_recorded',
                                'adds_backward')] +
        [(kind, size) for kind in ('chain', 'chain_backward')
         for size in (1000, 100000, 4000000)] +
        [(kind, size) for kind in ('exp', 'tanh', 'gelu', 'gelu_backward')
         for size in (1000, 100000)] +
        [(kind, size) for kind in ('sum', 'sum_rows', 'sum_columns',
                                   'sum_rows_backward')
         for size in (100, 1000)] +
        [(kind, size) for kind in ('softmax', 'softmax_backward', 'layer_norm',
                                   'layer_norm_backward')
         for size in (100, 1000)] +
        [('mm', size) for size in (4, 16, 64, 128, 256, 512, 1024, 2048)] +
        [('mm_backward', size) for size in (16, 64, 512)] +
        [(kind, 64) for kind in ('bmm', 'bmm_backward')] +
        [(kind, size) for kind in ('network', 'network_backward')
         for size in (1, 32, 512)])


def build_peer(source):
    """Compiles time_libtorch.cpp if needed; returns its path."""
    with open(source, 'rb') as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    folder = os.path.join(tempfile.gettempdir(),
                          'ferry-benchmarks-%d' % os.getuid())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    program = os.path.join(folder, 'time_libtorch-' + digest)
    if os.path.exists(program):
        return program
    print('Compiling %s' % os.path.basename(source), file=sys.stderr)
    built = subprocess.run([
        'g++', '-std=c++17', '-O2', source, '-o', program + '.part',
        '-I/usr/include/torch/csrc/api/include', '-ltorch', '-ltorch_cpu',
        '-lc10'
    ])
    if built.returncode != 0:
        sys.exit('Cannot compile %s. tools/setup --benchmark installs what it '
                 'needs.' % source)
    os.rename(program + '.part', program)
    return program


def start(program, environment=None):
    return subprocess.Popen([program],
                            stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            text=True,
                            bufsize=1,
                            env={**os.environ, **(environment or {})},
                            preexec_fn=lambda: os.sched_setaffinity(0, CPUS))


def ask(process, kind, size, threads, seconds):
    process.stdin.write('%s %d %s %g\n' % (kind, size, threads, seconds))
    answer = process.stdout.readline()
    if not answer:
        sys.exit('%s ended' % process.args[0])
    return float(answer)


def peer_environment(blas):
    environment = {
        'OMP_PROC_BIND': 'true',
        'OMP_PLACES': ','.join('{%d}' % cpu for cpu in sorted(CPUS)),
    }
    if blas:
        environment['LD_LIBRARY_PATH'] = blas
    return environment


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program', help=argparse.SUPPRESS)
    parser.add_argument('source', help=argparse.SUPPRESS)
    parser.add_argument('--threads', default='1,2', help='numbers of threads')
    parser.add_argument('--turns', type=int, default=7,
                        help='turns of each, per row')
    parser.add_argument('--seconds', type=float, default=0.05,
                        help='the time of a turn')
    parser.add_argument('--rows', default='',
                        help='only rows that contain this text')
    parser.add_argument('--max-size', type=int, default=1 << 62,
                        help='only rows up to this size')
    parser.add_argument('--blas',
                        default=OPENBLAS if os.path.isdir(OPENBLAS) else '',
                        help='the folder of the libblas.so.3 for libtorch')
    parser.add_argument('--alone', action='store_true',
                        help='time Ferry without libtorch')
    options = parser.parse_args()
    ferry = start(options.program)
    peer = None
    if not options.alone:
        peer = start(build_peer(options.source), peer_environment(options.blas))
        print('libtorch with %s' %
              (options.blas or "the system's BLAS, which may be the reference"))
    print('%-20s %8s %3s %11s %11s %6s' %
          ('', 'size', 'thr', 'torch, us', 'ferry, us', 'ratio'))
    ratios = []
    for threads in options.threads.split(','):
        for kind, size in ROWS:
            if options.rows not in kind or size > options.max_size:
                continue
            ours = theirs = float('inf')
            for _ in range(options.turns):
                # Time for the threads of the other to stop spinning.
                time.sleep(0.025 if peer else 0)
                ours = min(ours,
                           ask(ferry, kind, size, threads, options.seconds))
                if peer:
                    time.sleep(0.025)
                    theirs = min(
                        theirs, ask(peer, kind, size, threads, options.seconds))
            ratio = theirs / ours if peer else None
            if peer:
                ratios.append((ratio, kind, size, threads))
            print('%-20s %8d %3s %11s %11.2f %6s' %
                  (kind, size, threads,
                   '%.2f' % (theirs * 1e6) if peer else '-',
                   ours * 1e6, '%.2f' % ratio if peer else '-'), flush=True)
    if ratios:
        print('\nThe lowest ratio is %.2f: %s of size %d, %s threads.' %
              min(ratios))
        print('%d of %d ratios are below 0.9.' %
              (sum(ratio < 0.9 for ratio, *_ in ratios), len(ratios)))
    for process in (ferry, peer):
        if process:
            process.stdin.close()
            if process.wait() != 0:
                return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
