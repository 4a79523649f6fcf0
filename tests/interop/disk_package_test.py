# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints with the tag of a program's own package, between both.

    disk_package_test.py DISK_PACKAGE

DISK_PACKAGE IN OUT is the program of examples/disk_package.cc. It saves to OUT
what is in IN, with "disk" as every location tag.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import serialization

DISK_PACKAGE = os.path.abspath(sys.argv.pop(1))


class Package:
    """Registers a package for a while, and notes the tags that it is given."""

    def __init__(self, tag):
        self.tag = tag
        self.given = []

    def deserialize(self, storage, tag):
        self.given.append(tag)
        return storage if tag == self.tag else None

    def __enter__(self):
        self.old = list(serialization._package_registry)
        serialization.register_package(5, lambda storage: self.tag,
                                       self.deserialize)
        return self

    def __exit__(self, *_):
        serialization._package_registry[:] = self.old


def sample():
    # Small, and so large that it is written in pieces.
    weight = torch.arange(3_000_000, dtype=torch.float64).view(1000, 3000)
    return {'weight': weight, 'column': weight[:, 7], 'step': torch.tensor(9)}


class DiskPackageTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = os.path.join(folder.name, 'in.pt')
        self.copy = os.path.join(folder.name, 'out.pt')

    def copy_by_disk(self):
        subprocess.run([DISK_PACKAGE, self.source, self.copy], check=True)

    def check_is_sample(self, value):
        expected = sample()
        self.assertEqual(list(value), list(expected))
        for name, tensor in expected.items():
            self.assertTrue(torch.equal(value[name], tensor), name)
            self.assertEqual(value[name].stride(), tensor.stride())
        self.assertEqual(value['column'].data_ptr(),
                         value['weight'].data_ptr() + 7 * 8)

    def test_pytorch_loads_to_the_cpu(self):
        torch.save(sample(), self.source)
        self.copy_by_disk()
        self.check_is_sample(torch.load(self.copy, map_location='cpu'))

    def test_pytorch_without_a_package_knows_no_such_place(self):
        torch.save(sample(), self.source)
        self.copy_by_disk()
        with self.assertRaisesRegex(RuntimeError, 'tagged with disk'):
            torch.load(self.copy)

    def test_tags_are_the_same_in_both(self):
        with Package('disk') as package:
            torch.save(sample(), self.source)
            self.copy_by_disk()
            self.check_is_sample(torch.load(self.copy))
            self.assertEqual(set(package.given), {'disk'})


if __name__ == '__main__':
    unittest.main()
