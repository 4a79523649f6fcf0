# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""What measurements depend on besides the source."""

import platform


def cpu_name():
    """The kind of the first CPU: its name, family and model where it has any.

    Returns "AMD EPYC 25 17", or "aarch64" where the kernel does not name it.
    """
    parts = {}
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            name, _, value = line.partition(':')
            parts.setdefault(name.strip(), value.strip())
    names = [
        parts[name]
        for name in ('model name', 'cpu family', 'model')
        if name in parts
    ]
    return ' '.join(names) or platform.machine()
