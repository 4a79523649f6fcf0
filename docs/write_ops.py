# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/ops.md: the ops, and how far they are from PyTorch.

    bazel build //tests/interop:ops
    /usr/bin/python3 tests/interop/ops_test.py bazel-bin/tests/interop/ops \
        --all --report=/tmp/ops.json
    python3 docs/write_ops.py bazel-bin/tests/interop/ops [/tmp/ops.json]

The table of ops in autograd/ops/ says which there are. Without a report, the
measured differences of the present page are kept. //docs:ops_test fails if the
page is not what this script writes.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
PAGE = os.path.join(HERE, 'ops.md')

# The groups of the page, and the ops of each. An op that is in none belongs to
# the last one. A name in lower case is not an op of the table: NOT_OPS explains
# it.
GROUPS = [
    ('add, sub, neg', 'Add Sub Neg'),
    ('mul, div', 'Mul Div'),
    ('pow', 'Pow'),
    ('exp, log', 'Exp Expm1 Log Log2 Log10 Log1p'),
    ('roots, squares', 'Sqrt Rsqrt Reciprocal Square'),
    ('trigonometric, hyperbolic',
     'Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh'),
    ('activations', 'Sigmoid Relu LeakyRelu Elu Softplus Silu Gelu Erf'),
    ('abs, sign, rounding', 'Abs Sign Floor Ceil Round Trunc'),
    ('clamp, extremes of two, where, lerp',
     'Clamp Maximum Minimum Where Lerp'),
    ('atan2, fmod, remainder, hypot, addcmul, addcdiv',
     'Atan2 Fmod Remainder Hypot Addcmul Addcdiv'),
    ('comparisons, logical, argmax, isnan',
     'Eq Ne Lt Le Gt Ge LogicalAnd LogicalOr LogicalXor LogicalNot ArgMax '
     'ArgMin IsNan IsInf IsFinite'),
    ('sum, mean, nansum', 'Sum Mean NanSum'),
    ('prod', 'Prod'),
    ('var, std', 'Var Std'),
    ('norm', 'Norm'),
    ('max, min, amax', 'Max Min AMax AMin'),
    ('logsumexp, cumsum, cumprod', 'LogSumExp CumSum CumProd'),
    ('products', 'Dot Outer Mv Mm Bmm Addmm Baddbmm'),
    ('matmul, linear', 'MatMul Linear'),
    ('shapes', 'View Reshape Flatten Squeeze Unsqueeze Transpose Permute Flip '
     'Roll'),
    ('expand, repeat', 'Expand Repeat'),
    ('parts', 'Select Slice Narrow Diagonal Unfold AsStrided'),
    ('split, chunk, unbind, cat, stack', 'Split Chunk Unbind Cat Stack'),
    ('reading at indices', 'IndexSelect Index Gather Take Embedding'),
    ('writing at indices, masks',
     'Scatter ScatterAdd IndexPut IndexAdd MaskedFill MaskedSelect '
     'MaskedScatter'),
    ('sort, topk, tril, triu, pad', 'Sort TopK Tril Triu Pad'),
    ('copies', 'Clone Contiguous Cast CopyInPlace'),
    ('softmax', 'Softmax LogSoftmax'),
    ('losses', 'NllLoss CrossEntropy MseLoss L1Loss SmoothL1Loss '
     'BinaryCrossEntropyWithLogits'),
    ('layer_norm, rms_norm', 'LayerNorm RmsNorm'),
    ('batch_norm, dropout', 'batch_norm dropout'),
    ('conv2d', 'conv2d'),
    ('pooling', 'max_pool avg_pool'),
    ('writes to a view', 'copy-slices'),
    ('further ops', ''),
]

NOT_OPS = {
    'batch_norm': 'not yet',
    'dropout': 'not yet',
    'conv2d': 'not yet',
    'max_pool': 'not yet',
    'avg_pool': 'not yet',
    'copy-slices': 'no op: any op in place on a view records it '
                   '(`ApplyInPlace`); `//autograd:backward_test` tests it',
}

# What the page says of dtypes.
DTYPES = {
    'floats': 'floats',
    'integers': 'integers',
    'bool': 'bool',
    'any': 'all',
    'numbers': 'numbers',
}

INTRODUCTION = """\
# Ops

The functions that compute with tensors and are recorded for gradients. Programs include `ferry/runtime/autograd.h` and link `//runtime` or `//runtime:autograd`; the header of each group says what its functions do.

```cpp
auto x = Full({2, 3}, 0.5, TensorOptions().requires_grad(true));
auto loss = Sum(x * x - 1);
FERRY_RETURN_IF_ERROR(Backward(loss));
Tensor gradient = Gradient(*x);  // 1 throughout
```

The functions have the names of PyTorch's, in CamelCase. Dtypes are promoted as in PyTorch, and shapes are broadcast as there.

## Table

`docs/write_ops.py` writes this page from the table of ops that the tests use, in the order of PyTorch's groups.

- *dtypes*: *floats* are float64, float32, float16 and bfloat16; *integers* int8 to int64 and uint8 to uint64, of which uint16, uint32 and uint64 are not compared, since PyTorch 1.13 has none. *numbers* means that operands may also be numbers.
- *samples*: how many calls the tests make in each dtype: other shapes, tensors that are not contiguous, of rank 0, without elements.
- *gradient*: *yes* if the op has a derivative, which `//autograd/ops:op_table_test` compares with numerical gradients, as it does the second derivative.
- *difference* of results and of gradients: the largest one from PyTorch 1.13 in float32, absolute below 1 and relative above. `//tests/interop:ops_test` compares every dtype within the tolerances of `torch.testing.assert_close`.
- *no kernel*: dtypes in which PyTorch 1.13 cannot compute the op on a CPU. There the results are compared with those of a wider dtype, rounded.

"""

