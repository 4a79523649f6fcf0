# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What Ferry makes of a file is what PyTorch makes of it.

    differential_test.py DESCRIBE
"""

import os
import pickle
import sys
import tempfile
import unittest

import torch

import differential
import mutate
import seeds

DESCRIBE = os.path.abspath(sys.argv.pop(1))

# Files that are read of mutated seeds.
SAMPLE = 1500


class DifferentialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, 'file')
        self.readers = differential.Readers(DESCRIBE)
        self.addCleanup(self.readers.__exit__)

    def read(self, contents):
        with open(self.path, 'wb') as file:
            file.write(contents)
        return self.readers.read(self.path)

    def test_every_seed(self):
        """Ferry reads all, and as PyTorch if PyTorch can.

        PyTorch reads the same from Ferry's copies, each in one of the forms.
        """
        tally = differential.Tally()
        files = seeds.all_seeds()
        for i, (name, contents) in enumerate(files):
            with self.subTest(seed=name):
                ferry, pytorch = self.read(contents)
                if not pytorch.startswith('ok '):
                    continue
                self.assertEqual(
                    ferry, pytorch,
                    differential.first_difference(ferry, pytorch))
                tally.add(ferry, pytorch)
                form, protocol = differential.FORMS[i % len(differential.FORMS)]
                answer, copy = self.readers.copied(self.path, form, protocol)
                self.assertIsNone(
                    tally.add_copy(pytorch, answer, copy),
                    '%s, protocol %d: %s' %
                    (form, protocol,
                     differential.first_difference(copy or answer, pytorch)))
        print(tally.report())
        self.assertGreater(tally.both, len(files) * 9 // 10)
        # No form of protocol 0 takes tensors.
        self.assertGreater(tally.copied, len(files) * 3 // 4)

    def test_what_copies_are_excused(self):
        """Views and empty hooks, and nothing else in the same file."""
        view = 'tensor:s1=12,637075,00,s0+8'
        hooks = 'list:3 tensor:a hooks odict:0 dict:0 @%d'
        for copy, original in ((view[:-5], view), (hooks % 3, 'list:3 tensor:a '
                                                   'dict:0 @2')):
            for after in ('', ' int:1'):
                self.assertIsNotNone(
                    differential.excuse_of_copy('ok ' + copy + after,
                                                'ok ' + original + after))
            self.assertIsNone(
                differential.excuse_of_copy('ok ' + copy + ' int:1',
                                            'ok ' + original + ' int:2'))
        for copy, original in (
            (hooks % 2, 'list:3 tensor:a dict:0 @2'),
            ('tensor:a hooks odict:0 attributes:1 int:1 int:2', 'tensor:a'),
            ('tensor:a hooks odict:0', 'tensor:a quantizer tuple:0'),
            (view.replace(',00', ',01'), view),
        ):
            self.assertIsNone(
                differential.excuse_of_copy('ok ' + copy, 'ok ' + original),
                copy)
        nested = 'object:call global:builtins.getattr args:2 global:m.A str:42'
        self.assertIsNotNone(
            differential.excuse_of_copy('ok ' + nested, 'ok global:m.A.B'))
        self.assertIsNone(
            differential.excuse_of_copy('ok ' + nested, 'ok global:m.A'))
        error = "error TypeError: 'StorageType' object is not callable"
        self.assertIsNotNone(
            differential.excuse_of_copy(error, 'ok global:FloatStorage'))
        self.assertIsNone(
            differential.excuse_of_copy(error, 'ok tensor:s0=4,00'))

    def test_mutated_seeds(self):
        """A sample of what tools/differential does for an hour."""
        tally = differential.run(self.readers, seeds.all_seeds(), 1,
                                 lambda tally: tally.files >= SAMPLE)
        print(tally.report())
        self.assertFalse(tally.findings)
        # Else the mutations are too crude to find anything.
        self.assertGreater(tally.both, SAMPLE // 5)
        self.assertGreater(sum(tally.ferry_alone.values()), 0)
        self.assertGreater(sum(tally.pytorch_alone.values()), 0)
        self.assertGreater(tally.copied, SAMPLE // 8)

    def test_records_longer_than_their_storage(self):
        """Less than an element is left over; PyTorch reads past any more."""
        tensor = torch.arange(6, dtype=torch.float64)
        checkpoint = mutate.Seed(seeds.saved({'x': tensor}))

        def longer_by(surplus):
            return checkpoint.with_part('archive/data/0',
                                        lambda data: data + b'x' * surplus)

        if 'does not match expected size' in self.read(longer_by(1))[1]:
            self.skipTest('this version of PyTorch compares the sizes')
        for surplus in range(8):
            self.check_alike(longer_by(surplus))
        for surplus in (8, 9, 16, 800):
            ferry, pytorch = self.read(longer_by(surplus))
            self.assertIn('bytes in the file', ferry)
            self.assertTrue(pytorch.startswith('ok '), pytorch)

    def test_bytes_in_protocol_0(self):
        """They are calls of _codecs.encode, which take two bytes for one."""
        for value in (b'\xff' * 100, [b'\xff'] * 100, [b'\xff' * 9, b'\xfe'],
                      {b'\x80' * 500: b'\x7f'}, bytearray(b'\xff' * 100)):
            for contents in (
                    pickle.dumps({'a': value}, 0),
                    seeds.saved({'a': value},
                                pickle_protocol=0,
                                _use_new_zipfile_serialization=False)):
                self.assertNotIn('encode', self.check_alike(contents))

    def test_a_spent_budget_is_an_error(self):
        """And never another value than PyTorch's."""
        text = b'V' + b'\xff' * 3000 + b'\np0\n0'
        call = b'c_codecs\nencode\n(g0\nVlatin1\ntR'
        self.check_alike(text + call + b'.')
        ferry, pytorch = self.read(text + b'(' + call * 100 + b'l.')
        self.assertIn('RESOURCE_EXHAUSTED', ferry)
        self.assertTrue(pytorch.startswith('ok '), pytorch)

    def check_alike(self, contents):
        """What both say, who must read a file and agree."""
        ferry, pytorch = self.read(contents)
        self.assertTrue(pytorch.startswith('ok '), pytorch)
        self.assertEqual(ferry, pytorch,
                         differential.first_difference(ferry, pytorch))
        return ferry


if __name__ == '__main__':
    unittest.main()
