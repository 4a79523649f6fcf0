// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

int main() { return 0; }