HOW_TO = """
## How to add an op

1. Write the kernel in `autograd/kernels/`, with its test. It computes from strided tensors in host memory, and knows nothing of gradients. An elementwise kernel is a function of single elements; this one, from `%(kernel_path)s`, is listed in the switch at the end of that file:

```text
%(kernel)s
```

2. Write the entry and the public function in a file of `autograd/ops/`. The entry says how to compute the op, what its derivative uses, the derivative in ops that are recorded in turn, the dtypes, and what the tests do: the same expression in PyTorch, and samples of arguments. `autograd/ops/op.h` explains each member and the notation of samples. From `%(entry_path)s`:

```text
%(entry)s
```

3. List the entry among the ops of the file. A new file is added to `autograd/ops/op_table.cc` and `runtime/autograd.h`.

4. Run the tests, which find the op in the table:

```sh
bazel test //autograd/ops:op_table_test //tests/interop:ops_test
```

The first one compares the gradients with numerical ones, and the bits for several numbers of threads; the second one compares everything with PyTorch. If a kind of sample does not apply to the op, say so in `op_table_test.cc`.

The second test has all samples in float64 and float32, and some in the other dtypes. Besides, it calls each op with some samples of 30 000 to 1 500 000 elements, whose sizes are on both sides of those at which the kernels divide their work (`kLargeSizes` in `tests/interop/ops_main.cc`). This takes all samples in all dtypes, and all the sizes, under the address sanitizer:

```sh
bazel test --config=asan-ubsan //tests/interop:ops_test --test_arg=--all
```

5. Write this page again, with what was measured (the first lines of `docs/write_ops.py` show how).
"""

# The example of the last section: (path, first line, last line).
KERNEL = ('autograd/kernels/elementwise_plain.cc', 'struct Hypot {', '};')
ENTRY = ('autograd/ops/elementwise.cc', 'constexpr Op kHypot = {', '};')


class Fault(Exception):
    pass


def quote(path, first, last):
    """The lines of a file from one that begins so to one that is `last`."""
    with open(os.path.join(HERE, '..', path), encoding='utf-8') as file:
        text = file.read()
    start = text.find('\n' + first)
    if start < 0:
        raise Fault('%s has no line %r' % (path, first))
    lines = text[start + 1:].split('\n')
    for i, line in enumerate(lines):
        if line == last or (last == '};' and line.endswith('};')):
            return '\n'.join(lines[:i + 1])
    raise Fault('%s: no line %r after %r' % (path, last, first))


def measured_cells(text):
    """The cells (results, gradients, no kernel) for each PyTorch expression."""
    cells = {}
    for row in re.findall(r'^\|.*\|$', text, re.MULTILINE):
        parts = [part.strip() for part in row[1:-1].split(' | ')]
        if len(parts) == 9 and parts[2].startswith('`'):
            cells[parts[2].strip('`').replace('\\|', '|')] = parts[6:]
    return cells


def measured(report):
    """The same from a report."""
    return {
        op['pytorch']: [
            '%.1e' % op['results'] if op['results'] else '0',
            '%.1e' % op['gradients'] if op['gradients'] else '0',
            ', '.join(op['without_kernel']),
        ] for op in report.values()
    }


def page(ops, cells):
    """The text of the page.

    Args:
      ops: the table, as the program prints it.
      cells: what was measured, by the expressions for PyTorch.
    """
    by_name = {}
    for op in ops:
        by_name.setdefault(op['name'], []).append(op)
    listed = ' '.join(names for _, names in GROUPS).split()
    missing = [
        name for name in listed if name not in by_name and name not in NOT_OPS
    ]
    if missing:
        raise Fault('not in the table of ops, nor explained: %s' % missing)
    rows = [
        '| group | op | PyTorch | dtypes | samples | gradient | '
        'difference of results | of gradients | no kernel |',
        '|---|---|---|---|---|---|---|---|---|',
    ]
    for group, names in GROUPS:
        names = names.split() or list(
            dict.fromkeys(
                op['name'] for op in ops if op['name'] not in listed))
        for name in names:
            if name in NOT_OPS:
                rows.append('| %s | %s | %s | | | | | | |' %
                            (group, name, NOT_OPS[name]))
            for op in by_name.get(name, []):
                rows.append('| %s | %s |' % (group, ' | '.join([
                    '`%s`' % name,
                    '`%s`' % op['pytorch'].replace('|', '\\|'),
                    ', '.join(DTYPES[dtype] for dtype in op['dtypes']),
                    str(op['samples']),
                    'yes' if op['has_derivative'] or op['is_composed'] else
                    'no',
                ] + cells.get(op['pytorch'], ['', '', '']))))
                group = ''
            group = ''
    how_to = HOW_TO % {
        'kernel_path': KERNEL[0],
        'kernel': quote(*KERNEL),
        'entry_path': ENTRY[0],
        'entry': quote(*ENTRY),
    }
    return INTRODUCTION + '\n'.join(rows) + '\n' + how_to


def table(program):
    return json.loads(subprocess.check_output([program, 'list']))


def read_page():
    if not os.path.exists(PAGE):
        return ''
    with open(PAGE, encoding='utf-8') as file:
        return file.read()


def main():
    cells = measured_cells(read_page())
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding='utf-8') as file:
            cells.update(measured(json.load(file)))
    text = page(table(sys.argv[1]), cells)
    with open(PAGE, 'w', encoding='utf-8') as file:
        file.write(text)


if __name__ == '__main__':
    main()
