# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Ferry's own tree follows the rules of source_rules.py."""

import os
import sys
import unittest

import source_rules

# A file of the source tree, to which the runfiles link.
WORKSPACE = sys.argv.pop(1)


class TreeTest(unittest.TestCase):

    def test_follows_the_rules(self):
        root = os.path.dirname(os.path.realpath(WORKSPACE))
        faults, files = source_rules.check_tree(root)
        self.assertEqual(faults, [])
        # Not an empty folder, or a sandbox that holds only what it was given.
        self.assertGreater(files, 80)


if __name__ == '__main__':
    unittest.main()
