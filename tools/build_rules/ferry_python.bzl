# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""Tests in Python, run by the system's interpreter.

That is /usr/bin/python3, which sees Debian's python3-torch, and not whichever
python3 comes first on PATH. A script finds modules beside it if they are named
in `data`.
"""

_RUNNER = "//tools/build_rules:run_python_test.py"

def ferry_python_test(name, src, args = [], data = [], requires = [], size = "small", **kwargs):
    """A test that runs a Python script; it passes if the script exits with 0.

    Args:
      name: its name.
      src: the script.
      args: the script's arguments.
      data: files that it reads, and modules that it imports.
      requires: modules without which the test fails, naming the Debian package
        to install.
      size: as for sh_test.
      **kwargs: as for sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tools/build_rules:run_python_test.sh"],
        args = ["$(location %s)" % _RUNNER] +
               ["--requires=" + module for module in requires] +
               ["$(location %s)" % src] +
               args,
        data = data + [
            src,
            _RUNNER,
        ],
        **kwargs
    )

def ferry_pytorch_test(name, src, size = "medium", **kwargs):
    """A `ferry_python_test` that needs PyTorch, and fails where there is none.

    Args:
      name: its name.
      src: the script.
      size: as for sh_test; PyTorch alone takes seconds to start.
      **kwargs: as for ferry_python_test.
    """
    ferry_python_test(
        name = name,
        src = src,
        size = size,
        requires = ["torch"],
        **kwargs
    )
