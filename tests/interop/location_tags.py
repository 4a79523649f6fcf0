# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes and reads the location tags of checkpoints with PyTorch."""

import torch
from torch import serialization


def save(value, path, tag_of, **options):
    """Does torch.save; `tag_of(storage)` is a tag, or None for PyTorch's."""
    before = list(serialization._package_registry)
    serialization.register_package(0, tag_of, lambda storage, tag: None)
    try:
        torch.save(value, path, **options)
    finally:
        serialization._package_registry[:] = before


def load(path):
    """Loads to the CPU. Returns the value, and the tags in PyTorch's order."""
    tags = []

    def note(storage, tag):
        tags.append(tag)
        return storage

    return torch.load(path, map_location=note), tags
