# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads files with Ferry and with PyTorch, and compares the results.

If both can read a file, Ferry also copies it, and PyTorch must read the same
from the copy.
"""

import argparse
import collections
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

import mutate
import seeds

_HERE = os.path.dirname(os.path.abspath(__file__))

# PyTorch maps several GiB of address space before it reads anything.
_MEMORY_MIB = 8192
# Only a reader that hangs takes so long. PyTorch alone takes many seconds to
# start on a busy machine.
_TIMEOUT_S = 300

# The forms and pickle protocols in which Ferry writes copies. describe_main.cc
# describes the forms.
FORMS = [(form, protocol)
         for form in ('zip', 'legacy', 'proto')
         for protocol in range(6)]

# What Ferry may answer when it is asked for a copy of a file that it can read.
# Any other error is a fault.
_REFUSALS = tuple('error %s: ' % code for code in ('INVALID_ARGUMENT',
                                                   'RESOURCE_EXHAUSTED',
                                                   'UNIMPLEMENTED'))


class Reader:
    """A process that answers one request after another.

    It is started when it is asked, and again if it has died.
    """

    def __init__(self, command):
        self._command = command
        self._process = None
        self._pending = b''

    def ask(self, request):
        if self._process is None:
            self._process = subprocess.Popen(self._command,
                                             stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL)
            os.set_blocking(self._process.stdout.fileno(), False)
            self._pending = b''
        self._process.stdin.write(request.encode() + b'\n')
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
        line, _, rest = self._pending.partition(b'\n')
        if rest:
            raise RuntimeError('two answers to one question: %r' % rest[:200])
        self._pending = b''
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

    def copied(self, path, form, protocol):
        """Has Ferry copy a file, and PyTorch read the copy.

        Returns:
          Ferry's answer, and PyTorch's if there is a copy, else ''.
        """
        copy = path + '.copy'
        self.ferry.ask('\t'.join([path, copy, form, str(protocol)]))
        ferry = self.ferry.answer()
        if ferry != 'ok':
            return ferry, ''
        self.pytorch.ask(copy)
        return ferry, self.pytorch.answer()


def _first_difference(ours, theirs):
    """The words of two descriptions from where they part, then an empty one."""
    ours, theirs = ours.split(' ') + [''], theirs.split(' ') + ['']
    place = next((i for i, pair in enumerate(zip(ours, theirs))
                  if pair[0] != pair[1]), min(len(ours), len(theirs)) - 1)
    return ours[place:], theirs[place:]


def first_difference(ours, theirs, names=('Ferry', 'PyTorch')):
    """The words where two descriptions part, with some before.

    Args:
      names: what the two are descriptions by, or of.
    """
    our_words, their_words = _first_difference(ours, theirs)
    before = ours.split(' ')[:-len(our_words) + 1 or None][-6:]
    return 'after "%s": %s has "%s", %s "%s"' % (
        ' '.join(before)[-300:], names[0], ' '.join(our_words[:4])[:200],
        names[1], ' '.join(their_words[:4])[:200])


# --- Many files ---------------------------------------------------------------

# Larger seeds take long, and few of their changes matter.
_MAX_SEED_BYTES = 24 << 10

# Files that are saved of one kind of finding.
_MAX_SAVED = 5


class Tally:
    """What has come of the files so far."""

    def __init__(self):
        self.equal = 0
        self.different = 0
        self.findings = collections.Counter()  # by kind
        self.excused = collections.Counter()  # by reason
        self.copied = 0
        self.excused_copies = collections.Counter()  # by reason
        self.not_copied = collections.Counter()  # by Ferry's message
        self.ferry_alone = collections.Counter()  # by PyTorch's message
        self.pytorch_alone = collections.Counter()  # by Ferry's message
        self.neither = 0

    @property
    def both(self):
        return self.equal + sum(self.excused.values()) + self.different

    @property
    def files(self):
        return (self.both + self.neither + sum(self.ferry_alone.values()) +
                sum(self.pytorch_alone.values()))

    def add(self, ferry, pytorch):
        """Counts one file; the kind of finding that it is, or None."""
        if ferry.startswith('died '):
            self.different += 1
            self.findings['Ferry ' + ferry] += 1
            return 'Ferry ' + ferry
        if ferry.startswith('ok ') and pytorch.startswith('ok '):
            if ferry == pytorch:
                self.equal += 1
                return None
            excuse = excuse_of(ferry, pytorch)
            if excuse:
                self.excused[excuse] += 1
                return None
            kind = _kind_of_difference(ferry, pytorch)
            self.different += 1
            self.findings[kind] += 1
            return kind
        if ferry.startswith('ok '):
            self.ferry_alone[_kind_of_message(pytorch)] += 1
        elif pytorch.startswith('ok '):
            self.pytorch_alone[_kind_of_message(ferry)] += 1
        else:
            self.neither += 1
        return None

    def add_copy(self, original, ferry, copy):
        """Counts a copy. Returns the kind of finding that it is, or None.

        Args:
          original: what PyTorch says of the file.
          ferry: Ferry's answer when it was asked for a copy.
          copy: what PyTorch says of the copy.
        """
        if ferry.startswith(_REFUSALS):
            self.not_copied[_kind_of_message(ferry)] += 1
            return None
        if ferry != 'ok':
            kind = 'no copy: ' + _kind_of_message(ferry)
        else:
            self.copied += 1
            if copy == original:
                return None
            excuse = excuse_of_copy(copy, original)
            if excuse:
                self.excused_copies[excuse] += 1
                return None
            if copy.startswith('ok '):
                kind = 'a copy has ' + _kind_of_difference(copy, original)
            else:
                kind = 'a copy is not read: ' + _kind_of_message(copy)
        self.findings[kind] += 1
        return kind

    def line(self):
        return ('%d files: %d (%.1f %%) read by both, %d of them alike, '
                '%d excused, %d differently; %d by Ferry alone, %d by PyTorch '
                'alone, %d by neither; %d copied by Ferry, %d findings' %
                (self.files, self.both, 100 * self.both / max(1, self.files),
                 self.equal, sum(self.excused.values()),
                 self.different, sum(self.ferry_alone.values()),
                 sum(self.pytorch_alone.values()), self.neither, self.copied,
                 sum(self.findings.values())))

    def report(self):
        lines = [self.line()]
        for title, counts in (
            ('Findings', self.findings),
            ('Excused', self.excused),
            ('Read by Ferry alone; PyTorch says', self.ferry_alone),
            ('Read by PyTorch alone; Ferry says', self.pytorch_alone),
            ('Excused copies', self.excused_copies),
            ('Not copied; Ferry says', self.not_copied)):
            if counts:
                lines.append(title + ':')
                lines += [
                    '%8d  %s' % (count, kind)
                    for kind, count in counts.most_common()
                ]
        return '\n'.join(lines)


def excuse_of(ferry, pytorch):
    """Why two descriptions may differ from where they first do, or None."""
    ours, theirs = _first_difference(ferry, pytorch)
    if (ours[0] in ('object:call', 'object:new') and
            ours[1:2] == ['global:UntypedStorage'] and
            theirs[0] == '?UntypedStorage'):
        return ('a storage that the pickle calls for has no contents; Ferry '
                'keeps the call')
    return None


def excuse_of_copy(copy, original):
    """Why PyTorch may describe a copy and its original differently, or None."""
    if copy.startswith('ok '):
        if _as_saved(copy) == _as_saved(original):
            return ('views of a storage are storages, there are always hooks, '
                    'and a location tag is never empty, as torch.save writes '
                    'them')
        # What follows such a name is not compared.
        copied, before = _first_difference(_as_saved(copy), _as_saved(original))
        if (copied[:2] == ['object:call', 'global:builtins.getattr'] and
                re.match(r'global:.*\..*\.', before[0])):
            return 'a name with a dot is a call of getattr before protocol 4'
    elif re.search("StorageType'|not StorageType", copy) and re.search(
            r' global:\w*Storage\b', original):
        return ('torch.load makes no classes of the names of storages, but '
                'pickle does, which reads bare pickles')
    return None


# The words that are counted by those of the form @K.
_COUNTED = re.compile(r'(list|tuple|set|frozenset|dict|odict|bytearray|tensor|'
                      r'parameter|object):|\?')
_NOT_COUNTED = ('tuple:0', 'frozenset:0')


def _as_saved(description):
    """A description without what torch.save does not preserve.

    That is which storages are views of another, and whether a tensor has no
    hooks or an empty OrderedDict of them. An empty location tag, which it never
    writes, is that of the CPU to Ferry.
    """
    text = re.sub(r',s\d+\+\d+', '', description)
    text = re.sub(r'\b(s\d+=\d+),(?=,|\s|$)', r'\1,637075', text)
    text = re.sub(r' hooks odict:0(?!\S| attributes:)', ' hooks:0', text)
    numbers = {}  # of what was counted: its number without the empty hooks
    kept = []
    counted = 0
    for word in text.split(' '):
        if word == 'hooks:0':
            counted += 1
        elif word.startswith('@'):
            kept.append('@%s' % numbers.get(int(word[1:]), 'hooks'))
        else:
            if _COUNTED.match(word) and word not in _NOT_COUNTED:
                numbers[counted] = len(numbers)
                counted += 1
            kept.append(word)
    return ' '.join(kept)


def _kind_of_message(message):
    """A message without what is of one file."""
    message = re.sub(r'"[^"]*"|\'[^\']*\'|<[^>]*>', '_', message)
    message = re.sub(r'0x[0-9a-f]+|\b[0-9a-f]{8}\b|-?\d+', 'N', message)
    return re.sub(r'\S*/\S*', '_', message)[:160]


def _kind_of_difference(ferry, pytorch):
    """What kind of words the first difference is in."""
    return '%s instead of %s' % tuple(
        re.sub(r'[0-9a-f]*\d[0-9a-f]*', 'N', words[0])[:60]
        for words in _first_difference(ferry, pytorch))


def run(readers, files, seed, stop, keep=None, progress=None):
    """Changes and reads files until `stop(tally)`; a `Tally`.

    Args:
      readers: `Readers`.
      files: (name, contents) of the seeds.
      seed: a number; the same gives the same files.
      stop: is asked after every file.
      keep: a folder for files that are findings, or None.
      progress: is called with the tally now and then, or None.
    """
    bases = []
    for name, contents in files:
        if len(contents) > _MAX_SEED_BYTES:
            continue
        try:
            bases.append((name, mutate.Seed(contents)))
        except (ValueError, KeyError, zipfile.BadZipFile, struct.error):
            pass  # Too odd to be taken apart.
    tally = Tally()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'file')
        index = 0
        while not stop(tally):
            random_ = random.Random('%d.%d' % (seed, index))
            name, base = random_.choice(bases)
            contents = base.mutated(random_)
            with open(path, 'wb') as file:
                file.write(contents)
            ferry, pytorch = readers.read(path)
            kind = tally.add(ferry, pytorch)
            if kind is not None:
                where = first_difference(ferry, pytorch)
            elif ferry.startswith('ok ') and pytorch.startswith('ok '):
                form, protocol = random_.choice(FORMS)
                answer, copy = readers.copied(path, form, protocol)
                kind = tally.add_copy(pytorch, answer, copy)
                if kind is not None:
                    where = '%s, protocol %d: %s' % (
                        form, protocol,
                        first_difference(copy or answer, pytorch,
                                         ('the copy', 'the original')))
            if kind is not None:
                print('%d.%d, from %s: %s: %s' %
                      (seed, index, name, kind, where), flush=True)
                if keep is not None and tally.findings[kind] <= _MAX_SAVED:
                    os.makedirs(keep, exist_ok=True)
                    kept = os.path.join(keep, '%d.%d' % (seed, index))
                    shutil.copy(path, kept)
            index += 1
            if progress is not None:
                progress(tally)
    return tally


def _main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('describe', help='the binary of describe_main.cc')
    parser.add_argument('--seconds',
                        type=int,
                        default=3600,
                        help='how long to run; default: 3600')
    parser.add_argument('--seed',
                        type=int,
                        default=int(time.time()),
                        help='the seed of the changes; default: the time')
    parser.add_argument('--keep',
                        help='the folder for files that are findings')
    parser.add_argument('files', nargs='*', help='more seeds: checkpoints')
    options = parser.parse_intermixed_args()
    files = seeds.all_seeds()
    for path in options.files:
        with open(path, 'rb') as file:
            files.append((path, file.read()))
    begin = time.monotonic()
    reported = begin

    def progress(tally):
        nonlocal reported
        if time.monotonic() - reported >= 60:
            reported = time.monotonic()
            print('%5d s: %s' % (reported - begin, tally.line()), flush=True)

    with Readers(os.path.abspath(options.describe)) as readers:
        tally = run(readers, files, options.seed,
                    lambda _: time.monotonic() - begin > options.seconds,
                    options.keep, progress)
    print('seed %d, %d s' % (options.seed, options.seconds))
    print(tally.report())
    return 1 if tally.findings else 0


if __name__ == '__main__':
    sys.exit(_main())
