# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""The system's libraries: the repository of each, and its system_library().

Data alone, for dependencies.bzl (WORKSPACE) and extensions.bzl (MODULE.bazel).
"""

load("//third_party/absl:packages.bzl", "ABSL_DEBIAN_PACKAGE", "ABSL_LABELS")

LIBRARIES = {
    "cli11": dict(
        debian_package = "libcli11-dev",
        pkg_config_labels = {"//:cli11": ""},
        required_files = ["/usr/include/CLI/CLI.hpp"],
    ),
    "com_github_google_benchmark": dict(
        # Debian 12 has no benchmark_main.pc.
        build_files = {
            Label("//third_party/benchmark:benchmark.BUILD"): "BUILD",
        },
        debian_package = "libbenchmark-dev",
        required_files = ["/usr/include/benchmark/benchmark.h"],
    ),
    "com_google_absl": dict(
        debian_package = ABSL_DEBIAN_PACKAGE,
        pkg_config_labels = ABSL_LABELS,
    ),
    "com_google_googletest": dict(
        debian_package = "libgtest-dev libgmock-dev",
        pkg_config_labels = {
            "//:gmock": "gmock",
            "//:gtest": "gmock",
            "//:gtest_main": "gmock_main",
        },
    ),
    "com_google_protobuf": dict(
        build_files = {
            Label("//third_party/protobuf:protobuf.BUILD"): "BUILD",
        },
        debian_package = "libprotobuf-dev protobuf-compiler",
        required_files = [
            "/usr/bin/protoc",
            "/usr/include/google/protobuf/message.h",
        ],
    ),
    "highway": dict(
        debian_package = "libhwy-dev",
        pkg_config_labels = {"//:hwy": "libhwy"},
    ),
    "isal": dict(
        debian_package = "libisal-dev",
        pkg_config_labels = {"//:isal": "libisal"},
    ),
    "nlohmann_json": dict(
        debian_package = "nlohmann-json3-dev",
        pkg_config_labels = {"//:json": "nlohmann_json"},
    ),
    "onetbb": dict(
        debian_package = "libtbb-dev",
        pkg_config_labels = {"//:tbb": "tbb"},
    ),
    "openssl": dict(
        debian_package = "libssl-dev",
        pkg_config_labels = {"//:crypto": "libcrypto"},
    ),
    "zlib": dict(
        debian_package = "zlib1g-dev",
        pkg_config_labels = {"//:zlib": "zlib"},
    ),
}
