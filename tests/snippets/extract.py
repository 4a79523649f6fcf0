# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a C++ test out of the examples in public headers and guides.

    extract.py {--runtime | --others} LABELS FILE...

Prints a source in which each example is in a function of its own. Takes the
examples of the guides (*.md) and the headers among FILE... that are public: the
file LABELS lists the labels of those. With --runtime, the examples are those of
runtime.h and the headers that it exports, and the source includes that header
alone. With --others, they are all the others, and the source also includes the
headers that they come from. The test prints how many examples each file has.

An example in a header is a block of comment lines that are indented by more
than the one space of prose. A block is something else only if its first line
  - is an item of a list: "- text";
  - is a row of a table, which has two spaces between its cells, or an error
    code and " - text";
  - continues a line that starts with "Errors: " or with error codes.
So prose that is taken for an example does not compile. It is an error if such a
block looks like C++ all the same, and if a header says "Example" and has none.
An example in a guide is a fenced block of C or C++.
"""

import argparse
import collections
import re
import sys

_NO_EXAMPLE = re.compile(r'- |.*\S {2,}\S|k[A-Z]\w*(, k[A-Z]\w*)* - ')
_CONTINUED = re.compile(r' (Errors|FERRY_[A-Z_]+(, FERRY_[A-Z_]+)*): ')
# Ends and beginnings of lines that prose does not have.
_LOOKS_LIKE_CODE = re.compile(r'.*([)\]}"];|[{}])$|#include |.*(=|return) .*;$')
_FUNCTION = re.compile(r'[\w:<>*& ]+ \w+\(')
_RUNTIME = 'runtime/runtime.h'
_CODE_FENCES = ('c', 'cpp')
_OTHER_FENCES = ('json', 'python', 'sh', 'text')

Example = collections.namedtuple('Example', 'path line lines')


class Fault(Exception):

    def __init__(self, path, line, message):
        super().__init__('%s:%d: %s' % (path, line, message))


def _indented_blocks(text):
    """Yields the (number of the first line, lines, the comment line before)."""
    start, block, previous = 0, [], ''
    for number, line in enumerate(text.split('\n'), 1):
        comment = re.match(r'\s*//(.*)', line)
        contents = comment.group(1) if comment else None
        if contents is not None and contents.startswith('  '):
            if not block:
                start, before = number, previous
            block.append(contents)
        elif contents == '' and block:
            block.append(contents)  # It may be a blank line of the block.
        elif block:
            yield start, block, before
            block = []
        previous = contents or ''


def _dedent(block):
    margin = min(re.match(' *', line).end() for line in block if line)
    return '\n'.join(line[margin:] for line in block).rstrip('\n').split('\n')


def _of_header(path, text):
    examples = []
    for start, block, before in _indented_blocks(text):
        lines = _dedent(block)
        code = [re.sub(r'\s*//.*', '', line) for line in lines]
        if not (_NO_EXAMPLE.match(code[0]) or _CONTINUED.match(before)):
            examples.append(Example(path, start, lines))
            continue
        for number, line in enumerate(code, start):
            if _LOOKS_LIKE_CODE.match(line):
                raise Fault(path, number, 'C++ in a list, a table or prose')
    if not examples and re.search(r'\bExamples?\b', text):
        raise Fault(path, 1, 'says "Example", but contains none')
    return examples


def _of_guide(path, text):
    examples = []
    language = None
    for number, line in enumerate(text.split('\n'), 1):
        fence = re.match(r'\s*```\s*(.*)', line)
        if fence and language is None:
            language, lines = fence.group(1), []
            if language not in _CODE_FENCES + _OTHER_FENCES:
                raise Fault(path, number, 'a block in an unknown language')
        elif fence:
            if language in _CODE_FENCES:
                examples.append(Example(path, number - len(lines), lines))
            language = None
        elif language is not None:
            lines.append(line)
    return examples


def find_examples(path, text):
    """The examples in the text of a file. Raises Fault."""
    return (_of_guide if path.endswith('.md') else _of_header)(path, text)


def _function(example):
    lines = ['#line %d "%s"' % (example.line, example.path)] + example.lines
    is_function = _FUNCTION.match(example.lines[0]) and example.lines[-1] == '}'
    # No code comes from an inline function, so free names need no definition.
    if is_function:
        lines = ['inline'] + lines
    else:
        lines = ['inline absl::Status Example() {'] + lines + [
            'return absl::OkStatus();', '}'
        ]
    name = re.sub(r'\W', '_', '%s_%d' % (example.path, example.line))
    return ['namespace %s {' % name] + lines + ['}']


def write_test(includes, examples_of):
    """The source of a test.

    Args:
      includes: what it includes.
      examples_of: a dict of a list of examples for each path.
    """
    lines = ['#include "%s"' % include for include in includes]
    lines += ['namespace ferry {', 'namespace {']
    for path in sorted(examples_of):
        for example in examples_of[path]:
            lines += _function(example)
    lines.append('TEST(Snippets, Compile) {')
    for path in sorted(examples_of):
        lines.append('std::cout << "examples in %s: %d\\n";' %
                     (path, len(examples_of[path])))
    return '\n'.join(lines + ['}', '}', '}', ''])


def check_includes(path, text, public):
    """Raises Fault if a public header includes one of Ferry's that is not.

    Args:
      path: of the header.
      text: its contents.
      public: the paths of all public headers.
    """
    allowed = {_include_of(header) for header in public}
    for number, line in enumerate(text.split('\n'), 1):
        include = re.match(r'#include "(ferry/.*)"', line)
        if include and include.group(1) not in allowed:
            raise Fault(path, number,
                        'a public header includes one that is not public')


def _include_of(header):
    return 'ferry/' + re.sub('^(plugins/abi|capi)/ferry/', '', header)


def main():
    parser = argparse.ArgumentParser()
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--runtime', action='store_true')
    which.add_argument('--others', action='store_true')
    parser.add_argument('labels')
    parser.add_argument('files', nargs='+')
    options = parser.parse_args()

    with open(options.labels, encoding='utf-8') as file:
        public = {
            label.strip().lstrip('/').replace(':', '/') for label in file
        }
    with open(_RUNTIME, encoding='utf-8') as file:
        exported = set(re.findall(r'^#include "ferry/(.*)"', file.read(), re.M))
    exported.add(_RUNTIME)
    if not exported <= public <= set(options.files):
        sys.exit('not public, or not given: %s' %
                 sorted(exported - public or public - set(options.files)))

    examples_of = {}
    for path in options.files:
        if path not in public and not path.endswith('.md'):
            continue
        if (path in exported) != options.runtime:
            continue
        with open(path, encoding='utf-8') as file:
            text = file.read()
        if path.endswith('.h'):
            check_includes(path, text, public)
        examples_of[path] = find_examples(path, text)
    includes = [_include_of(_RUNTIME), 'tests/snippets/free_names.h']
    if options.others:
        includes += [_include_of(p) for p in examples_of if p.endswith('.h')]
    print(write_test(includes, examples_of))


if __name__ == '__main__':
    try:
        main()
    except Fault as fault:
        sys.exit(str(fault))
