# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Containers of before PyTorch 1.6, read and written by Ferry, in PyTorch.

    legacy_test.py CONVERT

What PyTorch wrote as a legacy stream, Ferry writes again byte for byte. What it
writes otherwise, PyTorch opens as it opens the original.
"""

import json
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import unittest
import warnings

import torch

import old_files
import torch_cases
import torch_graph
from old_files import Constructed, Number, Rebuilt, Storage, View

CONVERT = os.path.abspath(sys.argv.pop(1))

# PyTorch writes an UntypedStorage into a legacy stream and cannot read it, so
# Ferry writes a ByteStorage.
UNREADABLE = {'odd_storages'}

# What protocols before 4 cannot express: pickle itself refuses it too.
NEEDS_PROTOCOL_4 = {'keyword_only'}


def convert(jobs):
    """What Ferry says to each job: "ok", or an error."""
    output = subprocess.run([CONVERT],
                            input='\n'.join(map(json.dumps, jobs)).encode(),
                            stdout=subprocess.PIPE,
                            check=True).stdout.decode().splitlines()
    assert len(jobs) == len(output), output
    return output


def read(path):
    with open(path, 'rb') as file:
        return file.read()


class LegacyTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        warnings.simplefilter('ignore')
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.cases = [
            case for case in torch_cases.all_cases()
            if 'pickle_protocol' not in case.options
        ]
        jobs = []
        for case in cls.cases:
            torch.save(case.value, cls.path(case, 'zip', 2))
            jobs.append(cls.job(case, 'zip', 2, 'legacy', 2))
            for protocol in range(6):
                if case.name in NEEDS_PROTOCOL_4 and protocol < 4:
                    continue
                try:
                    torch.save(case.value,
                               cls.path(case, 'legacy', protocol),
                               pickle_protocol=protocol,
                               _use_new_zipfile_serialization=False)
                except (TypeError, pickle.PicklingError):
                    # Protocols 0 and 1 have no form for objects with slots, and
                    # 0 none for persistent ids that are not ASCII.
                    assert protocol < 2, case
                    os.remove(cls.path(case, 'legacy', protocol))
                    continue
                jobs.append(
                    cls.job(case, 'legacy', protocol, 'legacy', protocol))
                if protocol == 1:
                    jobs.append(cls.job(case, 'legacy', 1, 'legacy', 2))
            jobs.append(cls.job(case, 'legacy', 4, 'zip', 4))
        cls.results = dict(zip((job['to'] for job in jobs), convert(jobs)))

    @classmethod
    def path(cls, case, container, protocol, copy=''):
        return os.path.join(cls.directory.name, '%s.%s%d%s' %
                            (case.name, container, protocol, copy))

    @classmethod
    def copy(cls, case, container, protocol, copy_container, copy_protocol):
        return cls.path(case, container, protocol,
                        '.as.%s%d' % (copy_container, copy_protocol))

    @classmethod
    def job(cls, case, container, protocol, *copy):
        return {
            'from': cls.path(case, container, protocol),
            'to': cls.copy(case, container, protocol, *copy),
            'container': copy[0],
            'protocol': copy[1],
        }

    def check_equal(self, original, copy):
        self.assertEqual(self.results[copy], 'ok')
        value, tags = torch_graph.load(original)
        copied, copy_tags = torch_graph.load(copy)
        torch_graph.compare(value, copied)
        # The containers differ in how often a location is asked for.
        self.assertEqual(set(tags), set(copy_tags))

    def test_streams_are_written_byte_for_byte(self):
        different = []
        written = [0] * 6
        for case in self.cases:
            for protocol in range(6):
                original = self.path(case, 'legacy', protocol)
                if not os.path.exists(original):
                    continue
                copy = self.copy(case, 'legacy', protocol, 'legacy', protocol)
                if protocol == 0 and torch_graph.has_persistent_ids(original):
                    # PyTorch cannot read it.
                    self.assertIn('protocol 0', self.results[copy])
                    continue
                self.assertEqual(self.results[copy], 'ok', case)
                written[protocol] += 1
                if read(original) != read(copy):
                    different.append(case.name)
        self.assertEqual(set(different),
                         UNREADABLE | torch_cases.OF_OLDER_PYTHON)
        self.assertGreater(min(written), 10, written)

    def test_archives_as_streams(self):
        for case in self.cases:
            with self.subTest(case=case):
                copy = self.copy(case, 'zip', 2, 'legacy', 2)
                if case.name in NEEDS_PROTOCOL_4:
                    self.assertIn('needs pickle protocol 4', self.results[copy])
                    continue
                self.check_equal(self.path(case, 'zip', 2), copy)

    def test_streams_as_archives(self):
        for case in self.cases:
            with self.subTest(case=case):
                # The archive holds the same, and can always be read.
                self.check_equal(self.path(case, 'zip', 2),
                                 self.copy(case, 'legacy', 4, 'zip', 4))

    def test_protocol_1(self):
        for case in self.cases:
            if (case.name in UNREADABLE or
                    not os.path.exists(self.path(case, 'legacy', 1))):
                continue
            with self.subTest(case=case):
                self.check_equal(self.path(case, 'legacy', 1),
                                 self.copy(case, 'legacy', 1, 'legacy', 2))


class OldFilesTest(unittest.TestCase):

    def setUp(self):
        warnings.simplefilter('ignore')
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def check(self, contents):
        """The file as PyTorch has it equals both copies of Ferry's."""
        original = os.path.join(self.directory.name, 'original')
        with open(original, 'wb') as file:
            file.write(contents)
        jobs = [{
            'from': original,
            'to': original + '.' + container,
            'container': container,
            'protocol': 2
        } for container in ('zip', 'legacy')]
        self.assertEqual(convert(jobs), ['ok', 'ok'])
        value, tags = torch_graph.load(original)
        for job in jobs:
            copied, copy_tags = torch_graph.load(job['to'])
            torch_graph.compare(value, copied)
            self.assertEqual(set(tags), set(copy_tags))
        return value

    def test_views_of_storages(self):
        root = Storage('71', range(8))
        value = self.check(
            old_files.stream([
                Rebuilt(View(root, '72', 0, 2), 0, (2,), (1,)),
                Rebuilt(View(root, '73', 3, 5), 1, (2, 2), (2, 1)),
                Rebuilt(View(root, '73', 3, 5), 0, (1,), (1,)),
            ]))
        self.assertEqual(value[1].tolist(), [[4., 5.], [6., 7.]])

    def test_tensors_that_are_set(self):
        self.check(
            old_files.stream({
                'a': Constructed(Storage('9', range(6)), 1, (2, 2), (2, 1)),
            }))

    def test_streams_of_other_writers(self):
        for options in ({'little_endian': False}, {'sys_info': {}},
                        {'tail': b'more'}, {'protocol': 1}):
            with self.subTest(options=options):
                self.check(
                    old_files.stream(
                        [Rebuilt(Storage('5', range(3)), 0, (3,), (1,))],
                        **options))

    def test_bare_pickles(self):
        tensor = torch.arange(4.)
        value = [tensor, tensor[1:], {'p': torch.nn.Parameter(tensor.double())}]
        for protocol in range(6):
            with self.subTest(protocol=protocol):
                original = os.path.join(self.directory.name, 'pickle')
                with open(original, 'wb') as file:
                    pickle.dump(value, file, protocol)
                job = {'from': original, 'to': original + '.pt', 'protocol': 2}
                self.assertEqual(convert([job]), ['ok'])
                with open(original, 'rb') as file:
                    # Pickle itself loses what tensors share.
                    torch_graph.compare(pickle.load(file),
                                        torch_graph.load(job['to'])[0])

    def test_protocol_0(self):
        # PyTorch writes it and cannot read it.
        value = {
            'a': torch.arange(4.),
            'b': torch.nn.Linear(2, 1),
            # A byte here is a character, which takes two bytes in UTF-8.
            'c': b'\xff' * 1000,
            'd': bytearray(b'\xff' * 1000)
        }
        for zip_container in (True, False):
            with self.subTest(zip_container=zip_container):
                original = os.path.join(self.directory.name, 'original')
                torch.save(value,
                           original,
                           pickle_protocol=0,
                           _use_new_zipfile_serialization=zip_container)
                jobs = [{
                    'from': original,
                    'to': original + '.' + container,
                    'container': container,
                    'protocol': 2
                } for container in ('zip', 'legacy')]
                self.assertEqual(convert(jobs), ['ok', 'ok'])
                for job in jobs:
                    torch_graph.compare(value, torch_graph.load(job['to'])[0])

    def test_tar(self):
        storages = [(10, Storage('', range(6))),
                    (11, Storage('', [1, 2], torch.LongStorage, 'cuda:0'))]
        value = {
            'a': Number(20),
            'again': [Number(20), Number(21)],
            'long': Number(22),
            'part': Number(23),
            'storage': Number(10),
        }
        tensors = [
            (20, 10, 0, (2, 3), (3, 1)),
            (21, 10, 2, (2,), (2,)),
            (22, 11, 0, (2,), (1,)),
            (23, 12, 1, (2,), (1,)),
        ]
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT,
                     tarfile.USTAR_FORMAT):
            with self.subTest(form=form):
                loaded = self.check(
                    old_files.tar(value, storages, [(12, 10, 2, 4)], tensors,
                                  form))
                self.assertIs(loaded['a'], loaded['again'][0])
                self.assertEqual(loaded['part'].tolist(), [3., 4.])


if __name__ == '__main__':
    unittest.main()
