#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules that no compiler checks: layers, guards, licences, tabs.

    python3 tools/checks/source_rules.py [ROOT]

Prints one line per fault, as FILE:LINE: MESSAGE, and exits with 1 if there are
any.
"""

import io
import os
import re
import sys
import tokenize

# Who may include whom. A folder always includes itself; tests/ anything.
_ALL = ('core', 'io', 'value', 'devices', 'plugins', 'serialization',
        'autograd')
LAYERS = {
    'core': (),
    'io': ('core',),
    'value': ('core',),
    'devices': ('core',),
    'autograd': ('core',),
    'plugins': ('core', 'io', 'devices'),
    'serialization': ('core', 'io', 'value', 'devices'),
    'runtime': _ALL,
    'capi': _ALL + ('runtime',),
    'examples': ('runtime',),
    'tools': _ALL + ('runtime',),
    'tests': _ALL + ('runtime', 'capi', 'tools'),
}

# The same between the folders inside a layer. What stands at its top may include
# all of them; they include nothing of the top, but where it is listed. Tests
# look where they like.
TOP = ''
_FORMATS = ('container', 'transfer', 'zip', 'pickle')
INNER_LAYERS = {
    'autograd': {
        'kernels': (),
        'graph': (TOP,),
        'ops': (TOP, 'graph', 'kernels'),
    },
    'plugins': {
        'abi': (),
        'check': (TOP, 'abi'),
        'cpu': (),
        'cuda': ('abi',),
        'example': ('abi',),
        'meta': (),
        'opencl': ('abi',),
    },
    'serialization': {
        'container': (),
        'transfer': ('container',),
        'zip': ('container', 'transfer'),
        'pickle': (),
        'torch': _FORMATS,
        'safetensors': _FORMATS,
        'proto': ('container',),
        'detection': _FORMATS + ('torch', 'safetensors'),
        'scan': _FORMATS + ('torch', 'safetensors'),
    },
}
_MAX_COLUMNS = 80

TESTS = ('_test.cc', '_fuzz.cc', '_benchmark.cc')

# Sources of these folders are built as a stranger builds a plugin: of Ferry
# they see the C header alone, and of other libraries only what the device
# needs. Their tests may see more.
PLUGIN_SOURCES = ('plugins/cuda/', 'plugins/example/', 'plugins/opencl/')
PLUGIN_HEADER = 'ferry/plugin.h'
# The C headers, which have no folder in their names, and the layers that may
# include them.
_C_HEADERS = {
    PLUGIN_HEADER: ('plugins', 'runtime', 'capi', 'tools', 'tests'),
    'ferry/ferry.h': ('capi', 'tests'),
}

# A workspace of its own, some of whose headers are named as Ferry's are.
CONSUMER = 'tests/consumer/'

# Other libraries: the start of an include, and the files that may have it.
ANYWHERE = ('',)
# One source of the library; the others are programs that use it as well.
_ONETBB = ('core/parallel.cc', 'core/parallel_benchmark.cc',
           'core/parallel_host_test.cc',
           'tests/benchmarks/pinning.h')
_CUDA_TOOLKIT = ('plugins/cuda/cuda_driver_drift_test.cc',)
LIBRARIES = {
    'absl/': ANYWHERE,
    'benchmark/': ANYWHERE,
    'gmock/': ANYWHERE,
    'gtest/': ANYWHERE,
    'CL/': ('plugins/opencl/', 'tests/plugins/'),
    'CLI/': ('tools/',),
    # The CUDA Toolkit. Ferry itself declares what it needs of the driver.
    'cuda.h': _CUDA_TOOLKIT,
    'cuda_runtime': _CUDA_TOOLKIT,
    'google/protobuf/': ('serialization/proto/', 'tools/', 'tests/'),
    'hwy/': ('core/cast_', 'core/simd_dispatch', 'autograd/kernels/'),
    'isa-l': ('io/', 'tests/'),
    'nlohmann/': ('examples/', 'plugins/plugin_manifest.cc', 'serialization/',
                  'tools/', 'tests/'),
    'oneapi/': _ONETBB,
    'openssl/': ('tools/',),
    'tbb/': _ONETBB,
    'zlib.h': ('io/', 'serialization/testing/', 'tests/'),
}

CPP = ('.cc', '.h', '.c', '.cu')
_OTHER = ('.bzl', '.proto', '.py', '.sh', '.BUILD')
_NAMES = ('BUILD', 'MODULE.bazel', 'WORKSPACE')
_SKIPPED_FOLDERS = ('node_modules', '__pycache__')

# Calls that a signal can interrupt, on some file system at least, and that have
# done nothing then: core/eintr.h. (After close() the descriptor is closed, and
# fallocate() may be interrupted again and again.)
_INTERRUPTIBLE = re.compile(
    r'(?<![\w.>])(?:access|dup2?|f?statx?|faccessat|fchmod|fchown|fdatasync|'
    r'flock|fstatat|fstatfs|fsync|ftruncate|linkat|lstat|mkostemp|open(?:at|dir)?|'
    r'poll|p?read|p?write|readlink|realpath|rename(?:at)?|sync_file_range|'
    r'unlink(?:at)?|waitpid)\(')
# The include of a library that has such calls.
_POSIX = re.compile(
    r'#include <(?:dirent|fcntl|poll|unistd|sys/(?:file|stat|wait))\.h>')
# How many lines above a call its RetryOnEintr may stand.
_RETRY_LINES = 3

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')
_LICENCE = re.compile(
    r'(?://|#) Copyright 20\d\d The Ferry Authors\n'
    r'(?://|#) SPDX-License-Identifier: Apache-2\.0\n')


def _is_script(path):
    """Whether a file without an extension starts with #!."""
    if '.' in os.path.basename(path):
        return False
    with open(path, 'rb') as file:
        return file.read(2) == b'#!'


