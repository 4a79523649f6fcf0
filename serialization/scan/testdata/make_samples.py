#!/usr/bin/env python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the corpus of //serialization/scan:scan_fuzz.

Usage: make_samples.py

Writes the files into the folder of this script. Their pickles call harmless
commands; only a scanner should read them.
"""

import io
import os
import struct
import zipfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
CALL = b"\x80\x02}cposix\nsystem\n(X\x02\x00\x00\x00idtR0."
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        for name, contents, method in files:
            info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
            writer.writestr(info, contents, method)
    return out.getvalue()


def write(name, contents):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(contents)


def main():
    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    dropped = archive([("data.pkl", CALL, stored), ("version", b"3\n", stored)])
    write("dropped_call.pt", dropped)
    write("archive.pt", archive([
        ("data.pkl", b"\x80\x02ccollections\nOrderedDict\n)R.", stored),
        ("constants.pkl", CALL, deflated),
        ("code/__torch__.py", b"  _0 = torch.from_file('x')\n"
                              b"  _1 = ops.acme.run()\n", deflated),
        ("data/0", dropped, stored),
        ("data/1", CALL, deflated),
    ]))
    write("legacy.pt", MAGIC + b"\x80\x02M\xe9\x03." + b"\x80\x02}." + CALL +
          b"\x80\x02]." + CALL)
    write("nested.pkl",
          b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x02id\x85R0"
          b"ca\nB\n)R}b0\x82\x07)R0Pid\n)R0(ios\nsystem\n0(ca\nB\no0"
          b"V\\u006fs\nS'system'\n\x93p1_0\n0g10\n0"
          b"B" + struct.pack("<I", len(CALL)) + CALL + b"0N.")


if __name__ == "__main__":
    main()
