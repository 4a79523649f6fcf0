#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes training_checkpoint.pt: what a small training run saves on its way.

Written with Debian 12's PyTorch 1.13.1:

    /usr/bin/python3 tests/data/make_training_checkpoint.py OUT
"""

import sys

import torch


def main():
    torch.manual_seed(20260101)
    model = torch.nn.Sequential()
    model.add_module('embed', torch.nn.Embedding(24, 8))
    model.add_module('hidden', torch.nn.Linear(8, 16))
    model.add_module('norm', torch.nn.BatchNorm1d(16))
    model.add_module('relu', torch.nn.ReLU())
    model.add_module('head', torch.nn.Linear(16, 24, bias=False))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    losses = []
    for step in range(5):
        tokens = torch.arange(step, step + 12) % 24
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(tokens), tokens)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    torch.save(
        {
            'epoch': 1,
            'model': model.state_dict(),
            'optimizer': optimizer.state_dict(),
            'losses': losses,
            'best_loss': min(losses),
            'rng_seed': 20260101,
        },
        sys.argv[1],
    )


if __name__ == '__main__':
    main()