def source_files(root):
    """Paths below root of the files that the rules are for, sorted."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name for name in folders
            if name not in _SKIPPED_FOLDERS and name != '.git' and
            name != '.cache' and not os.path.islink(os.path.join(folder, name))
        ]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            if (name in _NAMES or name.endswith(CPP + _OTHER) or
                    _is_script(path)):
                found.append(os.path.relpath(path, root))
    return sorted(found)


def _library_of(include):
    for start in LIBRARIES:
        if include.startswith(start):
            return start
    return None


def _check_ferry_include(path, include):
    folder = path.split('/')[0]
    if folder not in LAYERS:
        return '%s/ is not a layer, so it may include nothing of Ferry' % folder
    if folder in _C_HEADERS.get(include, ()):
        return None
    if path.startswith(PLUGIN_SOURCES) and not path.endswith('_test.cc'):
        return ('the sources of a plugin may include only the C header, not '
                '"%s"' % include)
    target = include.split('/')[1]
    if target not in LAYERS:
        return '"%s": %s/ is not a layer' % (include, target)
    if target != folder and target not in LAYERS[folder]:
        return '"%s": %s/ may include %s' % (
            include, folder, ', '.join(
                name + '/' for name in LAYERS[folder]) or 'no other folder')
    return None


def _check_inner_include(path, include):
    parts = path.split('/')
    inner = INNER_LAYERS.get(parts[0])
    if inner is None or len(parts) < 3 or path.endswith(TESTS):
        return None
    folder = parts[1]
    if folder == 'testing':
        return None
    if folder not in inner:
        return '%s/%s/ is not in INNER_LAYERS' % (parts[0], folder)
    target = include.split('/')[1:]
    if target[0] != parts[0]:
        return None
    if len(target) < 3:
        if TOP in inner[folder]:
            return None
        return '"%s": %s/%s/ may include nothing at the top of %s/' % (
            include, parts[0], folder, parts[0])
    if target[1] != folder and target[1] not in inner[folder]:
        return '"%s": %s/%s/ may include %s' % (
            include, parts[0], folder, ', '.join(
                name + '/' for name in inner[folder]) or 'no other folder')
    return None


def check_include(path, include, quoted):
    """What is wrong with an include in the file at path; None if nothing."""
    if include.startswith('ferry/'):
        if not quoted:
            return 'write "%s", in quotes' % include
        return (_check_ferry_include(path, include) or
                _check_inner_include(path, include))
    library = _library_of(include)
    if library is None:
        # Plugins are built where there is no tree of Ferry's around them.
        if (quoted and path.startswith(PLUGIN_SOURCES) and
                '/' not in include):
            return None
        if quoted and path.startswith(CONSUMER):
            return None
        if quoted:
            return ('"%s": an include of Ferry is spelt "ferry/<folder>/..."; '
                    'another library must be listed in %s' %
                    (include, 'tools/checks/source_rules.py'))
        return None
    if (path.startswith(PLUGIN_SOURCES) and library == 'absl/' and
            not path.endswith('_test.cc')):
        return 'the sources of a plugin may not use Abseil: "%s"' % include
    allowed = LIBRARIES[library]
    if not path.startswith(allowed):
        return '%s may be included in %s only' % (include, ', '.join(allowed))
    return None


def check_guard(path, text):
    """(line, message) of what is wrong with a header's guard, or None."""
    guard = 'FERRY_' + re.sub(r'[^A-Za-z0-9]', '_', path).upper() + '_'
    opening = re.search(r'^#ifndef (\w+)\n#define (\w+)\n', text, re.MULTILINE)
    if opening is None:
        return 1, 'no header guard; it should be %s' % guard
    line = text.count('\n', 0, opening.start()) + 1
    if opening.groups() != (guard, guard):
        return line, 'the header guard should be %s' % guard
    if not text.endswith('\n#endif  // %s\n' % guard):
        return text.count('\n'), 'the last line should be #endif  // ' + guard
    return None


