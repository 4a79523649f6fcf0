# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""The repositories that Ferry depends on.

A workspace that embeds Ferry writes, after its own repositories:

    load("@ferry//third_party:dependencies.bzl", "ferry_dependencies")

    ferry_dependencies()

A repository that exists already keeps its definition, so whatever the workspace
defines first wins. Everything else is the system's package under the label that
the library has everywhere (`@com_google_absl//absl/status`); nothing is fetched.
"""

load("//third_party:libraries.bzl", "LIBRARIES")
load("//third_party:system_library.bzl", "system_library")
load("//third_party/cuda:cuda_header.bzl", "cuda_header")

# Bazel's own rule sets: the Debian package of each, and where it puts it.
_RULE_SETS = {
    "bazel_skylib": ("bazel-skylib", "/usr/share/bazel/tools/skylib"),
    "platforms": ("bazel-platforms", "/usr/share/bazel/tools/platforms"),
    "rules_java": ("bazel-rules-java", "/usr/share/bazel/rules/java"),
}

def _missing(name):
    return name not in native.existing_rules()

def ferry_dependencies():
    """Defines each repository that the workspace has not defined itself."""
    for name, (debian_package, directory) in _RULE_SETS.items():
        if _missing(name):
            system_library(
                name = name,
                debian_package = debian_package,
                directory = directory,
            )
    if _missing("rules_cc"):
        system_library(
            name = "rules_cc",
            build_files = {
                Label("//third_party/rules_cc:cc.BUILD"): "cc/BUILD",
                Label("//third_party/rules_cc:defs.bzl.in"): "cc/defs.bzl",
            },
        )
    if _missing("remote_coverage_tools"):
        system_library(
            name = "remote_coverage_tools",
            build_files = {
                Label("//third_party/remote_coverage_tools:remote_coverage_tools.BUILD"): "BUILD",
                Label("//third_party/remote_coverage_tools:unused.sh"): "unused.sh",
            },
        )
    for name, attributes in LIBRARIES.items():
        if _missing(name):
            system_library(name = name, **attributes)
    if _missing("cuda"):
        cuda_header(name = "cuda")
