# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The example, built in a folder of its own by one line of `cc`.

    outsider_test.py LOAD_AND_SAVE FERRY PLUGIN_H TOY_C INDEX_JSON GUIDE

The lines are those of the guide. The plugin passes `ferry plugin check`, and checkpoints that PyTorch wrote go through
its device and come back as they were, their tags with them.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

LOAD_AND_SAVE = FERRY = PLUGIN_H = TOY_C = INDEX = GUIDE = None

LIBRARIES = ('libtoy.so', 'libtoy_async.so', 'libtoy_privateuseone.so')


def guide():
    with open(GUIDE, encoding='utf-8') as file:
        return file.read()


def data_of(path):
    """The pickle and the storages of a zip checkpoint."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class OutsiderTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        os.umask(0o022)
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.makedirs(os.path.join(cls.folder, 'include/ferry'))
        shutil.copy(PLUGIN_H, os.path.join(cls.folder, 'include/ferry'))
        example = os.path.dirname(TOY_C)
        for name in ('toy.c', 'toy_queues.c', 'toy_queues.h'):
            shutil.copy(os.path.join(example, name), cls.folder)
        for line in re.findall(r'^cc .*$', guide(), re.MULTILINE):
            subprocess.run(line.split(), cwd=cls.folder, check=True)

    def test_exports_one_symbol(self):
        for library in LIBRARIES:
            symbols = subprocess.run(
                ['nm', '-D', '--defined-only',
                 os.path.join(self.folder, library)],
                capture_output=True, text=True, check=True).stdout
            self.assertEqual([line.split()[-1] for line in
                              symbols.strip().split('\n')],
                             ['ferry_plugin_query_v0'])

    def test_passes_the_check(self):
        for library in LIBRARIES:
            result = subprocess.run(
                [FERRY, 'plugin', 'check', '--expect-devices=2',
                 '--format=json', os.path.join(self.folder, library)],
                capture_output=True, text=True, check=False)
            failed = [check for check in json.loads(result.stdout)['checks']
                      if check['outcome'] == 'fail']
            self.assertEqual((failed, result.returncode), ([], 0))

    def test_the_guide_lists_the_checks(self):
        result = subprocess.run(
            [FERRY, 'plugin', 'check',
             os.path.join(self.folder, 'libtoy.so')],
            capture_output=True, text=True, check=True)
        checks = re.findall(r'^([A-Z]-\d\d)  \w+ +(.*)$', result.stdout,
                            re.MULTILINE)
        self.assertGreater(len(checks), 50)
        self.assertEqual(
            re.findall(r'^\| ([A-Z]-\d\d) \| (.*) \|$', guide(), re.MULTILINE),
            checks)
        last_line = result.stdout.strip().split('\n')[-1]
        self.assertIn(last_line.split('/')[-1], guide())

    def test_checkpoints_come_back_as_they_were(self):
        originals = sorted(
            glob.glob(os.path.join(os.path.dirname(INDEX), '*/*.pt')))
        self.assertGreater(len(originals), 30)
        # Without permission the third one tags as the others do.
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.round_trip(library, originals)

    def load_and_save(self, library, jobs):
        """Runs jobs (IN, OUT[, TAG]), all of which must succeed."""
        result = subprocess.run(
            [LOAD_AND_SAVE, os.path.join(self.folder, library)],
            input=''.join(' '.join(job) + '\n' for job in jobs),
            capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        answers = result.stdout.splitlines()
        self.assertEqual(len(answers), len(jobs), result.stderr)
        self.assertEqual([(job, answer) for job, answer in zip(jobs, answers)
                          if answer != 'ok'], [])

    def round_trip(self, library, originals):
        files, jobs = [], []
        for number, original in enumerate(originals):
            on_device, back, direct = [
                os.path.join(self.folder, '%s_%d' % (kind, number))
                for kind in ('on_device', 'back', 'direct')
            ]
            files.append((original, on_device, back, direct))
            jobs += [(original, direct, 'cpu'), (original, on_device, 'toy:1'),
                     (on_device, on_device + '.again'),
                     (on_device, back, 'cpu')]
        self.load_and_save(library, jobs)
        tagged = 0
        for original, on_device, back, direct in files:
            there, again = data_of(on_device), data_of(on_device + '.again')
            self.assertEqual(there, again, original)
            home, straight = data_of(back), data_of(direct)
            self.assertEqual(home, straight, original)
            # The storages are the same; the tags are those of the device.
            pickle = next(name for name in there if name.endswith('data.pkl'))
            for name, content in straight.items():
                if '/data/' in name:
                    self.assertEqual(there[name], content, original)
            if any('/data/' in name for name in there):
                self.assertIn(b'toy:1', there[pickle], original)
                tagged += 1
        self.assertGreater(tagged, 25)

    def test_without_the_plugin_the_tag_is_unknown_and_nothing_is_loaded(self):
        original = sorted(
            glob.glob(os.path.join(os.path.dirname(INDEX), '*/state_dict.pt')))
        path = os.path.join(self.folder, 'x')
        self.load_and_save('libtoy.so', [(original[0], path, 'toy:0')])
        out = os.path.join(self.folder, 'y')
        loaded = subprocess.run([LOAD_AND_SAVE], input='%s %s\n' % (path, out),
                                capture_output=True, text=True, check=True)
        self.assertRegex(loaded.stdout, '^[A-Z_]+: .*toy')
        self.assertFalse(os.path.exists(out))
        # A file of a device that is not here is shown all the same.
        shown = subprocess.run([FERRY, 'inspect', path], capture_output=True,
                               text=True, check=True)
        self.assertIn('toy:0', shown.stdout)


if __name__ == '__main__':
    LOAD_AND_SAVE, FERRY, PLUGIN_H, TOY_C, INDEX, GUIDE = [
        os.path.abspath(path) for path in sys.argv[1:7]
    ]
    unittest.main(argv=sys.argv[:1])
