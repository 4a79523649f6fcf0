# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The C interface in Python, by ctypes and what ferry.h declares.

    library = ferry_c.Library('libferry.so', 'ferry.h')
    checkpoint = library.new('ferry_checkpoint_open', b'model.pt', None)
"""

import collections
import ctypes
import re

Parameter = collections.namedtuple('Parameter', 'type name')
Function = collections.namedtuple('Function', 'name result parameters')

_NUMBERS = {
    'int32_t': ctypes.c_int32,
    'int64_t': ctypes.c_int64,
    'uint64_t': ctypes.c_uint64,
    'double': ctypes.c_double,
    'const char*': ctypes.c_char_p,
    'void': None,
}

OK, CANCELLED, INVALID_ARGUMENT, NOT_FOUND = 0, 1, 3, 5
ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 6, 7, 8
FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED = 9, 11, 12
UNAVAILABLE, DATA_LOSS = 14, 15


def without_comments(text):
    return re.sub(r'//.*', '', text)


def read_functions(header):
    """All functions that the text of ferry.h declares, by name."""
    found = {}
    for result, name, parameters in re.findall(
            r'FERRY_API\s+([\w\s*]+?)\s*\b(ferry_\w+)\s*\((.*?)\)\s*'
            r'FERRY_NOEXCEPT;', without_comments(header), re.S):
        split = []
        for text in re.split(r',\s*(?![^(]*\))', parameters):
            text = ' '.join(text.split())
            if text == 'void':
                continue
            pointer = re.match(r'void \(\*(\w+)\)\(.*\)$', text)
            if pointer:
                split.append(Parameter('callback', pointer.group(1)))
            else:
                match = re.match(r'(.*?)\s*(\w+)$', text)
                split.append(Parameter(match.group(1), match.group(2)))
        found[name] = Function(name, ' '.join(result.split()), split)
    return found


class Error(Exception):

    def __init__(self, code, message):
        super().__init__('%d: %s' % (code, message))
        self.code = code
        self.message = message


class String(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('size_bytes', ctypes.c_uint64)]

    def text(self):
        return ctypes.string_at(self.data, self.size_bytes)


class _Versioned(ctypes.Structure):

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


def _struct(name, fields):
    return type(name, (_Versioned,), {
        '_fields_': [('struct_size', ctypes.c_uint64)] + fields})


TensorInfo = _struct('TensorInfo', [
    ('flags', ctypes.c_uint64), ('dtype', ctypes.c_char_p),
    ('layout', ctypes.c_char_p), ('rank', ctypes.c_uint64),
    ('shape', ctypes.POINTER(ctypes.c_int64)),
    ('strides', ctypes.POINTER(ctypes.c_int64)),
    ('storage_offset', ctypes.c_int64), ('num_elements', ctypes.c_uint64),
    ('size_bytes', ctypes.c_uint64), ('location', ctypes.c_char_p),
    ('device_type', ctypes.c_char_p), ('device_index', ctypes.c_int64),
    ('storage_id', ctypes.c_uint64), ('storage_size_bytes', ctypes.c_uint64),
    ('location_size_bytes', ctypes.c_uint64)])
Limits = _struct('Limits', [
    ('max_steps', ctypes.c_uint64), ('max_memory_bytes', ctypes.c_uint64),
    ('max_output_bytes', ctypes.c_uint64)])
PROGRESS = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64,
                            ctypes.c_uint64)
IS_CANCELLED = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
Control = _struct('Control', [
    ('context', ctypes.c_void_p), ('progress', PROGRESS),
    ('is_cancelled', IS_CANCELLED)])
LoadOptions = _struct('LoadOptions', [
    ('flags', ctypes.c_uint64), ('map_location', ctypes.c_char_p),
    ('dtype', ctypes.c_char_p), ('max_tensor_bytes', ctypes.c_uint64),
    ('limits', ctypes.POINTER(Limits)), ('control', ctypes.POINTER(Control))])
SaveOptions = _struct('SaveOptions', [
    ('flags', ctypes.c_uint64), ('container', ctypes.c_char_p),
    ('codec', ctypes.c_char_p), ('metadata', ctypes.POINTER(ctypes.c_char_p)),
    ('metadata_count', ctypes.c_uint64), ('limits', ctypes.POINTER(Limits)),
    ('control', ctypes.POINTER(Control))])

LOAD_STRICT, LOAD_TO_HOST, LOAD_MAP, LOAD_SKIP_CHECKSUMS = 1, 2, 4, 8
SAVE_SKIP_CHECKSUMS, SAVE_NOT_DURABLE, SAVE_COPY_SHARED = 1, 2, 4
TENSOR_LOADED, TENSOR_REQUIRES_GRAD, TENSOR_CONJ, TENSOR_NEG = 1, 2, 4, 8
TENSOR_READ_ONLY = 16


class Handle:
    """Owns a handle, and frees it."""

    def __init__(self, library, address, free):
        self._as_parameter_ = ctypes.c_void_p(address)
        self._library = library
        self._free = free

    @property
    def address(self):
        return self._as_parameter_.value

    def free(self):
        if self._free and self._as_parameter_:
            getattr(self._library.c, self._free)(self._as_parameter_)
        self._as_parameter_ = None

    __del__ = free


class Library:

    def __init__(self, library, header):
        self.c = ctypes.CDLL(library)
        with open(header, encoding='utf-8') as file:
            self.functions = read_functions(file.read())
        for function in self.functions.values():
            exported = getattr(self.c, function.name)
            exported.restype = _NUMBERS.get(function.result, ctypes.c_void_p)
            exported.argtypes = [
                _NUMBERS.get(parameter.type, ctypes.c_void_p)
                for parameter in function.parameters
            ]

    def call(self, name, *args):
        """Calls a function that can fail; `args` lack the last, the error."""
        error = ctypes.c_void_p()
        code = getattr(self.c, name)(*args, ctypes.byref(error))
        if code == OK:
            assert not error, 'success sets no error'
            return
        assert self.c.ferry_error_code(error) == code
        message = self.c.ferry_error_message(error).decode()
        self.c.ferry_error_free(error)
        raise Error(code, message)

    def new(self, name, *args):
        """Calls a function whose last arguments are `out` and `error`."""
        out = ctypes.c_void_p()
        self.call(name, *args, ctypes.byref(out))
        kind = self.functions[name].parameters[-2].type.rstrip('*')
        free = None if kind.startswith('struct') else kind + '_free'
        return Handle(self, out.value, free)

    def get(self, name, value, out):
        """Calls a `ferry_value_as_` function, and returns what it gets."""
        self.call(name, value, ctypes.byref(out))
        return out.text() if isinstance(out, String) else out.value

    def open(self, path, options=None):
        return self.new('ferry_checkpoint_open', path.encode(),
                        options and ctypes.byref(options))

    def root(self, checkpoint):
        return self.new('ferry_checkpoint_root', checkpoint)

    def at(self, value, pointer):
        return self.new('ferry_value_at', value, pointer.encode())

    def find(self, value, pointer):
        text = pointer.encode()
        return self.new('ferry_value_find', value, text, len(text))

    def tensors(self, value):
        """Returns the list, and {pointer: tensor} of what is in it."""
        listed = self.new('ferry_value_list_tensors', value, None)
        found = {}
        for i in range(self.c.ferry_tensor_list_size(listed)):
            pointer, tensor = String(), ctypes.c_void_p()
            self.call('ferry_tensor_list_get', listed, i,
                      ctypes.byref(pointer), ctypes.byref(tensor))
            found[pointer.text().decode()] = Handle(self, tensor.value, None)
        return listed, found

    def describe(self, tensor):
        info = TensorInfo()
        self.call('ferry_tensor_describe', tensor, ctypes.byref(info))
        return info

    def data(self, tensor):
        address = ctypes.c_void_p()
        self.call('ferry_tensor_data', tensor, ctypes.byref(address))
        return address.value

    def read(self, checkpoint, tensors):
        """Returns the bytes of tensors, in row-major order."""
        count = len(tensors)
        sizes = [self.describe(tensor).size_bytes for tensor in tensors]
        # Aligned for every dtype.
        buffers = [(ctypes.c_double * (size // 8 + 1))() for size in sizes]
        self.call('ferry_checkpoint_read', checkpoint,
                  (ctypes.c_void_p * count)(*[t.address for t in tensors]),
                  (ctypes.c_void_p * count)(
                      *[ctypes.addressof(buffer) for buffer in buffers]),
                  (ctypes.c_uint64 * count)(*sizes), count)
        return [
            bytes(buffer)[:size] for buffer, size in zip(buffers, sizes)
        ]

    def load(self, checkpoint, tensors):
        count = len(tensors)
        self.call('ferry_checkpoint_load', checkpoint,
                  (ctypes.c_void_p * count)(*[t.address for t in tensors]),
                  count)

    def save(self, value, path, options=None):
        self.call('ferry_save', value, path.encode(),
                  options and ctypes.byref(options))

    def value(self, item):
        """Makes a value of a Python object; a Handle is a tensor or a value."""
        if item is None:
            return self.new('ferry_value_new_none')
        if isinstance(item, bool):
            return self.new('ferry_value_new_bool', item)
        if isinstance(item, int):
            return self.new('ferry_value_new_int', item)
        if isinstance(item, float):
            return self.new('ferry_value_new_float', item)
        if isinstance(item, str):
            text = item.encode()
            return self.new('ferry_value_new_str', text, len(text))
        if isinstance(item, bytes):
            return self.new('ferry_value_new_bytes', item, len(item))
        if isinstance(item, list):
            made = self.new('ferry_value_new_list')
            for child in item:
                self.call('ferry_value_append', made, self.value(child))
            return made
        if isinstance(item, tuple):
            children = [self.value(child) for child in item]
            return self.new(
                'ferry_value_new_tuple',
                (ctypes.c_void_p * len(item))(*[c.address for c in children]),
                len(item))
        if isinstance(item, dict):
            ordered = isinstance(item, collections.OrderedDict)
            made = self.new('ferry_value_new_ordered_dict' if ordered else
                            'ferry_value_new_dict')
            for key, child in item.items():
                if isinstance(key, str):
                    self.call('ferry_value_set', made, key.encode(),
                              self.value(child))
                else:
                    self.call('ferry_value_set_entry', made, self.value(key),
                              self.value(child))
            return made
        if self.c.ferry_value_kind(item):
            return item
        return self.new('ferry_value_new_tensor', item)
