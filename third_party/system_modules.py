#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes stand-ins for the modules that Ferry needs, out of Debian packages.

    system_modules.py FOLDER [--except=MODULE]...

With them, Bazel 7 builds Ferry, or a module that depends on it, from the same
packages as with WORKSPACE, and downloads nothing:

    bazel --bazelrc=FOLDER/bazelrc build //runtime

A stand-in has an alias for each label of its library, to a repository of the
extension in extensions.bzl. --except leaves out a module that you override
yourself.
"""

import os
import re
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

# Where Debian's packages bazel-rules-cc and so on put the rule sets.
RULE_SETS = {
    'bazel_features': '/usr/share/bazel/tools/features',
    'bazel_skylib': '/usr/share/bazel/tools/skylib',
    'platforms': '/usr/share/bazel/tools/platforms',
    'rules_cc': '/usr/share/bazel/rules/cc',
    'rules_java': '/usr/share/bazel/rules/java',
    'rules_license': '/usr/share/bazel/rules/license',
    'rules_proto': '/usr/share/bazel/rules/proto',
    'rules_python': '/usr/share/bazel/rules/python',
}

# Modules that Bazel itself names, and that no build of C++ uses.
UNUSED = {
    'apple_support': {},
    'buildozer': {
        'buildozer_binary.bzl':
            'def _no_repository(ctx):\n'
            '    ctx.file("BUILD")\n'
            '\n'
            'no_repository = repository_rule(implementation = _no_repository)\n'
            '\n'
            'def _implementation(_ctx):\n'
            '    no_repository(name = "buildozer_binary")\n'
            '\n'
            'buildozer_binary = module_extension(implementation = _implementation)\n'
    },
}

# Has the extension, whether or not the build depends on Ferry.
_EXTENSIONS = 'ferry_system_libraries'

_MODULE = """module(name = "{module}")

bazel_dep(name = "ferry_system_libraries")

system_libraries = use_extension(
    "@ferry_system_libraries//third_party:extensions.bzl",
    "system_libraries",
)
use_repo(system_libraries, system = "{repository}")
"""

_PACKAGE = """package(default_visibility = ["//visibility:public"])
"""

_ALIAS = """
alias(
    name = "{name}",
    actual = "@system//{package}:{name}",
)
"""


def run_starlark(path, names):
    """Runs a file of Starlark that is also Python, with names for it to use.

    What it defines is added to the names. A file whose names are all there
    already is not loaded.
    """

    def load(label, *loaded):
        if not names.keys() >= set(loaded):
            run_starlark(label[2:].replace(':', '/'), names)

    names['load'] = load
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        exec(file.read(), names)  # pylint: disable=exec-used
    return names


def read_libraries():
    """The table of libraries.bzl, with paths for its labels."""
    names = {'Label': lambda label: label[2:].replace(':', '/')}
    return run_starlark('third_party/libraries.bzl', names)['LIBRARIES']


def read_modules():
    """Maps the repositories of MODULE.bazel to the arguments of bazel_dep().

    A repository of an extension has no name, and perhaps dev_dependency.
    """
    repositories = {}

    def bazel_dep(name, repo_name=None, **arguments):
        repositories[repo_name or name] = dict(arguments, name=name)

    def use_repo(extension, *names):
        repositories.update((name, extension) for name in names)

    run_starlark(
        'MODULE.bazel', {
            'bazel_dep': bazel_dep,
            'module': lambda **_: None,
            'use_extension': lambda *_, **arguments: arguments,
            'use_repo': use_repo,
        })
    return repositories


def labels_of(library):
    """The labels of a library, as pairs of package and name."""
    for label in library.get('pkg_config_labels', ()):
        package, _, name = label[2:].partition(':')
        yield package, name
    for path in library.get('build_files', ()):
        with open(os.path.join(ROOT, path), encoding='utf-8') as file:
            for name in re.findall(r'^    name = "(\w+)"', file.read(), re.M):
                yield '', name


def write_files(folder, files):
    for path, content in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(content)


def stand_in(module, repository, library):
    """The files of a stand-in, by their path."""
    files = {
        'BUILD': _PACKAGE,
        'MODULE.bazel': _MODULE.format(module=module, repository=repository)
    }
    for package, name in labels_of(library):
        files.setdefault(os.path.join(package, 'BUILD'), _PACKAGE)
        files[os.path.join(package, 'BUILD')] += _ALIAS.format(
            package=package, name=name)
    return files


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    exceptions = []
    for argument in sys.argv[2:]:
        if not argument.startswith('--except='):
            sys.exit('system_modules.py: unknown argument: ' + argument)
        exceptions.append(argument[len('--except='):])
    missing = [path for path in RULE_SETS.values() if not os.path.exists(path)]
    if missing:
        sys.exit('system_modules.py: there is no %s. Install the rule sets: '
                 'apt-get install bazel-features bazel-platforms bazel-rules-cc '
                 'bazel-rules-java bazel-rules-license bazel-rules-proto '
                 'bazel-rules-python bazel-skylib' % missing[0])
    overrides = dict(RULE_SETS)
    for module, files in UNUSED.items():
        overrides[module] = os.path.join(folder, module)
        write_files(overrides[module], {
            'BUILD': '',
            'MODULE.bazel': 'module(name = "%s")\n' % module,
            **files
        })
    libraries = read_libraries()
    for repository, arguments in read_modules().items():
        module = arguments.get('name')
        if module is None or repository not in libraries:
            continue
        overrides[module] = os.path.join(folder, module)
        write_files(overrides[module],
                    stand_in(module, repository, libraries[repository]))

    for module in exceptions:
        if overrides.pop(module, None) is None:
            sys.exit('system_modules.py: no module "%s" is replaced; those that '
                     'are: %s' % (module, ', '.join(sorted(overrides))))

    # Bazel refuses an override of a module that nothing depends on.
    extensions = os.path.join(folder, _EXTENSIONS)
    write_files(
        extensions, {
            'BUILD':
                '',
            'MODULE.bazel':
                'module(name = "%s")\n\n' % _EXTENSIONS + ''.join(
                    'bazel_dep(name = "%s")\n' % module
                    for module in sorted(overrides))
        })
    overrides[_EXTENSIONS] = extensions
    link = os.path.join(extensions, 'third_party')
    if not os.path.lexists(link):
        os.symlink(os.path.join(ROOT, 'third_party'), link)

    # What cc_test asks for in any build.
    coverage = os.path.join(folder, 'remote_coverage_tools')
    os.makedirs(coverage, exist_ok=True)
    source = os.path.join(ROOT, 'third_party', 'remote_coverage_tools')
    shutil.copy(os.path.join(source, 'remote_coverage_tools.BUILD'),
                os.path.join(coverage, 'BUILD'))
    shutil.copy(os.path.join(source, 'unused.sh'), coverage)
    write_files(coverage, {'MODULE.bazel': '', 'WORKSPACE': ''})

    lines = ['common --noenable_workspace', 'common --lockfile_mode=off']
    lines += ['common --override_module=%s=%s' % pair
              for pair in sorted(overrides.items())]
    lines.append('common --override_repository=bazel_tools~'
                 'remote_coverage_tools_extension~remote_coverage_tools=' +
                 coverage)
    write_files(folder, {'bazelrc': '\n'.join(lines) + '\n'})


if __name__ == '__main__':
    main()
