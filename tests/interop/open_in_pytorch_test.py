# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""open_in_pytorch.py finds what differs, and nothing where nothing does."""

import collections
import fractions
import os
import sys
import tempfile
import unittest

import torch

import open_in_pytorch

CHECKPOINT = sys.argv.pop(1)


class OpenInPyTorchTest(unittest.TestCase):

    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)

    def save(self, name, contents, **options):
        path = os.path.join(self._directory.name, name)
        torch.save(contents, path, **options)
        return path

    def assert_equal(self, a, b):
        return open_in_pytorch.compare(self.save('a', a), self.save('b', b))

    def assert_different(self, a, b, message):
        with self.assertRaisesRegex(open_in_pytorch.Different, message):
            self.assert_equal(a, b)

    def test_training_checkpoint(self):
        equal = open_in_pytorch.compare(CHECKPOINT, CHECKPOINT)
        self.assertEqual((equal.tensors, equal.storages), (27, 27))

    def test_containers_of_pytorch_may_differ(self):
        contents = {'weight': torch.arange(6.).reshape(2, 3), 'epoch': 3}
        open_in_pytorch.compare(
            self.save('zip', contents),
            self.save('legacy', contents, _use_new_zipfile_serialization=False))

    def test_numbers(self):
        self.assert_equal([float('nan'), 1, True], [float('nan'), 1, True])
        self.assert_different([0.0], [-0.0], '/0: ')
        self.assert_different([1], [True], '/0: a int and a bool')

    def test_dicts(self):
        self.assert_different({'a': 1, 'b': 2}, {'b': 2, 'a': 1}, 'the keys')
        self.assert_different({'a': 1}, {'a': 1, 'b': 2}, 'entries')
        self.assert_different({'a': 1}, collections.OrderedDict(a=1),
                              'a dict and a OrderedDict')

    def test_attributes(self):
        a, b = collections.OrderedDict(), collections.OrderedDict()
        a._metadata = {'version': 1}
        b._metadata = {'version': 2}
        self.assert_different(a, b, 'version')

    def test_tensors(self):
        tensor = torch.arange(6.)
        self.assert_different(tensor, tensor.double(), 'dtype')
        self.assert_different(tensor, tensor.reshape(2, 3), 'shape')
        self.assert_different(
            torch.zeros(2, 2), torch.zeros(2, 2).t(), 'stride')
        self.assert_different(tensor[:2], tensor[2:4], 'storage_offset')
        self.assert_different(tensor, tensor + 1, 'elements')
        self.assert_different(
            tensor, tensor.clone().requires_grad_(), 'requires_grad')
        self.assert_different(
            tensor, torch.nn.Parameter(tensor), 'a Tensor and a Parameter')

    def test_bytes_outside_the_view_count(self):
        self.assert_different(
            torch.tensor([1., 2.])[:1], torch.tensor([1., 3.])[:1], 'elements')

    def test_sharing(self):
        tensor = torch.arange(6.)
        shared = [tensor[:3], tensor[3:]]
        self.assert_equal(shared, shared)
        self.assert_different(shared, [tensor[:3], tensor.clone()[3:]],
                              'a storage shared in one file only')
        item = [1]
        self.assert_different([item, item], [item, [1]],
                              '/1: shared in one file only')

    def test_cycle(self):
        cycle = []
        cycle.append(cycle)
        self.assert_equal(cycle, cycle)

    def test_sparse(self):
        sparse = torch.eye(3).to_sparse()
        self.assert_equal(sparse, sparse)
        self.assert_different(sparse, sparse * 2, 'elements')

    def test_code_is_not_run(self):
        for zip_container in (True, False):
            path = self.save(
                'code', {'x': fractions.Fraction(1, 2)},
                _use_new_zipfile_serialization=zip_container)
            with self.assertRaisesRegex(open_in_pytorch.NotOpened,
                                        'fractions.Fraction'):
                open_in_pytorch.compare(path, path)

    def test_no_checkpoint(self):
        path = os.path.join(self._directory.name, 'text')
        with open(path, 'w') as file:
            file.write('not a checkpoint')
        with self.assertRaisesRegex(open_in_pytorch.NotOpened, 'cannot open'):
            open_in_pytorch.compare(path, path)


if __name__ == '__main__':
    unittest.main()
