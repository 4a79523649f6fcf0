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
        self._runs = json.loads(read(write_performance.DATA))

    def test_page_and_plot_are_up_to_date(self):
        self.assertEqual(read(write_performance.PAGE),
                         write_performance.page(self._runs),
                         'run docs/write_performance.py')
        self.assertEqual(read(write_performance.PLOT),
                         write_performance.plot(self._runs),
                         'run docs/write_performance.py')

    def test_every_group_has_a_heading_and_a_table(self):
        page = write_performance.page(self._runs)
        for title in write_performance.GROUPS.values():
            self.assertIn('\n\n## %s\n\n| |' %
                          (title[0].upper() + title[1:]), page)
        # The head of each table, and the six lines of the last one.
        self.assertEqual(
            page.count('\n| '),
            len(self._runs[0]['rows']) + len(write_performance.GROUPS) + 6)

    def test_what_is_slower_stands_out(self):
        run = copy.deepcopy(self._runs[0])
        row = run['rows'][0]
        row['ferry']['seconds'] = [2 * row['pytorch']['median_s']] * 3
        row['pytorch']['seconds'] = [row['pytorch']['median_s']]
        self.assertIn('| **0.50** |', write_performance.page([run]))
        self.assertIn('#c1440e', write_performance.plot([run]))

    def test_medians_are_of_all_samples_and_ratios_of_each_run_are_shown(self):
        runs = [copy.deepcopy(self._runs[0]) for _ in range(2)]
        for run, ferry, pytorch in zip(runs, (1, 3), (4, 6)):
            row = run['rows'][0]
            row['ferry'] = {'median_s': ferry, 'seconds': [ferry] * 3}
            row['pytorch'] = {'median_s': pytorch, 'seconds': [pytorch] * 3}
            row['ceiling'] = row['ferry']
        self.assertIn('| 2000 | 5000 | 2000 | 2.50 (2.00-4.00) |',
                      write_performance.page(runs))

    def test_runs_of_different_builds_do_not_mix(self):
        other = copy.deepcopy(self._runs[0])
        other['commit'] = 'another'
        other['rows'].pop()
        self.assertEqual(write_performance.differences([self._runs[0], other]),
                         ['commit', 'rows'])

    def test_are_whole_runs_of_one_optimised_build(self):
        self.assertEqual(write_performance.differences(self._runs), [])
        for run in self._runs:
            self.assertEqual(run['build'], 'opt')
            self.assertEqual({row['name'].split('/')[0]
                              for row in run['rows']},
                             set(write_performance.GROUPS))
            self.assertFalse(run['commit'].endswith('-dirty'))


if __name__ == '__main__':
    unittest.main()
