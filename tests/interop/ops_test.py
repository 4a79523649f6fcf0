# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Every op gives the results and gradients of PyTorch.

    ops_test.py OPS [--all] [--report=FILE.json] [NAME...]

OPS calls each op with its samples in each dtype; this script evaluates the
expression of the same entry in PyTorch, and compares

  - which arguments are refused;
  - the number, dtypes, shapes and values of the results;
  - which results require a gradient;
  - the gradients of the operands, for given gradients of the results.

--all takes all samples in all dtypes, and all sizes of large samples; names
restrict the run to some ops. --report writes what docs/ops.md says of each op.

Values are equal within the tolerances of torch.testing.assert_close. Where they
are not, PyTorch may be the one that is further from the truth:

  - float32 and narrower dtypes round after each step. So it is enough to be as
    close to the result in a wider dtype, or not more than twice as far from it
    as PyTorch is. The latter holds for each tensor as a whole. Gradients in
    float16 and bfloat16 may also be off by 4 units in the last place of the
    largest element. So may gradients of large samples, which may be sums of
    many elements that nearly cancel; and these may be 4 times as far as
    PyTorch's.
  - PyTorch's vectorised functions are wrong for some of the edge values, where
    those for tensors with gaps are not. Each element may equal either.
  - PyTorch 1.13 has no kernels in float16 for many functions on the CPU. There
    the result in a wider dtype is rounded.
