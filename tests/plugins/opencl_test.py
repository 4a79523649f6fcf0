# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The OpenCL plugin on PoCL, which runs OpenCL on the CPU.

    opencl_test.py OPENCL OPENCL_KERNEL FERRY PLUGIN_H PLUGIN_C INDEX_JSON \
        GUIDE SHIM_C CALLS_C

Builds the plugin by the command of the guide, in a folder that has the plugin's
sources and the C header. PyTorch writes the checkpoints and reads what comes
back.

Debian's PoCL 3.1 has two kinds of device, both the CPU: "basic" runs commands on
the thread that asks, "pthread" on threads of its own.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import torch

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             '../interop'))
import location_tags  # pylint: disable=wrong-import-position

OPENCL = KERNEL = FERRY = PLUGIN_H = PLUGIN_C = INDEX = GUIDE = None
SHIM_C = CALLS_C = None

POCL = '/etc/OpenCL/vendors/pocl.icd'

# Of PoCL with POCL_MEMORY_LIMIT=1, a quarter of a GiB.
MOST_BYTES = 1 << 28

# Long enough for any of the programs: a copy that never ends is an error.
SECONDS = 100

# Loaders of OpenCL that do not work: no library at all, and one that is too old.
BROKEN_LOADER = 'not a library\n'
OLD_LOADER = 'int clGetPlatformIDs(void) { return 0; }\n'


def guide():
    with open(GUIDE, encoding='utf-8') as file:
        return file.read()


def tags_in(path):
    return location_tags.load(path)[1]


