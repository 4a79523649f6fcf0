# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""compare.py still runs, and its report has every row. No time is judged.

    compare_test.py TIME_FERRY TIME_CEILING TIME_PYTORCH
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

import compare

PROGRAMS = sys.argv[1:4]
del sys.argv[1:4]

TENSOR_ROWS = [
    'load', 'load again', 'load pooled', 'load into', 'load mapped',
    'load verified', 'load uncached', 'load uncached direct', 'save',
    'save durable', 'save durable over', 'safetensors load',
    'safetensors load mapped', 'safetensors save'
]
ROWS = ['tiny/' + row for row in TENSOR_ROWS] + [
    'many/list', 'objects/load', 'objects/save', 'keys/load', 'keys/save'
]


def summary(seconds, cpu_seconds=1):
    """Of five equal samples."""
    return compare.summary([compare.Sample(seconds, cpu_seconds, 0, '0')] * 5)


class CompareTest(unittest.TestCase):

    def test_quick_run(self):
        rows = ROWS[:]
        with tempfile.TemporaryDirectory() as directory:
            ways = compare.ways_to_read_uncached(directory)
            if 'fresh' not in ways:
                rows.remove('tiny/load uncached')
            if 'direct' not in ways:
                rows.remove('tiny/load uncached direct')
            report_path = os.path.join(directory, 'report.json')
            table = subprocess.check_output(
                [sys.executable, compare.__file__] + PROGRAMS +
                ['--quick', '--json=' + report_path, '--directory', directory],
                universal_newlines=True)
            with open(report_path, encoding='utf-8') as file:
                report = json.load(file)
            self.assertEqual(os.listdir(directory), ['report.json'])
        self.assertEqual([row['name'] for row in report['rows']], rows)
        peer = compare.Peer(report['pytorch'], report['safetensors'])
        has_pytorch = {
            'tiny/load mapped': compare.maps_files(peer),
            'tiny/safetensors load mapped': peer.safetensors is not None,
            'tiny/load uncached direct': False,
        }
        for row in report['rows']:
            with self.subTest(row['name']):
                self.assertIn('\n' + row['name'] + ' ', table)
                for who in compare.CONTENDERS:
                    if who == 'pytorch' and not has_pytorch.get(
                            row['name'], True):
                        self.assertIsNone(row[who])
                        continue
                    self.assertEqual(len(row[who]['seconds']), 1)
                    self.assertGreater(row[who]['median_s'], 0)
                    self.assertGreater(row[who]['cpu_median_s'], 0)
                    self.assertGreater(row[who]['peak_bytes'], 0)
                self.assertGreater(float(row['check_sum']), 0)
        self.assertGreater(report['machine']['memory_bytes'], 0)
        self.assertIn(report['build'], ('opt', 'debug'))

    def test_rows_depend_on_what_the_peer_can(self):
        group = compare.Group('x', 'tensors', ())
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'x.pt')
            with zipfile.ZipFile(path, 'w') as archive:
                archive.writestr('x/data.pkl', 'N.')
            safetensors = os.path.join(directory, 'x.safetensors')
            with open(safetensors, 'wb') as file:
                file.write(bytes(8))

            def commands_of(peer):
                """What the peer does in each row."""
                return {
                    row.name[2:]: row.commands['pytorch']
                    for row in compare.rows_of(group, path, safetensors, 'copy',
                                               '2', peer)
                    if 'pytorch' in row.commands
                }

            old = commands_of(compare.Peer('1.13.0a0', None))
            self.assertEqual({command[1] for command in old.values()}, {path})
            self.assertNotIn('load mapped', old)
            self.assertNotIn('safetensors load mapped', old)
            self.assertEqual(old['safetensors save'],
                             ['save', path, 'copy', 'zip', 'none'])
            new = commands_of(compare.Peer('2.14.1+debian', '0.8.0'))
            self.assertEqual(new['load mapped'], ['map', path])
            self.assertEqual(new['safetensors load'], ['load', safetensors])
            self.assertEqual(new['safetensors load mapped'],
                             ['map', safetensors])
            self.assertEqual(new['safetensors save'],
                             ['save', path, 'copy', 'safetensors', 'none'])

    def test_each_sample_replaces_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            old = os.path.join(directory, 'old')
            copy = os.path.join(directory, 'copy')
            with open(old, 'w', encoding='utf-8') as file:
                file.write('abc')
            # Its check sum is the size of the file that it would replace.
            program = [
                sys.executable, '-c',
                'import os, sys; print("ready", flush=True); '
                'sys.argv[1] == "touch" or '
                '(input(), print(1, 1, os.path.getsize(sys.argv[1]), 1))'
            ]
            row = compare.Row('x', 1, {
                'ferry': [copy],
                'pytorch': [copy]
            }, old)
            result = compare.measure(row,
                                     dict.fromkeys(compare.CONTENDERS, program),
                                     2, compare.random.Random(1), copy)
            self.assertEqual(result['check_sum'], '3')

    def test_each_sample_reads_a_file_that_was_dropped(self):
        row = compare.Row('x', 1, {'ferry': ['file'], 'ceiling': ['file']},
                          uncached='file')
        programs = dict.fromkeys(compare.CONTENDERS, [])
        happened = []
        with mock.patch.object(
                compare, 'drop_from_cache',
                lambda path: happened.append(path) or True), mock.patch.object(
                    compare, 'take_sample',
                    lambda *_: happened.append('sample') or compare.Sample(
                        1, 1, 1, '1')):
            compare.measure(row, programs, 2, compare.random.Random(1), '')
        self.assertEqual(happened, ['file', 'sample'] * 4)
        with mock.patch.object(compare, 'drop_from_cache', lambda path: False):
            with self.assertRaisesRegex(SystemExit, 'file stays'):
                compare.measure(row, programs, 2, compare.random.Random(1), '')

    def test_a_file_that_was_read_is_dropped(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b'x' * 100000)
            file.flush()
            if not compare.drop_from_cache(file.name):
                self.skipTest('files stay in the page cache here')
            with open(file.name, 'rb') as reader:
                reader.read()
                self.assertGreater(
                    compare.count_cached_pages(reader.fileno()), 20)
            self.assertTrue(compare.drop_from_cache(file.name))

    def test_check_sums_must_agree(self):
        row = compare.Row('x', 1, {
            'ferry': ['1'],
            'pytorch': ['2'],
            'ceiling': ['3']
        })
        # Each "loads" its argument. Told to touch memory, it does nothing.
        program = [
            sys.executable, '-c',
            'import sys; print("ready", flush=True); '
            'sys.argv[1] == "touch" or input(); print(1, 1, sys.argv[1], 1)'
        ]
        programs = dict.fromkeys(compare.CONTENDERS, program)
        with self.assertRaisesRegex(SystemExit, 'different data: 1, 2'):
            compare.measure(row, programs, 1, compare.random.Random(1), '')

    def test_verdict(self):
        before = [10, 11, 12, 13, 14, 15, 90]
        self.assertEqual(compare.verdict(before, before), '')
        slower = [1, 16, 17, 18, 19, 20, 21]
        self.assertEqual(compare.verdict(slower, before), 'slower')
        self.assertEqual(compare.verdict(before, slower), 'faster')
        self.assertEqual(
            compare.verdict([9, 13, 14, 15, 16, 17, 18], before), '')
        # Four are too few.
        self.assertEqual(compare.verdict([30, 31, 32, 33], before), '')

    def test_a_row_beside_its_baseline(self):
        before = {
            'name': 'x/load',
            'ferry': summary(0.010, cpu_seconds=0.020),
            'pytorch': summary(0.030),
            'ceiling': summary(0.005),
        }
        now = dict(before,
                   ferry=summary(0.020, cpu_seconds=0.030),
                   pytorch=None)
        self.assertRegex(compare.table_row(before, None), r' 3\.00 +2\.00 ')
        self.assertRegex(
            compare.table_row(now, before),
            r' - +4\.00 .* 2\.000 +1\.500 +1\.000  slower  CPU slower$')
        self.assertRegex(compare.table_row(before, before), r' 1\.000$')


if __name__ == '__main__':
    unittest.main()