"""

import collections
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch

OPS = os.path.abspath(sys.argv[1])
ALL = [argument for argument in sys.argv[2:] if argument == '--all']
REPORT = [
    argument[len('--report='):]
    for argument in sys.argv[2:]
    if argument.startswith('--report=')
]
NAMES = [argument for argument in sys.argv[2:] if not argument.startswith('-')]
del sys.argv[1:]

TOLERANCES = {
    torch.float64: (1e-7, 1e-7),
    torch.float32: (1.3e-6, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
}

# Ops that PyTorch computes wrongly for the largest number of a dtype: infinity
# in place of the logarithm.
WRONG_AT_LARGEST = ('Log1p',)

# PyTorch 1.13 computes this one in place, in the dtype of the target.
NOT_PROMOTED = ('BinaryCrossEntropyWithLogits',)

# The dtype in which a result is more precise.
WIDER = {
    torch.float32: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


def evaluate(expression, case, dtype=None, gaps=False):
    """What PyTorch computes: (operands, list of results).

    Args:
      expression: of `Op::pytorch`, compiled.
      case: a dict that OPS wrote.
      dtype: of the operands of the dtype that is tested, if it is to be wider.
      gaps: whether to leave gaps between the elements of the operands.
    """
    operands = []
    for operand, is_differentiable in zip(case['operands'],
                                          case['differentiable']):
        if isinstance(operand, torch.Tensor):
            operand = operand.detach()
            if dtype is not None and (is_differentiable or str(
                    operand.dtype) == 'torch.' + case['dtype']):
                operand = operand.to(dtype)
            if gaps:
                operand = torch.stack([operand, operand], -1)[..., 0]
            if is_differentiable:
                operand.requires_grad_()
        operands.append(operand)
    names = {
        'torch': torch,
        'F': torch.nn.functional,
        'math': math,
        'tensors': operands,
        **dict(zip('abcdefgh', operands)),
        **{
            key: case[key] for key in ('i', 'j', 'p', 'q', 'flag')
        },
    }
    results = eval(expression, names)  # pylint: disable=eval-used
    if isinstance(results, torch.Tensor):
        results = [results]
    return operands, list(results)


def gradients_of(case, operands, results, dtype=None):
    """The gradients of the operands, which OPS wrote as "gradients"."""
    outputs, incoming = [], []
    for result, gradient in zip(results, case['incoming']):
        if gradient is None:
            continue
        outputs.append(result)
        incoming.append(gradient if dtype is None else gradient.to(result.dtype))
    inputs = [
        operand for operand, is_differentiable in zip(
            operands, case['differentiable']) if is_differentiable
    ]
    if not outputs:
        return []
    return torch.autograd.grad(outputs, inputs, incoming, allow_unused=True)


def is_missing(error):
    """Whether PyTorch 1.13 has no kernel for the dtype."""
    text = str(error)
    return ('not implemented for' in text or 'not supported for' in text or
            'is not currently supported' in text)


def distance(ours, theirs):
    """The largest relative difference of finite elements (absolute below 1)."""
    if ours.numel() == 0:
        return 0.0
    finite = torch.isfinite(ours.double()) & torch.isfinite(theirs.double())
    difference = (ours.double() - theirs.double()).abs()
    difference = difference / theirs.double().abs().clamp(min=1)
    return torch.where(finite, difference, torch.zeros(())).max().item()


def close_elements(ours, theirs, tolerance=None):
    """Which elements are equal within the tolerance (relative, absolute)."""
    if ours.dtype not in TOLERANCES:
        return ours == theirs
    rtol, atol = tolerance or TOLERANCES[ours.dtype]
    return torch.isclose(ours.double(),
                         theirs.double(),
                         rtol=rtol,
                         atol=atol,
                         equal_nan=True)


def is_close(ours, theirs, tolerance=None):
    return close_elements(ours, theirs, tolerance).all().item()


def difference(ours, theirs, wider, with_gaps=None, tolerance=None, times=2):
    """What is wrong with a tensor, or None.

    Args:
      ours: the tensor.
      theirs: PyTorch's.
      wider: a function without arguments for the tensor that PyTorch computes
        in a wider dtype, or None.
      with_gaps: the same for what PyTorch computes from tensors with gaps.
      tolerance: for the comparison with the wider dtype.
      times: how many times as far from it as PyTorch the tensor may be.
    """
    if ours.dtype != theirs.dtype:
        return 'dtype %s, not %s' % (ours.dtype, theirs.dtype)
    if ours.shape != theirs.shape:
        return 'shape %s, not %s' % (list(ours.shape), list(theirs.shape))
    are_close = close_elements(ours, theirs)
    if are_close.all():
        return None
    if with_gaps is not None:
        apart = with_gaps()
        if (apart.shape == ours.shape and
            (are_close | close_elements(ours, apart)).all()):
            return None
    wide = wider()
    if wide is not None and wide.shape == ours.shape:
        if is_close(ours, wide.to(ours.dtype), tolerance):
            return None
        same_kind = torch.equal(torch.isfinite(ours), torch.isfinite(theirs))
        if same_kind and (distance(ours, wide) <=
                          times * distance(theirs, wide)):
            return None
    return 'values %s, not %s' % (describe(ours, theirs), describe(
        theirs, ours))


def describe(tensor, other):
    """The elements, or some that differ."""
    tensor, other = tensor.reshape(-1), other.reshape(-1)
    if tensor.numel() <= 12:
        return tensor.tolist()
    differ = ~close_elements(tensor, other)
    where = differ.nonzero().reshape(-1)[:6].tolist()
    return {i: tensor[i].item() for i in where}


class Comparison:
    """The comparison of one op."""

    def __init__(self, record):
        self.name = record['id']
        self.pytorch = record['pytorch']
        self.faults = []
        self.cases = 0
        self.refused = 0
        self.without_kernel = collections.Counter()
        # Of float32: results, gradients.
        self.largest = [0.0, 0.0]
        try:
            self._expression = compile(record['pytorch'].strip(), self.name,
                                       'eval')
        except SyntaxError as error:
            self.faults.append('%s: %r: %s' %
                               (self.name, record['pytorch'], error))
            return
        # Samples that PyTorch takes in some dtype.
        self._taken = set()
        for case in record['cases']:
            self._case = case
            self.cases += 1
            if not (case['is_mixed'] and self.name in NOT_PROMOTED):
                self._compare()
        # A sample that is refused by mistake tests nothing. Only those that
        # were called in all dtypes count.
        times = collections.Counter(case['sample']
                                    for case in record['cases']
                                    if not case['is_mixed'])
        for case in record['cases']:
            if (case['dtype'] != 'float32' or case['is_mixed'] or
                    times[case['sample']] < max(times.values())):
                continue
            self._case = case
            is_taken = case['sample'] in self._taken
            if is_taken and case['is_refused']:
                self._fault('PyTorch takes it; remove the "!"')
            elif not is_taken and not case['is_refused']:
                self._fault('PyTorch refuses it in every dtype; if that is '
                            'meant, write "!" before it')

    def _fault(self, what):
        self.faults.append('%s(%s) in %s: %s' %
                           (self.name, self._case['sample'],
                            self._case['dtype'], what))

    def _compare(self):
        case = self._case
        dtype = getattr(torch, case['dtype'])
        for operand, is_differentiable in zip(case['operands'],
                                              case['differentiable']):
            if is_differentiable and not dtype.is_floating_point:
                dtype = operand.dtype
        self._has_kernel = True
        try:
            operands, results = evaluate(self._expression, case)
        except Exception as error:  # pylint: disable=broad-except
            if not is_missing(error):
                self.refused += 1
                # Ferry may promote dtypes where PyTorch does not.
                if 'error' not in case and not case['is_mixed']:
                    self._fault('PyTorch refuses: %s' %
                                str(error).split('\n', 1)[0])
                return
            # Integers of 8 bits do not overflow in int64, so only results that
            # do not either can be compared.
            self._has_kernel = False
            if case['is_mixed']:
                return
            self.without_kernel[case['dtype']] += 1
            wide = WIDER.get(dtype, torch.int64)
            try:
                operands, results = evaluate(self._expression, case, wide)
            except Exception as error:  # pylint: disable=broad-except
                # Neither a kernel nor a reference.
                if 'error' not in case and not is_missing(error):
                    self._fault('PyTorch refuses: %s' % error)
                return
            results = [
                result.to(dtype) if result.dtype == wide else result
                for result in results
            ]
        self._taken.add(case['sample'])
        if 'error' in case:
            if self._has_kernel:
                self._fault('error: ' + case['error'])
            return
        self._compare_results(dtype, results)
        if any(case['differentiable']):
            self._compare_gradients(dtype, operands, results)

    def _wide(self, dtype):
        """(operands, results) in a wider dtype, or (None, None)."""
        if dtype not in WIDER:
            return None, None
        try:
            return evaluate(self._expression, self._case, WIDER[dtype])
        except Exception:  # pylint: disable=broad-except
            return None, None

    def _compare_results(self, dtype, results):
        case = self._case
        ours = case['results']
        if len(ours) != len(results):
            self._fault('%d results, not %d' % (len(ours), len(results)))
            return
        for i, (one, theirs) in enumerate(zip(ours, results)):

            def wider(i=i):
                _, wide = self._wide(dtype)
                return None if wide is None else wide[i].detach()

            def with_gaps(i=i):
                return evaluate(self._expression, self._case,
                                gaps=True)[1][i].detach()

            theirs = theirs.detach()
            if (self.name in WRONG_AT_LARGEST and 'e[' in case['sample'] and
                    one.shape == theirs.shape and dtype.is_floating_point):
                largest = case['operands'][0] == torch.finfo(dtype).max
                one = torch.where(largest, theirs, one)
            wrong = difference(one, theirs, wider,
                               with_gaps if 'e[' in case['sample'] else None)
            if wrong:
                self._fault('result %d: %s' % (i, wrong))
            elif dtype == torch.float32 and not case['is_mixed']:
                self.largest[0] = max(self.largest[0], distance(one, theirs))

    def _compare_gradients(self, dtype, operands, results):
        case = self._case
        if len(case['results']) != len(results):
            return
        for i, (ours, theirs) in enumerate(
                zip(case['requires_grad'], results)):
            # PyTorch 1.13 says so of integers that were filled with a number
            # that requires a gradient.
            if not ours and not theirs.dtype.is_floating_point:
                continue
            if ours != theirs.requires_grad:
                self._fault('result %d: requires_grad is %s, not %s' %
                            (i, ours, theirs.requires_grad))
                return
        if 'gradient_error' in case:
            self._fault('gradient: error: ' + case['gradient_error'])
            return
        # Gradients at edge values are for the tests of single ops.
        if 'e[' in case['sample']:
            return
        differentiable = [
            operand for operand, is_differentiable in zip(
                case['operands'], case['differentiable']) if is_differentiable
        ]
        try:
            if not self._has_kernel:
                raise RuntimeError('not implemented for it')
            theirs = gradients_of(case, operands, results)
        except RuntimeError as error:
            if case['is_mixed']:
                return
            if not is_missing(error):
                self._fault('gradient: PyTorch refuses: %s' % error)
                return
            operands, results = self._wide(dtype)
            try:
                theirs = gradients_of(case, operands, results, dtype)
            except (RuntimeError, TypeError):
                return
            theirs = [
                None if one is None else one.to(operand.dtype)
                for one, operand in zip(theirs, differentiable)
            ]
        ours = case['gradients']
        for i, (one, other) in enumerate(zip(ours, theirs)):
            self._compare_gradient(dtype, i, one, other)

    def _compare_gradient(self, dtype, i, ours, theirs):
        # No gradient stands for zeros.
        if ours is None and theirs is None:
            return
        if ours is None:
            ours = torch.zeros_like(theirs)
        elif theirs is None:
            theirs = torch.zeros_like(ours)

        def wider():
            operands, results = self._wide(torch.float32 if self.
                                           _case['is_mixed'] else dtype)
            if results is None:
                return None
            try:
                return gradients_of(self._case, operands, results, dtype)[i]
            except RuntimeError:
                return None

        # The least precise dtype of an operand counts.
        narrowest = max((operand.dtype
                         for operand in self._case['operands']
                         if isinstance(operand, torch.Tensor) and
                         operand.dtype in TOLERANCES),
                        key=lambda dtype: torch.finfo(dtype).eps)
        tolerance = None
        tensors = [
            one for one in self._case['operands'] + self._case['results']
            if isinstance(one, torch.Tensor)
        ]
        is_large = max(one.numel() for one in tensors) > 10000
        if narrowest in (torch.float16, torch.bfloat16) or is_large:
            unit = 4 * torch.finfo(narrowest).eps
            largest = theirs.double().abs().max() if theirs.numel() else 0
            tolerance = (unit, max(1e-5, unit * float(largest)))
        wrong = difference(ours,
                           theirs,
                           wider,
                           tolerance=tolerance,
                           times=4 if is_large else 2)
        if wrong:
            self._fault('gradient %d: %s' % (i, wrong))
        elif dtype == torch.float32 and not self._case['is_mixed']:
            self.largest[1] = max(self.largest[1], distance(ours, theirs))


def compare_ops(*arguments):
    """A Comparison for each op that OPS runs."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([OPS, 'run', folder, *arguments],
                             stderr=subprocess.PIPE,
                             encoding='utf-8')
        if run.returncode != 0:
            raise AssertionError('%s ended with %d after: %s' %
                                 (OPS, run.returncode, run.stderr[-1000:]))
        comparisons = []
        for name in run.stderr.split():
            record = torch.load(os.path.join(folder, name + '.pt'))
            comparisons.append(Comparison(record))
        return comparisons


