# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""Defines the system's libraries for MODULE.bazel, which uses those that no
registry has, and for the stand-ins that system_modules.py writes."""

load("//third_party:libraries.bzl", "LIBRARIES")
load("//third_party:system_library.bzl", "system_library")
load("//third_party/cuda:cuda_header.bzl", "cuda_header")

def _system_libraries_impl(_ctx):
    for name, attributes in LIBRARIES.items():
        system_library(name = name, **attributes)
    cuda_header(name = "cuda")

system_libraries = module_extension(
    implementation = _system_libraries_impl,
    doc = "Every library that Ferry depends on, as the system's package.",
)
