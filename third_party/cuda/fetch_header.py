#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the cuda.h of CUDA 11.8, out of Debian's package nvidia-cuda-dev.

    fetch_header.py OUT

The package has 774 MB and is not in Debian's section main. Its first file is
the header, so this reads about 1 MB of it and touches no configuration of apt.
"""

import hashlib
import lzma
import os
import sys
import tarfile
import urllib.request

URL = ('http://deb.debian.org/debian/pool/non-free/n/nvidia-cuda-toolkit/'
       'nvidia-cuda-dev_11.8.89~11.8.0-5~deb12u1_amd64.deb')
SHA256 = '55639151a971a10c28d627a98dcd406c6320a5b4e5b67dd9d229056ed5c8e045'
MEMBER = './usr/include/cuda.h'
MOST_FILES = 100


def read_header(package):
    """The header in a .deb, which is an ar archive with a tar archive in it."""
    if package.read(8) != b'!<arch>\n':
        sys.exit('%s is not a Debian package' % URL)
    while True:
        head = package.read(60)
        if len(head) < 60:
            sys.exit('%s has no data' % URL)
        if head.startswith(b'data.tar.xz'):
            break
        size = int(head[48:58])
        package.read(size + size % 2)
    with tarfile.open(fileobj=lzma.LZMAFile(package), mode='r|') as files:
        for _, member in zip(range(MOST_FILES), files):
            if member.name == MEMBER:
                return files.extractfile(member).read()
    sys.exit('%s does not begin with %s' % (URL, MEMBER))


def main():
    with urllib.request.urlopen(URL, timeout=60) as package:
        content = read_header(package)
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit('the cuda.h in %s is not the one that was expected' % URL)
    temporary = sys.argv[1] + '.part'
    with open(temporary, 'wb') as file:
        file.write(content)
    os.replace(temporary, sys.argv[1])


if __name__ == '__main__':
    main()
