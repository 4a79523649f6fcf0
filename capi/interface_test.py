# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The C interface, called as another language would, with PyTorch as oracle.

    interface_test.py LIBFERRY FERRY_H TOY
"""

import collections
import ctypes
import os
import sys
import tempfile
import threading
import unittest

import torch

from testing import ferry_c

LIBRARY = ferry_c.Library(*sys.argv[1:3])
TOY = sys.argv[3]
del sys.argv[1:]

# Functions for which null and 0 are no mistake.
_NOTHING_IS_ENOUGH = ('ferry_plugins_load',)

_HANDLES = ('ferry_tensor', 'ferry_value', 'ferry_tensor_list',
            'ferry_checkpoint')


def shape_of(info):
    return info.shape[:info.rank]


def strides_of(info):
    return info.strides[:info.rank]


def example():
    """A checkpoint with views, shared storages, and all kinds of values."""
    base = torch.arange(24, dtype=torch.float32)
    model = collections.OrderedDict()
    model['fc.weight'] = torch.nn.Parameter(base.view(4, 6))
    model['fc.transposed'] = base.view(4, 6).t()
    model['a/b~c'] = torch.tensor(7, dtype=torch.int64)
    model['bf16'] = torch.ones(3, dtype=torch.bfloat16)
    model['flags'] = torch.tensor([True, False, True])
    model['complex'] = torch.tensor([1 + 2j, 3 - 4j])
    model['empty'] = torch.empty(0, 5)
    model['strided'] = base[3::4]
    return {
        'model': model, 'epoch': 3, 'rate': 0.5, 'name': 'net\0work',
        'raw': b'\0\1', 'done': False, 'nothing': None,
        'state': {0: {'step': torch.tensor(1.5)}},
        'list': [1, (2, base[:2])]}


class InterfaceTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def saved(self, value, name='saved.pt', **options):
        torch.save(value, self.path(name), **options)
        return self.path(name)

    def assert_fails(self, code, function, *args):
        with self.assertRaises(ferry_c.Error) as raised:
            function(*args)
        self.assertEqual(raised.exception.code, code, raised.exception)
        self.assertTrue(raised.exception.message)
        return raised.exception.message

    def expected_tensors(self, value, pointer=''):
        if isinstance(value, torch.Tensor):
            return {pointer: value}
        if isinstance(value, dict):
            children = value.items()
        elif isinstance(value, (list, tuple)):
            children = enumerate(value)
        else:
            return {}
        found = {}
        for key, child in children:
            step = str(key).replace('~', '~0').replace('/', '~1')
            found.update(self.expected_tensors(child, pointer + '/' + step))
        return found

    # --- Reading ---------------------------------------------------------------

    def test_lists_what_pytorch_saved(self):
        value = example()
        for legacy in (False, True):
            checkpoint = LIBRARY.open(self.saved(
                value, _use_new_zipfile_serialization=not legacy))
            self.assertEqual(
                LIBRARY.c.ferry_checkpoint_container(checkpoint),
                b'legacy' if legacy else b'zip')
            listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
            expected = self.expected_tensors(value)
            self.assertEqual(list(tensors), list(expected))
            for pointer, tensor in expected.items():
                info = LIBRARY.describe(tensors[pointer])
                self.assertEqual(info.dtype.decode(),
                                 str(tensor.dtype)[len('torch.'):])
                self.assertEqual(info.layout, b'strided')
                self.assertEqual(shape_of(info), list(tensor.shape))
                self.assertEqual(strides_of(info), list(tensor.stride()))
                self.assertEqual(info.storage_offset, tensor.storage_offset())
                self.assertEqual(info.num_elements, tensor.numel())
                self.assertEqual(info.size_bytes,
                                 tensor.numel() * tensor.element_size())
                self.assertEqual(info.location, b'cpu')
                self.assertEqual(bool(info.flags & ferry_c.TENSOR_REQUIRES_GRAD),
                                 tensor.requires_grad)
                self.assertFalse(info.flags & ferry_c.TENSOR_LOADED)
            ids = [LIBRARY.describe(tensors[pointer]).storage_id
                   for pointer in ('/model/fc.weight', '/model/strided',
                                   '/model/bf16')]
            self.assertEqual(ids[0], ids[1])
            self.assertNotEqual(ids[0], ids[2])
            del listed

    def test_reads_elements_into_memory_of_the_caller(self):
        value = example()
        checkpoint = LIBRARY.open(self.saved(value))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        expected = self.expected_tensors(value)
        for pointers in ([[pointer] for pointer in expected],
                         [list(expected)]):
            for some in pointers:
                read = LIBRARY.read(checkpoint, [tensors[p] for p in some])
                for pointer, contents in zip(some, read):
                    self.assertEqual(contents, self.bytes_of(expected[pointer]))

    @staticmethod
    def bytes_of(tensor):
        tensor = tensor.detach().contiguous()
        return ctypes.string_at(tensor.data_ptr(),
                                tensor.numel() * tensor.element_size())

    def test_loads_tensors_and_shares_their_memory(self):
        value = example()
        for flags in (0, ferry_c.LOAD_MAP, ferry_c.LOAD_SKIP_CHECKSUMS,
                      ferry_c.LOAD_STRICT):
            checkpoint = LIBRARY.open(self.saved(value),
                                      ferry_c.LoadOptions(flags=flags))
            _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
            weight = tensors['/model/fc.weight']
            self.assert_fails(ferry_c.FAILED_PRECONDITION, LIBRARY.data, weight)
            LIBRARY.load(checkpoint, [weight])
            self.assertTrue(
                LIBRARY.describe(weight).flags & ferry_c.TENSOR_LOADED)
            self.assertEqual(ctypes.string_at(LIBRARY.data(weight), 96),
                             self.bytes_of(value['model']['fc.weight']))
            # A view of the same storage is loaded with it; others are not.
            self.assertEqual(
                LIBRARY.data(tensors['/model/strided']),
                LIBRARY.data(weight) + 3 * 4)
            self.assert_fails(ferry_c.FAILED_PRECONDITION, LIBRARY.data,
                              tensors['/model/bf16'])
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
            bf16 = LIBRARY.at(LIBRARY.root(checkpoint), '/model/bf16')
            tensor = LIBRARY.new('ferry_value_as_tensor', bf16)
            # Tensors outlive all else.
            del checkpoint, bf16, tensors, _listed, weight
            self.assertEqual(ctypes.string_at(LIBRARY.data(tensor), 6),
                             self.bytes_of(value['model']['bf16']))

    def test_gets_what_values_hold(self):
        root = LIBRARY.root(LIBRARY.open(self.saved(example())))
        self.assertEqual(LIBRARY.c.ferry_value_kind(root), b'dict')
        self.assertEqual(LIBRARY.c.ferry_value_size(root), 9)
        for pointer, function, out, expected in (
                ('/epoch', 'int', ctypes.c_int64(), 3),
                ('/epoch', 'float', ctypes.c_double(), 3.0),
                ('/rate', 'float', ctypes.c_double(), 0.5),
                ('/name', 'str', ferry_c.String(), b'net\0work'),
                ('/raw', 'bytes', ferry_c.String(), b'\0\1'),
                ('/done', 'bool', ctypes.c_int32(), 0)):
            self.assertEqual(
                LIBRARY.get('ferry_value_as_' + function,
                            LIBRARY.at(root, pointer), out), expected)
        self.assertEqual(
            LIBRARY.c.ferry_value_kind(LIBRARY.at(root, '/nothing')), b'none')
        kinds = []
        for i in range(LIBRARY.c.ferry_value_size(root)):
            key, entry = ctypes.c_void_p(), ctypes.c_void_p()
            LIBRARY.call('ferry_value_entry', root, i, ctypes.byref(key),
                         ctypes.byref(entry))
            kinds.append(LIBRARY.c.ferry_value_kind(entry))
            for handle in (key, entry):
                LIBRARY.c.ferry_value_free(handle)
        self.assertEqual(kinds, [b'dict', b'int', b'float', b'str', b'bytes',
                                 b'bool', b'none', b'dict', b'list'])
        two = LIBRARY.new('ferry_value_item', LIBRARY.at(root, '/list'), 1)
        self.assertEqual(LIBRARY.c.ferry_value_kind(two), b'tuple')
        message = self.assert_fails(ferry_c.NOT_FOUND, LIBRARY.at, root,
                                    '/model/fc.weigth')
        self.assertIn('fc.weight', message)
        self.assert_fails(ferry_c.OUT_OF_RANGE, LIBRARY.new, 'ferry_value_item',
                          LIBRARY.at(root, '/list'), 2)
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.get,
                          'ferry_value_as_int', root, ctypes.c_int64())

    def test_places_tensors_on_a_device(self):
        path = self.saved({'w': torch.ones(4)})
        for location in (b'meta', b'cpu'):
            options = ferry_c.LoadOptions(map_location=location)
            checkpoint = LIBRARY.open(path, options)
            _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
            info = LIBRARY.describe(tensors['/w'])
            self.assertEqual((info.device_type, info.device_index),
                             (location, -1))
        checkpoint = LIBRARY.open(
            path, ferry_c.LoadOptions(map_location=b'nowhere:0'))
        message = self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.call,
                                    'ferry_checkpoint_load_all', checkpoint)
        self.assertIn('nowhere', message)

    def test_keeps_locations_of_tensors_that_stay_on_the_host(self):
        # Debian's PyTorch cannot make tensors on a GPU.
        path = self.saved({'w': torch.ones(4)}, _use_new_zipfile_serialization=
                          False)
        with open(path, 'rb') as file:
            contents = file.read()
        changed = contents.replace(b'X\3\0\0\0cpu', b'X\6\0\0\0cuda:1')
        self.assertNotEqual(changed, contents)
        with open(path, 'wb') as file:
            file.write(changed)
        checkpoint = LIBRARY.open(
            path, ferry_c.LoadOptions(flags=ferry_c.LOAD_TO_HOST))
        LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
        root = LIBRARY.root(checkpoint)
        _listed, tensors = LIBRARY.tensors(root)
        info = LIBRARY.describe(tensors['/w'])
        self.assertEqual((info.location, info.device_type), (b'cuda:1', b'cpu'))
        LIBRARY.save(root, self.path('again.pt'),
                     ferry_c.SaveOptions(container=b'legacy'))
        with open(self.path('again.pt'), 'rb') as file:
            self.assertEqual(file.read(), changed)

    def test_location_is_what_a_save_writes(self):
        path = self.saved({'w': torch.ones(4),
                           'm': torch.empty(3, device='meta')})
        to_host = ferry_c.LOAD_TO_HOST
        for flags, map_location, location in (
                (0, None, b''), (0, b'cpu', b''), (to_host, None, b'cpu'),
                (to_host, b'cuda:3', b'cuda:3')):
            checkpoint = LIBRARY.open(path, ferry_c.LoadOptions(
                flags=flags, map_location=map_location))
            root = LIBRARY.root(checkpoint)
            _listed, tensors = LIBRARY.tensors(root)
            info = LIBRARY.describe(tensors['/w'])
            self.assertEqual((info.location, info.device_type),
                             (b'cpu', b'cpu'))
            info = LIBRARY.describe(tensors['/m'])
            self.assertEqual((info.location, info.device_type), (b'', b'meta'))
            LIBRARY.load(checkpoint, [tensors['/w']])
            info = LIBRARY.describe(tensors['/w'])
            self.assertEqual((info.location, info.device_type),
                             (location, b'cpu'))
            LIBRARY.save(LIBRARY.at(root, '/w'), self.path('again.pt'))
            again = LIBRARY.root(LIBRARY.open(self.path('again.pt')))
            tensor = LIBRARY.new('ferry_value_as_tensor', again)
            self.assertEqual(LIBRARY.describe(tensor).location,
                             location or b'cpu')

    def test_text_in_files_may_have_null_bytes(self):
        value = {'a': torch.zeros(1), 'a\0b': torch.ones(2)}
        root = LIBRARY.root(LIBRARY.open(self.saved(value)))
        _listed, tensors = LIBRARY.tensors(root)
        self.assertEqual(list(tensors), ['/a', '/a\0b'])
        for pointer, tensor in tensors.items():
            found = LIBRARY.new('ferry_value_as_tensor',
                                LIBRARY.find(root, pointer))
            self.assertEqual(LIBRARY.describe(found).storage_id,
                             LIBRARY.describe(tensor).storage_id)
        message = self.assert_fails(ferry_c.NOT_FOUND, LIBRARY.find, root,
                                    '/a\0c')
        self.assertIn('a\\x00', message)
        # A location, in a file that PyTorch writes where a device has such a
        # name.
        path = self.saved(torch.ones(1), _use_new_zipfile_serialization=False)
        with open(path, 'rb') as file:
            contents = file.read()
        with open(path, 'wb') as file:
            file.write(contents.replace(b'X\3\0\0\0cpu', b'X\5\0\0\0cpu\0x'))
        root = LIBRARY.root(LIBRARY.open(path))
        info = LIBRARY.describe(LIBRARY.new('ferry_value_as_tensor', root))
        address = ctypes.c_void_p.from_buffer(
            info, ferry_c.TensorInfo.location.offset).value
        self.assertEqual(ctypes.string_at(address, info.location_size_bytes),
                         b'cpu\0x')

    def test_objects_have_items_and_entries(self):
        root = LIBRARY.root(LIBRARY.open(self.saved({
            'deque': collections.deque([1, 2]),
            'default': collections.defaultdict(int, {'a': 5})})))
        deque = LIBRARY.at(root, '/deque')
        default = LIBRARY.at(root, '/default')
        for value in (deque, default):
            self.assertEqual(LIBRARY.c.ferry_value_kind(value), b'object')
        self.assertEqual(LIBRARY.c.ferry_value_size(deque), 2)
        item = LIBRARY.new('ferry_value_item', deque, 1)
        self.assertEqual(
            LIBRARY.get('ferry_value_as_int', item, ctypes.c_int64()), 2)
        self.assertEqual(LIBRARY.c.ferry_value_size(default), 1)
        entry = ctypes.c_void_p()
        LIBRARY.call('ferry_value_entry', default, 0, None,
                     ctypes.byref(entry))
        self.assertEqual(
            LIBRARY.get('ferry_value_as_int', entry, ctypes.c_int64()), 5)
        LIBRARY.c.ferry_value_free(entry)

    def test_casts_while_loading(self):
        value = {'w': torch.tensor([1.5, 2.5]), 'n': torch.tensor([1, 2])}
        checkpoint = LIBRARY.open(self.saved(value),
                                  ferry_c.LoadOptions(dtype=b'bfloat16'))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        expected = [self.bytes_of(value['w'].to(torch.bfloat16)),
                    self.bytes_of(value['n'])]
        self.assertEqual(
            LIBRARY.read(checkpoint, [tensors['/w'], tensors['/n']]), expected)
        LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
        self.assertEqual(ctypes.string_at(LIBRARY.data(tensors['/w']), 4),
                         expected[0])

    def test_opens_bytes_in_memory(self):
        with open(self.saved({'w': torch.arange(3)}), 'rb') as file:
            contents = file.read()
        checkpoint = LIBRARY.new('ferry_checkpoint_open_memory', contents,
                                 len(contents), None)
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        self.assertEqual(LIBRARY.read(checkpoint, [tensors['/w']]),
                         [self.bytes_of(torch.arange(3))])
        self.assert_fails(ferry_c.DATA_LOSS, LIBRARY.new,
                          'ferry_checkpoint_open_memory', contents,
                          len(contents) // 2, None)

    def test_lists_a_hundred_thousand_tensors(self):
        shared = torch.ones(1)
        count = 100000
        path = self.saved({'t%d' % i: shared for i in range(count)})
        root = LIBRARY.root(LIBRARY.open(path))
        listed = LIBRARY.new('ferry_value_list_tensors', root, None)
        self.assertEqual(LIBRARY.c.ferry_tensor_list_size(listed), count)
        pointer = ferry_c.String()
        for i in (0, 1, count - 1):
            LIBRARY.call('ferry_tensor_list_get', listed, i,
                         ctypes.byref(pointer), None)
            self.assertEqual(pointer.text(), b'/t%d' % i)
        self.assert_fails(ferry_c.OUT_OF_RANGE, LIBRARY.call,
                          'ferry_tensor_list_get', listed, count, None, None)
        limits = ferry_c.Limits(max_steps=1000)
        self.assert_fails(ferry_c.RESOURCE_EXHAUSTED, LIBRARY.new,
                          'ferry_value_list_tensors', root,
                          ctypes.byref(limits))

    def test_sparse_tensors_have_components_alone(self):
        sparse = torch.eye(3).to_sparse()
        checkpoint = LIBRARY.open(self.saved({'s': sparse}))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        info = LIBRARY.describe(tensors['/s'])
        self.assertEqual(info.layout, b'sparse_coo')
        self.assertEqual(shape_of(info), [3, 3])
        self.assertFalse(info.strides)
        self.assertEqual(info.storage_id, 0)
        self.assertFalse(info.flags & ferry_c.TENSOR_LOADED)
        LIBRARY.load(checkpoint, [tensors['/s']])
        self.assertTrue(
            LIBRARY.describe(tensors['/s']).flags & ferry_c.TENSOR_LOADED)
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.data, tensors['/s'])

    # --- Building and saving -----------------------------------------------------

    def tensor(self, source):
        """A ferry_tensor with a copy of a contiguous tensor."""
        shape = (ctypes.c_int64 * source.dim())(*source.shape)
        made = LIBRARY.new('ferry_tensor_allocate',
                           str(source.dtype)[len('torch.'):].encode(),
                           source.dim(), shape)
        contents = self.bytes_of(source)
        ctypes.memmove(LIBRARY.data(made), contents, len(contents))
        return made

    def test_builds_what_pytorch_reads(self):
        weight, step = torch.randn(2, 3), torch.tensor(4, dtype=torch.int32)
        plain = {'epoch': 3, 'rate': 0.5, 'name': 'n\0\u00e4', 'raw': b'\0\1',
                 'yes': True, 'none': None, 'pair': (1, [2, 'x']), 7: {},
                 'big': -2**63}
        value = LIBRARY.value(dict(
            plain,
            model=collections.OrderedDict(w=self.tensor(weight)),
            parameter=LIBRARY.new('ferry_value_new_parameter',
                                  self.tensor(weight)),
            step=self.tensor(step)))
        for container in (None, b'zip', b'legacy'):
            LIBRARY.save(value, self.path('built.pt'),
                         ferry_c.SaveOptions(container=container))
            read = torch.load(self.path('built.pt'))
            self.assertIsInstance(read['parameter'], torch.nn.Parameter)
            self.assertTrue(torch.equal(read.pop('parameter'), weight))
            model = read.pop('model')
            self.assertIs(type(model), collections.OrderedDict)
            self.assertTrue(torch.equal(model['w'], weight))
            self.assertTrue(torch.equal(read.pop('step'), step))
            self.assertEqual(read, plain)

    def test_saves_again_what_it_loaded(self):
        value = example()
        for options in (None, ferry_c.SaveOptions(
                flags=ferry_c.SAVE_NOT_DURABLE | ferry_c.SAVE_SKIP_CHECKSUMS)):
            checkpoint = LIBRARY.open(self.saved(value))
            root = LIBRARY.root(checkpoint)
            self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.save, root,
                              self.path('again.pt'), options)
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
            LIBRARY.save(root, self.path('again.pt'), options)
            again = torch.load(self.path('again.pt'))
            expected = self.expected_tensors(value)
            found = self.expected_tensors(again)
            self.assertEqual(list(found), list(expected))
            for pointer, tensor in expected.items():
                self.assertTrue(torch.equal(found[pointer], tensor), pointer)
                self.assertEqual(found[pointer].stride(), tensor.stride())

    def test_writes_safetensors_with_metadata(self):
        value = LIBRARY.value({'w': self.tensor(torch.ones(2))})
        metadata = (ctypes.c_char_p * 4)(b'format', b'pt', b'by', b'ferry')
        options = ferry_c.SaveOptions(container=b'safetensors',
                                      metadata=metadata, metadata_count=2)
        LIBRARY.save(value, self.path('w.safetensors'), options)
        with open(self.path('w.safetensors'), 'rb') as file:
            contents = file.read()
        self.assertIn(b'"format":"pt"', contents)
        self.assertIn(b'"by":"ferry"', contents)
        self.assertEqual(
            LIBRARY.c.ferry_checkpoint_container(
                LIBRARY.open(self.path('w.safetensors'))), b'safetensors')
        two = self.tensor(torch.ones(2))
        shared = LIBRARY.value({'a': two, 'b': two})
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.save, shared,
                          self.path('s.safetensors'), options)
        options.flags = ferry_c.SAVE_COPY_SHARED
        LIBRARY.save(shared, self.path('s.safetensors'), options)
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.save, value,
                          self.path('x.pt'),
                          ferry_c.SaveOptions(container=b'tar'))

    def test_wraps_memory_and_releases_it_once(self):
        memory = (ctypes.c_float * 6)(*range(6))
        released = []
        release = ferry_c.RELEASE(released.append)

        def wrap(shape, strides, size, dtype=b'float32', offset=0):
            return LIBRARY.new(
                'ferry_tensor_from_memory', dtype, len(shape),
                (ctypes.c_int64 * len(shape))(*shape),
                strides and (ctypes.c_int64 * len(strides))(*strides),
                ctypes.addressof(memory) + offset, size, release, 42)

        for shape, strides, size, dtype, offset in (
                ((7,), None, 24, b'float32', 0),
                ((2, 2), (3, 2), 23, b'float32', 0),
                ((2,), (-1,), 24, b'float32', 0),
                ((-2,), None, 24, b'float32', 0),
                ((2,), None, 24, b'float', 2),
                ((2,), None, 24, b'float31', 0),
                ((1,) * 65, None, 24, b'float32', 0)):
            self.assert_fails(ferry_c.INVALID_ARGUMENT, wrap, shape, strides,
                              size, dtype, offset)
        self.assertEqual(released, [])
        tensor = wrap((2, 3), (1, 2), 24)
        self.assertEqual(LIBRARY.data(tensor), ctypes.addressof(memory))
        value = LIBRARY.value({'w': tensor})
        tensor.free()
        LIBRARY.save(value, self.path('wrapped.pt'))
        self.assertEqual(torch.load(self.path('wrapped.pt'))['w'].tolist(),
                         [[0, 2, 4], [1, 3, 5]])
        self.assertEqual(released, [])
        value.free()
        self.assertEqual(released, [42])

    # --- Limits and control -----------------------------------------------------

    def test_keeps_to_limits(self):
        path = self.saved(example())
        limits = ferry_c.Limits(max_steps=10)
        options = ferry_c.LoadOptions(limits=ctypes.pointer(limits))
        self.assert_fails(ferry_c.RESOURCE_EXHAUSTED, LIBRARY.open, path,
                          options)
        checkpoint = LIBRARY.open(path,
                                  ferry_c.LoadOptions(max_tensor_bytes=50))
        self.assert_fails(ferry_c.RESOURCE_EXHAUSTED, LIBRARY.call,
                          'ferry_checkpoint_load_all', checkpoint)
        limits = ferry_c.Limits(max_output_bytes=100)
        options = ferry_c.SaveOptions(limits=ctypes.pointer(limits))
        self.assert_fails(ferry_c.RESOURCE_EXHAUSTED, LIBRARY.save,
                          LIBRARY.value({'a': 1}), self.path('x.pt'), options)
        self.assertFalse(os.path.exists(self.path('x.pt')))

    def test_reports_progress_and_can_be_cancelled(self):
        path = self.saved({'w': torch.zeros(1 << 20)})
        seen = []
        for cancel in (0, 1):
            control = ferry_c.Control(
                context=7,
                progress=ferry_c.PROGRESS(lambda *args: seen.append(args)),
                is_cancelled=ferry_c.IS_CANCELLED(lambda context: cancel))
            checkpoint = LIBRARY.open(
                path, ferry_c.LoadOptions(control=ctypes.pointer(control)))
            if cancel:
                self.assert_fails(ferry_c.CANCELLED, LIBRARY.call,
                                  'ferry_checkpoint_load_all', checkpoint)
                continue
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
            self.assertEqual(seen[-1], (7, 4 << 20, 4 << 20))
        value = LIBRARY.value({'w': self.tensor(torch.zeros(1 << 20))})
        self.assert_fails(
            ferry_c.CANCELLED, LIBRARY.save, value, self.path('x.pt'),
            ferry_c.SaveOptions(control=ctypes.pointer(control)))
        self.assertFalse(os.path.exists(self.path('x.pt')))

    # --- Mistakes ----------------------------------------------------------------

    def test_refuses_what_weights_only_refuses(self):
        path = self.saved({'f': os.path.join})
        LIBRARY.open(path)
        self.assert_fails(ferry_c.PERMISSION_DENIED, LIBRARY.open, path,
                          ferry_c.LoadOptions(flags=ferry_c.LOAD_STRICT))

    def test_null_is_an_error_in_every_function(self):
        tried = 0
        for function in LIBRARY.functions.values():
            nothing = [
                None if ferry_c._NUMBERS.get(parameter.type,
                                             ctypes.c_void_p) in
                (ctypes.c_void_p, ctypes.c_char_p) else 0
                for parameter in function.parameters
            ]
            result = getattr(LIBRARY.c, function.name)(*nothing)
            if function.result != 'int32_t' or function.name in (
                    'ferry_error_code',) + _NOTHING_IS_ENOUGH:
                self.assertIn(result, (None, 0, b'', b'0.1.0'), function.name)
                continue
            self.assertEqual(result, ferry_c.INVALID_ARGUMENT, function.name)
            tried += 1
        self.assertGreater(tried, 30)

    def test_each_null_pointer_is_an_error(self):
        """One argument is null at a time; the others are right."""
        may_be_null = {
            ('ferry_value_entry', 'key'), ('ferry_tensor_list_get', 'pointer'),
            ('ferry_tensor_list_get', 'tensor'),
            ('ferry_tensor_from_memory', 'strides'),
            ('ferry_tensor_from_memory', 'release'),
            ('ferry_tensor_from_memory', 'context')}
        tried = 0
        for function in LIBRARY.functions.values():
            if (function.result != 'int32_t' or
                    'dlpack' in function.name or
                    function.name in ('ferry_error_code',
                                      'ferry_plugins_register')):
                continue
            for index, parameter in enumerate(function.parameters):
                if ('*' not in parameter.type or parameter.name == 'error' or
                        parameter.name in ('options', 'limits') or
                        (function.name, parameter.name) in may_be_null):
                    continue
                args, keep = self.right_arguments(function)
                args[index] = None
                with self.subTest(function=function.name,
                                  parameter=parameter.name):
                    message = self.assert_fails(
                        ferry_c.INVALID_ARGUMENT, LIBRARY.call, function.name,
                        *args)
                    self.assertIn('"%s" is null' % parameter.name, message)
                del keep
                tried += 1
        self.assertGreater(tried, 60)

    def test_another_handle_is_an_error_in_every_function(self):
        tried = 0
        for function in LIBRARY.functions.values():
            for index, parameter in enumerate(function.parameters):
                wanted = parameter.type.replace('const ', '').rstrip('*')
                if wanted not in _HANDLES or parameter.type.endswith('**'):
                    continue
                args, keep = self.right_arguments(function)
                wrong = (LIBRARY.new('ferry_value_new_dict')
                         if wanted != 'ferry_value' else
                         self.tensor(torch.ones(1)))
                if '* const*' in parameter.type:
                    args[index] = (ctypes.c_void_p * 1)(wrong.address)
                else:
                    args[index] = wrong
                if parameter.name == 'error':
                    continue
                with self.subTest(function=function.name,
                                  parameter=parameter.name):
                    if function.result == 'int32_t':
                        self.assert_fails(ferry_c.INVALID_ARGUMENT,
                                          LIBRARY.call, function.name, *args)
                    else:
                        self.assertIn(
                            getattr(LIBRARY.c, function.name)(*args),
                            (None, 0, b''))
                del keep
                tried += 1
        self.assertGreaterEqual(tried, 40)

    def right_arguments(self, function):
        """Arguments with which a function works, without the error."""
        checkpoint = LIBRARY.open(self.saved({'w': torch.ones(1)}))
        listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        own = self.tensor(torch.ones(1))
        memory = (ctypes.c_double * 8)()
        out = (ctypes.c_void_p * 64)()
        info = ferry_c.TensorInfo()
        item = LIBRARY.value(['x'])
        numbers = LIBRARY.value(1)
        value = {
            'ferry_value_at': {'w': 1}, 'ferry_value_find': {'w': 1},
            'ferry_value_item': [1], 'ferry_value_entry': {1: 1},
            'ferry_value_as_bool': True,
            'ferry_value_as_int': 1, 'ferry_value_as_float': 1.0,
            'ferry_value_as_str': 'x', 'ferry_value_as_bytes': b'x',
            'ferry_value_as_tensor': own}.get(function.name, {})
        from_file = function.name.startswith('ferry_checkpoint')
        named = {
            'checkpoint': checkpoint, 'list': listed, 'tensor': own,
            'tensors': (ctypes.c_void_p * 1)(tensors['/w'].address),
            'memory': ((ctypes.c_void_p * 1)(ctypes.addressof(memory))
                       if from_file else memory),
            'sizes_bytes': (ctypes.c_uint64 * 1)(4), 'count': 1,
            'value': LIBRARY.value(value), 'dict': LIBRARY.value({}),
            'items': (ctypes.c_void_p * 1)(item.address), 'item': item,
            'index': 0, 'rank': 1, 'shape': (ctypes.c_int64 * 1)(1),
            'strides': None, 'data': memory, 'size_bytes': 4,
            'dtype': b'float32', 'device': b'cpu', 'pointer': b'/w',
            'path': self.path('right.pt').encode(), 'release': None,
            'context': None, 'text': b'text', 'bytes': b'bytes', 'flags': 0,
            'options': None, 'limits': None, 'out': out, 'key': b'key',
            'is_true': 1, 'number': 1, 'paths': (ctypes.c_char_p * 1)(b'/none')}
        if function.name == 'ferry_checkpoint_open':
            named['path'] = self.path('saved.pt').encode()
        if function.name == 'ferry_tensor_describe':
            named['out'] = ctypes.byref(info)
        if function.name == 'ferry_tensor_data':
            named['data'] = out
        if function.name == 'ferry_tensor_list_get':
            named['pointer'] = named['tensor'] = None
        if function.name == 'ferry_value_find':
            named['size_bytes'] = 2
        if function.name == 'ferry_value_append':
            named['list'] = LIBRARY.value([])
        if function.name == 'ferry_value_entry':
            named['key'] = None
        if function.name == 'ferry_value_set_entry':
            named['key'] = numbers
        parameters = function.parameters
        if parameters and parameters[-1].name == 'error':
            parameters = parameters[:-1]
        keep = (named, listed, tensors, info, own)
        return [named.get(parameter.name) for parameter in parameters], keep

    def test_structs_of_other_versions(self):
        path = self.saved({'w': torch.ones(1)})

        class Newer(ctypes.Structure):
            _fields_ = [('old', ferry_c.LoadOptions),
                        ('field', ctypes.c_uint64)]

        newer = Newer(old=ferry_c.LoadOptions())
        newer.old.struct_size = ctypes.sizeof(Newer)
        LIBRARY.new('ferry_checkpoint_open', path.encode(),
                    ctypes.byref(newer))
        newer.field = 1
        self.assert_fails(ferry_c.UNIMPLEMENTED, LIBRARY.new,
                          'ferry_checkpoint_open', path.encode(),
                          ctypes.byref(newer))
        for size in (0, 7, 1 << 40):
            options = ferry_c.LoadOptions()
            options.struct_size = size
            self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.open, path,
                              options)
        # An older struct lacks the last fields, which count as zero.
        options = ferry_c.LoadOptions(flags=ferry_c.LOAD_TO_HOST,
                                      map_location=b'nowhere')
        options.struct_size = ferry_c.LoadOptions.map_location.offset
        LIBRARY.call('ferry_checkpoint_load_all', LIBRARY.open(path, options))
        self.assert_fails(ferry_c.UNIMPLEMENTED, LIBRARY.open, path,
                          ferry_c.LoadOptions(flags=1 << 40))

        class LargerInfo(ctypes.Structure):
            _fields_ = [('old', ferry_c.TensorInfo),
                        ('field', ctypes.c_uint64)]

        tensor = self.tensor(torch.ones(3))
        larger = LargerInfo(field=5)
        larger.old.struct_size = ctypes.sizeof(LargerInfo)
        LIBRARY.call('ferry_tensor_describe', tensor, ctypes.byref(larger))
        self.assertEqual((larger.old.num_elements, larger.field), (3, 0))
        smaller = ferry_c.TensorInfo(storage_id=5)
        smaller.struct_size = ferry_c.TensorInfo.storage_id.offset
        LIBRARY.call('ferry_tensor_describe', tensor, ctypes.byref(smaller))
        self.assertEqual((smaller.num_elements, smaller.storage_id), (3, 5))

    def test_wrong_sizes_of_memory(self):
        checkpoint = LIBRARY.open(self.saved({'w': torch.ones(3)}))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        memory = (ctypes.c_double * 8)()

        def read(size, offset=0):
            LIBRARY.call(
                'ferry_checkpoint_read', checkpoint,
                (ctypes.c_void_p * 1)(tensors['/w'].address),
                (ctypes.c_void_p * 1)(ctypes.addressof(memory) + offset),
                (ctypes.c_uint64 * 1)(size), 1)

        read(12)
        for size in (0, 11, 13):
            self.assert_fails(ferry_c.INVALID_ARGUMENT, read, size)
        self.assert_fails(ferry_c.INVALID_ARGUMENT, read, 12, 1)

    def test_errors_of_files(self):
        self.assert_fails(ferry_c.NOT_FOUND, LIBRARY.open, self.path('none.pt'))
        with open(self.path('text.pt'), 'w', encoding='utf-8') as file:
            file.write('hello')
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.open,
                          self.path('text.pt'))
        path = self.saved({'w': torch.arange(1000)})
        with open(path, 'r+b') as file:
            contents = file.read()
            file.seek(contents.index(b'\x64\0\0\0\0\0\0\0\x65'))
            file.write(b'\x63')
        checkpoint = LIBRARY.open(path)
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        self.assert_fails(ferry_c.DATA_LOSS, LIBRARY.read, checkpoint,
                          [tensors['/w']])
        self.assert_fails(ferry_c.DATA_LOSS, LIBRARY.load, checkpoint,
                          [tensors['/w']])
        other = LIBRARY.open(path)
        self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.load, other,
                          [tensors['/w']])
        self.assert_fails(ferry_c.NOT_FOUND, LIBRARY.save, LIBRARY.value({}),
                          self.path('none/x.pt'))

    def test_threads_read_one_checkpoint(self):
        value = {'t%d' % i: torch.full((1000,), i) for i in range(8)}
        checkpoint = LIBRARY.open(self.saved(value))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        read = {}

        def work(name):
            read[name] = LIBRARY.read(checkpoint, [tensors['/' + name]])[0]

        threads = [threading.Thread(target=work, args=(name,))
                   for name in value]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, tensor in value.items():
            self.assertEqual(read[name], self.bytes_of(tensor))

    def test_messages_are_utf8(self):
        """Whatever the caller's text is; ferry_c decodes every message."""
        text = b'\xff/caf\xe9'
        metadata = (ctypes.c_char_p * 2)(text, text)
        tried = 0

        def fails(function, *args):
            nonlocal tried
            try:
                function(*args)
            except ferry_c.Error as error:
                if r'\xff' in error.message:
                    self.assertNotIn('caf\u00e9', error.message)
                    tried += 1

        for function in LIBRARY.functions.values():
            for index, parameter in enumerate(function.parameters):
                if parameter.type not in ('const char*', 'const char* const*'):
                    continue
                args, keep = self.right_arguments(function)
                args[index] = (text if parameter.type == 'const char*' else
                               (ctypes.c_char_p * 1)(text))
                with self.subTest(function=function.name,
                                  parameter=parameter.name):
                    fails(LIBRARY.call, function.name, *args)
                del keep
        path = self.saved({'w': torch.ones(1)})
        for name in ('map_location', 'dtype'):
            fails(lambda field: LIBRARY.call(
                'ferry_checkpoint_load_all',
                LIBRARY.open(path, ferry_c.LoadOptions(**{field: text}))), name)
        for options in (
                ferry_c.SaveOptions(container=text),
                ferry_c.SaveOptions(codec=text),
                ferry_c.SaveOptions(container=b'safetensors', metadata_count=1,
                                    metadata=metadata)):
            fails(LIBRARY.save, LIBRARY.value({}), self.path('x'), options)
        self.assertGreaterEqual(tried, 10)

    def test_messages_name_the_c_interface(self):
        path = self.saved({'w': torch.ones(1)})
        checkpoint = LIBRARY.open(path)
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        message = self.assert_fails(ferry_c.FAILED_PRECONDITION, LIBRARY.data,
                                    tensors['/w'])
        self.assertIn('call ferry_checkpoint_load first', message)
        with open(path, 'rb') as file:
            contents = file.read()
        options = ferry_c.LoadOptions(flags=ferry_c.LOAD_MAP)
        message = self.assert_fails(
            ferry_c.INVALID_ARGUMENT, LIBRARY.new,
            'ferry_checkpoint_open_memory', contents, len(contents),
            ctypes.byref(options))
        self.assertIn('leave out FERRY_LOAD_MAP', message)
        self.assertNotIn('::', message)
        message = self.assert_fails(
            ferry_c.INVALID_ARGUMENT, LIBRARY.save, LIBRARY.value({}),
            self.path('x.pt'), ferry_c.SaveOptions(codec=b'marshal'))
        self.assertIn('"marshal"', message)
        self.assertIn('"proto"', message)
        self.assertNotIn('::', message)

    def test_absurd_counts(self):
        """An array that cannot be there is not read."""
        tried = 0
        for function in LIBRARY.functions.values():
            for index, parameter in enumerate(function.parameters):
                if parameter.name not in ('count', 'size_bytes', 'rank'):
                    continue
                for number in (2**64 - 1, 1 << 59, 1 << 60):
                    args, keep = self.right_arguments(function)
                    args[index] = number
                    with self.subTest(function=function.name, number=number):
                        message = self.assert_fails(
                            ferry_c.INVALID_ARGUMENT, LIBRARY.call,
                            function.name, *args)
                        self.assertIn(str(number), message)
                    del keep
                    tried += 1
        self.assertGreaterEqual(tried, 30)
        metadata = (ctypes.c_char_p * 2)(b'a', b'b')
        for count in (2**64 - 1, 1 << 59, 1 << 63):
            options = ferry_c.SaveOptions(
                container=b'safetensors', metadata=metadata,
                metadata_count=count)
            self.assert_fails(ferry_c.INVALID_ARGUMENT, LIBRARY.save,
                              LIBRARY.value({}), self.path('x.safetensors'),
                              options)

    # --- Devices -----------------------------------------------------------------

    def test_plugins_bring_devices(self):
        paths = (ctypes.c_char_p * 2)(b'/no/such/plugin.so', TOY.encode())
        message = self.assert_fails(ferry_c.NOT_FOUND, LIBRARY.call,
                                    'ferry_plugins_load', paths, 2, 0)
        self.assertIn('/no/such/plugin.so', message)
        self.assertNotIn(TOY, message)
        value = {'w': torch.arange(10)}
        checkpoint = LIBRARY.open(self.saved(value),
                                  ferry_c.LoadOptions(map_location=b'toy:1'))
        LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
        root = LIBRARY.root(checkpoint)
        _listed, tensors = LIBRARY.tensors(root)
        info = LIBRARY.describe(tensors['/w'])
        self.assertEqual((info.device_type, info.device_index), (b'toy', 1))
        self.assert_fails(ferry_c.FAILED_PRECONDITION, LIBRARY.data,
                          tensors['/w'])
        here = LIBRARY.new('ferry_tensor_to', tensors['/w'], b'cpu')
        self.assertEqual(ctypes.string_at(LIBRARY.data(here), 80),
                         self.bytes_of(value['w']))
        LIBRARY.save(root, self.path('toy.pt'))
        again = LIBRARY.open(self.path('toy.pt'))
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(again))
        self.assertEqual(LIBRARY.describe(tensors['/w']).location, b'toy:1')
        self.assertEqual(LIBRARY.read(again, [tensors['/w']]),
                         [self.bytes_of(value['w'])])
        # The same plugin, as if it were linked into the program.
        query = ctypes.CDLL(TOY).ferry_plugin_query_v0
        self.assert_fails(ferry_c.ALREADY_EXISTS, LIBRARY.call,
                          'ferry_plugins_register', query, 0)


if __name__ == '__main__':
    unittest.main()
