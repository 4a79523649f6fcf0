# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""A table: which copies of archives are byte for byte the originals.

    case                 protocol  compatibility  result
    single                      2  1.6            identical
    single                      2  2.1            the same but for byteorder, ...
"""

import struct
import zipfile

# What each layout has beside the pickle, the storages and the version.
EXTRA_RECORDS = {
    '1.6': set(),
    '2.1': {'byteorder', '.data/serialization_id'},
    '2.7': {
        'byteorder', '.data/serialization_id', '.format_version',
        '.storage_alignment'
    },
}

BUT_THE_ID = 'identical but for the digits of the serialization id'


def without_id(path):
    """An archive without the digits that differ from one to the next."""
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith('/.data/serialization_id'):
                continue
            name, extra = struct.unpack_from('<HH', data,
                                             info.header_offset + 26)
            start = info.header_offset + 30 + name + extra
            # The digits, and the checksum in the descriptor after them.
            data[start:start + 40] = bytes(40)
            data[start + 44:start + 48] = bytes(4)
            # The checksum in the directory.
            entry = data.rindex(info.filename.encode()) - 46
            data[entry + 16:entry + 20] = bytes(4)
    return bytes(data)


def records(path):
    """The records by their names, without the archive's."""
    with zipfile.ZipFile(path) as archive:
        return {
            name.split('/', 1)[1]: archive.read(name)
            for name in archive.namelist()
        }


class Table:

    def __init__(self):
        # (case, protocol, compatibility, result) each.
        self.rows = []
        self._explained = {'identical', BUT_THE_ID}

    def compare(self, case, job):
        """Adds a row for a copy, and for what it was a copy of.

        Args:
          case: its name.
          job: `from`, `to`, `protocol` and `compatibility`, as CONVERT has it.
        """
        with open(job['from'], 'rb') as original, open(job['to'], 'rb') as copy:
            same = original.read() == copy.read()
        if same:
            result = 'identical'
        elif without_id(job['from']) == without_id(job['to']):
            result = BUT_THE_ID
        else:
            result = self._difference(job)
        self.rows.append(
            (str(case), job['protocol'], job['compatibility'], result))

    def _difference(self, job):
        original, copy = records(job['from']), records(job['to'])
        for name in sorted(original.keys() & copy.keys() -
                           {'.data/serialization_id'}):
            if copy[name] != original[name]:
                return 'DIFFERENT: ' + name
        # What only one of them has.
        differing = original.keys() ^ copy.keys()
        layout = original.keys() & EXTRA_RECORDS['2.7']
        if not differing or differing != (layout
                                          ^ EXTRA_RECORDS[job['compatibility']]
                                         ):
            return 'DIFFERENT: only one has %s' % sorted(differing)
        result = 'the same but for ' + ', '.join(sorted(differing))
        # Another version's layout is asked for, so those belong there.
        self._explained.add(result)
        return result

    def unexplained(self):
        """The rows that differ without a reason."""
        return [row for row in self.rows if row[3] not in self._explained]

    def print(self):
        form = '%-30s  %8s  %-13s  %s'
        print(form % ('case', 'protocol', 'compatibility', 'result'))
        for row in sorted(self.rows):
            print(form % row)
