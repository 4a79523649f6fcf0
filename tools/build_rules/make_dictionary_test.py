# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests make_dictionary.py.

Usage: make_dictionary_test.py MAKE_DICTIONARY OPCODES_H ZIP_FORMAT_H
"""

import importlib.util
import sys


def main():
    path, opcodes, zip_format = sys.argv[1:]
    spec = importlib.util.spec_from_file_location('make_dictionary', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert module.words(
        '#include "a.h"\n'
        '// "not this"\n'
        'f("ab\\n", \'(\', 0x80, 0x04034B50, "", "a b");\n') == {
            b'ab\n', b'(', b'\x80', b'PK\x03\x04'}
    with open(opcodes, encoding='utf-8') as source:
        of_pickles = module.words(source.read())
    with open(zip_format, encoding='utf-8') as source:
        of_zips = module.words(source.read())
    assert {b'(', b'.', b'\x80', b'\x98', b'G'} <= of_pickles, of_pickles
    assert {b'PK\x01\x02', b'PK\x05\x06', b'PK\x06\x06'} <= of_zips, of_zips


if __name__ == '__main__':
    main()
