# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md and its plot are what docs/write_performance.py writes."""

import copy
import json
import unittest

import write_performance


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


class PerformanceTest(unittest.TestCase):

    maxDiff = None

    def setUp(self):
        self._report = json.loads(read(write_performance.DATA))

    def test_page_and_plot_are_up_to_date(self):
        self.assertEqual(read(write_performance.PAGE),
                         write_performance.page(self._report),
                         'run docs/write_performance.py')
        self.assertEqual(read(write_performance.PLOT),
                         write_performance.plot(self._report),
                         'run docs/write_performance.py')

    def test_every_group_has_a_heading_and_a_table(self):
        page = write_performance.page(self._report)
        for title in write_performance.GROUPS.values():
            self.assertIn('\n\n## %s\n\n| |' %
                          (title[0].upper() + title[1:]), page)
        # The head of each table, and the six lines of the last one.
        self.assertEqual(
            page.count('\n| '),
            len(self._report['rows']) + len(write_performance.GROUPS) + 6)

    def test_what_is_slower_stands_out(self):
        report = copy.deepcopy(self._report)
        row = report['rows'][0]
        row['ferry']['median_s'] = 2 * row['pytorch']['median_s']
        self.assertIn('| **0.50** |', write_performance.page(report))
        self.assertIn('#c1440e', write_performance.plot(report))

    def test_is_a_whole_run_of_an_optimised_build(self):
        self.assertEqual(self._report['build'], 'opt')
        self.assertEqual({row['name'].split('/')[0]
                          for row in self._report['rows']},
                         set(write_performance.GROUPS))
        self.assertFalse(self._report['commit'].endswith('-dirty'))


if __name__ == '__main__':
    unittest.main()
