// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/file_checks.h
// -----------------------------------------------------------------------------
//
// What is checked of a plugin's file, without running anything of it.
#ifndef FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
#define FERRY_PLUGINS_CHECK_FILE_CHECKS_H_

#include <vector>

#include "ferry/devices/conformance/conformance.h"
#include "ferry/io/file.h"

namespace ferry {

// If the first fails, the others are unsupported.
std::vector<CheckResult> CheckPluginFile(const ReadableBytes& file);

}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_FILE_CHECKS_H_
