# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/ops.md is what docs/write_ops.py writes, but for what was measured.

    ops_test.py OPS
"""

import os
import sys
import unittest

import write_ops

OPS = os.path.abspath(sys.argv.pop(1))


class OpsTest(unittest.TestCase):

    maxDiff = None

    def test_page_is_up_to_date(self):
        text = write_ops.read_page()
        cells = write_ops.measured_cells(text)
        self.assertEqual(
            text, write_ops.page(write_ops.table(OPS), cells),
            'run docs/write_ops.py, whose first lines say how')

    def test_every_op_has_been_measured(self):
        cells = write_ops.measured_cells(write_ops.read_page())
        for op in write_ops.table(OPS):
            with self.subTest(op['name']):
                for cell in cells[op['pytorch']][:2]:
                    self.assertLess(float(cell), 0.01)

    def test_changes_are_seen(self):
        text = write_ops.read_page()
        cells = write_ops.measured_cells(text)
        ops = write_ops.table(OPS)
        ops[0]['samples'] += 1
        self.assertNotEqual(text, write_ops.page(ops, cells))
        with self.assertRaisesRegex(write_ops.Fault, "'Hypot'"):
            write_ops.page([op for op in ops if op['name'] != 'Hypot'], cells)
        more = dict(ops[0], name='NewOp', pytorch='new(a)')
        self.assertIn('| `NewOp` |', write_ops.page(ops + [more], cells))


if __name__ == '__main__':
    unittest.main()
