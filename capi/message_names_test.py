# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages do not name C++ to callers of the C interface.

    message_names_test.py WORKSPACE MESSAGE_CC

When a message names something of C++ that a caller in C can get to read, add
what it is in C to kNames in capi/message.cc. If it is only for functions that C
does not have, add it to _NOT_IN_C.
"""

import os
import re
import sys
import unittest

# A file of the source tree, to which the runfiles link.
WORKSPACE, MESSAGE_CC = sys.argv[1:]
del sys.argv[1:]

LAYERS = ('core', 'io', 'value', 'devices', 'plugins', 'serialization',
          'runtime')
# Programs of their own, and plugins, which are built without Ferry.
_ELSEWHERE = re.compile(
    r'/testing/|/conformance/|^plugins/(check|cuda|opencl|example)/|'
    r'_(test|fuzz|benchmark|main)\.cc$')

# In messages of functions and options that the C interface does not have.
_NOT_IN_C = {
    # Checked access to elements, and views.
    'strided::Contiguous',
    # Options that ferry_load_options and ferry_save_options do not have.
    'LoadOptions::codec', 'SaveOptions::map_location', 'MapLocation::To',
    'MapLocation::Table',
    # Storages of packages, which only programs in C++ have.
    'DeviceSnapshot::RestoreLocation)', 'DeviceRegistry::RegisterPackage',
    'LoadIntoOptions::pointer', 'StateDict(',
    # No handle is a null tensor.
    'Tensor(',
}
# Not names of Ferry's.
_OTHERS = {'aten::', 'std::thread', 'std::thread::hardware_concurrency'}

_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# A name with a scope, or a call of what begins with a capital letter.
_NAME = re.compile(r'\b[A-Za-z]\w*(?:::[A-Za-z]\w+)+\)?|(?<![\w.])[A-Z]\w*[a-z]'
                   r'\w*\((?=[*)\w])|\bTo\(')


def literals(text):
    """The string literals of C++ source, adjacent ones joined."""
    text = re.sub(r'^\s*(//|#include).*', '', text, flags=re.M)
    text = re.sub(r'"\s*\n\s*"', '', text)
    return [re.sub(r'\\(["\\])', r'\1', body) for body in _LITERAL.findall(text)]


def sources():
    root = os.path.dirname(os.path.realpath(WORKSPACE))
    for layer in LAYERS:
        for folder, _, names in os.walk(os.path.join(root, layer)):
            for name in names:
                path = os.path.join(folder, name)
                if (name.endswith(('.cc', '.h')) and
                        not _ELSEWHERE.search(os.path.relpath(path, root))):
                    yield path


class MessageNamesTest(unittest.TestCase):

    def setUp(self):
        with open(MESSAGE_CC, encoding='utf-8') as file:
            table = re.search(r'kNames\[\] = \{\n(.*?)\n\};', file.read(),
                              re.S).group(1)
        table = re.sub(r'//.*', '', table)
        table = re.sub(r'"\s*\n\s*"', '', table)
        rows = re.findall(r'\{"((?:[^"\\]|\\.)*)",', table)
        self.rows = [re.sub(r'\\(["\\])', r'\1', row) for row in rows]
        self.assertGreater(len(self.rows), 15)
        # Where each literal is.
        self.literals = {}
        for path in sources():
            with open(path, encoding='utf-8') as file:
                for literal in literals(file.read()):
                    self.literals.setdefault(literal, path)
        self.assertGreater(len(self.literals), 1000)

    def test_every_name_has_a_row(self):
        known = self.rows + list(_NOT_IN_C)
        missing = []
        for literal, path in self.literals.items():
            if ' ' not in literal:
                continue
            for name in _NAME.findall(literal):
                if (name not in _OTHERS and
                        not any(name.rstrip(')') in row for row in known)):
                    missing.append('%s: %s' % (path, name))
        self.assertEqual(missing, [])

    def test_every_row_is_of_a_message(self):
        text = '\n'.join(self.literals)
        self.assertEqual([row for row in self.rows if row not in text], [])
        self.assertEqual([row for row in _NOT_IN_C if row not in text], [])


if __name__ == '__main__':
    unittest.main()
