# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The tests that the tables of the guides name are there.

    formats_test.py WORKSPACE

In formats.md, threads.md, gradient-modes.md and gradients.md the last cell of
each row names targets; the names after a target are tests in it, and cases or
files of these tests. A row may say "not tested" instead. In faults.md each cell
names tests, without their targets, or says why there are none; its table of fuzz
tests names targets.
"""

import ast
import os
import re
import sys
import unittest

# A file of the source tree, to which the runfiles link.
ROOT = os.path.dirname(os.path.realpath(sys.argv.pop(1)))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
        return file.read()


def rows(text):
    """(line number, names in the last cell) of each row that has tests."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith('|') or re.match(r'\|[-|]+\|$', line):
            continue
        cell = line.rstrip().rstrip('|').split('|')[-1].strip()
        if cell != 'shown by':
            yield number, cell


def sources(package, target):
    """The text of the target's sources and of scripts beside it, or None."""
    for statement in ast.parse(read(package, 'BUILD')).body:
        if not (isinstance(statement, ast.Expr) and
                isinstance(statement.value, ast.Call)):
            continue
        arguments = {
            keyword.arg: keyword.value for keyword in statement.value.keywords
        }
        name = arguments.get('name')
        if not isinstance(name, ast.Constant) or name.value != target:
            continue
        files = []
        for key in ('srcs', 'src', 'data'):
            # What a glob finds is data, not a source.
            if key in arguments and not isinstance(arguments[key], ast.Call):
                value = ast.literal_eval(arguments[key])
                files += [value] if isinstance(value, str) else value
        return '\n'.join(
            read(package, file)
            for file in files
            if file.endswith(('.cc', '.py')) and not file.startswith(('/', ':')))
    return None


def fault(name, text):
    """What is wrong with a name, or None."""
    if re.fullmatch(r'[A-Z]\w+\.[A-Z]\w+', name):
        suite, test = name.split('.')
        pattern = r'\bTEST(_[FP])?\(\s*%s,\s*%s\)' % (suite, test)
    elif name.startswith('test_'):
        pattern = r'\bdef %s\(' % name
    elif name.endswith('.pt'):
        path = os.path.join(ROOT, 'tests', 'data', 'fixtures', name)
        return None if os.path.exists(path) else 'no such file'
    else:
        # A case; families of cases are named by what all begin with.
        family = name.rpartition('_')[0]
        pattern = "'%s'" % name
        if family:
            pattern += r"|'%s(_|_p%%d)?' \+" % family
    return None if re.search(pattern, text) else 'no such test or case'


def faults(text):
    found, count = [], 0
    for number, cell in rows(text):
        if cell == 'not tested':
            continue
        names = re.findall(r'`([^`]+)`', cell)
        if len(names) < 2 or not names[0].startswith('//'):
            found.append('%d: names no target and test' % number)
            continue
        contents = ''
        for name in names:
            if name.startswith('//'):
                package, _, target = name[2:].partition(':')
                contents = sources(package, target)
                if contents is None:
                    found.append('%d: %s: no such target' % (number, name))
            elif contents is not None:
                wrong = fault(name, contents)
                if wrong:
                    found.append('%d: %s: %s' % (number, name, wrong))
            count += 1
    return found, count


def all_tests():
    """The names of all tests of the source tree."""
    names = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if not name.startswith(('.', 'bazel-'))
        ]
        for file in files:
            if file.endswith('_test.cc'):
                names.update('%s.%s' % test for test in re.findall(
                    r'\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)', read(folder, file)))
            elif file.endswith('_test.py'):
                names.update(
                    re.findall(r'\bdef (test_\w+)\(', read(folder, file)))
    return names


def is_fuzz_test(row):
    """Whether the first cell is the label of a target."""
    label = re.match(r'\| `//([\w/]+):(\w+_fuzz)` \|', row)
    return label is not None and sources(*label.groups()) is not None


# The cells of the table "By container, scanned".
VERDICTS = ('clean', 'found', 'not examined', 'not a checkpoint')


def faults_without_tests(text, tests):
    """(the cells that neither name a test nor say why not, number of names)."""
    found, count = [], 0
    for section in text.split('\n## ')[1:]:
        rows_here = [
            line for line in section.splitlines() if line.startswith('| ')
        ]
        if section.startswith('What the words mean'):
            words = {row.split('|')[1].strip(' *') for row in rows_here[1:]}
            words.remove('none')  # which needs a reason
            continue
        if section.startswith('Fuzzing'):
            found += [row for row in rows_here[1:] if not is_fuzz_test(row)]
            continue
        is_scan = section.startswith('By container, scanned')
        for row in rows_here[1:]:
            for cell in row.strip('|').split('|')[1:]:
                names = [
                    name for name in re.findall(r'`([^`]+)`', cell)
                    if re.fullmatch(r'[A-Z]\w+\.[A-Z]\w+|test_\w+', name)
                ]
                count += len(names)
                reason = re.fullmatch(r' none: .+ ', cell)
                if (set(names) - tests or
                        not (names or reason or cell.strip() in
                             (VERDICTS if is_scan else words))):
                    found.append(cell)
    return found, count


class FormatsTest(unittest.TestCase):

    def test_every_name_is_there(self):
        for guide, least in (('formats.md', 150), ('threads.md', 60),
                             ('gradient-modes.md', 45),
                             ('gradients.md', 90)):
            with self.subTest(guide):
                found, count = faults(read('docs', guide))
                self.assertEqual(found, [])
                self.assertGreater(count, least)

    def test_every_cell_of_the_faults_has_a_test(self):
        text = read('docs', 'faults.md')
        tests = all_tests()
        found, count = faults_without_tests(text, tests)
        self.assertEqual(found, [])
        self.assertGreater(count, 80)
        more = '\n## Fuzzing\n| a |\n|---|\n| `//core:no_fuzz` |\n'
        self.assertEqual(len(faults_without_tests(text + more, tests)[0]), 1)
        for cell in ('', 'soon', 'none', 'none: ', '`Suite.NoSuchTest`',
                     'read: `test_of_nothing`'):
            more = '\n## More\n| a | b |\n|---|---|\n| c | %s |\n' % cell
            self.assertEqual(len(faults_without_tests(text + more, tests)[0]),
                             1, cell)

    def test_faults_are_found(self):
        here = '`//docs:formats_test` '
        for cell in ('', 'soon', '`//docs:formats_test`',
                     '`//docs:no_such_test` `test_faults_are_found`',
                     here + '`test_of_nothing`', here + '`Suite.NoSuchTest`',
                     here + '`pytorch-1.13/nothing.pt`', here + '`no case`'):
            self.assertEqual(len(faults('| a | %s |' % cell)[0]), 1, cell)
        self.assertEqual(
            faults('| a | %s`test_faults_are_found` |' % here)[0], [])


if __name__ == '__main__':
    unittest.main()
