# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are tagged "cuda" go through the CUDA backend and back.

    cuda_test.py LOAD_AND_SAVE SWAP_DEVICES FAKE_DRIVER INDEX OLD_TAR

The driver is the fake of plugins/cuda/testing, so this shows what the backend
calls and in which order, and nothing about a GPU. PyTorch writes the files and
opens the results.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import torch

import location_tags
import open_in_pytorch

LOAD_AND_SAVE, SWAP_DEVICES, FAKE_DRIVER, INDEX, OLD_TAR = map(
    os.path.abspath, sys.argv[1:6])
del sys.argv[1:6]

# Settings of the fake driver's timing.
TIMINGS = ('timing=eager,seed=1', 'timing=late,seed=2', 'timing=random,seed=3',
           'timing=random,seed=4')

# The tags of the tensors in each file; tensors without a tag are on the CPU.
FILES = {
    'plain': ['cuda', None, 'cuda'],
    'zero': ['cuda:0', None],
    'one': ['cuda:1'],
    'mixed': ['cuda', 'cuda:0', 'cuda:1', None, 'cuda:1'],
    'many': ['cuda:%d' % (i % 2) for i in range(300)],
}


def tensors_of(name):
    torch.manual_seed(len(name))
    made = {}
    for i, tag in enumerate(FILES[name]):
        # The last of a few tensors is larger than a staging buffer.
        is_last = i == len(FILES[name]) - 1
        made['%03d' % i] = torch.randn(5_000_003 if is_last and i < 10 else
                                       i * 7)
    # A view and its base share a storage.
    made['view'] = made['000'][1:]
    return made


def write(path, name, **options):
    """Writes the tensors; the taggers of PyTorch see the tags of FILES."""
    made = tensors_of(name)
    tags = {made['%03d' % i].storage()._cdata: tag
            for i, tag in enumerate(FILES[name])}
    location_tags.save(made, path, lambda storage: tags.get(storage._cdata),
                       **options)
    return made


def read(path):
    """The value in a file, and the set of its storages' tags."""
    value, tags = location_tags.load(path)
    return value, set(tags)


def fixtures():
    """The fixtures with a tag of CUDA."""
    with open(INDEX, encoding='utf-8') as file:
        entries = json.load(file)
    paths = [os.path.join(os.path.dirname(INDEX), entry['file'])
             for entry in entries if '"location": "cuda' in json.dumps(entry)]
    assert len(paths) > 1, paths
    return paths


def as_tensors(value):
    """A value, with tensors in the place of the storages in a dict."""
    if not isinstance(value, dict):
        return value
    return {
        key: torch.tensor([], dtype=entry.dtype).set_(entry)
             if isinstance(entry, torch.storage.TypedStorage) else entry
        for key, entry in value.items()
    }  # yapf: disable


class CudaTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_jobs(self, jobs, settings=TIMINGS[0], driver=FAKE_DRIVER,
                 program=LOAD_AND_SAVE):
        """The answers, the fake driver's report, and its log."""
        report, log = self.path('report'), self.path('log')
        for path in (report, log):
            if os.path.exists(path):
                os.remove(path)
        environment = dict(os.environ, FERRY_CUDA_DRIVER=driver,
                           FERRY_FAKE_DRIVER='%s,report=%s,log=%s' %
                           (settings, report, log))
        result = subprocess.run([program],
                                input=''.join(' '.join(job) + '\n'
                                              for job in jobs),
                                env=environment, capture_output=True, text=True,
                                check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        found = []
        for path in (report, log):
            if os.path.exists(path):
                with open(path, encoding='utf-8') as file:
                    found.append(file.read())
            else:
                found.append('')
        return result.stdout.splitlines(), found[0], found[1]

    def assert_same(self, ours, theirs):
        self.assertEqual(list(ours), list(theirs))
        for name, tensor in theirs.items():
            self.assertTrue(torch.equal(ours[name], tensor), name)
        self.assertEqual(ours['view'].storage().data_ptr(),
                         ours['000'].storage().data_ptr())

    def test_files_of_every_tag_keep_their_devices_and_bytes(self):
        jobs, expected = [], {}
        for name, tags in FILES.items():
            for kind, options in (('zip', {}), ('legacy', {
                    '_use_new_zipfile_serialization': False
            })):
                path = self.path('%s_%s.pt' % (name, kind))
                made = write(path, name, **options)
                jobs.append([path, path + '.out'])
                # As PyTorch does, "cuda" is the first device.
                wanted = {'cuda:0' if tag == 'cuda' else tag or 'cpu'
                          for tag in tags}
                expected[path] = made, wanted
                self.assertEqual(read(path)[1],
                                 {tag or 'cpu' for tag in tags})
        first = {}
        for timing in TIMINGS:
            with self.subTest(timing=timing):
                answers, report, log = self.run_jobs(jobs, timing)
                self.assertEqual(answers, ['ok'] * len(jobs))
                # The first line has the seed.
                self.assertEqual(report.splitlines()[1:], [])
                # The bytes did go to the devices, and came from there.
                for function in ('cuMemAllocAsync', 'cuMemcpyHtoDAsync_v2',
                                 'cuMemcpyDtoHAsync_v2', 'cuMemHostAlloc'):
                    self.assertIn(function + '(', log)
                for path, out in jobs:
                    made, wanted = expected[path]
                    loaded, tags = read(out)
                    self.assert_same(loaded, made)
                    self.assertEqual(tags, wanted, path)
                    with open(out, 'rb') as file:
                        content = file.read()
                    self.assertEqual(first.setdefault(out, content), content)

    def test_fixtures(self):
        """Files of both PyTorch versions, which no script can write here."""
        jobs = [[path, self.path('out_%d' % i)]
                for i, path in enumerate(fixtures())]
        for timing in TIMINGS:
            answers, report, log = self.run_jobs(jobs, timing)
            self.assertEqual(answers, ['ok'] * len(jobs))
            self.assertEqual(report.splitlines()[1:], [])
            for path, out in jobs:
                # Compares their tags as well.
                open_in_pytorch.compare(path, out)
                self.assertEqual(read(out)[1], {'cuda:1'})

    def test_old_files(self):
        """A tar archive, which PyTorch 1.13 cannot read, and a stream."""
        names = (OLD_TAR, os.path.join(os.path.dirname(OLD_TAR), 'views.pt'))
        jobs = []
        for i, path in enumerate(names):
            jobs.append([path, self.path('own_%d' % i)])
            jobs.append([path, self.path('cpu_%d' % i), 'cpu'])
        for timing in TIMINGS:
            answers, report, _ = self.run_jobs(jobs, timing)
            self.assertEqual(answers, ['ok'] * len(jobs))
            self.assertEqual(report.splitlines()[1:], [])
            for i in range(len(names)):
                own, tags = read(self.path('own_%d' % i))
                cpu, _ = read(self.path('cpu_%d' % i))
                self.assertEqual(tags, {'cuda:0', 'cpu'})
                comparison = open_in_pytorch.Comparison()
                comparison.run(as_tensors(cpu), as_tensors(own))
                self.assertGreater(comparison.storages, 1)

    def test_fixtures_move_between_devices_without_the_host(self):
        """All of them are moved to the other device, and back."""
        old = [OLD_TAR, os.path.join(os.path.dirname(OLD_TAR), 'views.pt')]
        jobs, direct = [], []
        for i, path in enumerate(fixtures() + old):
            jobs.append([path, self.path('swapped_%d' % i),
                         self.path('back_%d' % i)])
            direct.append([path, self.path('direct_%d' % i)])
        answers, _, _ = self.run_jobs(direct)
        self.assertEqual(answers, ['ok'] * len(direct))
        other = {'cuda:0': 'cuda:1', 'cuda:1': 'cuda:0', 'cpu': 'cpu'}
        for timing in TIMINGS:
            answers, report, log = self.run_jobs(jobs, timing,
                                                 program=SWAP_DEVICES)
            self.assertEqual(report.splitlines()[1:], [])
            self.assertIn('cuMemcpyPeerAsync(', log)
            for (path, swapped, back), (_, out), answer in zip(
                    jobs, direct, answers):
                # Some were moved, and no byte was staged.
                self.assertRegex(answer, '^ok [1-9][0-9]* 0$', path)
                with open(back, 'rb') as file, open(out, 'rb') as expected:
                    self.assertEqual(file.read(), expected.read(), path)
                value, tags = location_tags.load(out)
                moved, moved_tags = location_tags.load(swapped)
                self.assertEqual(moved_tags, [other[tag] for tag in tags])
                open_in_pytorch.Comparison().run(as_tensors(value),
                                                 as_tensors(moved))
                if path not in old:
                    # As it was at first, its tags too.
                    open_in_pytorch.compare(path, back)

    def test_map_location_moves_between_devices(self):
        path = self.path('mixed.pt')
        made = write(path, 'mixed')
        jobs = []
        for tag in ('cuda:0', 'cuda:1', 'cuda', 'cpu'):
            jobs.append([path, self.path('to_' + tag), tag])
        # There, and from there to the other one.
        jobs.append([jobs[0][1], self.path('again'), 'cuda:1'])
        jobs.append([jobs[-1][1], self.path('home'), 'cpu'])
        for timing in TIMINGS:
            answers, report, _ = self.run_jobs(jobs, timing)
            self.assertEqual(answers, ['ok'] * len(jobs))
            self.assertEqual(report.splitlines()[1:], [])
            for _, out, tag in jobs:
                loaded, tags = read(out)
                self.assert_same(loaded, made)
                self.assertEqual(tags, {'cuda:0' if tag == 'cuda' else tag})

    def test_errors_tell_the_user_what_to_do(self):
        path = self.path('mixed.pt')
        write(path, 'mixed')
        job = [path, self.path('out')]
        on_one_device = 'devices=1,' + TIMINGS[0]
        answers, _, _ = self.run_jobs([job, job + ['cuda:0']], on_one_device)
        self.assertRegex(answers[0], 'OUT_OF_RANGE.*cuda:1.*there is 1 cuda '
                         'device, counted from 0.*map_location')
        self.assertEqual(answers[1], 'ok')
        # The bytes of the third tensor do not fit.
        answers, report, _ = self.run_jobs([job + ['cuda:0'], job + ['cpu']],
                                           'memory=1000000,' + TIMINGS[0])
        self.assertRegex(
            answers[0], r'RESOURCE_EXHAUSTED.*cannot allocate 20000012 bytes on '
            r'cuda:0.*\d+ of its 1000000 bytes are free.*map_location cpu')
        self.assertEqual(answers[1], 'ok')
        self.assertEqual(report.splitlines()[1:], [])
        answers, _, _ = self.run_jobs([job, job + ['cpu']],
                                      driver='/nowhere/libcuda.so.1')
        self.assertRegex(
            answers[0], 'UNAVAILABLE.*no cuda device here.*driver is not '
            'installed.*/nowhere/libcuda.so.1.*map_location')
        self.assertEqual(answers[1], 'ok')

    def test_a_lost_device_ends_a_load_without_a_hang(self):
        path = self.path('many.pt')
        made = write(path, 'many')
        cpu = [path, self.path('cpu'), 'cpu']
        for lose in (1, 2, 150, 300):
            for timing in TIMINGS:
                answers, report, _ = self.run_jobs(
                    [[path, self.path('out')], cpu],
                    'lose=%d,%s' % (lose, timing))
                self.assertRegex(
                    answers[0], 'UNAVAILABLE.*CUDA_ERROR_ILLEGAL_ADDRESS.*'
                    'restart the process.*the device is lost')
                self.assertEqual(answers[1], 'ok')
                self.assertEqual(report.splitlines()[1:], [])
                self.assertFalse(os.path.exists(self.path('out')))
        self.assert_same(read(cpu[1])[0], made)


if __name__ == '__main__':
    unittest.main()
