#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of Ferry's main work; compares with stored counts.

    bazel run --config=opt //tests/benchmarks:count_instructions -- [OPTIONS]

Unlike times, counts are the same on a busy machine: a difference of more than
the tolerance in instruction_counts.json comes from a change of the code. Each
piece of work runs on one thread under callgrind, in an empty environment. Only
the work itself is counted, not start-up, and not the kernel.

The stored counts hold only for the compiler, C library and kind of CPU that
instruction_counts.json names. If any of these differs here, the output says so,
and the counts are not judged.

Exits with 1 if anything takes more instructions than the tolerance allows.
tools/setup --benchmark installs valgrind.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import machine


def run(*command, **options):
    """What a program prints."""
    return subprocess.run(command,
                          stdout=subprocess.PIPE,
                          check=True,
                          universal_newlines=True,
                          **options).stdout


def describe_environment(program, valgrind):
    """What the counts depend on besides the source."""
    build, compiler = run(program, 'info').strip().split(' ', 1)
    return {
        'build': build,
        'compiler': compiler,
        'cpu': machine.cpu_name(),
        'libc': ' '.join(platform.libc_ver()),
        'valgrind': run(valgrind, '--version').strip(),
    }


def count(valgrind, directory, region):
    """The instructions of a region, on files in `directory`."""
    # The environment and the program's name shift the stack, and addresses
    # decide how hash tables probe.
    subprocess.run([
        valgrind, '--tool=callgrind', '--toggle-collect=FerryCountedRegion',
        '--callgrind-out-file=callgrind.out', './count_regions', 'run', region
    ],
                   cwd=directory,
                   env={'LD_BIND_NOW': '1'},
                   stderr=subprocess.PIPE,
                   check=True)
    with open(os.path.join(directory, 'callgrind.out'),
              encoding='utf-8') as file:
        return int(re.search(r'^totals: (\d+)$', file.read(), re.M).group(1))


def count_all(program, training, valgrind):
    """The instructions by region."""
    counts = {}
    with tempfile.TemporaryDirectory() as directory:
        os.symlink(os.path.abspath(program),
                   os.path.join(directory, 'count_regions'))
        shutil.copy(training, os.path.join(directory, 'training.pt'))
        run('./count_regions', 'make', cwd=directory)
        for region in run(program, 'regions').splitlines():
            print('counting: ' + region, file=sys.stderr, flush=True)
            counts[region] = count(valgrind, directory, region)
    return counts


def compare(stored, counts):
    """Compares counts with the stored ones.

    Returns:
      The lines of a table, and the regions that take more instructions than the
      tolerance allows.
    """
    lines = [
        '%-28s %14s %14s %9s' % ('instructions', 'stored', 'now', 'change')
    ]
    dearer = []
    for region, now in counts.items():
        before = stored['counts'].get(region)
        if before is None:
            lines.append('%-28s %14s %14d' % (region, '-', now))
            continue
        change = 100. * (now - before) / before
        note = ''
        if change > stored['tolerance_percent']:
            note = '  over the tolerance'
            dearer.append(region)
        elif change < -stored['tolerance_percent']:
            note = '  cheaper: run with --update'
        lines.append('%-28s %14d %14d %+8.2f%%%s' %
                     (region, before, now, change, note))
    return lines, dearer


def differences(stored, environment):
    """In what the stored counts' environment differs, as lines."""
    return [
        'the stored counts are from %s "%s", here it is "%s"' %
        (name, stored['environment'].get(name), value)
        for name, value in environment.items()
        if stored['environment'].get(name) != value
    ]


def main():
    parser = argparse.ArgumentParser(
        prog='count_instructions',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for argument in ('program', 'training', 'counts'):
        parser.add_argument(argument, help=argparse.SUPPRESS)
    parser.add_argument('--update',
                        action='store_true',
                        help='store the counts, and the environment that they '
                        'depend on')
    options = parser.parse_args()
    valgrind = shutil.which('valgrind')
    if valgrind is None:
        sys.exit('valgrind is not installed; run tools/setup --benchmark')
    program = os.path.abspath(options.program)
    environment = describe_environment(program, valgrind)
    if environment['build'] != 'opt':
        sys.exit('this build has assertions; use --config=opt')
    with open(options.counts, encoding='utf-8') as file:
        stored = json.load(file)
    counts = count_all(program, options.training, valgrind)
    lines, dearer = compare(stored, counts)
    print('\n'.join(lines))
    differing = differences(stored, environment)
    if options.update:
        stored.update(environment=environment, counts=counts)
        # Through Bazel's link into the source tree.
        with open(os.path.realpath(options.counts), 'w',
                  encoding='utf-8') as file:
            json.dump(stored, file, indent=2)
            file.write('\n')
    elif differing:
        print('the counts are not judged:\n' + '\n'.join(differing))
    elif dearer:
        sys.exit('more instructions than the tolerance of %g %% allows: %s' %
                 (stored['tolerance_percent'], ', '.join(dearer)))


if __name__ == '__main__':
    main()
