# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The header by itself: C11 and C++17, gcc and clang, nothing but the file.

    header_test.py PLUGIN_H LAYOUT_CHECK_H
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PLUGIN_H = LAYOUT_CHECK_H = None

COMPILERS = [
    ['gcc', '-xc', '-std=c11'],
    ['g++', '-xc++', '-std=c++17'],
    ['clang', '-xc', '-std=c11'],
    ['clang++', '-xc++', '-std=c++17'],
]
STRICT = ['-Wall', '-Wextra', '-pedantic', '-Werror', '-fsyntax-only']


class HeaderTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.mkdir(os.path.join(self.root, 'ferry'))
        shutil.copy(PLUGIN_H, os.path.join(self.root, 'ferry/plugin.h'))
        shutil.copy(LAYOUT_CHECK_H, os.path.join(self.root, 'layout_check.h'))

    def compile(self, compiler, text, options=()):
        source = os.path.join(self.root, 'source')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text)
        return subprocess.run(
            compiler + STRICT + ['-I', self.root, *options, source],
            capture_output=True, text=True, check=False)

    def test_stands_alone(self):
        text = '#include "ferry/plugin.h"\nint main(void) { return 0; }\n'
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler[0]):
                result = self.compile(compiler, text)
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_layout_is_the_published_one(self):
        # Short enums are a change of the layout that some targets make.
        for compiler in COMPILERS:
            for options in ([], ['-fshort-enums'], ['-O2']):
                with self.subTest(compiler=compiler[0], options=options):
                    result = self.compile(
                        compiler, '#include "layout_check.h"\n', options)
                    self.assertEqual(result.returncode, 0, result.stderr)

    def test_another_layout_is_noticed(self):
        path = os.path.join(self.root, 'ferry/plugin.h')
        with open(path, encoding='utf-8') as file:
            header = file.read()
        changed = header.replace('  int32_t vendor_code;', '  int64_t vendor_code;')
        self.assertNotEqual(header, changed)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(changed)
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler[0]):
                result = self.compile(compiler, '#include "layout_check.h"\n')
                self.assertNotEqual(result.returncode, 0)
                self.assertIn('vendor_code', result.stderr)

    def test_includes_two_headers_of_the_language_alone(self):
        with open(PLUGIN_H, encoding='utf-8') as file:
            includes = [line for line in file if line.startswith('#include')]
        self.assertEqual(
            includes, ['#include <stddef.h>\n', '#include <stdint.h>\n'])


if __name__ == '__main__':
    PLUGIN_H, LAYOUT_CHECK_H = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