def check_namespace(text):
    """(line, message) for each opening of ferry without its version."""
    return [(text.count('\n', 0, opening.start()) + 1,
             'namespace ferry without inline namespace v1')
            for opening in re.finditer(
                r'^namespace ferry\b(?! \{\ninline namespace v1 \{$)', text,
                re.MULTILINE)]


def check_interruptible(path, text):
    """(line, message) for each call that is not repeated after a signal."""
    is_of_library = path.endswith(('.cc', '.h')) and not re.search(
        r'(^tests/|^examples/|/testing/|_(test|fuzz|benchmark|main)\.cc$)', path)
    if not is_of_library or not _POSIX.search(text):
        return []
    lines = [line.split('//')[0] for line in text.split('\n')]
    faults = []
    for number, line in enumerate(lines, 1):
        call = _INTERRUPTIBLE.search(line)
        if call is None:
            continue
        before = ''.join(lines[max(0, number - 1 - _RETRY_LINES):number])
        if 'RetryOnEintr' not in before:
            faults.append((number, '%s) outside RetryOnEintr' % call.group()))
    return faults


def check_indentation(text):
    """(line, message) for each block of Python that is not indented by 4."""
    faults = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if (token.type == tokenize.INDENT and
                    len(token.string.expandtabs()) % 4):
                faults.append((token.start[0], 'a block that is not indented '
                               'by a multiple of 4'))
    except (tokenize.TokenError, SyntaxError):
        pass  # whoever runs it will say so
    return faults


def check_text(path, text):
    """All faults of one file, as (line, message)."""
    faults = []
    head = re.sub(r'\A#!.*\n', '', text)
    if not _LICENCE.match(head):
        faults.append((1, 'no licence header'))
    for number, line in enumerate(text.split('\n'), 1):
        if '\t' in line:
            faults.append((number, 'a tab'))
        if not path.endswith(CPP):
            continue
        # clang-format breaks lines of code, and leaves comments as they are.
        if len(line) > _MAX_COLUMNS and '://' not in line:
            faults.append((number, 'a line of more than %d columns' %
                           _MAX_COLUMNS))
        include = INCLUDE.match(line)
        if include is None:
            continue
        quoted = include.group(1) is not None
        message = check_include(path, include.group(1) if quoted else
                                include.group(2), quoted)
        if message:
            faults.append((number, message))
    faults += check_interruptible(path, text)
    if path.endswith(CPP):
        faults += check_namespace(text)
    if path.endswith('.py') or text.startswith('#!/usr/bin/python3'):
        faults += check_indentation(text)
    if path.endswith('.h'):
        fault = check_guard(path, text)
        if fault:
            faults.append(fault)
    return faults


def check_tree(root):
    """All faults below root, as lines of text, and how many files there are."""
    paths = source_files(root)
    lines = []
    for path in paths:
        with open(os.path.join(root, path), encoding='utf-8') as file:
            text = file.read()
        lines += [
            '%s:%d: %s' % (path, line, message)
            for line, message in check_text(path, text)
        ]
    return lines, len(paths)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), '..', '..')
    faults, files = check_tree(root)
    for fault in faults:
        print(fault)
    print('%d files, %d faults' % (files, len(faults)))
    return 1 if faults or files == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
