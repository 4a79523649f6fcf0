# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors that Ferry shares with NumPy and PyTorch by DLPack, without a copy.

    dlpack_test.py LIBFERRY FERRY_H TOY FAKE_DRIVER MARKED...
"""

import ctypes
import gc
import os
import sys
import tempfile
import unittest
import weakref

import numpy
import torch
import torch.utils.dlpack

from testing import ferry_c

# A driver of CUDA without a GPU.
os.environ['FERRY_CUDA_DRIVER'] = os.path.abspath(sys.argv[4])
LIBRARY = ferry_c.Library(*sys.argv[1:3])
TOY = sys.argv[3]
# Checkpoints with tensors that are conjugated or negated.
MARKED = sys.argv[5:]
del sys.argv[1:]

READ_ONLY, IS_COPIED = 1, 2

# The name, code, bits and lanes of every dtype that DLPack has.
DTYPES = [
    ('float64', 2, 64, 1), ('float32', 2, 32, 1), ('float16', 2, 16, 1),
    ('bfloat16', 4, 16, 1), ('complex128', 5, 128, 1), ('complex64', 5, 64, 1),
    ('complex32', 5, 32, 1), ('int64', 0, 64, 1), ('int32', 0, 32, 1),
    ('int16', 0, 16, 1), ('int8', 0, 8, 1), ('uint64', 1, 64, 1),
    ('uint32', 1, 32, 1), ('uint16', 1, 16, 1), ('uint8', 1, 8, 1),
    ('bool', 6, 8, 1), ('float8_e5m2', 12, 8, 1), ('float8_e4m3fn', 10, 8, 1),
    ('float8_e5m2fnuz', 13, 8, 1), ('float8_e4m3fnuz', 11, 8, 1),
    ('float8_e8m0fnu', 14, 8, 1), ('float4_e2m1fn_x2', 17, 4, 2)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ('data', ctypes.c_void_p), ('device_type', ctypes.c_int32),
        ('device_id', ctypes.c_int32), ('ndim', ctypes.c_int32),
        ('code', ctypes.c_uint8), ('bits', ctypes.c_uint8),
        ('lanes', ctypes.c_uint16), ('shape', ctypes.POINTER(ctypes.c_int64)),
        ('strides', ctypes.POINTER(ctypes.c_int64)),
        ('byte_offset', ctypes.c_uint64)]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = [('tensor', Tensor), ('manager_ctx', ctypes.c_void_p),
                ('deleter', DELETER)]


class ManagedVersioned(ctypes.Structure):
    _fields_ = [('major', ctypes.c_uint32), ('minor', ctypes.c_uint32),
                ('manager_ctx', ctypes.c_void_p), ('deleter', DELETER),
                ('flags', ctypes.c_uint64), ('tensor', Tensor)]


def python_function(name, result, *arguments):
    function = getattr(ctypes.pythonapi, name)
    function.restype, function.argtypes = result, arguments
    return function


new_capsule = python_function('PyCapsule_New', ctypes.py_object,
                              ctypes.c_void_p, ctypes.c_char_p,
                              ctypes.c_void_p)
capsule_pointer = python_function('PyCapsule_GetPointer', ctypes.c_void_p,
                                  ctypes.py_object, ctypes.c_char_p)
rename_capsule = python_function('PyCapsule_SetName', ctypes.c_int,
                                 ctypes.py_object, ctypes.c_char_p)

# A capsule does not copy its name.
_NAME, _USED_NAME = b'dltensor', b'used_dltensor'


class Shared:
    """What numpy.from_dlpack takes."""

    def __init__(self, tensor):
        self.managed = exported(tensor, False)

    def __dlpack__(self, stream=None):
        return new_capsule(ctypes.addressof(self.managed), _NAME, None)

    def __dlpack_device__(self):
        return (self.managed.tensor.device_type,
                self.managed.tensor.device_id)


def exported(tensor, versioned=True):
    name = 'ferry_tensor_to_dlpack' + ('' if versioned else '_unversioned')
    address = LIBRARY.new(name, tensor).address
    return (ManagedVersioned if versioned else Managed).from_address(address)


def delete(managed):
    managed.deleter(ctypes.addressof(managed))


def imported(managed):
    name = 'ferry_tensor_from_dlpack' + (
        '' if isinstance(managed, ManagedVersioned) else '_unversioned')
    return LIBRARY.new(name, ctypes.byref(managed))


def from_capsule(capsule):
    """Imports what another library exported, and takes it over."""
    managed = Managed.from_address(capsule_pointer(capsule, _NAME))
    tensor = imported(managed)
    rename_capsule(capsule, _USED_NAME)
    return tensor


def allocated(dtype, shape):
    return LIBRARY.new('ferry_tensor_allocate', dtype.encode(), len(shape),
                       (ctypes.c_int64 * len(shape))(*shape))


# What tensors refer to: the locals of a function end in any order.
_KEPT = []


def view_of_numbers():
    """A tensor [[1, 3, 5], [2, 4, 6]] over memory, and a list of releases."""
    memory = (ctypes.c_float * 7)(*range(7))
    released = []
    release = ferry_c.RELEASE(released.append)
    _KEPT.append((memory, release))
    tensor = LIBRARY.new(
        'ferry_tensor_from_memory', b'float32', 2, (ctypes.c_int64 * 2)(2, 3),
        (ctypes.c_int64 * 2)(1, 2), ctypes.addressof(memory) + 4, 24, release,
        1)
    return tensor, released, (memory, release)


class DLPackTest(unittest.TestCase):

    def assert_fails(self, code, function, *args):
        with self.assertRaises(ferry_c.Error) as raised:
            function(*args)
        self.assertEqual(raised.exception.code, code, raised.exception)
        return raised.exception.message

    # --- Out -------------------------------------------------------------------

    def test_numpy_and_pytorch_see_the_memory_itself(self):
        for reader in ('numpy', 'torch'):
            tensor, released, keep = view_of_numbers()
            if reader == 'numpy':
                array = numpy.from_dlpack(Shared(tensor))
                strides = tuple(s // 4 for s in array.strides)
            else:
                array = torch.utils.dlpack.from_dlpack(
                    Shared(tensor).__dlpack__())
                strides = array.stride()
            self.assertEqual(array.tolist(), [[1, 3, 5], [2, 4, 6]])
            self.assertEqual(strides, (1, 2))
            keep[0][1] = 10
            self.assertEqual(array[0, 0], 10)
            # The other library keeps the memory alive.
            tensor.free()
            self.assertEqual(released, [])
            self.assertEqual(array[1, 2], 6)
            del array
            gc.collect()
            self.assertEqual(released, [1], reader)

    def test_fields_of_both_structs(self):
        tensor, released, keep = view_of_numbers()
        for versioned in (True, False):
            managed = exported(tensor, versioned)
            if versioned:
                self.assertEqual((managed.major, managed.minor), (1, 1))
                self.assertEqual(managed.flags, 0)
            shared = managed.tensor
            self.assertEqual(shared.data, ctypes.addressof(keep[0]) + 4)
            self.assertEqual((shared.device_type, shared.device_id), (1, 0))
            self.assertEqual((shared.code, shared.bits, shared.lanes),
                             (2, 32, 1))
            self.assertEqual(shared.shape[:shared.ndim], [2, 3])
            self.assertEqual(shared.strides[:shared.ndim], [1, 2])
            self.assertEqual(shared.byte_offset, 0)
            delete(managed)
        self.assertEqual(released, [])
        tensor.free()
        self.assertEqual(released, [1])

    def test_every_dtype_goes_out_and_in(self):
        for name, *numbers in DTYPES:
            for versioned in (True, False):
                managed = exported(allocated(name, [3]), versioned)
                shared = managed.tensor
                self.assertEqual([shared.code, shared.bits, shared.lanes],
                                 numbers, name)
                info = LIBRARY.describe(imported(managed))
                self.assertEqual(info.dtype.decode(), name)
        for name in ('qint8', 'quint4x2', 'bits8'):
            self.assert_fails(ferry_c.UNIMPLEMENTED, exported,
                              allocated(name, [4]))

    def test_pytorch_reads_the_dtypes_that_it_has(self):
        for name, code, _bits, _lanes in DTYPES:
            # PyTorch 1.13 has neither DLPack's bool nor the newer dtypes.
            if not hasattr(torch, name) or code == 6:
                continue
            capsule = Shared(allocated(name, [2])).__dlpack__()
            self.assertEqual(torch.utils.dlpack.from_dlpack(capsule).dtype,
                             getattr(torch, name))

    def test_empty_and_scalar_tensors(self):
        empty = exported(allocated('int32', [0, 3]))
        self.assertIsNone(empty.tensor.data)
        self.assertEqual(empty.tensor.shape[:2], [0, 3])
        self.assertEqual(LIBRARY.describe(imported(empty)).num_elements, 0)
        scalar = exported(allocated('int32', []))
        self.assertEqual(scalar.tensor.ndim, 0)
        info = LIBRARY.describe(imported(scalar))
        self.assertEqual((info.rank, info.num_elements), (0, 1))
        self.assertEqual(
            numpy.from_dlpack(Shared(allocated('int32', [0, 3]))).shape, (0, 3))

    def test_what_cannot_be_shared(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'saved.pt')
            torch.save({'sparse': torch.eye(2).to_sparse(),
                        'dense': torch.ones(2, requires_grad=True)}, path)
            checkpoint = LIBRARY.open(path)
        _listed, tensors = LIBRARY.tensors(LIBRARY.root(checkpoint))
        self.assert_fails(ferry_c.FAILED_PRECONDITION, exported,
                          tensors['/dense'])
        LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
        delete(exported(tensors['/dense']))
        self.assert_fails(ferry_c.UNIMPLEMENTED, exported, tensors['/sparse'])
        for path in MARKED:
            checkpoint = LIBRARY.open(path)
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
            keep, marked = LIBRARY.tensors(LIBRARY.root(checkpoint))
            refused = [
                self.assert_fails(ferry_c.UNIMPLEMENTED, exported, tensor)
                for tensor in marked.values()
                if LIBRARY.describe(tensor).flags &
                (ferry_c.TENSOR_CONJ | ferry_c.TENSOR_NEG)
            ]
            self.assertTrue(refused, path)
            del keep
        meta = LIBRARY.new('ferry_tensor_to', tensors['/dense'], b'meta')
        self.assert_fails(ferry_c.UNIMPLEMENTED, exported, meta)
        LIBRARY.call('ferry_plugins_load',
                     (ctypes.c_char_p * 1)(TOY.encode()), 1, 0)
        toy = LIBRARY.new('ferry_tensor_to', tensors['/dense'], b'toy:1')
        self.assertIn('"toy"', self.assert_fails(ferry_c.UNIMPLEMENTED,
                                                 exported, toy))

    def test_tensors_on_cuda(self):
        tensor, _released, _keep = view_of_numbers()
        there = LIBRARY.new('ferry_tensor_to', tensor, b'cuda:0')
        managed = exported(there)
        shared = managed.tensor
        self.assertEqual((shared.device_type, shared.device_id), (2, 0))
        self.assertEqual(shared.strides[:2], [1, 2])
        self.assertTrue(shared.data)
        there.free()
        again = imported(managed)
        info = LIBRARY.describe(again)
        self.assertEqual((info.device_type, info.device_index), (b'cuda', 0))
        back = LIBRARY.new('ferry_tensor_to', again, b'cpu')
        self.assertEqual(ctypes.string_at(LIBRARY.data(back), 24),
                         ctypes.string_at(LIBRARY.data(tensor), 24))
        # The address of a view is that of its first element.
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'view.pt')
            torch.save(torch.arange(8)[3:], path)
            checkpoint = LIBRARY.open(
                path, ferry_c.LoadOptions(map_location=b'cuda:0'))
            LIBRARY.call('ferry_checkpoint_load_all', checkpoint)
        view = LIBRARY.new('ferry_value_as_tensor', LIBRARY.root(checkpoint))
        out = exported(view)
        self.assertEqual(out.tensor.byte_offset, 0)
        self.assertEqual(out.tensor.data % 64, 24)
        delete(out)

    # --- In --------------------------------------------------------------------

    def test_takes_arrays_of_numpy_and_pytorch(self):
        base = numpy.arange(24, dtype=numpy.float32)
        array = base.reshape(4, 6)[1:, ::2].T
        died = weakref.ref(base)
        tensor = from_capsule(array.__dlpack__())
        info = LIBRARY.describe(tensor)
        self.assertEqual(info.shape[:2], [3, 3])
        self.assertEqual(info.strides[:2], [2, 6])
        address = array.__array_interface__['data'][0]
        self.assertEqual(LIBRARY.data(tensor), address)
        self.assertEqual(ctypes.c_float.from_address(address).value, 6)
        value = LIBRARY.value([tensor])
        tensor.free()
        del array, base
        gc.collect()
        self.assertIsNotNone(died())
        value.free()
        gc.collect()
        self.assertIsNone(died())

        source = torch.arange(6, dtype=torch.bfloat16).view(2, 3).t()
        tensor = from_capsule(torch.utils.dlpack.to_dlpack(source))
        self.assertEqual(LIBRARY.data(tensor), source.data_ptr())
        info = LIBRARY.describe(tensor)
        self.assertEqual((info.dtype, info.shape[:2], info.strides[:2]),
                         (b'bfloat16', [3, 2], [1, 3]))

    def managed(self, **fields):
        """A versioned struct over [2, 2] floats, and a list of deletions."""
        deleted = []
        made = ManagedVersioned(major=1, minor=9,
                                deleter=DELETER(deleted.append))
        keep = ((ctypes.c_float * 8)(*range(8)),
                (ctypes.c_int64 * 2)(2, 2), (ctypes.c_int64 * 2)(2, 1))
        made.tensor = Tensor(
            data=ctypes.addressof(keep[0]), device_type=1, ndim=2, code=2,
            bits=32, lanes=1, shape=keep[1], strides=keep[2])
        for name, value in fields.items():
            setattr(made if hasattr(made, name) else made.tensor, name, value)
        made.keep = keep
        return made, deleted

    def test_offset_and_missing_strides(self):
        managed, deleted = self.managed(byte_offset=8, strides=None,
                                        flags=IS_COPIED)
        tensor = imported(managed)
        self.assertEqual(LIBRARY.data(tensor),
                         ctypes.addressof(managed.keep[0]) + 8)
        self.assertEqual(LIBRARY.describe(tensor).strides[:2], [2, 1])
        self.assertEqual(deleted, [])
        tensor.free()
        self.assertEqual(deleted, [ctypes.addressof(managed)])
        managed, _ = self.managed(deleter=DELETER())
        imported(managed).free()

    def test_pinned_memory_is_host_memory(self):
        for device_type in (3, 11):
            managed, _ = self.managed(device_type=device_type)
            self.assertEqual(LIBRARY.describe(imported(managed)).device_type,
                             b'cpu')

    def test_read_only_stays_read_only(self):
        managed, deleted = self.managed(flags=READ_ONLY)
        tensor = imported(managed)
        value = LIBRARY.value({'w': tensor})
        again = LIBRARY.new('ferry_value_as_tensor', LIBRARY.at(value, '/w'))
        for handle in (tensor, again):
            self.assertTrue(
                LIBRARY.describe(handle).flags & ferry_c.TENSOR_READ_ONLY)
            out = exported(handle)
            self.assertEqual(out.flags, READ_ONLY)
            delete(out)
            self.assert_fails(ferry_c.INVALID_ARGUMENT, exported, handle, False)
        del handle
        for handle in (tensor, again, value):
            handle.free()
        self.assertEqual(len(deleted), 1)
        # The same memory, no longer read-only.
        managed.flags = 0
        tensor = imported(managed)
        self.assertFalse(
            LIBRARY.describe(tensor).flags & ferry_c.TENSOR_READ_ONLY)

    def test_malformed_structs_stay_with_the_caller(self):
        invalid, unknown = ferry_c.INVALID_ARGUMENT, ferry_c.UNIMPLEMENTED
        for code, fields in (
                (unknown, dict(major=2)), (unknown, dict(major=0)),
                (unknown, dict(flags=1 << 20)), (unknown, dict(code=3)),
                (unknown, dict(bits=24)), (unknown, dict(lanes=4)),
                (unknown, dict(code=8)), (unknown, dict(device_type=8)),
                (ferry_c.OUT_OF_RANGE, dict(device_type=2, device_id=99)),
                (ferry_c.UNAVAILABLE, dict(device_type=4)),
                (invalid, dict(device_type=4, byte_offset=2)),
                (invalid, dict(device_type=4, device_id=-1)),
                (invalid, dict(ndim=-1)), (invalid, dict(ndim=65)),
                (invalid, dict(shape=None)), (invalid, dict(data=None)),
                (invalid, dict(byte_offset=2)),
                (invalid, dict(shape=(ctypes.c_int64 * 2)(-1, 2))),
                (invalid, dict(shape=(ctypes.c_int64 * 2)(2**62, 2**62))),
                (invalid, dict(strides=(ctypes.c_int64 * 2)(-2, 1))),
                (invalid, dict(strides=(ctypes.c_int64 * 2)(2**62, 1)))):
            with self.subTest(fields=fields):
                managed, deleted = self.managed(**fields)
                self.assert_fails(code, imported, managed)
                self.assertEqual(deleted, [])


if __name__ == '__main__':
    unittest.main()
