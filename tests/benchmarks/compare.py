#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of Ferry with PyTorch and with the limit of the machine.

    bazel run --config=opt //tests/benchmarks:compare -- [OPTIONS]

Run it before a change with --json=before.json, and after it with
--baseline=before.json, on the same machine while nothing else runs there.

Each sample is a fresh process. For each row, all contenders take one sample,
in random order, before any takes the next. The clock covers only the load or
save, not start-up or the check of the data. Files are read from the page cache,
unless a row says otherwise. Just before the clock starts, another process
touches as much memory as the sample needs and ends: on a virtual machine the
first touch of memory can take longer than the load.

The rows of a group of tensors:
  load             into new memory
  load again       the median of seven loads after the first of a process
  load pooled      the same, with a PagePool in Ferry
  load into        into tensors that exist; in PyTorch a load and a copy
  load mapped      without reading the tensors' bytes
  load verified    the same, but their checksums are compared in place
  load uncached    into new memory, from a file that is not in the page cache
  load uncached direct  the same by Ferry alone, beside a ceiling that reads
                   with O_DIRECT
  save             without waiting for the disk
  save durable     until the bytes are on the disk
  save durable over  the same, where a file of that size was before
  safetensors ...  the same tensors in a safetensors file
and of the others:
  list             open a file, and list names and shapes of its tensors

The ceiling is a program that only reads the file into huge pages, or only
writes it, with as many threads as Ferry uses. The pages are new ones from the
system, but in the rows "again", "pooled" and "into" used ones, which need not
be cleared. Where Ferry does not read the tensors' bytes ("list", "mapped"), the
ceiling reads only the bytes of the pickle and the directory. In the rows of
safetensors, PyTorch's place is taken by the safetensors library, which always
maps. Where it is not installed, as on Debian 12, PyTorch loads or saves the
same tensors in its own format. PyTorch maps files since 2.1, and lists tensors
only by loading them. The rows "uncached" are left out where a file cannot be
dropped from the page cache, as on tmpfs; the host of a virtual machine may
still have it in its own.
"""

import argparse
import collections
import ctypes
import datetime
import json
import mmap
import os
import platform
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

import machine

# A file that is loaded and saved. `kind` is which rows it has; `made` is what
# time_pytorch.py makes.
Group = collections.namedtuple('Group', 'name kind made')

# `commands` are the arguments of each contender that there is. Before each
# sample, the file `replaces` is copied to where a save goes, and the file
# `uncached` is dropped from the page cache.
Row = collections.namedtuple('Row',
                             'name file_bytes commands replaces uncached',
                             defaults=[None, None])

# What Ferry is compared with: the version of PyTorch, and that of the
# safetensors library, None without it.
Peer = collections.namedtuple('Peer', 'pytorch safetensors')

# What a process measures.
Sample = collections.namedtuple('Sample',
                                'seconds cpu_seconds peak_bytes check_sum')

GROUPS = [
    Group('20000x64', 'tensors', ('tensors', 20000, 64)),
    Group('403MB', 'tensors', ('tensors', 96, 1 << 20)),
    Group('many', 'list', ('tensors', 100000, 1)),
    Group('objects', 'plain', ('objects', 100000, 0)),
    Group('keys', 'plain', ('keys', 100000, 0)),
]
LARGE_GROUP = Group('1.5GiB', 'tensors', ('tensors', 96, 4 << 20))
QUICK_GROUPS = [
    Group('tiny', 'tensors', ('tensors', 8, 64)),
    Group('many', 'list', ('tensors', 100, 1)),
    Group('objects', 'plain', ('objects', 100, 0)),
    Group('keys', 'plain', ('keys', 100, 0)),
]

CONTENDERS = ('ferry', 'pytorch', 'ceiling')

# Fewer samples than this say nothing about which side is slower.
MIN_SAMPLES_TO_JUDGE = 5

# What time_ceiling_main.cc reads at a time, at least, with O_DIRECT.
BLOCK_BYTES = 4096

# The load average of the last minute on a machine that has nothing else to do.
MAX_QUIET_LOAD = 0.5


def say(text):
    print(text, file=sys.stderr, flush=True)


def metadata_bytes(path):
    """How many bytes of a file must be read to list its tensors."""
    if path.endswith('.safetensors'):
        with open(path, 'rb') as file:
            return 8 + struct.unpack('<Q', file.read(8))[0]
    with zipfile.ZipFile(path) as archive:
        pickle_bytes = sum(info.file_size for info in archive.infolist()
                           if info.filename.endswith('/data.pkl'))
        return pickle_bytes + os.path.getsize(path) - archive.start_dir


def peer_of(programs):
    pytorch, safetensors = subprocess.check_output(
        programs['pytorch'] + ['info'], universal_newlines=True).split()
    return Peer(pytorch, None if safetensors == '-' else safetensors)


def maps_files(peer):
    return tuple(int(part) for part in re.findall(r'\d+', peer.pytorch)[:2]
                 ) >= (2, 1)


def count_cached_pages(file):
    """How many pages of an open file the page cache has."""
    with mmap.mmap(file, 0, access=mmap.ACCESS_COPY) as mapped:
        begin = ctypes.c_char.from_buffer(mapped)
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        result = ctypes.CDLL(None, use_errno=True).mincore(
            ctypes.c_void_p(ctypes.addressof(begin)),
            ctypes.c_size_t(len(mapped)), pages)
        del begin  # Else the file stays mapped.
    if result != 0:
        raise OSError(ctypes.get_errno(), 'mincore')
    return sum(page & 1 for page in pages)


def drop_from_cache(path):
    """Drops a file from the page cache, for which the kernel may need time.

    Returns:
      Whether no page of it is left there.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        for _ in range(20):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            if count_cached_pages(file) == 0:
                return True
            time.sleep(0.01)
        return False
    finally:
        os.close(file)


