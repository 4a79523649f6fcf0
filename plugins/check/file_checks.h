// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/file_checks.h
// -----------------------------------------------------------------------------
//
// Checks a plugin's file without running any of its code.
#ifndef FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
#define FERRY_PLUGINS_CHECK_FILE_CHECKS_H_

#include <vector>

#include "ferry/devices/conformance/conformance.h"
#include "ferry/io/file.h"

namespace ferry {

// Runs the checks. If the file cannot be read as a shared object,
// A-01 fails, and is the only result.
std::vector<CheckResult> CheckPluginFile(const RandomAccessFile& file);

}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
