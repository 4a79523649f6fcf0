# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Every fault that planted_faults.py plants has its place in the sources.

    planted_faults_test.py WORKSPACE
"""

import pathlib
import re
import sys

import planted_faults


def main():
    # A file of the source tree, to which the runfiles link.
    root = pathlib.Path(sys.argv[1]).resolve().parent
    for target, file, text, instead in planted_faults.FAULTS:
        count = (root / file).read_text().count(text)
        assert count == 1, f'{target}: {file} has this {count} times: {text}'
        assert text != instead, target
    tested = {target for target, _, _, _ in planted_faults.FAULTS}
    # Not the links to where other tests are running.
    folders = [path for path in root.iterdir()
               if path.is_dir() and not path.name.startswith(('.', 'bazel-'))]
    for build in (path for folder in folders for path in folder.rglob('BUILD')):
        for name in re.findall(r'ferry_cc_fuzz_test\(\s*name = "(\w+)"',
                               build.read_text()):
            target = f'//{build.parent.relative_to(root)}:{name}'
            assert target in tested, f'no fault is planted for {target}'


if __name__ == '__main__':
    main()
