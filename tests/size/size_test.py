# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/size.md is right, and the reader is small.

    size_test.py [--write] EMPTY TARGET=PROGRAM=DEPS...
"""

import platform
import re
import sys
import unittest

import write_size

ROWS = []

# The most that the part that reads and writes files adds to a program in the
# build of the tests.
MAX_READER_BYTES = 1750 * 1000

# Abseil's headers include <iostream>, which has a constructor in each source.
IOSTREAM = ['__cxa_atexit', 'std::ios_base::Init::Init()']


class SizeTest(unittest.TestCase):
    maxDiff = None

    def row(self, target):
        return next(row for row in ROWS if row.target == target)

    def skip_unless_as_on_the_page(self):
        """The page is of Debian 12, which has no modules."""
        if any(re.match('@.*[~+].*//', label)
               for row in ROWS for label in row.labels):
            self.skipTest('a build of modules')

    def test_page_is_what_the_script_writes(self):
        self.skip_unless_as_on_the_page()
        with open(write_size.PAGE, encoding='utf-8') as file:
            page = file.read()
        size = re.compile(r'\d+(?= \|$)', re.MULTILINE)
        built = write_size.page(ROWS)
        self.assertEqual(size.sub('', page), size.sub('', built))
        for said, is_so in zip(size.findall(page), size.findall(built)):
            self.assertAlmostEqual(int(said), int(is_so),
                                   delta=int(is_so) / 10)

    def test_reader_is_small(self):
        reader = self.row('//runtime:reader')
        self.assertNotIn('autograd/', reader.folders)
        self.assertNotIn('protobuf', ' '.join(reader.libraries))
        self.assertNotIn('//plugins:plugin_loader', reader.labels)
        self.skip_unless_as_on_the_page()
        self.assertLess(reader.size, MAX_READER_BYTES)

    def test_no_program_loads_the_library_of_highway(self):
        if platform.machine() != 'x86_64':
            self.skipTest('only x86 programs do without its library')
        for row in ROWS:
            libraries = write_size.needed_libraries(row.program)
            self.assertIn('libc.so.6', libraries, row.target)
            self.assertFalse(
                [name for name in libraries if name.startswith('libhwy')],
                row.target)

    def test_reader_runs_nothing_before_main_but_the_backends(self):
        sources = write_size.constructors(self.row('//runtime:reader').program)
        self.assertEqual(
            [source for source, calls in sources.items()
             if sorted(calls) != IOSTREAM], ['register.cc'])
        # Those of cpu and of meta, whose sources have the same name.
        self.assertEqual(
            len([call for call in sources['register.cc']
                 if call.startswith(
                     'ferry::v1::DeviceRegistry::RegisterBackend')]),
            2)


if __name__ == '__main__':
    IS_WRITE = '--write' in sys.argv
    if IS_WRITE:
        sys.argv.remove('--write')
    ROWS = [write_size.Row(text, sys.argv[1]) for text in sys.argv[2:]]
    del sys.argv[1:]
    if IS_WRITE:
        write_size.write(ROWS)
    else:
        unittest.main()
