# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares `ferry scan` with CPython's unpickler, which runs the pickles.

Usage: scan_test.py FERRY

An unpickler whose `find_class` records what it is asked for, and returns a
harmless class, loads pickles of many objects and protocols, and damaged ones.

- A pickle that loads: the scan lists exactly what Python asked for, and what
  `pickletools.genops` sees as GLOBAL and INST.
- A pickle that does not load: the scan lists at least what Python asked for
  before the error.
- The same of random pickles, in which every opcode occurs.
- Both unpicklers of CPython are asked. The one in C, which everybody uses,
  loses step with the opcodes where a frame ends inside an operand. The scan may
  then miss what it asks for, but says that it could not follow.
"""

import collections
import datetime
import decimal
import fractions
import functools
import io
import json
import os
import pathlib
import pickle
import pickletools
import random
import subprocess
import sys
import tempfile
import unittest
import uuid
import zipfile

import random_pickles
import recording_unpickler

SEED = 20261130
NUM_DAMAGED = 3000
NUM_RANDOM = 3000

# Those of weights_only that occur here; the scan does not list them.
ALLOWED = {
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
    "collections.Counter",
    "collections.OrderedDict",
}


def genops_names(data):
    """The names that genops reads from GLOBAL and INST."""
    names = set()
    protocol = 0
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "PROTO":
            protocol = argument
        if opcode.name in ("GLOBAL", "INST"):
            module, name = argument.split(" ", 1)
            names.add(recording_unpickler.python3_name(module, name, protocol))
    return names


def opcodes_of(data):
    """The names of the opcodes; none if genops cannot read the pickle."""
    try:
        return {opcode.name for opcode, _, _ in pickletools.genops(data)}
    except UnicodeDecodeError:
        return set()  # names of globals that are not ASCII


class Plain:
    def __init__(self):
        self.a = 1


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = [1]

    def __reduce__(self):
        return Slots, (), (None, {"a": 2}), iter([1, 2]), iter([("k", "v")])


class Keywords:
    def __new__(cls, *, a):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"a": 1}


class WithSetter:
    def __reduce__(self):
        return WithSetter, (), {"a": 1}, None, None, setattr


def objects():
    point = collections.namedtuple("point", "x y")
    globals()["point"] = point
    shared = Plain()
    return [
        None, 1, "text", [1, (2, 3), {4: 5}], {1, 2}, frozenset([1]), b"bytes",
        b"\x80\x02.", bytearray(b"x"), 1 + 2j, range(3), slice(1, 2), ...,
        Plain(), [shared, shared], Slots(), Keywords(a=1), point(1, 2),
        datetime.datetime(2026, 1, 1), decimal.Decimal("1.5"),
        fractions.Fraction(1, 2), uuid.UUID(int=5), pathlib.PurePosixPath("a"),
        functools.partial(print, 1), collections.OrderedDict(a=1),
        collections.defaultdict(list, a=[1]), collections.deque([1], 2),
        collections.Counter("aab"), os.system, eval, len, print, Plain,
        [os.system, os.getcwd, subprocess.run, Plain(), Plain()],
        WithSetter(),
    ]


def made_by_hand():
    return [
        b"(ios\nsystem\n.",
        b"(cos\nsystem\nS'id'\no.",
        b"}cposix\nsystem\n(S'id'\ntR0.",
        b"(c__builtin__\neval\n(S'1'\ntR1N.",
        b"V\\u006fs\nS'sys\\x74em'\n\x93.",
        b"S'os'\np+1_0\n0S'system'\np 11\n0g10\ng1_1\n\x93.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.",
        b"\x80\x02Pid\n)R.",
        b"\x80\x02ccommands\nx\n\x80\x04ccommands\ny\n\x86.",
        framed(b"N") + b"0" + framed(b"cos\nsystem\n."),
        framed(b"cos\nsystem\n") + b")R.",
    ]


def framed(contents):
    return b"\x80\x04\x95" + len(contents).to_bytes(8, "little") + contents


def with_frame(data, generator):
    """A pickle with a frame that often ends inside an operand."""
    at = generator.choice([0, generator.randrange(len(data) + 1)])
    size = generator.randint(0, len(data) - at)
    return (data[:at] + b"\x95" + size.to_bytes(8, "little") + data[at:])


def damaged(pickles, generator):
    """Pickles with bytes changed, removed, repeated, or of another one."""
    for _ in range(NUM_DAMAGED):
        data = bytearray(generator.choice(pickles))
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(data)) if data else 0
            other = generator.choice(pickles)
            begin = generator.randrange(len(other))
            piece = other[begin:begin + generator.randint(1, 20)]
            kind = generator.randrange(4)
            if kind == 0 and data:
                data[at] = generator.randrange(256)
            elif kind == 1:
                del data[at:at + generator.randint(1, 8)]
            elif kind == 2:
                data[at:at] = piece
            else:
                data[at:at + len(piece)] = piece
        data = bytes(data)
        if generator.randrange(4) == 0:
            data = with_frame(data, generator)
        yield data


class ScanTest(unittest.TestCase):

    def scan(self, pickles):
        """What the scan of each pickle lists; with its problems."""
        with tempfile.TemporaryDirectory() as folder:
            for i, data in enumerate(pickles):
                # An archive's records are pickles whatever they look like.
                path = os.path.join(folder, "%06d" % i)
                with open(path, "wb") as file:
                    file.write(zip_of(data))
            result = subprocess.run([FERRY, "scan", "--format=json", folder],
                                    stdout=subprocess.PIPE, check=False)
        files = json.loads(result.stdout)
        self.assertEqual(len(files), len(pickles))
        # Nested pickles are not what Python asks for.
        return [({finding["global"] for finding in file["findings"]
                  if finding["uses"] and " > " not in finding["record"]},
                 file["problems"]) for file in files]

    def test_pickles_that_load(self):
        pickles = made_by_hand()
        for protocol in range(6):
            for value in objects():
                try:
                    pickles.append(pickle.dumps(value, protocol))
                except Exception:
                    pass  # not with this protocol
        self.assertGreater(len(pickles), 180)
        num_names = 0
        for data, (found, problems) in zip(pickles, self.scan(pickles)):
            names, loads = recording_unpickler.run(data)
            self.assertTrue(loads, data)
            self.assertEqual(problems, [], data)
            if b"Pid" in data:
                found.discard("persistent id")
            self.assertEqual(found - ALLOWED, names - ALLOWED, data)
            self.assertLessEqual(genops_names(data) - ALLOWED, found, data)
            num_names += len(names)
        self.assertGreater(num_names, 200)

    def test_damaged_pickles(self):
        sound = made_by_hand() + [
            pickle.dumps(value, protocol)
            for value in [Plain(), [os.system, Plain()], Keywords(a=1)]
            for protocol in (2, 4)
        ] + [pickle.dumps(Slots(), 0)]
        pickles = list(damaged(sound, random.Random(SEED)))
        num_stopped = num_names = num_in_c = num_out_of_step = 0
        for data, (found, problems) in zip(pickles, self.scan(pickles)):
            names, loads = recording_unpickler.run(data)
            # JSON cannot hold lone surrogates.
            names = {name for name in names
                     if name == name.encode("utf-8", "ignore").decode("utf-8")}
            self.assertLessEqual(names - ALLOWED, found, data)
            num_stopped += not loads and bool(names)
            num_names += len(names)
            is_out_of_step = any("frame" in problem for problem in problems)
            num_out_of_step += is_out_of_step
            for names in recording_unpickler.run_in_c(data):
                if is_out_of_step or not "".join(names).isascii():
                    continue
                self.assertTrue(names & (found | ALLOWED), data)
                num_in_c += 1
        self.assertGreater(num_stopped, 100)
        self.assertGreater(num_names, 1000)
        self.assertGreater(num_in_c, 1000)
        self.assertGreater(num_out_of_step, 100)

    def test_random_pickles(self):
        pickles = list(random_pickles.random_pickles(random.Random(SEED),
                                                     NUM_RANDOM))
        num_loaded = num_names = 0
        opcodes = set()
        for data, (found, problems) in zip(pickles, self.scan(pickles)):
            names, loads = recording_unpickler.run(data)
            found.discard("persistent id")
            self.assertLessEqual(names - ALLOWED, found, data)
            for either in recording_unpickler.run_in_c(data):
                self.assertTrue(either & (found | ALLOWED), data)
            num_names += len(names)
            if not loads:
                continue
            # No more than Python asks for.
            self.assertEqual(found - ALLOWED, names - ALLOWED, data)
            self.assertEqual(problems, [], data)
            num_loaded += 1
            opcodes |= opcodes_of(data)
        print("%d random pickles, of which %d load; %d names" %
              (NUM_RANDOM, num_loaded, num_names))
        self.assertGreater(num_loaded, NUM_RANDOM // 4)
        self.assertGreater(num_names, 3 * NUM_RANDOM)
        self.assertEqual({opcode.name for opcode in pickletools.opcodes} -
                         opcodes, {"NEXT_BUFFER", "READONLY_BUFFER"})

    def test_frames_that_end_inside_an_operand(self):
        evil = b"cposix\nsystem\n."
        data = (framed(b"X" + (10).to_bytes(4, "little") + b"ZZ") +
                b"AAAAAAAAC" + bytes([len(evil)]) + evil + b"00}.")
        # CPython 3.11 goes on behind the frame, and 3.14 refuses the pickle.
        self.assertIn(recording_unpickler.run_in_c(data),
                      ([{"posix.system"}], []))
        [(found, problems)] = self.scan([data])
        self.assertEqual(found, set())
        self.assertIn("crosses the end of its frame", problems[0])


def zip_of(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        writer.writestr("a/data.pkl", data)
    return out.getvalue()


if __name__ == "__main__":
    FERRY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
