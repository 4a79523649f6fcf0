# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What PyTorch wrote and Ferry loaded and saved again, PyTorch opens as before.

    round_trip_test.py CONVERT

The copies are compared with the originals in PyTorch for every pickle protocol
and every PyTorch version whose archive Ferry writes. Where the protocol is the
original's, they are compared byte for byte too: the log has a table of it.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
import zipfile

import torch

import identity_table
import torch_cases
import torch_graph

CONVERT = os.path.abspath(sys.argv.pop(1))

# Protocol and version of each copy. What is written around the pickle does not
# depend on the protocol, so not every pair is tried.
COPIES = [(2, '1.6'), (3, '1.6'), (4, '1.6'), (5, '1.6'), (2, '2.1'),
          (2, '2.7'), (0, '2.7'), (1, '2.7')]

# What this version cannot express, by protocol: pickle itself refuses it too.
NEEDS_PROTOCOL_4 = {'keyword_only'}


def convert(jobs):
    """What Ferry says to each job: "ok", or an error."""
    output = subprocess.run([CONVERT],
                            input='\n'.join(map(json.dumps, jobs)).encode(),
                            stdout=subprocess.PIPE,
                            check=True).stdout.decode().splitlines()
    assert len(jobs) == len(output), output
    return output


class RoundTripTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        warnings.simplefilter('ignore')
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.cases = torch_cases.all_cases()
        jobs = []
        cls.originals = {}
        for case in cls.cases:
            folder = os.path.join(cls.directory.name, case.name)
            os.mkdir(folder)
            original = os.path.join(folder, case.file_name)
            cls.save(case, original)
            cls.originals[case] = original
            for protocol, version in COPIES:
                jobs.append({
                    'from': original,
                    'to': cls.copy_of(case, protocol, version),
                    'protocol': protocol,
                    'compatibility': version,
                })
                if case.to_buffer:
                    jobs[-1]['archive_name'] = 'archive'
        cls.results = dict(zip((job['to'] for job in jobs), convert(jobs)))

    @staticmethod
    def save(case, path, **options):
        options = {**case.options, **options}
        if case.to_buffer:
            with open(path, 'wb') as file:
                torch.save(case.value, file, **options)
        else:
            torch.save(case.value, path, **options)

    @classmethod
    def copy_of(cls, case, protocol, version):
        folder = os.path.join(cls.directory.name, case.name,
                              '%d-%s' % (protocol, version))
        os.makedirs(folder, exist_ok=True)
        # The archive is named after the file.
        return os.path.join(folder, case.file_name)

    def test_copies_are_equal_in_pytorch(self):
        for case in self.cases:
            original, tags = torch_graph.load(self.originals[case])
            for protocol, version in COPIES:
                with self.subTest(case=case, protocol=protocol, version=version):
                    copy = self.copy_of(case, protocol, version)
                    if case.name in NEEDS_PROTOCOL_4 and protocol < 4:
                        self.assertIn('needs pickle protocol 4',
                                      self.results[copy])
                        continue
                    if protocol == 0 and torch_graph.has_persistent_ids(
                            self.originals[case]):
                        # PyTorch could not read it.
                        self.assertIn('protocol 0', self.results[copy])
                        continue
                    self.assertEqual(self.results[copy], 'ok')
                    value, copy_tags = torch_graph.load(copy)
                    torch_graph.compare(original, value)
                    self.assertEqual(tags, copy_tags)

    def test_copies_through_protobuf_are_equal(self):
        """Nothing is lost where a file has no pickle in between."""
        folder = os.path.join(self.directory.name, 'protobuf')
        os.mkdir(folder)
        there = {}
        back = {}
        for case in self.cases:
            os.mkdir(os.path.join(folder, case.name))
            for jobs, codec in ((there, 'proto'), (back, 'pickle')):
                jobs[case] = {
                    'from': self.originals[case],
                    'to': os.path.join(folder, case.name, codec + '.pt'),
                    'protocol': case.options.get('pickle_protocol', 4),
                    'codec': codec,
                }
            back[case]['from'] = there[case]['to']
        for jobs in (there, back):
            results = convert(jobs.values())
            for case, result in zip(jobs, results):
                with self.subTest(case=case):
                    self.assertEqual(result, 'ok')
        for case in self.cases:
            with self.subTest(case=case):
                names = zipfile.ZipFile(there[case]['to']).namelist()
                self.assertIn('proto/data.proto', names)
                self.assertNotIn('proto/data.pkl', names)
                # PyTorch refuses it; it does not read something else.
                with self.assertRaises(RuntimeError):
                    torch.load(there[case]['to'])
                value, tags = torch_graph.load(self.originals[case])
                copy, copy_tags = torch_graph.load(back[case]['to'])
                torch_graph.compare(value, copy)
                self.assertEqual(tags, copy_tags)

    def test_copies_open_as_weights_only_wherever_originals_do(self):
        opened = 0
        for case in self.cases:
            try:
                torch.load(self.originals[case], weights_only=True)
            except Exception:  # PyTorch raises many kinds.
                continue
            for version in ('1.6', '2.1', '2.7'):
                with self.subTest(case=case, version=version):
                    protocol = case.options.get('pickle_protocol', 2)
                    if (protocol, version) in COPIES:
                        torch.load(self.copy_of(case, protocol, version),
                                   weights_only=True)
                        opened += 1
        self.assertGreater(opened, 100)

    def test_copies_are_identical(self):
        """Of every case in every protocol, as every version lays it out."""
        table = identity_table.Table()
        jobs = []
        for case in self.cases:
            for protocol in range(6):
                if case.options.get('pickle_protocol', protocol) != protocol:
                    continue
                folder = os.path.join(self.directory.name, case.name,
                                      'same-%d' % protocol)
                os.mkdir(folder)
                original = os.path.join(folder, case.file_name)
                try:
                    self.save(case, original, pickle_protocol=protocol)
                except TypeError:
                    # Protocols 0 and 1 have no form for objects with slots.
                    self.assertLess(protocol, 2)
                    continue
                if protocol == 0 and torch_graph.has_persistent_ids(original):
                    continue
                for version in identity_table.EXTRA_RECORDS:
                    copies = os.path.join(folder, version)
                    os.mkdir(copies)
                    jobs.append((case, {
                        'from': original,
                        'to': os.path.join(copies, case.file_name),
                        'protocol': protocol,
                        'compatibility': version,
                        'archive_name': 'archive' if case.to_buffer else '',
                    }))
        self.assertEqual(convert([job for _, job in jobs]), ['ok'] * len(jobs))
        for case, job in jobs:
            table.compare(case, job)
        table.print()
        self.assertGreater(len(table.rows), 1000)
        self.assertEqual([
            row for row in table.unexplained()
            if row[0] not in torch_cases.OF_OLDER_PYTHON or row[1] >= 4
        ], [])

    def test_a_difference_is_found(self):
        tensor = torch.arange(3.)
        for a, b in (
            ([1], [2]),
            ([1], [True]),
            ({'a': 1, 'b': 2}, {'b': 2, 'a': 1}),
            ([tensor], [tensor + 1]),
            ([tensor], [tensor.double()]),
            ([tensor], [torch.nn.Parameter(tensor)]),
            ([tensor, tensor[1:]], [tensor, tensor.clone()[1:]]),
            ([tensor.clone(), tensor.clone()], [tensor, tensor.detach()]),
            ([x := [1], x], [[1], [1]]),
            ([[1], [1]], [y := [1], y]),
            ([0.0], [-0.0]),
            (torch.zeros(2, 3), torch.zeros(3, 2).t()),
            (torch.zeros(9)[:3], torch.zeros(3)),
        ):
            with self.assertRaises(torch_graph.Different, msg=(a, b)):
                torch_graph.compare(a, b)

    def test_the_table_finds_differences(self):
        table = identity_table.Table()
        case = next(case for case in self.cases if case.name == 'tensor')
        for protocol, version in ((4, '1.6'), (2, '2.1'), (2, '1.6')):
            table.compare(
                case, {
                    'from': self.originals[case],
                    'to': self.copy_of(case, protocol, version),
                    'protocol': protocol,
                    # Where another layout was written, it is found too.
                    'compatibility': '1.6',
                })
        for row in table.rows[:2]:
            self.assertIn('DIFFERENT:', row[3])
        self.assertEqual(table.unexplained(), table.rows[:2])


if __name__ == '__main__':
    unittest.main()
