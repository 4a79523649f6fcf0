# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads files by Ferry and by PyTorch, and compares what they make of them."""

import os

import select
import signal
import subprocess
import time

_HERE = os.path.dirname(os.path.abspath(__file__))

# PyTorch maps several GiB of address space before it reads anything.
_MEMORY_MIB = 8192
_TIMEOUT_S = 60


class Reader:
    """A process that describes one file after another.

    It is started when it is asked, and again if it has died.
    """

    def __init__(self, command):
        self._command = command
        self._process = None
        self._pending = b''

    def ask(self, path):
        if self._process is None:
            self._process = subprocess.Popen(self._command,
                                             stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL)
            os.set_blocking(self._process.stdout.fileno(), False)
            self._pending = b''
        self._process.stdin.write(path.encode() + b'\n')
        self._process.stdin.flush()

    def answer(self):
        """The line, or "died ..." if the process ended or hung."""
        deadline = time.monotonic() + _TIMEOUT_S
        output = self._process.stdout
        while b'\n' not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                return self._died('after %d s' % _TIMEOUT_S)
            part = output.read()
            if not part:
                return self._died('')
            self._pending += part
        line, _, self._pending = self._pending.partition(b'\n')
        return line.decode()

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _died(self, when):
        process = self._process
        self.close()
        if when:
            return 'died ' + when
        try:
            return 'died of ' + signal.Signals(-process.returncode).name
        except ValueError:
            return 'died with status %d' % process.returncode


class Readers:
    """Ferry and PyTorch.

    Args:
      describe: the path of describe_main.cc's binary.
    """

    def __init__(self, describe):
        self.ferry = Reader([describe])
        self.pytorch = Reader([
            '/usr/bin/python3',
            os.path.join(_HERE, 'pytorch_main.py'),
            str(_MEMORY_MIB)
        ])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ferry.close()
        self.pytorch.close()

    def read(self, path):
        """What Ferry says of a file, and what PyTorch says."""
        self.ferry.ask(path)
        self.pytorch.ask(path)
        return self.ferry.answer(), self.pytorch.answer()


def first_difference(ferry, pytorch):
    """The words where two descriptions part, with some before."""
    ferry, pytorch = ferry.split(' '), pytorch.split(' ')
    place = next((i for i, pair in enumerate(zip(ferry, pytorch))
                  if pair[0] != pair[1]), min(len(ferry), len(pytorch)))
    before = ' '.join(ferry[max(0, place - 6):place])[-300:]
    return 'after "%s": Ferry has "%s", PyTorch "%s"' % (before, ' '.join(
        ferry[place:place + 4])[:200], ' '.join(pytorch[place:place + 4])[:200])