def ways_to_read_uncached(directory):
    """How a ceiling can read files of `directory` from the disk."""
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        file.write(bytes(BLOCK_BYTES))
        file.flush()
        if not drop_from_cache(file.name):
            return []
        try:
            direct = os.open(file.name, os.O_RDONLY | os.O_DIRECT)
        except OSError:
            return ['fresh']
        try:
            # Memory that is mapped is aligned.
            with mmap.mmap(-1, BLOCK_BYTES) as block:
                os.preadv(direct, [block], 0)
            return ['fresh', 'direct'
                   ] if count_cached_pages(direct) == 0 else ['fresh']
        except OSError:
            return ['fresh']
        finally:
            os.close(direct)


def rows_of(group, path, safetensors, copy, threads, peer):
    """The rows of a group, whose files exist."""

    def row(name, size, replaces=None, uncached=None, **commands):
        return Row('%s/%s' % (group.name, name), size, commands, replaces,
                   uncached)

    def read(name, command, file=path, memory='fresh'):
        """All of a file."""
        size = os.path.getsize(file)
        return row(name,
                   size,
                   ferry=[command, file],
                   pytorch=[command, file if peer.safetensors else path],
                   ceiling=['read', file, str(size), threads, memory])

    def look(name, command, file=path, **pytorch):
        """What a file says about its tensors."""
        size = str(metadata_bytes(file))
        return row(name,
                   os.path.getsize(file),
                   ferry=[command, file],
                   ceiling=['read', file, size, threads, 'fresh'],
                   **pytorch)

    def mapped(file, is_possible):
        return {'pytorch': ['map', file]} if is_possible else {}

    def read_uncached(name, ceiling, **pytorch):
        size = os.path.getsize(path)
        return row(name,
                   size,
                   uncached=path,
                   ferry=['load', path],
                   ceiling=['read', path, str(size), threads, ceiling],
                   **pytorch)

    def write(name, container='zip', durability='none', replaces=None):
        size = os.path.getsize(path if container == 'zip' else safetensors)
        return row(name,
                   size,
                   replaces,
                   ferry=['save', path, copy, container, durability],
                   pytorch=[
                       'save', path, copy,
                       container if peer.safetensors else 'zip', durability
                   ],
                   ceiling=['write', copy, str(size), threads, durability])

    if group.kind == 'list':
        return [look('list', 'list', pytorch=['list', path])]
    if group.kind == 'plain':
        return [read('load', 'load'), write('save')]
    uncached = []
    ways = ways_to_read_uncached(os.path.dirname(path))
    if 'fresh' in ways:
        uncached.append(
            read_uncached('load uncached', 'fresh', pytorch=['load', path]))
    if 'direct' in ways:
        uncached.append(read_uncached('load uncached direct', 'direct'))
    return [
        read('load', 'load'),
        read('load again', 'again', memory='used'),
        row('load pooled',
            os.path.getsize(path),
            ferry=['pool', path],
            pytorch=['again', path],
            ceiling=[
                'read', path,
                str(os.path.getsize(path)), threads, 'used'
            ]),
        read('load into', 'into', memory='used'),
        look('load mapped', 'map', **mapped(path, maps_files(peer))),
        row('load verified',
            os.path.getsize(path),
            ferry=['verify', path],
            pytorch=['load', path],
            ceiling=['read', path,
                     str(os.path.getsize(path)), threads, 'fresh']),
        *uncached,
        write('save'),
        write('save durable', durability='full'),
        write('save durable over', durability='full', replaces=path),
        read('safetensors load', 'load', safetensors),
        look('safetensors load mapped', 'map', safetensors,
             **mapped(safetensors, peer.safetensors)),
        write('safetensors save', container='safetensors'),
    ]


