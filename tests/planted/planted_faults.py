# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Says whether each fuzz test finds a fault that is planted in what it covers.

    python3 tests/planted/planted_faults.py [SECONDS [TARGET...]]

For each fault, changes one line in a copy of the tree, and runs the fuzz test
for SECONDS (default: 300), beginning with the corpus in the tree. Prints how
many inputs the test ran until it failed. Exits with 1 if one does not fail.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The fuzz test, the file, a text that is in it once, and what replaces it.
FAULTS = (
    ('//core:generator_fuzz', 'core/generator.cc',
     'bytes.next + static_cast<uint64_t>(bytes.left) > kWords + 1',
     'bytes.next + static_cast<uint64_t>(bytes.left) > kWords + 100'),
    ('//devices:location_fuzz', 'devices/location_tag.cc',
     "(digits.size() > 1 && digits[0] == '0')", 'false'),
    ('//plugins:plugin_file_fuzz', 'plugins/elf_file.cc',
     'if (offset >= strings.size()) {', 'if (false) {'),
    ('//plugins:toy_tag_fuzz', 'plugins/example/toy.c',
     'if (i > start && number == 0) return FERRY_OK;', ''),
    ('//serialization:checkpoint_fuzz',
     'serialization/pickle/pickler_values.cc',
     'value >= 0 && value < 65536', 'value >= 0 && value <= 65536'),
    ('//serialization:consumers_fuzz', 'value/graph_children.cc',
     '{{"~", "~0"}, {"/", "~1"}}', '{{"/", "~1"}}'),
    ('//serialization/pickle:unpickler_fuzz',
     'serialization/pickle/pickler_values.cc',
     'value >= 0 && value < 65536', 'value >= 0 && value <= 65536'),
    ('//serialization/proto:proto_codec_fuzz',
     'serialization/proto/column_reader.cc',
     'if (ABSL_PREDICT_FALSE(index >= words_.size())) {',
     'if (ABSL_PREDICT_FALSE(index > words_.size())) {'),
    ('//serialization/safetensors:header_fuzz',
     'serialization/safetensors/header.cc',
     'if (next == data_bytes) return absl::OkStatus();',
     'if (next <= data_bytes) return absl::OkStatus();'),
    ('//serialization/scan:scan_fuzz', 'serialization/pickle/pickle_stream.cc',
     'if (shape.size > bytes_left() - at) return at + shape.size;', ''),
    ('//serialization/zip:zip_directory_fuzz',
     'serialization/zip/zip_directory.cc',
     'if (entry.begin > end || end - entry.begin < head_bytes ||',
     'if (end - entry.begin < head_bytes ||'),
    ('//tools/ferry:inspect_fuzz', 'tools/ferry/text.cc',
     'if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;',
     'if (c < 0x20 || (c > 0x7F && c < 0xA0)) return false;'),
)


def plant(root, file, text, instead):
    """Changes a file of the tree at `root`."""
    path = root / file
    source = path.read_text()
    assert source.count(text) == 1, f'{file} has {source.count(text)} x {text}'
    path.write_text(source.replace(text, instead))


def find(tree, target, seconds):
    """Runs a fuzz test; returns whether it failed, and what it says."""
    shutil.rmtree(tree / '.cache' / 'fuzz', ignore_errors=True)
    result = subprocess.run(
        ['tools/fuzz', f'--seconds={seconds}', '--jobs=1', target], cwd=tree,
        check=False, stdout=subprocess.PIPE, text=True)
    row = re.search(r'^%s +(\d+) +\d+ +\d+ +([1-9]\d*)$' % target.split(':')[1],
                    result.stdout, re.MULTILINE)
    return row is not None, f'{row[1]} inputs' if row else result.stdout[-2000:]


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    targets = sys.argv[2:]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / 'ferry'
        shutil.copytree(ROOT, tree, symlinks=True,
                        ignore=shutil.ignore_patterns('.cache', '.git',
                                                      'bazel-*'))
        try:
            for target, file, text, instead in FAULTS:
                if targets and target not in targets:
                    continue
                plant(tree, file, text, instead)
                found, what = find(tree, target, seconds)
                missed += not found
                print(f'{target}: {"found" if found else "MISSED"}, {what}',
                      flush=True)
                shutil.copy(ROOT / file, tree / file)
        finally:
            # Ends the server of that tree, and removes what it has built.
            subprocess.run(['bazel', 'clean', '--expunge'], cwd=tree,
                           check=True)
    sys.exit(1 if missed else 0)


if __name__ == '__main__':
    main()
