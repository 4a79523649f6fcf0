// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/message.h"

#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/utf8.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

// What messages say in C++, and what they say in C. Where several rows match,
// the longest does. message_names_test.py compares the left side with the
// sources.
constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
    {"Checkpoint::Load", "ferry_checkpoint_load"},
    {"To(tensor, Device(\"cpu\")) first (devices/to_device.h)",
     "ferry_tensor_to with the device \"cpu\" first"},
    {"save it as Value::Parameter",
     "make its value with ferry_value_new_parameter"},
    {"replace it with Value(tensor)",
     "replace it with a value that ferry_value_new_tensor makes"},
    {"LoadOptions::map_location", "ferry_load_options.map_location"},
    {"LoadOptions::dtype", "ferry_load_options.dtype"},
    {"LoadOptions::mapping", "FERRY_LOAD_MAP"},
    {"leave LoadOptions::mapping at its default", "leave out FERRY_LOAD_MAP"},
    {"LoadOptions::offset_bytes",
     "ferry_checkpoint_open_memory at offset_bytes"},
    {"Globals::kStrict", "FERRY_LOAD_STRICT"},
    {"SaveOptions::codec", "ferry_save_options.codec"},
    {"SaveOptions::copy_shared", "FERRY_SAVE_COPY_SHARED"},
    {"Durability::kNone", "FERRY_SAVE_NOT_DURABLE"},
    {"PluginOptions::allow_reserved_types",
     "FERRY_PLUGINS_ALLOW_RESERVED_TYPES"},
    {"register a backend or load a plugin for it",
     "load a plugin for it with ferry_plugins_load"},
    {"write to it through a sink", "save to a regular file"},
    // What C does not have.
    {"those that you trust can be allowed by LoadOptions::allowed_globals",
     "a program in C++ can allow those that it trusts "
     "(LoadOptions::allowed_globals)"},
    {"cast the tensors with strided::Cast", "cast the tensors afterwards"},
    {". To add one, call CodecRegistry::Register", ""},
    {"Register the missing codec (CodecRegistry::Register), or save", "Save"},
    {". To give a storage to a package of your own, call "
     "DeviceSnapshot::RestoreLocation",
     ""},
};

// Whether a byte can be a part of a message in any encoding.
bool IsPlain(char c) {
  return c != '\0' && static_cast<unsigned char>(c) < 0x80;
}

}  // namespace

std::string MessageForC(absl::string_view message) {
  std::string named = absl::StrReplaceAll(message, absl::MakeConstSpan(kNames));
  if (IsUnicode(named) && named.find('\0') == std::string::npos) return named;
  std::string escaped;
  for (const char c : named) {
    if (IsPlain(c)) {
      escaped += c;
    } else {
      absl::StrAppendFormat(&escaped, "\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry
