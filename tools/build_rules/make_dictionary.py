# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a libFuzzer dictionary of the constants in C++ sources.

Usage: make_dictionary.py SOURCE... > OUT.dict

The words are the text literals without blanks, the character literals, and the
hexadecimal numbers of 1, 2, 4 or 8 bytes in little-endian order. A parser
compares its input with these. Text with blanks is for messages.
"""

import re
import sys

_LONGEST = 64
_LITERAL = re.compile(
    r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)+)\'|'
    r'\b0x((?:[0-9A-F]{2}){1,2}|[0-9A-F]{8}|[0-9A-F]{16})\b')


def words(source):
    """Returns the constants in the text of a source, as a set of bytes."""
    # Comments and includes hold text that no parser compares with.
    source = re.sub(r'^\s*(?://|#).*$', '', source, flags=re.MULTILINE)
    found = set()
    for text, character, number in _LITERAL.findall(source):
        if number:
            found.add(bytes.fromhex(number)[::-1])
        else:
            literal = text or character
            found.add(literal.encode().decode('unicode_escape').encode(
                'latin-1', 'ignore'))
    return {word for word in found
            if 0 < len(word) <= _LONGEST and b' ' not in word}


def main():
    found = set()
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as source:
            found |= words(source.read())
    for word in sorted(found):
        print('"%s"' % ''.join('\\x%02X' % byte for byte in word))


if __name__ == '__main__':
    main()
