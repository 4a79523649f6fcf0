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

load("//third_party:system_library.bzl", "system_library")
load("//third_party/absl:packages.bzl", "ABSL_DEBIAN_PACKAGE", "ABSL_LABELS")
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
    if _missing("com_google_absl"):
        system_library(
            name = "com_google_absl",
            debian_package = ABSL_DEBIAN_PACKAGE,
            pkg_config_labels = ABSL_LABELS,
        )
    if _missing("onetbb"):
        system_library(
            name = "onetbb",
            debian_package = "libtbb-dev",
            pkg_config_labels = {"//:tbb": "tbb"},
        )
    if _missing("zlib"):
        system_library(
            name = "zlib",
            debian_package = "zlib1g-dev",
            pkg_config_labels = {"//:zlib": "zlib"},
        )
    if _missing("isal"):
        system_library(
            name = "isal",
            debian_package = "libisal-dev",
            pkg_config_labels = {"//:isal": "libisal"},
        )
    if _missing("highway"):
        system_library(
            name = "highway",
            debian_package = "libhwy-dev",
            pkg_config_labels = {"//:hwy": "libhwy"},
        )
    if _missing("nlohmann_json"):
        system_library(
            name = "nlohmann_json",
            debian_package = "nlohmann-json3-dev",
            pkg_config_labels = {"//:json": "nlohmann_json"},
        )
    if _missing("cli11"):
        system_library(
            name = "cli11",
            debian_package = "libcli11-dev",
            pkg_config_labels = {"//:cli11": ""},
            required_files = ["/usr/include/CLI/CLI.hpp"],
        )
    if _missing("cuda"):
        cuda_header(name = "cuda")
    if _missing("openssl"):
        system_library(
            name = "openssl",
            debian_package = "libssl-dev",
            pkg_config_labels = {"//:crypto": "libcrypto"},
        )
    if _missing("com_google_googletest"):
        system_library(
            name = "com_google_googletest",
            debian_package = "libgtest-dev libgmock-dev",
            pkg_config_labels = {
                "//:gmock": "gmock",
                "//:gtest": "gmock",
                "//:gtest_main": "gmock_main",
            },
        )
    if _missing("com_github_google_benchmark"):
        system_library(
            name = "com_github_google_benchmark",
            # Debian 12 has no benchmark_main.pc.
            build_files = {
                Label("//third_party/benchmark:benchmark.BUILD"): "BUILD",
            },
            debian_package = "libbenchmark-dev",
            required_files = ["/usr/include/benchmark/benchmark.h"],
        )
    if _missing("com_google_protobuf"):
        system_library(
            name = "com_google_protobuf",
            build_files = {
                Label("//third_party/protobuf:protobuf.BUILD"): "BUILD",
            },
            debian_package = "libprotobuf-dev protobuf-compiler",
            required_files = [
                "/usr/bin/protoc",
                "/usr/include/google/protobuf/message.h",
            ],
        )
