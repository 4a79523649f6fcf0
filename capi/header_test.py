# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The C interface as binaries see it: layouts, prototypes and symbols.

    header_test.py FERRY_H PLUGIN_H LAYOUT_CHECK_H SYMBOLS_TXT LIBFERRY

When a function is added, add the line that this test prints to capi/symbols.txt.
A changed or removed line breaks programs, and needs a new soname.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from testing import ferry_c

FERRY_H, PLUGIN_H, LAYOUT_CHECK_H, SYMBOLS, LIBFERRY = sys.argv[1:]
del sys.argv[1:]

COMPILERS = [
    ['gcc', '-xc', '-std=c11'],
    ['g++', '-xc++', '-std=c++17'],
    ['clang', '-xc', '-std=c11'],
    ['clang++', '-xc++', '-std=c++17'],
]
STRICT = ['-Wall', '-Wextra', '-pedantic', '-Werror', '-fsyntax-only']


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


class HeaderTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.mkdir(os.path.join(self.root, 'ferry'))
        shutil.copy(FERRY_H, os.path.join(self.root, 'ferry/ferry.h'))
        shutil.copy(PLUGIN_H, os.path.join(self.root, 'ferry/plugin.h'))
        shutil.copy(LAYOUT_CHECK_H, os.path.join(self.root, 'layout_check.h'))

    def compile(self, compiler, text, options=()):
        source = os.path.join(self.root, 'source')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text)
        return subprocess.run(
            compiler + STRICT + ['-I', self.root, *options, source],
            capture_output=True, text=True, check=False)

    def test_layout_is_the_published_one(self):
        for compiler in COMPILERS:
            for options in ([], ['-fshort-enums'], ['-O2']):
                with self.subTest(compiler=compiler[0], options=options):
                    result = self.compile(
                        compiler, '#include "layout_check.h"\n', options)
                    self.assertEqual(result.returncode, 0, result.stderr)

    def test_layout_check_names_every_field(self):
        fields = set()
        for body, name in re.findall(
                r'typedef struct \w+ \{(.*?)\} (\w+);',
                ferry_c.without_comments(read(FERRY_H)), re.S):
            for field in re.findall(r'(?:\(\*(\w+)\)\([^)]*\)|(\w+));', body):
                fields.add((name, field[0] or field[1]))
        checked = set(re.findall(r'^FIELD\((\w+), (\w+),', read(LAYOUT_CHECK_H),
                                 re.M))
        self.assertEqual(checked, fields)
        self.assertGreater(len(fields), 30)

    def test_layout_check_names_every_number(self):
        text = read(FERRY_H)
        defined = set(re.findall(r'#define (FERRY_\w+) \(?U?INT', text))
        self.assertEqual(
            set(re.findall(r'FERRY_\w+(?= ==)', read(LAYOUT_CHECK_H))), defined)

    def test_another_layout_is_noticed(self):
        path = os.path.join(self.root, 'ferry/ferry.h')
        header = read(path)
        changed = header.replace('  uint64_t rank;\n', '  uint32_t rank[4];\n')
        self.assertNotEqual(header, changed)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(changed)
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler[0]):
                result = self.compile(compiler, '#include "layout_check.h"\n')
                self.assertNotEqual(result.returncode, 0)
                self.assertIn('rank', result.stderr)

    def test_works_beside_the_header_of_dlpack(self):
        # What that header says of the two structs, in either order.
        dlpack = ('typedef struct DLManagedTensor { int x; } DLManagedTensor;\n'
                  'typedef struct DLManagedTensorVersioned { int x; }\n'
                  '    DLManagedTensorVersioned;\n')
        ferry = '#include "ferry/ferry.h"\n'
        for compiler in COMPILERS:
            for text in (dlpack + ferry, ferry + dlpack):
                result = self.compile(compiler, text)
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_functions_are_the_published_ones(self):
        functions = ferry_c.read_functions(read(FERRY_H))
        lines = [
            '%s %s(%s)' % (function.result, function.name, ', '.join(
                parameter.type for parameter in function.parameters) or 'void')
            for function in functions.values()
        ]
        self.assertEqual(read(SYMBOLS).splitlines(), sorted(lines))
        self.assertEqual(
            len(lines),
            len(re.findall(r'^FERRY_API', read(FERRY_H), re.M)))

    def test_library_exports_the_functions_and_nothing_else(self):
        result = subprocess.run(
            ['nm', '-D', '--defined-only', LIBFERRY],
            capture_output=True, text=True, check=True)
        symbols = [line.split()[1:] for line in result.stdout.splitlines()]
        exported = {name for kind, name in symbols if kind.isupper()}
        functions = ferry_c.read_functions(read(FERRY_H))
        # Older versions of nm list the name of the version too.
        self.assertEqual(exported - {'FERRY_0'},
                         {name + '@@FERRY_0' for name in functions})
        result = subprocess.run(['readelf', '-d', LIBFERRY],
                                capture_output=True, text=True, check=True)
        self.assertIn('Library soname: [libferry.so.0]', result.stdout)


if __name__ == '__main__':
    unittest.main()
