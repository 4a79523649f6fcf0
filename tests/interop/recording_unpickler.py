# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""CPython's two unpicklers, made to record what they are asked to look up.

Nothing of a pickle runs: `find_class` returns harmless stand-ins.
"""

import _compat_pickle
import contextlib
import copyreg
import io
import pickle
import resource

import random_pickles

MAX_UNPICKLER_BYTES = 4 << 30

for _code, _name in random_pickles.EXTENSIONS.items():
    copyreg.add_extension(*_name, _code)


class Stub:
    """Stands for every class, and accepts whatever is done to it."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return Stub()

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, item):
        pass

    def extend(self, items):
        pass

    def add(self, item):
        pass


def make_text(*args):
    """Stands for the functions that return a text."""
    return random_pickles.MADE_TEXT


def python3_name(module, name, protocol):
    """The name to which Python's `find_class` maps one."""
    if protocol < 3:
        if (module, name) in _compat_pickle.NAME_MAPPING:
            module, name = _compat_pickle.NAME_MAPPING[(module, name)]
        elif module in _compat_pickle.IMPORT_MAPPING:
            module = _compat_pickle.IMPORT_MAPPING[module]
    return module + "." + name


def listed_name(module, name, protocol):
    """How `ferry scan` lists what an unpickler asks for."""
    for code, extension in random_pickles.EXTENSIONS.items():
        if (module, name) == extension:
            return "copyreg extension %d" % code
    # No scan can know what a call returned.
    if random_pickles.MADE_TEXT in (module, name):
        return ".".join("?" if part == random_pickles.MADE_TEXT else part
                        for part in (module, name))
    return python3_name(module, name, protocol)


def stand_in(name):
    return make_text if name == random_pickles.MAKES_TEXT else Stub


class Recorder(pickle._Unpickler):
    """The unpickler in Python, whose protocol can be read."""

    def __init__(self, file, **kwargs):
        super().__init__(file, **{"encoding": "utf-8", **kwargs})
        self.names = set()
        self.proto = 0

    def find_class(self, module, name):
        self.names.add(listed_name(module, name, self.proto))
        return stand_in(name)

    def persistent_load(self, pid):
        return Stub()


class RecorderInC(pickle.Unpickler):
    """The unpickler in C. Its protocol cannot be read."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.asked = set()

    def find_class(self, module, name):
        self.asked.add((module, name))
        return stand_in(name)

    def persistent_load(self, pid):
        return Stub()


@contextlib.contextmanager
def limited_memory():
    """Limits the memory of this process inside a `with` statement.

    `ferry` must not inherit the limit: with the address sanitizer it reserves
    terabytes of address space.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [MAX_UNPICKLER_BYTES] + [
        limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def run(data):
    """What Python asks for, and whether it loads the pickle."""
    copyreg.clear_extension_cache()
    recorder = Recorder(io.BytesIO(data))
    try:
        with limited_memory():
            recorder.load()
    except Exception:
        return recorder.names, False
    return recorder.names, True


def run_in_c(data):
    """For each name that the unpickler in C looks up, those that may be listed."""
    copyreg.clear_extension_cache()
    recorder = RecorderInC(data)
    try:
        with limited_memory():
            recorder.load()
    except Exception:
        pass
    return [{listed_name(module, name, protocol) for protocol in (2, 4)}
            for module, name in recorder.asked]