class OpsTest(unittest.TestCase):

    maxDiff = None

    def setUp(self):
        warnings.simplefilter('ignore')
        torch.set_num_threads(1)

    def test_every_op(self):
        comparisons = compare_ops(*ALL, *NAMES)
        for comparison in comparisons:
            with self.subTest(comparison.name):
                faults = comparison.faults
                self.assertEqual(
                    faults, [], '%d of %d cases\n%s' %
                    (len(faults), comparison.cases, '\n'.join(faults[:20])))
        cases = sum(comparison.cases for comparison in comparisons)
        print('%d ops, %d cases, %d of them refused by PyTorch' %
              (len(comparisons), cases,
               sum(comparison.refused for comparison in comparisons)))
        if not NAMES:
            self.assertGreater(cases, 100)
        if REPORT:
            with open(REPORT[0], 'w', encoding='utf-8') as file:
                json.dump(
                    {
                        comparison.name: {
                            'pytorch': comparison.pytorch,
                            'cases': comparison.cases,
                            'results': comparison.largest[0],
                            'gradients': comparison.largest[1],
                            'without_kernel': comparison.without_kernel,
                        } for comparison in comparisons
                    },
                    file,
                    indent=1)

    def test_sizes_at_which_work_is_divided(self):
        listed = subprocess.run([OPS, 'list'],
                                stdout=subprocess.PIPE,
                                check=True)
        names = NAMES or sorted({op['name'] for op in json.loads(listed.stdout)})
        cases = 0
        # One op at a time, since the files are large.
        for name in names:
            for comparison in compare_ops('--large', *ALL, name):
                cases += comparison.cases
                with self.subTest(comparison.name):
                    self.assertEqual(comparison.faults, [])
                    self.assertGreater(comparison.cases, 0)
        print('%d large cases' % cases)

    def test_wrong_ops_are_found(self):
        expected = {
            'Right': None,
            'WrongDerivative': 'gradient 0: values',
            'NoDerivative': 'requires_grad is False, not True',
            'WrongValues': 'result 0: values',
            'WrongDType': 'dtype torch.float32, not torch.float64',
            'WrongShape': 'shape [1, 3], not [2, 3]',
            'NoError': 'PyTorch refuses',
            'WrongError': 'error: WrongError(float64 [2, 3]): wrong',
            'WrongCount': '1 results, not 2',
            'WrongExtraGradient': 'requires_grad is True, not False',
        }
        comparisons = compare_ops('--wrong')
        self.assertEqual([comparison.name for comparison in comparisons],
                         list(expected))
        for comparison in comparisons:
            faults = '\n'.join(comparison.faults)
            wanted = expected[comparison.name]
            if wanted is None:
                self.assertEqual(faults, '')
                continue
            self.assertIn(wanted, faults, comparison.name)
            # In each dtype but those in which the op is right.
            for dtype in ('float64', 'float32', 'float16', 'bfloat16'):
                if (comparison.name, dtype) == ('WrongDType', 'float32'):
                    continue
                # 2 % are too little.
                if (comparison.name in ('WrongDerivative', 'WrongValues') and
                        dtype == 'bfloat16'):
                    continue
                self.assertIn(' in %s: ' % dtype, faults, comparison.name)


if __name__ == '__main__':
    unittest.main()
