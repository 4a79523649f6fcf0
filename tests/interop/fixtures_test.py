# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Ferry reads and writes the checkpoints under tests/data/fixtures.

    fixtures_test.py DESCRIBE CONVERT INDEX

Needs no PyTorch, so it covers files that the installed version cannot open.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

import identity_table

DESCRIBE, CONVERT, INDEX = map(os.path.abspath, sys.argv[1:4])
del sys.argv[1:4]


# The files whose pickle is another one after a detour through Protobuf, which
# keeps objects and not how a pickler numbered them; and what it does not keep.
PICKLES_THAT_CHANGE = {
    'pytorch-1.13/tag_acme2.pt': 'each reference to a storage has a location '
                                 'of its own, no literal of PyTorch',
    'pytorch-1.13/tag_cuda1.pt': 'the same',
    'pytorch-2.14/tag_cuda1.pt': 'the same',
    'pytorch-2.14/dtypes.p4.pt': 'two dtypes share the name of their module',
}


def key_text(node):
    """A key as it stands in a JSON Pointer."""
    if 'str' in node:
        text = bytes.fromhex(node['str']).decode()
    else:
        text = str(node.get('int'))
    return text.replace('~', '~0').replace('/', '~1')


def tensors(node, place, found, seen):
    """Fills `found` with the tensors of a description by their pointers."""
    if 'ref' in node:
        node = seen[node['ref']]
    elif 'id' in node:
        seen[node['id']] = node
    if 'tensor' in node:
        found[place] = node['tensor']
    for key in ('list', 'tuple', 'args'):
        for i, item in enumerate(node.get(key, ())):
            # A container that contains itself is listed once.
            if 'ref' not in item or 'tensor' in seen[item['ref']]:
                tensors(item, '%s/%d' % (place, i), found, seen)
    for key, value in node.get('dict', ()):
        if 'ref' not in value or 'tensor' in seen[value['ref']]:
            tensors(value, '%s/%s' % (place, key_text(key)), found, seen)


class FixturesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        with open(INDEX) as file:
            cls.rows = json.load(file)
        cls.folder = os.path.dirname(INDEX)

    def path(self, row):
        return os.path.join(self.folder, row['file'])

    def test_tensors_are_those_of_the_index(self):
        output = subprocess.run([DESCRIBE] + [self.path(r) for r in self.rows],
                                stdout=subprocess.PIPE,
                                check=True).stdout.decode().splitlines()
        self.assertEqual(len(output), len(self.rows))
        compared = 0
        for row, line in zip(self.rows, output):
            with self.subTest(file=row['file']):
                description = json.loads(line)
                self.assertNotIn('error', description)
                found = {}
                tensors(description['root'], '', found, {})
                for expected in row['tensors']:
                    self.assertIn(expected['pointer'], found)
                    self.check_tensor(expected, found[expected['pointer']])
                    compared += 1
        self.assertGreater(compared, 250)

    def check_tensor(self, expected, actual):
        for what in ('dtype', 'shape', 'layout', 'requires_grad'):
            self.assertEqual(expected[what], actual[what])
        for what in ('stride', 'storage_offset'):
            if what in expected and 'components' not in actual:
                self.assertEqual(expected[what], actual[what])
        if 'location' in actual:
            self.assertEqual(expected['location'], actual['location'])
        if 'sha256' in expected:
            digest = hashlib.sha256(bytes.fromhex(actual['elements']))
            self.assertEqual(expected['sha256'], digest.hexdigest())

    def convert(self, jobs):
        output = subprocess.run([CONVERT],
                                input='\n'.join(map(json.dumps,
                                                    jobs)).encode(),
                                stdout=subprocess.PIPE,
                                check=True).stdout.decode().splitlines()
        self.assertEqual(output, ['ok'] * len(jobs))

    def test_copies_through_protobuf(self):
        """By way of a record without a pickle the pickle comes back.

        Where it differs from that of a direct copy, PICKLES_THAT_CHANGE names
        the detail. The objects are the same everywhere.
        """
        changed = set()
        with tempfile.TemporaryDirectory() as directory:
            jobs = []
            for i, row in enumerate(self.rows):
                os.mkdir(os.path.join(directory, str(i)))
                for source, name, codec in (
                    (self.path(row), 'direct.pt', 'pickle'),
                    (self.path(row), 'proto.pt', 'proto'),
                    (os.path.join(directory, str(i), 'proto.pt'), 'back.pt',
                     'pickle')):
                    jobs.append({
                        'from': source,
                        'to': os.path.join(directory, str(i), name),
                        'protocol': row['protocol'],
                        # Without a serialization id, which is a checksum.
                        'compatibility': '1.6',
                        'codec': codec,
                        'archive_name': 'archive',
                    })
            self.convert(jobs)
            for i, row in enumerate(self.rows):
                with self.subTest(file=row['file']):
                    direct, proto, back = (os.path.join(
                        directory, str(i), name) for name in (
                            'direct.pt', 'proto.pt', 'back.pt'))
                    lines = subprocess.run([DESCRIBE, direct, proto, back],
                                           stdout=subprocess.PIPE,
                                           check=True).stdout.splitlines()
                    self.assertEqual(len(lines), 3)
                    self.assertNotIn('error', json.loads(lines[0]))
                    self.assertEqual(set(lines), {lines[0]})
                    records = [
                        identity_table.records(path)
                        for path in (direct, proto, back)
                    ]
                    self.assertNotIn('data.pkl', records[1])
                    self.assertGreater(len(records[1]['data.proto']), 0)
                    if records[0].pop('data.pkl') != records[2].pop('data.pkl'):
                        changed.add(row['file'])
                    del records[1]['data.proto']
                    self.assertEqual(records[0], records[1])
                    self.assertEqual(records[0], records[2])
        self.assertEqual(changed, set(PICKLES_THAT_CHANGE))

    def test_copies_are_identical(self):
        with tempfile.TemporaryDirectory() as directory:
            jobs = []
            for i, row in enumerate(self.rows):
                folder = os.path.join(directory, str(i))
                os.mkdir(folder)
                jobs.append({
                    'from': self.path(row),
                    'to': os.path.join(folder, os.path.basename(row['file'])),
                    'protocol': row['protocol'],
                    'compatibility':
                        '1.6' if row['torch'].startswith('1.') else '2.7',
                })
            self.convert(jobs)
            table = identity_table.Table()
            for row, job in zip(self.rows, jobs):
                table.compare(row['file'], job)
            table.print()
            self.assertEqual(
                {result for _, _, _, result in table.rows},
                {'identical', identity_table.BUT_THE_ID})


if __name__ == '__main__':
    unittest.main()