def take_sample(command, touch):
    """Runs a program that is timed, as sample.h says.

    Args:
      command: the program and its arguments.
      touch: the command that brings memory into a known state.

    Returns:
      The seconds on the clock and of all CPUs, the peak memory in bytes, and
      the check sum.
    """
    with subprocess.Popen(command,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE,
                          universal_newlines=True) as process:
        if process.stdout.readline() == 'ready\n':
            if touch:
                subprocess.run(touch, check=True)
            output = process.communicate('go\n')[0].split()
        else:
            output = []
    if process.returncode != 0 or len(output) != 4:
        sys.exit('this command failed: ' + ' '.join(command))
    seconds, cpu_seconds, total, peak_kib = output
    return Sample(float(seconds), float(cpu_seconds),
                  int(peak_kib) << 10, total)


def summary(samples):
    """What the JSON file has about one contender of a row."""
    seconds = [sample.seconds for sample in samples]
    cpu_seconds = [sample.cpu_seconds for sample in samples]
    return {
        'median_s': statistics.median(seconds),
        'least_s': min(seconds),
        'most_s': max(seconds),
        'seconds': seconds,
        'cpu_median_s': statistics.median(cpu_seconds),
        'cpu_seconds': cpu_seconds,
        'peak_bytes': max(sample.peak_bytes for sample in samples),
    }


