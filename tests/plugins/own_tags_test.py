# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that PyTorch tagged `privateuseone:N`, on a plugin's device.

    own_tags_test.py OWN_TAGS FERRY TOY PRIVATEUSEONE_TOY OLD_FILES_PY GUIDE

OWN_TAGS is own_tags_main.cc, and the two toys are plugins that claim these
tags; the second one also writes them. PyTorch opens what they have saved.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import torch

OWN_TAGS, FERRY, TOY, OTHER_TOY, OLD_FILES, GUIDE = [
    os.path.abspath(path) for path in sys.argv[1:7]
]
del sys.argv[1:7]
sys.path.append(os.path.dirname(OLD_FILES))
import location_tags  # pylint: disable=wrong-import-position
import old_files  # pylint: disable=wrong-import-position


def tensors():
    return [
        torch.arange(5, dtype=torch.float32),
        torch.zeros(0),
        # Larger than what is copied in one piece.
        torch.arange(3_000_000, dtype=torch.float64),
        torch.arange(12, dtype=torch.int16).view(3, 4).t(),
    ]


class OwnTagsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, tag, zipped=True):
        """Saves the tensors with PyTorch; all have one tag."""
        location_tags.save(tensors(), self.path(name), lambda storage: tag,
                           _use_new_zipfile_serialization=zipped)
        # It is no tag that PyTorch knows here, so it was written as meant.
        with self.assertRaisesRegex(
                RuntimeError, re.escape(tag) + '|device module is not reg'):
            torch.load(self.path(name))

    def run_jobs(self, plugin, allow, *jobs):
        result = subprocess.run(
            [OWN_TAGS, plugin, '1' if allow else '0'],
            input=''.join(
                json.dumps(dict(job, **{'in': self.path(job['in']),
                                        'out': self.path(job['out'])})) + '\n'
                for job in jobs),
            capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        answers = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(answers), len(jobs), result.stderr)
        return answers

    def expect_in_pytorch(self, name, tag):
        """PyTorch opens the file, which has this tag alone."""
        noted, tags = location_tags.load(self.path(name))
        self.assertEqual(set(tags), {tag})
        mapped = torch.load(self.path(name), map_location='cpu')
        for wanted, one, other in zip(tensors(), noted, mapped):
            self.assertEqual(other.device.type, 'cpu')
            self.assertTrue(torch.equal(one, wanted))
            self.assertTrue(torch.equal(other, wanted))

    def test_there_and_back(self):
        for container, zipped in (('zip', True), ('legacy', False)):
            for tag, device in (('privateuseone:0', 'toy:0'),
                                ('privateuseone:1', 'toy:1')):
                with self.subTest(container=container, tag=tag):
                    self.write('in.pt', tag, zipped)
                    answers = self.run_jobs(
                        OTHER_TOY, True,
                        {'in': 'in.pt', 'out': 'out.pt',
                         'container': container},
                        {'in': 'out.pt', 'out': 'again.pt',
                         'container': container})
                    wanted = {'devices': [device] * 4}
                    self.assertEqual(answers, [wanted, wanted])
                    self.expect_in_pytorch('out.pt', tag)
                    self.expect_in_pytorch('again.pt', tag)

    def test_other_forms_of_files(self):
        # The graph as Protobuf messages, which PyTorch does not read.
        self.write('in.pt', 'privateuseone:1')
        answers = self.run_jobs(
            OTHER_TOY, True,
            {'in': 'in.pt', 'out': 'messages.pt', 'container': 'proto'},
            {'in': 'messages.pt', 'out': 'out.pt', 'container': 'zip'})
        self.assertEqual(answers, [{'devices': ['toy:1'] * 4}] * 2)
        self.expect_in_pytorch('out.pt', 'privateuseone:1')
        # A tar archive of before 0.1.10.
        storage = old_files.Storage('1', range(4), location='privateuseone:1')
        with open(self.path('old.tar'), 'wb') as file:
            file.write(old_files.tar(
                [old_files.Number(7)], [(5, storage)], [],
                [(7, 5, 0, (4,), (1,))]))
        answers = self.run_jobs(
            OTHER_TOY, True,
            {'in': 'old.tar', 'out': 'out.pt', 'container': 'zip'})
        self.assertEqual(answers, [{'devices': ['toy:1']}])
        loaded = torch.load(self.path('out.pt'), map_location='cpu')
        self.assertEqual(loaded[0].tolist(), [0, 1, 2, 3])

    def test_map_location_takes_the_tag(self):
        values = tensors()
        address = values[2].storage().data_ptr()
        location_tags.save(
            values, self.path('in.pt'), lambda storage: 'acme.v9'
            if storage.data_ptr() == address else 'cpu')
        job = {'in': 'in.pt', 'out': 'out.pt', 'container': 'zip'}
        answers = self.run_jobs(
            OTHER_TOY, True, dict(job, map_location='privateuseone:1'),
            dict(job, map_location='privateuseone:2'), job)
        self.assertEqual(answers[0], {'devices': ['toy:1'] * 4})
        self.assertRegex(answers[1]['error'], '^OUT_OF_RANGE.* 2 toy devices')
        self.assertRegex(answers[2]['error'], '^INVALID_ARGUMENT.*"acme.v9"')
        self.expect_in_pytorch('out.pt', 'privateuseone:1')

    def test_the_toy_reads_the_tag_and_writes_its_own(self):
        self.write('in.pt', 'privateuseone:1')
        answers = self.run_jobs(
            TOY, True, {'in': 'in.pt', 'out': 'out.pt', 'container': 'zip'})
        self.assertEqual(answers, [{'devices': ['toy:1'] * 4}])
        self.expect_in_pytorch('out.pt', 'toy:1')

    def test_claimed_without_such_a_device(self):
        job = {'in': 'in.pt', 'out': 'out.pt', 'container': 'zip'}
        for number in ('2', '4294967296', '9' * 900):
            self.write('in.pt', 'privateuseone:' + number)
            failed, mapped = self.run_jobs(
                OTHER_TOY, True, job, dict(job, map_location='cpu'))
            self.assertIn('OUT_OF_RANGE', failed['error'])
            self.assertIn('there are 2 toy devices', failed['error'])
            self.assertIn('set LoadOptions::map_location', failed['error'])
            self.assertEqual(mapped, {'devices': ['cpu'] * 4})

    def test_reserved_types_need_permission(self):
        job = {'in': 'in.pt', 'out': 'out.pt', 'container': 'zip'}
        self.write('in.pt', 'privateuseone:0')
        failed, mapped = self.run_jobs(
            OTHER_TOY, False, job, dict(job, map_location='toy:1'))
        self.assertIn('INVALID_ARGUMENT', failed['error'])
        self.assertIn('PluginOptions::allow_reserved_types', failed['error'])
        # What is saved then leads back.
        self.assertEqual(mapped, {'devices': ['toy:1'] * 4})
        self.expect_in_pytorch('out.pt', 'toy:1')

    def devices(self, plugin, *options):
        return subprocess.run(
            [FERRY, 'devices', '--plugin', plugin, *options],
            capture_output=True, text=True, check=True,
            env={'FERRY_PLUGIN_PATH': ''}, cwd=self.folder).stdout

    def test_ferry_devices_says_so(self):
        shown = self.devices(OTHER_TOY, '--allow-reserved-types')
        self.assertIn('claims the tags of privateuseone\n', shown)
        self.assertIn('saved as privateuseone:1\n', shown)
        shown = self.devices(TOY, '--allow-reserved-types')
        self.assertNotIn('saved as', shown)
        row = json.loads(self.devices(OTHER_TOY, '--format=json'))[-1]
        self.assertEqual(row['claims'][0]['type'], 'privateuseone')
        self.assertEqual(row['claims'][0]['given'], False)
        device = row['devices'][0]
        self.assertEqual((device['tag'], device['unused_tag']),
                         ('toy:0', 'privateuseone:0'))
        self.assertIn('reserved', device['why_unused'])

    def test_the_guide_shows_it(self):
        with open(GUIDE, encoding='utf-8') as file:
            command, wanted = re.search(
                r'^\$ ferry (devices .*)\n\.\.\.\n((?:.*\n)*?)```$', file.read(),
                re.MULTILINE).groups()
        shutil.copy(OTHER_TOY, self.path('libtoy_privateuseone.so'))
        os.chmod(self.path('libtoy_privateuseone.so'), 0o755)
        self.assertEqual(command, 'devices --plugin=./libtoy_privateuseone.so')
        shown = self.devices('./libtoy_privateuseone.so')
        self.assertTrue(shown.endswith(wanted), shown)
        above = shown[:-len(wanted)]
        self.assertEqual(re.findall(r'^\w+', above, re.MULTILINE),
                         ['cpu', 'cuda', 'meta'])


if __name__ == '__main__':
    unittest.main()
