# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Each rule refuses what it should, and nothing else."""

import os
import tempfile
import unittest

import source_rules

LICENCE = ('// Copyright 2026 The Ferry Authors\n'
           '// SPDX-License-Identifier: Apache-2.0\n')


def faults(path, *includes):
    text = LICENCE + ''.join('#include %s\n' % include for include in includes)
    return [message for _, message in source_rules.check_text(path, text)]


class SourceRulesTest(unittest.TestCase):

    def assert_fine(self, path, *includes):
        self.assertEqual(faults(path, *includes), [])

    def assert_fault(self, message, path, *includes):
        found = faults(path, *includes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(message, found[0])

    def test_own_folder_and_lower_layers(self):
        self.assert_fine('core/a.cc', '"ferry/core/b.h"')
        self.assert_fine('serialization/zip/a.cc', '"ferry/core/b.h"',
                         '"ferry/devices/c.h"', '"ferry/io/d.h"')
        self.assert_fine('runtime/a.cc', '"ferry/plugins/cpu/b.h"',
                         '"ferry/value/c.h"')
        self.assert_fine('tests/a/b.cc', '"ferry/runtime/c.h"',
                         '"ferry/core/d.h"')

    def test_namespaces_have_their_version(self):
        versioned = 'namespace ferry {\ninline namespace v1 {\n'
        for text, count in ((versioned, 0), ('namespace ferry_cuda {\n', 0),
                            ('}  // namespace ferry\n', 0),
                            ('namespace ferry {\n', 1),
                            ('namespace ferry::kernels {\n', 1),
                            (versioned + 'namespace ferry {\nclass A;\n', 1)):
            with self.subTest(text):
                self.assertEqual(len(source_rules.check_namespace(text)), count)

    def test_examples_include_what_users_include(self):
        self.assert_fine('examples/a.cc', '"ferry/runtime/b.h"',
                         '"nlohmann/json.hpp"')
        self.assert_fault('examples/ may include runtime/', 'examples/a.cc',
                          '"ferry/core/b.h"')

    def test_upward_and_sideways(self):
        self.assert_fault('core/ may include no other folder', 'core/a.cc',
                          '"ferry/devices/b.h"')
        self.assert_fault('devices/ may include core/', 'devices/a.cc',
                          '"ferry/serialization/b.h"')
        self.assert_fault('serialization/ may include core/, io/, value/, devices/',
                          'serialization/a_test.cc', '"ferry/plugins/cpu/b.h"')
        self.assert_fault('value/ may include core/', 'value/a.cc',
                          '"ferry/io/b.h"')
        self.assert_fault('runtime/ may include', 'runtime/a.cc',
                          '"ferry/tools/b.h"')
        self.assert_fault('tools/ may include', 'tools/a.cc',
                          '"ferry/tests/b.h"')
        self.assert_fault('is not a layer', 'core/a.cc', '"ferry/nowhere/b.h"')
        self.assert_fault('is not a layer', 'docs/a.cc', '"ferry/core/b.h"')

    def test_folders_inside_a_layer(self):
        self.assert_fine('serialization/torch/a.cc',
                         '"ferry/serialization/zip/b.h"',
                         '"ferry/serialization/torch/c.h"')
        self.assert_fine('serialization/a.cc', '"ferry/serialization/b.h"',
                         '"ferry/serialization/torch/c.h"')
        self.assert_fault('nothing at the top of serialization/',
                          'serialization/torch/a.cc',
                          '"ferry/serialization/load_options.h"')
        self.assert_fault('serialization/transfer/ may include container/',
                          'serialization/transfer/a.cc',
                          '"ferry/serialization/zip/b.h"')
        self.assert_fault('serialization/pickle/ may include no other folder',
                          'serialization/pickle/a.cc',
                          '"ferry/serialization/torch/b.h"')
        self.assert_fault('not in INNER_LAYERS', 'serialization/odd/a.cc',
                          '"ferry/serialization/container/b.h"')
        self.assert_fine('serialization/zip/a_test.cc',
                         '"ferry/serialization/testing/b.h"')
        self.assert_fine('plugins/check/a.cc', '"ferry/plugins/b.h"')
        self.assert_fault('nothing at the top of plugins/', 'plugins/cpu/a.cc',
                          '"ferry/plugins/b.h"')

    def test_indented_and_spaced_directives_count(self):
        text = LICENCE + '  #  include  "ferry/devices/b.h"  // why\n'
        self.assertEqual(len(source_rules.check_text('core/a.cc', text)), 1)

    def test_prefix(self):
        self.assert_fault('is spelt "ferry/<folder>/..."', 'core/a.cc',
                          '"core/b.h"')
        self.assert_fault('is spelt "ferry/<folder>/..."', 'core/a.cc',
                          '"b.h"')
        self.assert_fault('in quotes', 'core/a.cc', '<ferry/core/b.h>')

    def test_system_headers(self):
        self.assert_fine('core/a.cc', '<vector>', '<sys/mman.h>')

    def test_libraries(self):
        for path in ('core/parallel.cc', 'core/parallel_host_test.cc'):
            self.assert_fine(path, '"tbb/parallel_for.h"')
        for path in ('core/parallel_test.cc', 'devices/copy.cc'):
            self.assert_fault('tests/benchmarks/pinning.h only', path,
                              '<oneapi/tbb/task_arena.h>')
        self.assert_fault('tools/ only', 'core/a.cc', '"CLI/CLI.hpp"')
        self.assert_fine('tools/ferry.cc', '"CLI/CLI.hpp"', '<openssl/evp.h>')
        self.assert_fault('plugins/opencl/, tests/plugins/ only',
                          'plugins/cpu/a.cc', '<CL/cl.h>')
        self.assert_fine('plugins/opencl/a.c', '<CL/cl.h>')
        self.assert_fine('devices/a.cc', '"absl/status/status.h"')
        self.assert_fine('plugins/cuda/cuda_driver_drift_test.cc', '<cuda.h>')
        self.assert_fine('plugins/cuda/a.cc', '"cuda_driver.h"')
        for header in ('<cuda.h>', '<cuda_runtime_api.h>'):
            self.assert_fault('cuda_driver_drift_test.cc only',
                              'plugins/cuda/a.cc', header)

    def test_plugin_sources_see_the_c_header_alone(self):
        self.assert_fine('plugins/example/a.c', '"ferry/plugin.h"',
                         '<stdlib.h>', '"beside_it.h"')
        self.assert_fine('tests/a.cc', '"ferry/plugin.h"')
        self.assert_fault('is not a layer', 'core/a.cc', '"ferry/plugin.h"')
        self.assert_fine('capi/a.cc', '"ferry/ferry.h"')
        self.assert_fault('is not a layer', 'core/a.cc', '"ferry/ferry.h"')
        self.assert_fault('only the C header', 'plugins/opencl/a.c',
                          '"ferry/core/tensor.h"')
        self.assert_fault('only the C header', 'plugins/example/a.cc',
                          '"ferry/core/tensor.h"')
        self.assert_fault('only the C header', 'plugins/example/a.c',
                          '"ferry/plugins/cpu/cpu_backend.h"')
        self.assert_fault('may not use Abseil', 'plugins/example/a.cc',
                          '"absl/status/status.h"')
        self.assert_fine('plugins/example/a_test.cc',
                         '"ferry/plugins/plugin_backend.h"',
                         '"ferry/devices/backend.h"',
                         '"absl/status/status.h"')

    def test_guard(self):
        path, guard = 'core/a_b.h', 'FERRY_CORE_A_B_H_'
        good = ('#ifndef %s\n#define %s\n\nint x;\n\n#endif  // %s\n' %
                (guard, guard, guard))
        self.assertIsNone(source_rules.check_guard(path, LICENCE + good))
        for bad in (good.replace('A_B', 'B', 1), good.replace('A_B', 'A'),
                    good.replace('  // ' + guard, ''), good + 'int y;\n',
                    '#pragma once\n'):
            self.assertIsNotNone(source_rules.check_guard(path, bad), bad)

    def test_long_lines(self):
        for line, expected in (('// ' + 77 * 'x', 0), ('// ' + 78 * 'x', 1),
                               ('// https://' + 80 * 'x', 0)):
            found = source_rules.check_text('core/a.cc',
                                            LICENCE + line + '\n')
            self.assertEqual(len(found), expected, line)

    def test_calls_that_signals_interrupt(self):
        head = LICENCE + '#include <unistd.h>\n'
        for path, line, expected in (
                ('io/a.cc', 'read(fd, to, 1);', 1),
                ('io/a.cc', '::read(fd, to, 1);', 1),
                ('io/a.cc', 'RetryOnEintr([&] { return read(fd, to, 1); });', 0),
                ('io/a.cc', 'RetryOnEintr([&] {\n  return read(fd, to, 1);\n});',
                 0),
                ('io/a.cc', 'file.read(to, 1); file->read(to, 1);', 0),
                ('io/a.cc', '// read(fd, to, 1) waits.', 0),
                ('io/a.cc', 'close(fd);', 0),
                ('io/a_test.cc', 'read(fd, to, 1);', 0),
                ('io/testing/a.cc', 'read(fd, to, 1);', 0)):
            found = source_rules.check_text(path, head + line + '\n')
            self.assertEqual(len(found), expected, (path, line))
        self.assertEqual(
            source_rules.check_text('io/a.cc', LICENCE + 'read(fd);\n'), [])

    def test_indentation_of_python(self):
        head = LICENCE.replace('//', '#')
        for path, indent, expected in (('a.py', 4, 0), ('a.py', 2, 1),
                                       ('a.py', 8, 0), ('a.sh', 2, 0)):
            text = '%sif x:\n%sy = (1,\n   2)\n' % (head, indent * ' ')
            self.assertEqual(len(source_rules.check_text(path, text)), expected)
        script = '#!/usr/bin/python3\n%sif x:\n  y\n' % head
        self.assertEqual(len(source_rules.check_text('tools/a', script)), 1)

    def test_licence_and_tabs(self):
        self.assertEqual(
            source_rules.check_text('a.sh', '#!/bin/sh\n' +
                                    LICENCE.replace('//', '#')), [])
        self.assertEqual(
            source_rules.check_text('BUILD', 'x = 1\n'),
            [(1, 'no licence header')])
        self.assertEqual(
            source_rules.check_text('core/a.cc', LICENCE + 'int\tx;\n'),
            [(3, 'a tab')])

    def test_tree(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, 'core'))
            os.makedirs(os.path.join(root, '.cache'))
            os.symlink(os.path.join(root, 'core'),
                       os.path.join(root, 'bazel-bin'))
            for path, text in (
                ('core/a.cc', LICENCE + '#include "a.h"\n'),
                ('.cache/b.cc', ''),
                ('script', '#!/bin/sh\n'),
                ('notes', 'no script\n'),
            ):
                with open(os.path.join(root, path), 'w') as file:
                    file.write(text)
            lines, files = source_rules.check_tree(root)
        self.assertEqual(files, 2)
        self.assertEqual(lines[0][:13], 'core/a.cc:3: ')
        self.assertEqual(lines[1], 'script:1: no licence header')


if __name__ == '__main__':
    unittest.main()
