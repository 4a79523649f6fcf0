# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What a shared object that contains Ferry exports, and that it stays loaded.

    exports_test.py PLAIN HIDDEN

PLAIN and HIDDEN are the same shared object. The flags of HIDDEN's own source
hide what it does not mark.
"""

import re
import subprocess
import sys
import unittest

PLAIN, HIDDEN = sys.argv[1:3]
del sys.argv[1:3]

# The letter of nm for what a source compiles from templates and inline
# functions.
WEAK = 'W'

# The start of a mangled name in namespace ferry: of a function, a variable, or
# what the compiler makes for one or for a class.
OF_FERRY = re.compile('_Z(GV|T[A-Z])?Z?N[VKRO]*5ferry')


def exported(library):
    """Pairs of a letter and a name."""
    lines = subprocess.run(
        ['nm', '--dynamic', '--defined-only', '--extern-only', library],
        capture_output=True, text=True, check=True).stdout.splitlines()
    return [tuple(line.split(' ', 2)[1:]) for line in lines]


class ExportsTest(unittest.TestCase):

    def test_marked_symbols_are_exported(self):
        for library in (PLAIN, HIDDEN):
            functions = {name for letter, name in exported(library)
                         if letter == 'T'} - {'_init', '_fini'}
            self.assertEqual(
                functions,
                {'CopyCheckpoint', 'EnableGradients', 'GradientsEnabled',
                 'HasDeviceType', 'LoadPlugin'})

    def test_nothing_of_ferry_is_exported(self):
        # Ferry's headers are the user's own source too.
        self.assertEqual([name for letter, name in exported(PLAIN)
                          if letter != WEAK and '5ferry' in name], [])
        self.assertEqual([name for letter, name in exported(HIDDEN)
                          if OF_FERRY.match(name)], [])

    def test_dlclose_does_not_unload_them(self):
        for library in (PLAIN, HIDDEN):
            result = subprocess.run(['readelf', '-d', library],
                                    capture_output=True, text=True, check=True)
            self.assertIn('NODELETE', result.stdout)


if __name__ == '__main__':
    unittest.main()