def flatten(value):
    if isinstance(value, dict):
        return [leaf for key in value for leaf in [key] + flatten(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for entry in value for leaf in flatten(entry)]
    return [value]


def records(path):
    with zipfile.ZipFile(path) as archive:
        return {name.split('/', 1)[1]: archive.read(name)
                for name in archive.namelist()}


def model(seed, size=256):
    """A training checkpoint: many dtypes, views, shared and empty storages."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(size, size), torch.nn.ReLU(),
                              torch.nn.BatchNorm1d(size),
                              torch.nn.Linear(size, 10))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(4, size)).sum().backward()
    optimizer.step()
    base = torch.arange(1000.)
    return {
        'model': net.state_dict(),
        'optimizer': optimizer.state_dict(),
        'dtypes': [torch.arange(7).to(dtype) for dtype in (
            torch.uint8, torch.int16, torch.int64, torch.float16,
            torch.bfloat16, torch.float64, torch.bool, torch.complex64)],
        'views': [base, base[10:20], base.view(10, 100).t()[3:]],
        'empty': torch.empty(0, 3),
        'number': torch.tensor(3.5),
        'epoch': 7,
    }


class OpenClTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        os.umask(0o022)
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        source = os.path.dirname(PLUGIN_C)
        os.makedirs(os.path.join(cls.folder, 'plugins/opencl'))
        os.makedirs(os.path.join(cls.folder, 'plugins/abi/ferry'))
        shutil.copy(PLUGIN_H, os.path.join(cls.folder, 'plugins/abi/ferry'))
        for path in glob.glob(os.path.join(source, '*.[ch]')):
            shutil.copy(path, os.path.join(cls.folder, 'plugins/opencl'))
        lines = re.findall(r'^cc .*$', guide(), re.MULTILINE)
        assert len(lines) == 1, lines
        subprocess.run(lines[0], shell=True, cwd=cls.folder, check=True)
        cls.plugin = os.path.join(cls.folder, 'libferry_opencl.so')
        # No other driver that the machine may have.
        cls.vendors = os.path.join(cls.folder, 'vendors')
        os.mkdir(cls.vendors)
        assert os.path.exists(POCL), 'no PoCL; install pocl-opencl-icd'
        shutil.copy(POCL, cls.vendors)
        cls.shim = os.path.join(cls.folder, 'shim')
        os.mkdir(cls.shim)
        subprocess.run(['cc', '-shared', '-fPIC', '-pthread', '-w', '-o',
                        os.path.join(cls.shim, 'libOpenCL.so.1'), SHIM_C,
                        '-ldl'], check=True)
        cls.calls = os.path.join(cls.folder, 'opencl_calls')
        subprocess.run(['cc', '-std=c11', '-pthread', '-I', 'plugins/abi', '-o',
                        cls.calls, CALLS_C, '-ldl'], cwd=cls.folder, check=True)
        libraries = subprocess.run(['/sbin/ldconfig', '-p'], check=True,
                                   capture_output=True, text=True).stdout
        found = re.search(r'libOpenCL\.so\.1 .*=> (\S+)', libraries)
        assert found, 'no OpenCL loader; install ocl-icd-libopencl1'
        cls.loader = found.group(1)

    def environment(self, devices='pthread', **more):
        """What the tests run with: only PoCL, and only these devices."""
        environment = {
            'PATH': os.environ['PATH'],
            'OCL_ICD_VENDORS': self.vendors,
            'POCL_CACHE_DIR': os.path.join(self.folder, 'cache'),
            'POCL_DEVICES': devices,
        }
        environment.update(more)
        return environment

    def run_opencl(self, command, *files, **environment):
        """The answers for the files, one each."""
        result = subprocess.run([OPENCL, self.plugin, command] + list(files),
                                env=self.environment(**environment),
                                capture_output=True, text=True, check=False,
                                timeout=SECONDS)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout.strip().split('\n')

    def path(self, name):
        return os.path.join(self.folder, name)

    # --- The plugin ----------------------------------------------------------

    def check(self, **environment):
        result = subprocess.run([FERRY, 'plugin', 'check', self.plugin],
                                env=self.environment(**environment),
                                capture_output=True, text=True, check=False)
        outcomes = re.findall(r'^([A-Z]-\d\d)  (\w+)', result.stdout,
                              re.MULTILINE)
        self.assertGreater(len(outcomes), 60, result.stdout + result.stderr)
        failed = [check for check, outcome in outcomes if outcome == 'fail']
        self.assertEqual((failed, result.returncode), ([], 0), result.stdout)
        return dict(outcomes)

    def test_passes_the_check(self):
        for devices in ('basic', 'pthread', 'pthread basic'):
            with self.subTest(devices=devices):
                outcomes = self.check(devices=devices)
                # What needs a device was really run.
                for check, outcome in outcomes.items():
                    if check[0] in 'CGNRT' and check != 'C-08':
                        self.assertEqual(outcome, 'pass', check)

    def test_passes_the_check_beside_the_handlers_of_the_driver(self):
        # PoCL then installs none that the plugin would have to put back.
        self.check(POCL_SIGFPE_HANDLER='0', POCL_SIGUSR2_HANDLER='0')

    def test_exports_one_symbol_and_does_not_link_opencl(self):
        symbols = subprocess.run(['nm', '-D', '--defined-only', self.plugin],
                                 capture_output=True, text=True,
                                 check=True).stdout
        self.assertEqual([line.split()[-1] for line in
                          symbols.strip().split('\n')],
                         ['ferry_plugin_query_v0'])
        needed = subprocess.run(['readelf', '-d', self.plugin],
                                capture_output=True, text=True,
                                check=True).stdout
        self.assertNotIn('OpenCL', needed)

    def devices(self, **environment):
        return subprocess.run(
            [FERRY, 'devices', '--plugin=' + self.plugin],
            env=self.environment(**environment),
            capture_output=True, text=True, check=True).stdout

    def test_is_found_by_the_manifest_of_the_guide(self):
        manifest = self.path('opencl.json')
        with open(manifest, 'w', encoding='utf-8') as file:
            file.write(re.search(r'```json\n(.*?)```', guide(),
                                 re.DOTALL).group(1))
        shown = subprocess.run(
            [FERRY, 'devices'],
            env=self.environment(FERRY_PLUGIN_PATH=manifest),
            capture_output=True, text=True, check=True).stdout
        self.assertIn('opencl:0', shown)

    def test_devices_have_a_stable_order(self):
        # By name, whatever the order in which PoCL is told of them.
        for devices in ('pthread basic', 'basic pthread'):
            shown = self.devices(devices=devices)
            # Newer versions of PoCL call them cpu-minimal and cpu.
            self.assertRegex(shown, r'opencl:0 +(basic|cpu-minimal)-[^\n]*GiB')
            self.assertRegex(shown, r'opencl:1 +(pthread|cpu)-[^\n]*GiB')

    # --- With a shim between the plugin and OpenCL ---------------------------

    def shim_environment(self, **more):
        return self.environment(LD_LIBRARY_PATH=self.shim,
                                OPENCL_REAL=self.loader,
                                OPENCL_BALANCE=self.path('balance'), **more)

    def balance(self):
        with open(self.path('balance'), encoding='utf-8') as file:
            return {name: int(count) for name, count in
                    (line.split() for line in file)}

    def expect_no_leak(self, what, mappings=0):
        balance = self.balance()
        self.assertEqual((balance['buffers'], balance['events']), (0, 0), what)
        self.assertEqual(balance['mappings'], mappings, what)
        # The idle ones of a device are kept.
        self.assertIn(balance['queues'], range(9), what)

    def test_calls_that_the_host_does_not_make(self):
        result = subprocess.run(
            [self.calls, 'faults', self.plugin],
            env=self.shim_environment(devices='pthread basic',
                                      OPENCL_FAULT='copy:2:-4'),
            capture_output=True, text=True, check=False, timeout=SECONDS)
        self.assertEqual((result.stdout, result.returncode), ('', 0))
        self.expect_no_leak('calls')

    def test_a_device_is_lost_if_a_wait_for_its_work_fails(self):
        for how, faults in (
                ('copy', 'clFlush:1:-6,clFinish:1:-5'),
                ('copy_async', 'clFlush:1:-6,clFinish:1:-5'),
                ('event_wait', 'clWaitForEvents:1:-5,clGetEventInfo:1:-6'),
                ('queue_destroy', 'clFinish:1:-5')):
            with self.subTest(how=how):
                result = subprocess.run(
                    [self.calls, 'lost_' + how, self.plugin],
                    env=self.shim_environment(devices='pthread basic',
                                              OPENCL_FAULT=faults),
                    capture_output=True, text=True, check=False,
                    timeout=SECONDS)
                self.assertEqual((result.stdout, result.returncode), ('', 0))
                balance = self.balance()
                # The pinned memory.
                self.assertEqual(
                    (balance['buffers'], balance['mappings'],
                     balance['events']), (1, 1, 0))

    def test_threads_under_sanitizers(self):
        # The sanitizers see the plugin and what it calls in the C library, but
        # not into OpenCL.
        for sanitizer in ('address,undefined', 'thread'):
            with self.subTest(sanitizer=sanitizer):
                folder = tempfile.mkdtemp(dir=self.folder)
                plugin = os.path.join(folder, 'plugin.so')
                calls = os.path.join(folder, 'calls')
                build = ['cc', '-std=c11', '-g', '-O1', '-pthread',
                         '-fsanitize=' + sanitizer,
                         '-fno-sanitize-recover=all', '-I', 'plugins/abi']
                subprocess.run(
                    build + ['-shared', '-fPIC', '-fvisibility=hidden', '-o',
                             plugin] +
                    glob.glob(os.path.join(self.folder, 'plugins/opencl/*.c')),
                    cwd=self.folder, check=True)
                subprocess.run(build + ['-o', calls, CALLS_C], cwd=self.folder,
                               check=True)
                # What PoCL keeps until the process ends.
                suppressions = os.path.join(folder, 'leaks')
                with open(suppressions, 'w', encoding='utf-8') as file:
                    file.write('leak:libpocl\nleak:libLLVM\nleak:libOpenCL\n')
                for devices in ('basic', 'pthread'):
                    result = subprocess.run(
                        [calls, 'threads', plugin],
                        env=self.environment(
                            devices=devices, POCL_SIGFPE_HANDLER='0',
                            POCL_SIGUSR2_HANDLER='0',
                            # Newer versions of LLVM set a signal stack of
                            # their own.
                            ASAN_OPTIONS='use_sigaltstack=0',
                            LSAN_OPTIONS='suppressions=%s:'
                            'print_suppressions=0' % suppressions),
                        capture_output=True, text=True, check=False,
                        timeout=SECONDS)
                    self.assertEqual(
                        (result.returncode, result.stdout, result.stderr),
                        (0, '', ''))

    def test_passes_the_check_with_late_copies(self):
        # Each copy begins up to 0.3 ms after it was asked for, which shows
        # where a wait is missing.
        for seed in ('1', '2'):
            result = subprocess.run(
                [FERRY, 'plugin', 'check', '--seconds=30', self.plugin],
                env=self.shim_environment(OPENCL_LATE='300', OPENCL_SEED=seed),
                capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_every_failure_is_reported_and_nothing_leaks(self):
        source, out = self.path('faults.pt'), self.path('faults_out.pt')
        location_tags.save({'a': torch.arange(10.), 'b': torch.randn(300000)},
                           source, lambda storage: 'cuda:0')
        failures = 0
        for function, error in (
                ('clCreateContext', -2), ('clCreateCommandQueue', -6),
                ('clCreateBuffer', -4), ('clEnqueueMapBuffer', -12),
                ('clEnqueueUnmapMemObject', -5), ('clEnqueueWriteBuffer', -4),
                ('clEnqueueReadBuffer', -5), ('copy', -4), ('clFlush', -36),
                ('clFinish', -5), ('clWaitForEvents', -6)):
            for number in range(1, 100):
                what = '%s:%d:%d' % (function, number, error)
                result = subprocess.run(
                    [OPENCL, self.plugin, 'retag', source, out],
                    env=self.shim_environment(OPENCL_FAULT=what),
                    capture_output=True, text=True, check=False,
                    timeout=SECONDS)
                self.assertEqual(result.returncode, 0, what + result.stderr)
                answer = result.stdout.strip()
                if self.balance()['calls'] < number:
                    self.assertEqual(answer, 'ok', what)
                    self.expect_no_leak(what)
                    break
                if function == 'clFinish':
                    # The device is lost, so pinned memory may stay.
                    balance = self.balance()
                    self.assertEqual(balance['buffers'], balance['mappings'],
                                     what)
                else:
                    # What cannot be unmapped goes with its buffer.
                    self.expect_no_leak(
                        what, int(function == 'clEnqueueUnmapMemObject'))
                if answer != 'ok':
                    failures += 1
                    self.assertIn('driver code %d' % error, answer, what)
                else:
                    # Without pinned memory there is ordinary memory, a wait
                    # that fails is repeated, and a load has nothing to report
                    # if the end of a queue or of host memory fails.
                    self.assertIn(function, (
                        'clCreateBuffer', 'clCreateCommandQueue',
                        'clEnqueueMapBuffer', 'clEnqueueUnmapMemObject',
                        'clFinish', 'clWaitForEvents'), what)
            self.assertGreater(number, 1, function)
        self.assertGreater(failures, 20)

    # --- Machines without devices --------------------------------------------

    def test_without_a_driver_there_is_a_reason(self):
        empty = tempfile.mkdtemp(dir=self.folder)
        outcomes = self.check(OCL_ICD_VENDORS=empty)
        self.assertEqual(outcomes['D-03'], 'pass')
        self.assertEqual(outcomes['C-01'], 'unsupported')
        reason = 'no device: its driver is not installed: there is no OpenCL '
        self.assertIn(reason, self.devices(OCL_ICD_VENDORS=empty))
        path = self.path('small.pt')
        torch.save(torch.arange(3), path)
        answer, = self.run_opencl('load', path, OCL_ICD_VENDORS=empty)
        self.assertIn('UNAVAILABLE', answer)
        self.assertIn('pocl-opencl-icd', answer)

    def test_without_a_loader_there_is_a_reason(self):
        broken = tempfile.mkdtemp(dir=self.folder)
        loader = os.path.join(broken, 'libOpenCL.so.1')
        with open(loader, 'w', encoding='utf-8') as file:
            file.write(BROKEN_LOADER)
        self.assertRegex(self.devices(LD_LIBRARY_PATH=broken),
                         r'no device: its driver is not installed: .*libOpenCL')
        source = os.path.join(broken, 'old.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(OLD_LOADER)
        subprocess.run(['cc', '-shared', '-fPIC', '-o', loader, source],
                       check=True)
        self.assertRegex(self.devices(LD_LIBRARY_PATH=broken),
                         r'no device: its driver is too old: .*OpenCL 1\.2')

    # --- Checkpoints ---------------------------------------------------------

    def test_cuda_checkpoints_go_to_opencl_and_back(self):
        pairs = []
        for number in range(3):
            source = self.path('cuda%d.pt' % number)
            location_tags.save(model(number), source, lambda storage: 'cuda:0')
            self.assertEqual(set(tags_in(source)), {'cuda:0'})
            pairs.append((source, self.path('out%d.pt' % number)))
        answers = self.run_opencl('retag',
                                  *[path for pair in pairs for path in pair])
        self.assertEqual(answers, ['ok'] * len(pairs))
        for source, out in pairs:
            self.assertEqual(tags_in(out), tags_in(source))
            wanted = flatten(torch.load(source, map_location='cpu'))
            found = flatten(torch.load(out, map_location='cpu'))
            self.assertGreater(len(wanted), 30)
            self.assertEqual(len(found), len(wanted))
            for one, other in zip(wanted, found):
                self.assertIs(type(one), type(other))
                if not isinstance(one, torch.Tensor):
                    self.assertEqual(one, other)
                    continue
                self.assertEqual(
                    (one.dtype, one.shape, one.stride(), one.storage_offset()),
                    (other.dtype, other.shape, other.stride(),
                     other.storage_offset()))
                self.assertTrue(torch.equal(one, other))
            # Even the records are the ones that PyTorch wrote, except for those
            # that newer versions add.
            added = {name: content for name, content in records(source).items()
                     if name.startswith('.') or name == 'byteorder'}
            self.assertEqual({**records(out), **added}, records(source))

    def test_fixtures_of_every_version_of_pytorch(self):
        fixtures = sorted(glob.glob(
            os.path.join(os.path.dirname(INDEX), '*/tag_cuda1.pt')))
        self.assertEqual(len(fixtures), 2)
        pairs = []
        for number, fixture in enumerate(fixtures):
            pairs += [fixture, self.path('fixture%d.pt' % number)]
        self.assertEqual(
            self.run_opencl('retag', *pairs, devices='pthread basic'),
            ['ok', 'ok'])
        for source, out in zip(pairs[::2], pairs[1::2]):
            self.assertIn('cuda:1', tags_in(out))
            self.assertEqual(tags_in(out), tags_in(source))

    def test_convert_writes_the_tag_that_is_asked_for(self):
        source, out = self.path('from_opencl.pt'), self.path('to_cuda.pt')
        location_tags.save(model(1), source, lambda storage: 'opencl:0')
        subprocess.run([FERRY, 'convert', '--map-location=opencl:0=cuda:0',
                        source, out], env=self.environment(), check=True)
        self.assertEqual(set(tags_in(out)), {'cuda:0'})

    def test_one_load_fills_two_devices(self):
        # Large enough for several threads and many staging buffers, beside
        # storages that share one.
        value = [torch.randn(3 << 20), torch.randint(0, 9, (5 << 20,)),
                 [torch.full((n,), float(n)) for n in range(300)]]
        number = [0]

        def alternate(storage):
            number[0] += 1
            return 'cuda:%d' % (number[0] % 2)

        path = self.path('two.pt')
        location_tags.save(value, path, alternate)
        self.assertEqual(set(tags_in(path)), {'cuda:0', 'cuda:1'})
        for devices in ('pthread basic', 'pthread pthread'):
            self.assertEqual(self.run_opencl('spread', path, devices=devices),
                             ['ok'])

    def test_copies_on_one_device_use_no_staging_buffer(self):
        path = self.path('copy.pt')
        torch.save([torch.randn(3 << 20), torch.ones(3), torch.ones(0)], path)
        for devices in ('basic', 'pthread'):
            self.assertEqual(self.run_opencl('copy', path, devices=devices),
                             ['ok'])
        # Every way in which such a copy can fail.
        for function, error in (('clEnqueueCopyBuffer', -5),
                                ('device copy', -4)):
            result = subprocess.run(
                [OPENCL, self.plugin, 'copy', path],
                env=self.shim_environment(
                    OPENCL_FAULT='%s:2:%d' % (function, error)),
                capture_output=True, text=True, check=False, timeout=SECONDS)
            self.assertIn('RESOURCE_EXHAUSTED: copy of a storage on opencl:0 '
                          'to opencl:0: ', result.stdout)
            self.expect_no_leak(function)

    def test_a_storage_that_is_too_large_is_refused_with_the_figures(self):
        large, small = self.path('large.pt'), self.path('small.pt')
        torch.save([torch.ones(3),
                    torch.zeros(MOST_BYTES + 1, dtype=torch.uint8)], large)
        torch.save(model(2), small)
        refused, loaded = self.run_opencl('load', large, small,
                                          POCL_MEMORY_LIMIT='1')
        if refused == 'ok':
            self.skipTest('this PoCL has more memory')
        self.assertIn('RESOURCE_EXHAUSTED', refused)
        self.assertIn('cannot allocate %d bytes on opencl:0' % (MOST_BYTES + 1),
                      refused)
        self.assertIn('at most %d bytes at once' % MOST_BYTES, refused)
        # The process goes on.
        self.assertEqual(loaded, 'ok')

    def test_kernels_of_the_program_see_the_tensors(self):
        source, out = self.path('once.pt'), self.path('twice.pt')
        base = torch.arange(1000.)
        torch.save({'base': base, 'part': base[100:300]}, source)
        subprocess.run([KERNEL, self.plugin, source, '/part', out],
                       env=self.environment(HOME=self.folder), check=True)
        base[100:300] *= 2
        found = torch.load(out, map_location='cpu')
        self.assertTrue(torch.equal(found['base'], base))
        self.assertTrue(torch.equal(found['part'], base[100:300]))
        self.assertEqual(set(tags_in(out)), {'opencl:0'})

    def test_a_fork_is_refused_and_does_not_hang(self):
        path = self.path('fork.pt')
        torch.save(torch.arange(1000.), path)
        copied, loaded, parent = self.run_opencl('fork', path)
        for answer in (copied, loaded):
            self.assertIn('FAILED_PRECONDITION', answer)
            self.assertIn('fork', answer)
        self.assertEqual(parent, 'ok')


if __name__ == '__main__':
    (OPENCL, KERNEL, FERRY, PLUGIN_H, PLUGIN_C, INDEX, GUIDE, SHIM_C,
     CALLS_C) = [os.path.abspath(path) for path in sys.argv[1:10]]
    unittest.main(argv=sys.argv[:1])
