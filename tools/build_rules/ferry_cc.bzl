# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""C++ rules with Ferry's conventions.

The attributes are those of the native rules. What the macros add:

- headers are included as "ferry/<package>/<file>.h", also from a workspace that
  embeds Ferry;
- with --dynamic_mode=off, shared objects export only the symbols that are marked
  with FERRY_EXPORT;
- the C++ standard of the build, which must be C++17 or newer;
- warnings that are errors in Ferry's own build only;
- tests link GoogleTest's main; benchmarks are also run once, as tests.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-sign-compare",
    "-Werror",
]

# Unless told not to, Bazel links each library of a test as a shared object, and
# those need the symbols of each other.
_VISIBILITY = select({
    "//tools/build_rules:static_linking": ["-fvisibility=hidden"],
    "//conditions:default": [],
})

# Included first in every source, so that its #error is the first error. No flag
# sets the standard here, because it would override the one of the build.
_STANDARD_CHECK = "//core:language_standard"
_STANDARD_CHECK_COPTS = ["-include", "ferry/core/language_standard.h"]

def _copts(copts):
    # Another project's compiler may warn of what ours does not.
    own_build = native.repository_name() == "@"
    return _VISIBILITY + (_WARNINGS if own_build else []) + copts

def ferry_cc_library(name, srcs = [], copts = [], deps = [], **kwargs):
    """A cc_library whose headers are included as "ferry/<package>/...".

    Args:
      name: the stem of its header.
      srcs: its sources.
      copts: further compiler options.
      deps: as for cc_library; what checks the C++ standard is added.
      **kwargs: as for cc_library.
    """
    cc_library(
        name = name,
        srcs = srcs,
        copts = _copts(copts) + (_STANDARD_CHECK_COPTS if srcs else []),
        deps = deps + ([_STANDARD_CHECK] if srcs else []),
        include_prefix = "ferry/" + native.package_name(),
        **kwargs
    )

def ferry_cc_binary(name, copts = [], **kwargs):
    """A cc_binary.

    Args:
      name: its name.
      copts: further compiler options.
      **kwargs: as for cc_binary.
    """
    cc_binary(
        name = name,
        copts = _copts(copts),
        **kwargs
    )

def ferry_cc_test(name, copts = [], deps = [], size = "small", **kwargs):
    """A cc_test with GoogleTest.

    Args:
      name: the stem of its source.
      copts: further compiler options.
      deps: as for cc_test; GoogleTest is added.
      size: as for cc_test.
      **kwargs: as for cc_test.
    """
    cc_test(
        name = name,
        size = size,
        copts = _copts(copts),
        deps = deps + ["@com_google_googletest//:gtest_main"],
        **kwargs
    )

def ferry_cc_benchmark(name, srcs, deps = [], copts = [], data = [], **kwargs):
    """A benchmark binary, and a test `<name>_runs` that runs it once.

    Args:
      name: the stem of its source.
      srcs: its sources.
      deps: what it needs; Google Benchmark and its main are added.
      copts: further compiler options.
      data: files that it reads.
      **kwargs: as for cc_binary.
    """
    deps = deps + [
        "@com_github_google_benchmark//:benchmark",
        "@com_github_google_benchmark//:benchmark_main",
    ]
    cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        copts = _copts(copts),
        data = data,
        tags = ["benchmark"],
        deps = deps,
        **kwargs
    )
    cc_test(
        name = name + "_runs",
        size = "small",
        srcs = srcs,
        args = ["--benchmark_min_time=0"],
        copts = _copts(copts),
        data = data,
        deps = deps,
        **kwargs
    )

def ferry_fuzz_dictionary(name, srcs, **kwargs):
    """A libFuzzer dictionary, `<name>.dict`, of the constants in sources.

    Args:
      name: its name.
      srcs: the sources of a parser, which compare its input with constants.
      **kwargs: as for genrule.
    """
    native.genrule(
        name = name,
        testonly = True,
        srcs = srcs,
        outs = [name + ".dict"],
        cmd = "/usr/bin/python3 $(location //tools/build_rules:make_dictionary.py) $(SRCS) >$@",
        tools = ["//tools/build_rules:make_dictionary.py"],
        **kwargs
    )

def ferry_cc_fuzz_test(name, srcs, corpus, deps = [], copts = [], dictionaries = [], mutators = [], **kwargs):
    """A fuzzer: srcs define LLVMFuzzerTestOneInput.

    In an ordinary build it is a test that runs the corpus and a fixed number of
    mutations of it. Under --config=asan-ubsan it is a libFuzzer binary, and a
    test that runs the corpus.

    The files in testdata/<name>/ belong to the corpus: the inputs that once
    failed.

    Args:
      name: the stem of its source.
      srcs: its sources.
      corpus: files to begin with.
      deps: what it needs.
      copts: further compiler options.
      dictionaries: `ferry_fuzz_dictionary` targets, which tools/fuzz uses.
      mutators: a library that defines LLVMFuzzerCustomMutator, for libFuzzer.
      **kwargs: as for cc_test.
    """
    files = corpus + native.glob(["testdata/%s/*" % name])
    cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        args = ["$(locations %s)" % file for file in files],
        copts = _copts(copts),
        data = files + dictionaries,
        linkopts = select({
            "//tools/build_rules:fuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = [
            "fuzz",
            "sanitize",
        ],
        deps = deps + select({
            "//tools/build_rules:fuzzer": mutators,
            "//conditions:default": ["//tools/build_rules:fuzz_replay_main"],
        }),
        **kwargs
    )
