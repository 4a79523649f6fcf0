# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""Tests of what depends on what, by `bazel query`.

tools/checks tests who includes whom, file by file. These tests follow
dependencies through other targets.
"""

load(":ferry_python.bzl", "ferry_python_test")

def ferry_dependency_test(name, on, reaches, targets = None, **kwargs):
    """A test of whether targets depend on others, directly or through others.

    It looks at every configuration at once, as `bazel query` does.

    Args:
      name: its name.
      on: a regular expression that is found in the labels of the others, such
        as "//serialization/pickle:".
      reaches: whether one of the targets must depend on one of the others. If
        not, none may.
      targets: absolute labels. Default: every rule above in the BUILD file, its
        tests included.
      **kwargs: as for sh_test.
    """
    if targets == None:
        targets = [
            "//%s:%s" % (native.package_name(), rule)
            for rule in native.existing_rules()
        ]
    start = "set(%s)" % " ".join(targets)
    native.genquery(
        name = name + "_path",
        testonly = True,
        expression = "somepath(%s, filter('%s', deps(%s)))" % (start, on, start),
        scope = targets,
    )
    ferry_python_test(
        name = name,
        src = "//tools/build_rules:check_path.py",
        args = [
            "--reaches" if reaches else "--never-reaches",
            "$(location %s_path)" % name,
        ],
        data = [name + "_path"],
        **kwargs
    )
