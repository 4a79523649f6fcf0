# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/size.md: what a program pulls in with each target of Ferry.

    bazel run //tests/size:size_test -- --write

//tests/size:size_test fails if the page is not what this script writes. A size
may differ by a tenth, because it depends on the compiler.
"""

import os
import re
import subprocess
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
PAGE = os.path.join(HERE, '..', '..', 'docs', 'size.md')

# The libraries of a repository are not named where they are of the build alone.
_TOOLS = ('bazel_tools', 'bazel_skylib', 'local_config_cc', 'platforms',
          'rules_cc')

_HEAD = '''# Size

What a program pulls in with each target. Depend on the smallest target that has what you need. `tests/size/write_size.py` writes this page, and `//tests/size:size_test` compares it with the build.

The size is that of a small program that uses the target, without symbols, minus that of an empty program. It includes only what the linker takes from Ferry: the libraries are Debian's shared objects. On x86, a program uses only the headers of Highway. The compiler is gcc with `-O1`, as in the tests. A build with `-c opt` is smaller, because its linker drops functions that are not used.

| target | the program | folders of Ferry | libraries | size in KiB |
|---|---|---|---|---|
'''

_PROGRAMS = {
    '//core:tensor': 'makes a tensor',
    '//serialization:checkpoint': 'opens a checkpoint without loading it',
    '//runtime:reader': 'loads a checkpoint and saves it',
    '//runtime:plugins': 'loads a plugin',
    '//runtime:autograd': 'computes a gradient',
    '//runtime': 'all of these',
}


class Row:
    """A target, its program, and the labels that it depends on."""

    def __init__(self, text, empty):
        self.target, program, deps = text.split('=')
        self.program = program
        self.size = stripped_size(program) - stripped_size(empty)
        with open(deps, encoding='utf-8') as file:
            labels = file.read().split()
        self.folders = sorted({
            label[2:].split(':')[0].split('/')[0] + '/' for label in labels
            if label.startswith('//')} - {'tools/', '/'})
        self.libraries = sorted({
            label[1:].split('//')[0] for label in labels
            if label.startswith('@')} - set(_TOOLS))
        self.labels = labels

    def text(self):
        return '| `%s` | %s | %s | %s | %d |' % (
            self.target, _PROGRAMS[self.target],
            ', '.join('`%s`' % folder for folder in self.folders),
            ', '.join(self.libraries), round(self.size / 1024))


def stripped_size(program):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(['strip', '-o', out.name, program], check=True)
        return os.path.getsize(out.name)


def needed_libraries(program):
    """The shared libraries that a program loads, but not what they load."""
    lines = subprocess.run(['objdump', '--private-headers', program],
                           capture_output=True, text=True, check=True).stdout
    return re.findall(r'NEEDED +(\S+)', lines)


def constructors(program):
    """The functions that each source calls before main(), by its name."""
    lines = subprocess.run(
        ['objdump', '--disassemble', '--demangle', '--no-show-raw-insn',
         program],
        capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    calls = None
    for line in lines:
        start = re.match(r'[0-9a-f]+ <(.*)>:$', line)
        if start:
            source = re.match(r'_GLOBAL__sub_I(?:\.\d+)?_(.*)', start[1])
            calls = found.setdefault(source[1], []) if source else None
        call = re.search(r'\bcall +[0-9a-f]+ <(.*)>$', line)
        if call and calls is not None:
            calls.append(call[1].replace('@plt', ''))
    return found


def page(rows):
    return _HEAD + '\n'.join(row.text() for row in rows) + '\n'


def write(rows):
    with open(PAGE, 'w', encoding='utf-8') as file:
        file.write(page(rows))
