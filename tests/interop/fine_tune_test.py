# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""The example fine_tune trains as PyTorch does.

    fine_tune_test.py FINE_TUNE
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import nn

FINE_TUNE = os.path.abspath(sys.argv.pop(1))
STEPS = 50


def train(model, inputs, targets):
    losses = []
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(model(inputs), targets)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(model.parameters(), gradients):
                weight -= 0.1 * gradient
    return losses


class FineTuneTest(unittest.TestCase):

    def test_losses_and_weights_are_those_of_pytorch(self):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))
        inputs = torch.randn(100, 20)
        targets = torch.randint(5, (100,))
        with tempfile.TemporaryDirectory() as folder:
            paths = [
                os.path.join(folder, name)
                for name in ('model.pt', 'data.pt', 'out.pt')
            ]
            torch.save(model.state_dict(), paths[0])
            torch.save({'inputs': inputs, 'targets': targets}, paths[1])
            printed = subprocess.run([FINE_TUNE] + paths,
                                     check=True,
                                     stdout=subprocess.PIPE,
                                     text=True).stdout
            trained = torch.load(paths[2])
        losses = [float(loss) for loss in re.findall(r'loss (\S+)\n', printed)]
        wanted = train(model, inputs, targets)
        self.assertEqual(len(losses), STEPS)
        for loss, want in zip(losses, wanted):
            self.assertLess(abs(loss - want), 1e-5 * want)
        self.assertLess(losses[-1], 0.95 * losses[0])
        self.assertEqual(list(trained), list(model.state_dict()))
        for name, want in model.state_dict().items():
            torch.testing.assert_close(trained[name], want)
            self.assertFalse(trained[name].requires_grad)


if __name__ == '__main__':
    unittest.main()
