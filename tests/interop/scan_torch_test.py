# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares `ferry scan` with torch.load, which runs the pickles of a file.

Usage: scan_torch_test.py FERRY

torch.load is given unpicklers that record what they are asked for. Each place
of each container where PyTorch reads a pickle, and files that are two things at
once, get random pickles: whatever PyTorch asks for, the scan lists.
"""

import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
from unittest import mock
import warnings
import zipfile

import torch

import random_pickles
import recording_unpickler

SEED = 20261130
NUM_PICKLES = 40
MAGIC = pickle.dumps(0x1950a86a20f9469cfc6c, 2)
FLOAT_STORAGE = b"ctorch\nFloatStorage\n"


class RecordingPickle:
    """Stands for the module `pickle`."""

    __name__ = "pickle"

    def __init__(self):
        names = self.names = set()

        class Unpickler(recording_unpickler.Recorder):

            def find_class(self, module, name):
                self.names = names
                stand_in = super().find_class(module, name)
                # PyTorch uses the classes of storages.
                return getattr(torch, name) if module == "torch" else stand_in

            def persistent_load(self, pid):
                # PyTorch sets another one for the object of a file alone.
                raise pickle.UnpicklingError("unexpected persistent id")

        self.Unpickler = Unpickler

    UnpicklingError = pickle.UnpicklingError

    def load(self, file, **kwargs):
        return self.Unpickler(file, **kwargs).load()


def load(path):
    """What torch.load returns, and what it asks for.

    PyTorch 1.13 forgets the `pickle_module` that it is given, and would run the
    pickle, so its own reference to the module is replaced.
    """
    module = RecordingPickle()
    with mock.patch.object(torch.serialization, "pickle", module):
        try:
            with recording_unpickler.limited_memory():
                value = torch.load(path, map_location="cpu")
        except Exception as error:
            value = error
    return value, module.names


# --- Containers with pickles in the place of one of their own -----------------


def zip_of(records, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two records of one name
        with zipfile.ZipFile(out, "w", method) as writer:
            for name, data in records:
                writer.writestr(name, data)
    return out.getvalue()


def archive(data, method=zipfile.ZIP_STORED):
    return zip_of([("a/data.pkl", data), ("a/version", "3\n")], method)


def stream(slot=None, data=b""):
    """A legacy stream."""
    pickles = [MAGIC] + [pickle.dumps(value, 2) for value in (1001, {}, {}, [])]
    if slot is not None:
        pickles[slot] = data
    return b"".join(pickles)


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def old_tar(slot=None, data=b""):
    """What torch.save wrote before 0.1.10, with one storage and one tensor."""
    parts = {
        "number of storages": b"I1\n.",
        "storage": b"(I1\nS'cpu'\n" + FLOAT_STORAGE + b"t.",
        "views": b"(l.",
        "number of tensors": b"I1\n.",
        "tensor": b"(I2\nI1\nctorch\nFloatTensor\nt.",
        "object": b"(l.",
    }
    if slot is not None:
        parts[slot] = data
    return tar_of([
        ("storages", parts["number of storages"] + parts["storage"] +
         struct.pack("<qf", 1, 1.5) + parts["views"]),
        ("tensors", parts["number of tensors"] + parts["tensor"] +
         struct.pack("<iiqqq", 1, 0, 1, 1, 0)),
        ("pickle", parts["object"]),
    ])


def with_checksum(tar):
    """A tar archive whose first header has changed."""
    header = bytearray(tar[:512])
    header[148:156] = b"        "
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header) + tar[512:]


def forms():
    """Functions that make a file of a pickle, by a name."""
    forms = {
        "bare": lambda data: data,
        "zip": archive,
        "deflated": lambda data: archive(data, zipfile.ZIP_DEFLATED),
        "two records of one name, first": lambda data: zip_of(
            [("a/data.pkl", data), ("a/data.pkl", b"N."),
             ("a/version", "3\n")]),
        "two records of one name, second": lambda data: zip_of(
            [("a/data.pkl", b"N."), ("a/data.pkl", data),
             ("a/version", "3\n")]),
        "capitals": lambda data: zip_of(
            [("A/DATA.PKL", data), ("a/version", "3\n")]),
        "two folders": lambda data: zip_of(
            [("b/x", "x"), ("a/data.pkl", b"N."), ("b/data.pkl", data),
             ("b/version", "3\n")]),
        "first of two archives": lambda data: archive(data) + archive(b"N."),
        "second of two archives": lambda data: archive(b"N.") + archive(data),
        "archive and bytes": lambda data: archive(data) + b"more",
        "archive and a stream": lambda data: archive(b"N.") + stream(3, data),
        "stream and an archive": lambda data: stream(3, data) + archive(b"N."),
        "pickle and an archive": lambda data: data + archive(b"N."),
        "stream of two": lambda data: stream(4, pickle.dumps([])) + data,
        "tar that begins like a zip archive": lambda data: with_checksum(
            tar_of([("PK\x03\x04", b""), ("storages", b"I0\n.(l."),
                    ("tensors", b"I0\n."), ("pickle", data)])),
        "tar and an archive": lambda data: old_tar("object", data) +
                              archive(b"N."),
    }
    for slot in range(5):
        forms["stream, pickle %d" % slot] = (
            lambda data, slot=slot: stream(slot, data))
    for slot in ("number of storages", "storage", "views", "number of tensors",
                 "tensor", "object"):
        forms["tar, " + slot] = lambda data, slot=slot: old_tar(slot, data)
    return forms


class ScanTorchTest(unittest.TestCase):

    def setUp(self):
        """Nothing may run."""
        with tempfile.NamedTemporaryFile() as file:
            for data in (archive(b"cos\ngetcwd\n."), b"cos\ngetcwd\n.",
                         stream(3, b"cos\ngetcwd\n.")):
                file.seek(0)
                file.write(data)
                file.truncate()
                file.flush()
                value, asked = load(file.name)
                self.assertIsNot(value, os.getcwd)
                self.assertEqual(asked, {"os.getcwd"})

    def test_lists_what_torch_asks_for(self):
        pickles = [
            data for data in random_pickles.random_pickles(
                random.Random(SEED), 4 * NUM_PICKLES)
            if all(recording_unpickler.run(data))  # asks, and loads
        ][:NUM_PICKLES]
        self.assertEqual(len(pickles), NUM_PICKLES)
        num_names = {name: 0 for name in forms()}
        with tempfile.TemporaryDirectory() as folder:
            for name, form in forms().items():
                for i, data in enumerate(pickles):
                    path = os.path.join(folder, "%s %03d" % (name, i))
                    with open(path, "wb") as file:
                        file.write(form(data))
            result = subprocess.run([FERRY, "scan", "--format=json", folder],
                                    stdout=subprocess.PIPE, check=False)
            for file in json.loads(result.stdout):
                _, asked = load(file["file"])
                asked -= {"torch.FloatStorage", "torch.FloatTensor",
                          "collections.OrderedDict"}
                found = {finding["global"] for finding in file["findings"]}
                self.assertLessEqual(asked, found, file)
                if asked:
                    self.assertEqual(file["verdict"], "found", file)
                form = os.path.basename(file["file"])[:-4]
                num_names[form] += len(asked)
        for form, number in sorted(num_names.items()):
            print("%5d names in \"%s\"" % (number, form))
        # PyTorch reads other pickles of these files.
        unreached = {form for form, number in num_names.items() if number == 0}
        self.assertLessEqual(len(unreached), 8, unreached)

    def test_the_files_are_sound(self):
        """Without another pickle in them, PyTorch loads the containers."""
        with tempfile.TemporaryDirectory() as folder:
            for data in (archive(b"}."), stream(), old_tar()):
                path = os.path.join(folder, "file")
                with open(path, "wb") as file:
                    file.write(data)
                self.assertIn(torch.load(path), ({}, []))
                result = subprocess.run([FERRY, "scan", path], check=False)
                self.assertEqual(result.returncode, 0)


if __name__ == "__main__":
    FERRY = os.path.abspath(sys.argv.pop(1))
    warnings.simplefilter("ignore")
    unittest.main(warnings="ignore")
