// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/capi/handle.h"
#include "ferry/core/status_macros.h"
#include "ferry/ferry.h"
#include "ferry/plugins/plugin_loader.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

// Returns OK, or the code of the first failure with a line about each.
absl::Status Join(const std::vector<PluginVerdict>& verdicts) {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string text;
  for (const PluginVerdict& verdict : verdicts) {
    if (verdict.status.ok()) continue;
    if (code == absl::StatusCode::kOk) code = verdict.status.code();
    absl::StrAppend(&text, text.empty() ? "" : "\n", verdict.ToString());
  }
  return absl::Status(code, text);
}

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

int32_t ferry_plugins_load(const char* const* paths, uint64_t count,
                           uint64_t flags, ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckArray(paths, count, "paths"));
    FERRY_RETURN_IF_ERROR(
        capi::CheckFlags(flags, FERRY_PLUGINS_FROM_ENVIRONMENT |
                                    FERRY_PLUGINS_FROM_SYSTEM_FOLDER |
                                    FERRY_PLUGINS_ALLOW_RESERVED_TYPES));
    ferry::PluginOptions options;
    options.paths.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      FERRY_RETURN_IF_ERROR(capi::CheckNotNull(paths[i], "paths"));
      options.paths.emplace_back(paths[i]);
    }
    options.use_environment = (flags & FERRY_PLUGINS_FROM_ENVIRONMENT) != 0;
    options.use_system_folder = (flags & FERRY_PLUGINS_FROM_SYSTEM_FOLDER) != 0;
    options.allow_reserved_types =
        (flags & FERRY_PLUGINS_ALLOW_RESERVED_TYPES) != 0;
    return capi::Join(ferry::PluginLoader::Default().Load(options));
  });
}

int32_t ferry_plugins_register(ferry_plugin_query query, uint64_t flags,
                               ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    if (query == nullptr) return capi::CheckNotNull(nullptr, "query");
    FERRY_RETURN_IF_ERROR(
        capi::CheckFlags(flags, FERRY_PLUGINS_ALLOW_RESERVED_TYPES));
    return capi::Join({ferry::PluginLoader::Default().LoadLinked(
        query, (flags & FERRY_PLUGINS_ALLOW_RESERVED_TYPES) != 0)});
  });
}
