# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""The repository @cuda: the Toolkit's cuda.h, where there is one.

Only a test needs it, which compares it with Ferry's own declarations. So the
library builds without a Toolkit, and the test skips itself.
"""

_BUILD = """# Made by Ferry's cuda_header rule: {origin}
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "header",
    hdrs = glob(["include/cuda.h"]),
    includes = ["include"],
)
"""

def _cuda_header_impl(ctx):
    folders = ["/usr/local/cuda"]
    if ctx.os.environ.get("CUDA_PATH"):
        folders.insert(0, ctx.os.environ["CUDA_PATH"])
    headers = [ctx.path(folder + "/include/cuda.h") for folder in folders]

    # Where tools/setup --cuda puts it.
    headers.append(ctx.path(Label("//:MODULE.bazel")).dirname.get_child(".cache").get_child("cuda").get_child("cuda.h"))
    origin = "no header was found"
    for header in headers:
        if header.exists:
            origin = str(header)
            ctx.symlink(header, "include/cuda.h")
            break
    ctx.file("BUILD", _BUILD.format(origin = origin))

cuda_header = repository_rule(
    implementation = _cuda_header_impl,
    environ = ["CUDA_PATH"],
    # A Toolkit may be installed at any time.
    local = True,
)
