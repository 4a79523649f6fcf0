# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""extract.py finds every example, and nothing else."""

import unittest

import extract


def header(text):
    return extract.find_examples('core/x.h', text)


class HeaderTest(unittest.TestCase):

    def test_takes_blocks_that_are_indented_more_than_prose(self):
        examples = header('// Example: prose.\n'
                          '//\n'
                          '//   if (a) {\n'
                          '//     b();  // c\n'
                          '//\n'
                          '//   }\n'
                          '//\n'
                          '// More prose.\n'
                          '  // In a class, right after prose:\n'
                          '  //   c();\n'
                          'int d;\n')
        self.assertEqual(examples, [
            ('core/x.h', 3, ['if (a) {', '  b();  // c', '', '}']),
            ('core/x.h', 10, ['c();']),
        ])

    def test_takes_prose_that_is_indented_so_that_it_does_not_compile(self):
        self.assertEqual(
            len(header('// Example:\n//\n//   see below for one\n')), 1)

    def test_takes_code_with_a_comment_or_an_operator_in_its_first_line(self):
        self.assertEqual(len(header('//   a();      // "a  b"\n')), 1)
        self.assertEqual(len(header('//   // First  this:\n')), 1)
        self.assertEqual(len(header('//   -a - b == c;\n')), 1)

    def test_leaves_lists_tables_and_errors(self):
        self.assertEqual(
            header('// Errors:\n'
                   '//   kDataLoss - cut short; says the\n'
                   '//               offset.\n'
                   '//   whatever reading returns.\n'
                   '//\n'
                   '// Errors: kNotFound, kDataLoss - a name that\n'
                   '//         is long.\n'
                   '//\n'
                   '// FERRY_OUT_OF_RANGE, FERRY_NOT_FOUND: no such\n'
                   '//   device.\n'
                   '//\n'
                   '//   kNotFound, kDataLoss - as `Open`.\n'
                   '//\n'
                   '// The parameters:\n'
                   '//\n'
                   '//   all shapes    outermost first.\n'
                   '//   strides       in elements.\n'
                   '//\n'
                   '// A list:\n'
                   '//   - first;\n'
                   '//   - second (of two).\n'), [])

    def test_refuses_code_in_a_list_or_a_table(self):
        for code in ('a(b);', 'a[b];', 'a{b};', 'a("b");  // c', 'if (a) {',
                     '}', '#include "a.h"', 'int a = b;', 'return a;'):
            for block in ('//   - first;\n//\n//   %s\n',
                          '//   a  the first.\n//   %s\n',
                          '// Errors: kDataLoss - damaged.\n//   %s\n'):
                with self.subTest(block=block, code=code):
                    with self.assertRaisesRegex(extract.Fault,
                                                r'^core/x\.h:[23]: C\+\+ in'):
                        header(block % code)

    def test_refuses_a_header_that_only_says_that_it_has_an_example(self):
        with self.assertRaisesRegex(extract.Fault, 'says "Example"'):
            header('// Example: a();\n//\n// - none\n')
        self.assertEqual(header('// ForExample\n'), [])


class GuideTest(unittest.TestCase):

    def test_takes_c_and_cpp(self):
        examples = extract.find_examples(
            'docs/x.md', '```sh\na\n```\n'
            '```cpp\n  b();\n```\n```c\nc();\n\nd();\n```\n')
        self.assertEqual(examples, [
            ('docs/x.md', 5, ['  b();']),
            ('docs/x.md', 8, ['c();', '', 'd();']),
        ])

    def test_refuses_a_block_in_an_unknown_language(self):
        for fence in ('```', '```c++', '``` Cpp', '  ```C'):
            with self.subTest(fence=fence):
                with self.assertRaisesRegex(extract.Fault, r'^docs/x\.md:2: '):
                    extract.find_examples('docs/x.md',
                                          '\n%s\na();\n```\n' % fence)


class SourceTest(unittest.TestCase):

    def test_puts_each_example_in_a_function_and_counts_them(self):
        statement = extract.Example('core/x.h', 3, ['a();'])
        function = extract.Example('core/x.h', 5, ['int F(int b) {', '}'])
        loop = extract.Example('core/x.h', 9, ['for (int b : c) {', '}'])
        source = extract.write_test(['a.h'], {
            'core/y.h': [],
            'core/x.h': [statement, function, loop],
        })
        wrapped = ('inline absl::Status Example() {\n#line %d "core/x.h"\n%s\n'
                   'return absl::OkStatus();\n}\n')
        self.assertTrue(source.startswith('#include "a.h"\n'))
        self.assertIn(wrapped % (3, 'a();'), source)
        self.assertIn(
            'namespace core_x_h_5 {\ninline\n#line 5 "core/x.h"\n'
            'int F(int b) {\n}\n}\n', source)
        self.assertIn(wrapped % (9, 'for (int b : c) {\n}'), source)
        self.assertIn('"examples in core/x.h: 3\\n"', source)
        self.assertIn('"examples in core/y.h: 0\\n"', source)


class IncludesTest(unittest.TestCase):

    def test_public_headers_include_public_headers(self):
        public = ['core/x.h', 'plugins/abi/ferry/plugin.h']
        extract.check_includes(
            'core/x.h', '#include <string>\n#include "ferry/core/x.h"\n'
            '#include "ferry/plugin.h"\n#include "absl/a.h"\n', public)
        with self.assertRaises(extract.Fault):
            extract.check_includes('core/x.h', '#include "ferry/core/y.h"\n',
                                   public)


if __name__ == '__main__':
    unittest.main()