def measure(row, programs, samples, order, copy):
    """Takes all samples of a row.

    Returns:
      The row as the JSON file has it.
    """
    # For the data, what is read into before they reach their place, and the
    # objects of Python.
    touch = programs['ceiling'] + [
        'touch', str(row.file_bytes * 5 // 4 + (64 << 20))
    ]
    commands = {
        who: programs[who] + command for who, command in row.commands.items()
    }
    taken = {who: [] for who in commands}
    for _ in range(samples):
        turn = list(commands)
        order.shuffle(turn)
        for who in turn:
            if row.replaces:
                shutil.copyfile(row.replaces, copy)
            # No sample pays for what another has left to be written.
            os.sync()
            if row.uncached and not drop_from_cache(row.uncached):
                sys.exit('%s stays in the page cache' % row.uncached)
            taken[who].append(take_sample(commands[who], touch))
            if os.path.exists(copy):
                os.remove(copy)
    sums = {
        sample.check_sum for who in taken if who != 'ceiling'
        for sample in taken[who]
    }
    if len(sums) != 1:
        sys.exit('%s: the contenders have different data: %s' %
                 (row.name, ', '.join(sorted(sums))))
    result = {
        'name': row.name,
        'file_bytes': row.file_bytes,
        'check_sum': sums.pop(),
    }
    for who in CONTENDERS:
        result[who] = summary(taken[who]) if who in taken else None
    return result


def ratio(row, who, to):
    """How many times longer `who` takes than `to`; None without one of them."""
    if row[who] is None or row[to] is None:
        return None
    return row[who]['median_s'] / row[to]['median_s']


def verdict(now, before):
    """Compares the samples of two runs, which are lists of seconds.

    Returns:
      "slower" or "faster" if their middle halves do not overlap, else ""; also
      if there are too few samples to say.
    """
    if min(len(now), len(before)) < MIN_SAMPLES_TO_JUDGE:
        return ''
    low_now, _, high_now = statistics.quantiles(now, n=4)
    low_before, _, high_before = statistics.quantiles(before, n=4)
    if low_now > high_before:
        return 'slower'
    if high_now < low_before:
        return 'faster'
    return ''


def cell(contender):
    if contender is None:
        return '-'
    return '%.2f (%.2f - %.2f)' % (1e3 * contender['median_s'],
                                   1e3 * contender['least_s'],
                                   1e3 * contender['most_s'])


def number(value):
    return '-' if value is None else '%.2f' % value


def table_head(has_baseline):
    head = '%-32s %28s %28s %28s %9s %9s %10s' % (
        'median ms (least - most)', 'Ferry', 'PyTorch', 'ceiling',
        'PyTorch/F', 'F/ceiling', 'F peak MiB')
    if has_baseline:
        head += ' %10s %9s %9s' % ('F now/then', 'F CPU', 'ceiling')
    return head


def table_row(row, before):
    text = '%-32s %28s %28s %28s %9s %9s %10.1f' % (
        row['name'], cell(row['ferry']), cell(row['pytorch']),
        cell(row['ceiling']), number(ratio(row, 'pytorch', 'ferry')),
        number(ratio(row, 'ferry', 'ceiling')),
        row['ferry']['peak_bytes'] / 2.**20)
    if before is not None:
        changes = tuple(row[who][what] / before[who][what]
                        for who, what in (('ferry', 'median_s'),
                                          ('ferry', 'cpu_median_s'),
                                          ('ceiling', 'median_s')))
        text += ' %10.3f %9.3f %9.3f' % changes
        for name, samples in (('', 'seconds'), ('CPU ', 'cpu_seconds')):
            word = verdict(row['ferry'][samples], before['ferry'][samples])
            text += word and '  ' + name + word
    return text


def describe_machine():
    pages = os.sysconf('SC_PHYS_PAGES')
    return {
        'cpu': machine.cpu_name(),
        'cores': len(os.sched_getaffinity(0)),
        'kernel': platform.release(),
        'memory_bytes': pages * os.sysconf('SC_PAGE_SIZE'),
    }


def git_commit():
    """The commit of the source tree, "-dirty" if changed; None outside git."""
    if shutil.which('git') is None:
        return None
    result = subprocess.run(
        'git describe --always --abbrev=40 --dirty --exclude=*'.split(),
        cwd=os.environ.get('BUILD_WORKSPACE_DIRECTORY', '.'),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
        check=False)
    return result.stdout.strip() or None


def make_files(groups, directory, programs):
    """Makes the files of all groups, by PyTorch, and those in safetensors.

    Returns:
      For each group its file, and that in safetensors, which only groups of
      tensors have.
    """
    say('making %d files' % len(groups))
    files = []
    arguments = []
    for group in groups:
        path = os.path.join(directory, group.name + '.pt')
        arguments += [path] + [str(part) for part in group.made]
        files.append((path, path[:-2] + 'safetensors'))
    subprocess.run(programs['pytorch'] + ['make'] + arguments, check=True)
    for group, (path, safetensors) in zip(groups, files):
        if group.kind == 'tensors':
            take_sample(
                programs['ferry'] +
                ['save', path, safetensors, 'safetensors', 'none'], None)
    return files


def read_baseline(path, here):
    with open(path, encoding='utf-8') as file:
        baseline = json.load(file)
    for name, value in here.items():
        if baseline['machine'].get(name) != value:
            say('warning: %s is from another machine: %s was %s, now it is %s' %
                (path, name, baseline['machine'].get(name), value))
    return {row['name']: row for row in baseline['rows']}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog='compare',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in ('ferry', 'ceiling', 'pytorch'):
        parser.add_argument(program, help=argparse.SUPPRESS)
    parser.add_argument('--samples',
                        type=int,
                        help='the number of samples of each contender in each '
                        'row; default: 7, or 1 with --quick')
    parser.add_argument('--quick',
                        action='store_true',
                        help='use tiny files, only to check that all runs')
    parser.add_argument('--large',
                        action='store_true',
                        help='also time 1.5 GiB in 96 tensors; needs 6 GiB of '
                        'disk and 8 GiB of memory')
    parser.add_argument('--rows',
                        metavar='REGEX',
                        default='',
                        help='time only the rows whose names match')
    parser.add_argument('--json',
                        metavar='FILE',
                        help='write all samples, the machine, the versions, '
                        'the date and the commit to FILE')
    parser.add_argument('--baseline',
                        metavar='FILE',
                        help='compare with FILE, which an earlier --json '
                        'wrote. More columns show the time now divided by the '
                        'time then: for Ferry, for its CPU time (which other '
                        'programs disturb less) and for the ceiling. "slower" '
                        'or "faster" marks the rows where the middle halves of '
                        'Ferry\'s samples do not overlap, "CPU slower" or "CPU '
                        'faster" those where the CPU times do not overlap')
    parser.add_argument('--python',
                        metavar='PROGRAM',
                        default='/usr/bin/python3',
                        help='a Python that has PyTorch, and perhaps the '
                        'safetensors library; default: %(default)s')
    parser.add_argument('--directory',
                        help='the directory for the files; default: a '
                        'temporary one')
    parser.add_argument('--seed',
                        type=int,
                        default=random.randrange(1 << 32),
                        help='the seed of the order of the contenders; '
                        'default: random')
    return parser.parse_args()


def main():
    options = parse_arguments()
    # Bazel runs programs in a directory of its own.
    start = os.environ.get('BUILD_WORKING_DIRECTORY', '.')
    python = options.python
    if os.path.dirname(python):  # else it is found on the PATH
        python = os.path.join(start, python)
    programs = {
        'ferry': [os.path.abspath(options.ferry)],
        'pytorch': [python, os.path.abspath(options.pytorch)],
        'ceiling': [os.path.abspath(options.ceiling)],
    }
    threads, build = subprocess.check_output(programs['ferry'] + ['info'],
                                             universal_newlines=True).split()
    peer = peer_of(programs)
    groups = QUICK_GROUPS if options.quick else GROUPS
    if options.large:
        groups = groups + [LARGE_GROUP]
    samples = options.samples or (1 if options.quick else 7)
    report = {
        'machine': describe_machine(),
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(),
        'commit': git_commit(),
        'load_average': os.getloadavg()[0],
        'build': build,
        'threads': int(threads),
        'pytorch': peer.pytorch,
        'safetensors': peer.safetensors,
        'samples': samples,
        'seed': options.seed,
        'rows': [],
    }
    if build != 'opt':
        say('warning: this build has assertions; use --config=opt')
    if report['load_average'] > MAX_QUIET_LOAD:
        say('warning: other programs are running: the load average is %.1f' %
            report['load_average'])
    before = {}
    if options.baseline:
        before = read_baseline(os.path.join(start, options.baseline),
                               report['machine'])
    directory = options.directory and os.path.join(start, options.directory)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        copy = os.path.join(scratch, 'copy')
        files = make_files(groups, scratch, programs)
        rows = [
            row for group, (path, safetensors) in zip(groups, files)
            for row in rows_of(group, path, safetensors, copy, threads, peer)
            if re.search(options.rows, row.name)
        ]
        order = random.Random(options.seed)
        print('%d samples, %s threads, seed %d, PyTorch %s, safetensors %s' %
              (samples, threads, options.seed, peer.pytorch, peer.safetensors or
               'not installed'))
        print(table_head(bool(before)), flush=True)
        for i, row in enumerate(rows):
            say('row %d of %d: %s' % (i + 1, len(rows), row.name))
            report['rows'].append(
                measure(row, programs, samples, order, copy))
            print(table_row(report['rows'][-1], before.get(row.name)),
                  flush=True)
    if options.json:
        with open(os.path.join(start, options.json), 'w',
                  encoding='utf-8') as file:
            json.dump(report, file, indent=1)
            file.write('\n')


if __name__ == '__main__':
    main()
