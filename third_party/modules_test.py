# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""MODULE.bazel, WORKSPACE, the BUILD files and README.md agree.

    modules_test.py WORKSPACE
"""

import os
import re
import sys
import types
import unittest

import system_modules

# A file of the source tree, to which the runfiles link.
ROOT = os.path.dirname(os.path.realpath(sys.argv.pop(1)))
system_modules.ROOT = ROOT

# Bazel asks for these itself: by name in a WORKSPACE, and as modules of its own.
BAZELS_OWN = {'bazel_skylib', 'remote_coverage_tools', 'rules_java'}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
        return file.read()


def workspace_repositories():
    found = set()

    def define(name, **_):
        found.add(name)

    names = {
        'Label': str,
        'cuda_header': define,
        'native': types.SimpleNamespace(existing_rules=lambda: {}),
        'system_library': define,
    }
    system_modules.run_starlark('third_party/dependencies.bzl', names)
    names['ferry_dependencies']()
    return found


def used_repositories():
    """What the BUILD files and macros of Ferry's own workspace name."""
    ignored = read('.bazelignore').split() + ['third_party', '.git']
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if os.path.relpath(
                os.path.join(folder, name), ROOT) not in ignored and
            not os.path.islink(os.path.join(folder, name))
        ]
        for name in files:
            if name == 'BUILD' or name.endswith('.bzl'):
                text = re.sub(r'#.*', '', read(folder, name))
                found.update(re.findall(r'"@(\w+)(?://|")', text))
    return found


def documented_modules():
    """Rows of README.md: repository, purpose, and module with its version."""
    for row in read('third_party', 'README.md').splitlines():
        cells = [cell.strip() for cell in row.split('|')[1:-1]]
        label = len(cells) == 6 and re.match(r'`@(\w+)//', cells[2])
        if label:
            yield label[1], cells[0], cells[3].strip('`')


class ModulesTest(unittest.TestCase):

    def test_workspace_has_the_same_repositories(self):
        self.assertEqual(set(system_modules.read_modules()),
                         workspace_repositories() - BAZELS_OWN)

    def test_the_build_files_use_them_all_and_no_other(self):
        self.assertEqual(set(system_modules.read_modules()),
                         used_repositories())

    def test_the_page_lists_modules_and_those_for_tests(self):
        rules = ('platforms', 'rules_cc')
        modules = {
            repository: (('%(name)s %(version)s' % arguments) if 'name'
                         in arguments else 'none',
                         arguments.get('dev_dependency', False))
            for repository, arguments in system_modules.read_modules().items()
            if repository not in rules
        }
        documented = {
            repository:
            (module, re.match('(a )?tests?|benchmarks', purpose) is not None)
            for repository, purpose, module in documented_modules()
        }
        self.assertEqual(modules, documented)


if __name__ == '__main__':
    unittest.main()
