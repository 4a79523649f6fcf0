# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/performance.md and its plot from what the instrument measured.

    bazel run --config=opt //tests/benchmarks:compare -- --large --json=RUN.json
    python3 docs/write_performance.py RUN.json...

The runs, of one build on one machine at different hours, replace those in
docs/performance.json. Without arguments, writes the page from what is there.

//docs:performance_test fails if the page is not what this script writes.
"""

import json
import math
import os
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
DATA = os.path.join(HERE, 'performance.json')
PAGE = os.path.join(HERE, 'performance.md')
PLOT = os.path.join(HERE, 'performance.svg')

GROUPS = {
    '20000x64': '20 000 tensors of 64 floats',
    '403MB': '96 tensors, 403 MB',
    '1.5GiB': '96 tensors, 1.5 GiB',
    'many': '100 000 tensors of one float',
    'objects': '100 000 small objects',
    'keys': 'a dict of 100 000 tuples',
}

HEAD = '''# Performance

<!-- Written by docs/write_performance.py; do not edit. -->

How long loads and saves take, beside PyTorch, and beside a program that only reads or writes the file. All numbers are from the instrument in the tree:

    bazel run --config=opt //tests/benchmarks:compare -- --large --json=RUN.json
    python3 docs/write_performance.py RUN.json...

`compare --help` says what each row is and how it is measured; `--python` names a Python with the PyTorch to compare with. Times are medians of %(samples)s, in random order. Files are in the page cache, unless a row says "uncached". The *ceiling* is a program that does nothing but read the file into memory or write it, with as many threads as Ferry: into new pages, but in the rows "again", "pooled" and "into" into used ones, which the system need not clear. In the rows "safetensors", %(peer)s. [performance.json](performance.json) has every sample.

Measured at commit `%(commit)s`: %(cpu)s, %(cores)d cores, %(memory)d GB of memory, Linux %(kernel)s, PyTorch %(pytorch)s, %(safetensors)s.

%(runs)s

![Times of PyTorch divided by times of Ferry](performance.svg)

'''

TAIL = '''
## Which way to load

| you want | use | what it costs |
|---|---|---|
| tensors that nothing else can change | `Load` (the default) | reads the file into new memory, and checks every checksum |
| the same again and again | `LoadOptions::page_pool` | as above, without new pages from the system |
| tensors that exist to get new values | `LoadInto` | reads into their memory |
| to look at some of many tensors | `LoadOptions::mapping` | nothing until a page is touched; no checksums |
| all of a large file, that nobody writes to | `mapping` with `verify_mapped` | reads the pages once, in place |

Mapped tensors are the file: if another program writes to it, they change, and if it becomes shorter, touching them ends the process (`SIGBUS`). A `kCopyOnWrite` mapping only keeps the program's own writes from the file. So mapping is never the default, whatever the size of the file: a load should not depend on what happens to the file afterwards.

## What was tried and left out

Programs that do nothing but read 403 MB, on the machine above, two threads, in turns:

- For a file that is not cached, telling the system what will be read (`POSIX_FADV_WILLNEED` for a piece, for the next piece or for the file, `POSIX_FADV_SEQUENTIAL`), or a descriptor for each thread: 222 to 440 ms, beside 228 to 446 for plain reads. With the usual read-ahead of 128 KiB in place of that machine's 8 MiB: 256 to 350, beside 258 to 283.
- For such a file, `O_DIRECT` into an aligned buffer: 330 to 480 ms, beside 346 to 379. With io_uring and eight reads in flight for each thread: 220 to 232, beside 295 to 343. That is a third less time, for one more library, which many containers forbid.
- For a cached file, io_uring: 103 ms of CPU time, beside 81 to 84.
- For a cached file, pages cleared ahead of the reads, by the same threads or by a third: 115 to 123 ms of CPU time, beside 101.
'''


# What all runs on a page have in common.
COMMON = ('machine', 'commit', 'build', 'threads', 'pytorch', 'safetensors')


def pooled(runs):
    """The rows of all runs, with the samples of all."""
    rows = []
    for same in zip(*(run['rows'] for run in runs)):
        row = {'name': same[0]['name']}
        for who in ('ferry', 'pytorch', 'ceiling'):
            row[who] = None
            if same[0][who] is not None:
                row[who] = statistics.median(
                    second for each in same
                    for second in each[who]['seconds'])
        row['runs'] = same
        rows.append(row)
    return rows


def ratio(row, who):
    """How many times as long as Ferry another takes, or None."""
    return None if row[who] is None else row[who] / row['ferry']


def ratios(row, who):
    """The ratio, and the least and the greatest of the runs."""
    value = ratio(row, who)
    if value is None or len(row['runs']) == 1:
        return times(value)
    each = [run[who]['median_s'] / run['ferry']['median_s']
            for run in row['runs']]
    return '%s (%s-%s)' % (times(value), number(min(each)), number(max(each)))


def number(value):
    return '%.0f' % value if value >= 10 else '%.2f' % value


def ms(seconds):
    return '-' if seconds is None else number(1e3 * seconds)


def times(value):
    if value is None:
        return '-'
    return '**%s**' % number(value) if value < 1 else number(value)


def when(runs):
    """A sentence with the hour of each run and the load before it."""
    if len(runs) == 1:
        return ('The run began at %s UTC. The load average was %.1f before it.'
                % (runs[0]['date'][:16].replace('T', ' '),
                   runs[0]['load_average']))
    return ('The runs began at %s UTC; the load averages before them were %s. '
            'In parentheses are the ratios of single runs, the least and the '
            'greatest.' %
            (', '.join(run['date'][:16].replace('T', ' ') for run in runs),
             ', '.join('%.1f' % run['load_average'] for run in runs)))


def page(runs):
    report = runs[0]
    machine = report['machine']
    processes = '%d fresh processes for each contender' % (
        sum(run['samples'] for run in runs))
    if len(runs) > 1:
        processes += ' in %d runs' % len(runs)
    text = HEAD % {
        'samples': processes,
        'runs': when(runs),
        'commit': report['commit'],
        'cpu': machine['cpu'],
        'cores': machine['cores'],
        'memory': round(machine['memory_bytes'] / 1e9),
        'kernel': machine['kernel'],
        'peer': ('the column "PyTorch" is the safetensors library, which '
                 'always maps the file'
                 if report['safetensors'] else
                 'PyTorch loads and saves the same tensors in its own format'),
        'pytorch': report['pytorch'],
        'safetensors': ('safetensors ' + report['safetensors']
                        if report['safetensors'] else
                        'without the safetensors library'),
    }
    text += ('Medians in milliseconds; ratios above 1 are in favour of Ferry, '
             'and those below are in bold.\n')
    group = None
    for row in pooled(runs):
        name, what = row['name'].split('/', 1)
        if name != group:
            group = name
            text += ('\n## %s\n\n| | Ferry | PyTorch | ceiling | '
                     'PyTorch / Ferry | ceiling / Ferry |\n'
                     '|---|---:|---:|---:|---:|---:|\n' %
                     (GROUPS[name][0].upper() + GROUPS[name][1:]))
        text += '| %s | %s | %s | %s | %s | %s |\n' % (
            what, ms(row['ferry']), ms(row['pytorch']), ms(row['ceiling']),
            ratios(row, 'pytorch'), ratios(row, 'ceiling'))
    return text + TAIL


def plot(runs):
    """Bars of PyTorch / Ferry, on a logarithmic axis from 0.1 to 1000."""
    rows = [row for row in pooled(runs) if row['pytorch'] is not None]
    left, width, step, bar = 240, 480, 20, 12
    height = step * len(rows) + 40
    decades = 4
    position = lambda value: left + width * (math.log10(value) + 1) / decades
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'font-family="sans-serif" font-size="11">' %
        (left + width + 60, height),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for decade in range(decades + 1):
        value = 10.0**(decade - 1)
        x = position(value)
        lines.append('<path d="M%.1f 10V%d" stroke="%s"/>' %
                     (x, height - 24, '#555' if value == 1 else '#ddd'))
        lines.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>' %
                     (x, height - 10, value))
    for i, row in enumerate(rows):
        value = ratio(row, 'pytorch')
        end = position(min(max(value, 0.1), 1000))
        begin = position(1)
        y = 14 + step * i
        lines.append('<text x="%d" y="%d" text-anchor="end">%s</text>' %
                     (left - 8, y + 10, row['name'].replace('/', ', ')))
        lines.append(
            '<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' %
            (min(begin, end), y, abs(end - begin), bar,
             '#2a6f97' if value >= 1 else '#c1440e'))
        lines.append('<text x="%.1f" y="%d">%s</text>' %
                     (max(begin, end) + 4, y + 10, times(value).strip('*')))
    return '\n'.join(lines + ['</svg>', ''])


def differences(runs):
    """What the runs should have in common and do not."""
    names = [[row['name'] for row in run['rows']] for run in runs]
    found = [key for key in COMMON
             if any(run[key] != runs[0][key] for run in runs)]
    return found + ([] if all(each == names[0] for each in names)
                    else ['rows'])


def written(run):
    """A run as JSON, each row on a line of its own."""
    head = dict(run)
    rows = ',\n'.join(map(json.dumps, head.pop('rows')))
    head = json.dumps({**head, 'rows': []})
    return head[:-len(']}')] + '\n' + rows + '\n]}'


def read(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def main(paths):
    if paths:
        runs = sorted((read(path) for path in paths),
                      key=lambda run: run['date'])
        if differences(runs):
            return 'the runs differ in: ' + ', '.join(differences(runs))
        with open(DATA, 'w', encoding='utf-8') as file:
            file.write('[\n' + ',\n'.join(map(written, runs)) + '\n]\n')
    runs = read(DATA)
    with open(PAGE, 'w', encoding='utf-8') as file:
        file.write(page(runs))
    with open(PLOT, 'w', encoding='utf-8') as file:
        file.write(plot(runs))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
