// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_description.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr absl::string_view kHostVersion = "0.1.0";
// The end of the last field that every plugin, and every device type, has.
// Fields that versions after 0.2 append are optional.
constexpr uint64_t kMinPluginBytes =
    offsetof(ferry_plugin, backends) + sizeof(ferry_plugin::backends);
constexpr uint64_t kMinBackendBytes = offsetof(ferry_backend, queue_create);
// Far more than any plugin has.
constexpr uint64_t kMaxBackends = 64;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxTypeBytes = 32;
constexpr uint64_t kKnownBackendFlags = FERRY_BACKEND_UNINDEXED;
constexpr uint64_t kMustUnderstand = ~uint64_t{0} << 32;

absl::Status Broken(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the plugin breaks its interface: ", what));
}

// A struct of the plugin's as this host knows it, whatever its size.
template <typename Struct>
Struct Sized(const Struct* theirs) {
  Struct ours;
  std::memset(&ours, 0, sizeof(ours));
  std::memcpy(&ours, theirs,
              static_cast<size_t>(
                  std::min<uint64_t>(theirs->struct_size, sizeof(ours))));
  return ours;
}

absl::StatusOr<std::string> CheckedText(const ferry_string& text,
                                        absl::string_view what) {
  if (text.data == nullptr || text.size_bytes == 0 ||
      text.size_bytes > kMaxNameBytes) {
    return Broken(absl::StrCat("its ", what, " should have 1 to ",
                               kMaxNameBytes, " bytes"));
  }
  std::string checked(text.data, static_cast<size_t>(text.size_bytes));
  for (char c : checked) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) {
      return Broken(absl::StrCat("its ", what, " \"", absl::CHexEscape(checked),
                                 "\" is not printable text"));
    }
  }
  return checked;
}

struct Function {
  const char* name;
  bool is_there;
};

absl::Status CheckFunctions(absl::string_view type, const char* capability,
                            bool claimed,
                            std::initializer_list<Function> functions) {
  for (const Function& function : functions) {
    if (function.is_there == claimed) continue;
    const std::string subject = absl::StrCat("device type \"", type, "\"");
    if (capability == nullptr) {
      return Broken(
          absl::StrCat(subject, " has no function \"", function.name, "\""));
    }
    return Broken(absl::StrCat(
        subject, claimed ? " claims " : " does not claim ", capability,
        claimed ? ", but has no function \"" : ", but has a function \"",
        function.name, "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<PluginDescription::BackendTable> CheckBackend(
    const ferry_backend* theirs) {
  if (theirs == nullptr) return Broken("a device type's table is null");
  if (theirs->struct_size < kMinBackendBytes) {
    return Broken(absl::StrCat("a device type's table has ",
                               theirs->struct_size, " bytes; at least ",
                               kMinBackendBytes, " are required"));
  }
  PluginDescription::BackendTable checked;
  checked.table = Sized(theirs);
  const ferry_backend& table = checked.table;
  FERRY_ASSIGN_OR_RETURN(checked.type, CheckedText(table.type, "device type"));
  if (!IsPluginDeviceType(checked.type)) {
    return Broken(absl::StrCat("\"", checked.type,
                               "\" is not a valid device type: a type begins "
                               "with a lower-case letter and has at most ",
                               kMaxTypeBytes,
                               " lower-case letters, digits and '_'"));
  }
  if ((table.flags & kMustUnderstand & ~kKnownBackendFlags) != 0) {
    return absl::UnimplementedError(absl::StrCat(
        "device type \"", checked.type, "\" has flags (",
        absl::Hex(table.flags), ") that this version of Ferry does not know"));
  }
  FERRY_RETURN_IF_ERROR(
      CheckFunctions(checked.type, nullptr, true,
                     {{"device_count", table.device_count != nullptr},
                      {"device_properties", table.device_properties != nullptr},
                      {"allocate", table.allocate != nullptr},
                      {"free", table.free != nullptr},
                      {"copy", table.copy != nullptr}}));
  FERRY_RETURN_IF_ERROR(CheckFunctions(
      checked.type, "ASYNC", (table.capabilities & FERRY_CAPABILITY_ASYNC) != 0,
      {{"queue_create", table.queue_create != nullptr},
       {"queue_destroy", table.queue_destroy != nullptr},
       {"copy_async", table.copy_async != nullptr},
       {"event_wait", table.event_wait != nullptr},
       {"event_release", table.event_release != nullptr}}));
  FERRY_RETURN_IF_ERROR(
      CheckFunctions(checked.type, "HOST_ALLOC",
                     (table.capabilities & FERRY_CAPABILITY_HOST_ALLOC) != 0,
                     {{"host_allocate", table.host_allocate != nullptr},
                      {"host_free", table.host_free != nullptr}}));
  FERRY_RETURN_IF_ERROR(CheckFunctions(
      checked.type, "TAGS", (table.capabilities & FERRY_CAPABILITY_TAGS) != 0,
      {{"device_tag", table.device_tag != nullptr},
       {"find_device", table.find_device != nullptr}}));
  FERRY_RETURN_IF_ERROR(
      CheckFunctions(checked.type, "DEVICE_COPY",
                     (table.capabilities & FERRY_CAPABILITY_DEVICE_COPY) != 0,
                     {{"copy_between", table.copy_between != nullptr}}));
  return checked;
}

// Address sanitizers on one side only work; the others see what is no fault,
// or miss what is.
absl::Status CheckSanitizer(uint32_t theirs) {
  const auto matters = [](uint32_t kind) {
    return kind != FERRY_SANITIZER_NONE && kind != FERRY_SANITIZER_ADDRESS;
  };
  const uint32_t ours = FERRY_SANITIZER;
  if (theirs == ours || (!matters(theirs) && !matters(ours))) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the plugin was built with sanitizer kind ", theirs,
      " and this program with ", ours, "; build both with the same sanitizer"));
}

absl::StatusOr<PluginDescription> CheckDescription(const ferry_plugin* theirs) {
  if (theirs == nullptr) return Broken("its description is null");
  if (theirs->struct_size < kMinPluginBytes) {
    return Broken(absl::StrCat("its description has ", theirs->struct_size,
                               " bytes; at least ", kMinPluginBytes,
                               " are required"));
  }
  const ferry_plugin plugin = Sized(theirs);
  if ((plugin.flags & kMustUnderstand) != 0) {
    return absl::UnimplementedError(
        absl::StrCat("the plugin has flags (", absl::Hex(plugin.flags),
                     ") that this version of Ferry does not know"));
  }
  if (plugin.reserved != 0) return Broken("a reserved field is not zero");
  // The plugin should have refused the host in both of these cases.
  if (plugin.abi_minor < FERRY_PLUGIN_ABI_LOWEST_MINOR) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the plugin was built for version ", FERRY_PLUGIN_ABI_MAJOR, ".",
        plugin.abi_minor, " of the interface; this Ferry needs ",
        FERRY_PLUGIN_ABI_MAJOR, ".", FERRY_PLUGIN_ABI_LOWEST_MINOR,
        " or later"));
  }
  if (plugin.lowest_host_minor > FERRY_PLUGIN_ABI_MINOR) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the plugin needs version ", FERRY_PLUGIN_ABI_MAJOR, ".",
        plugin.lowest_host_minor, " of the interface; this Ferry has ",
        FERRY_PLUGIN_ABI_MAJOR, ".", FERRY_PLUGIN_ABI_MINOR));
  }
  FERRY_RETURN_IF_ERROR(CheckSanitizer(plugin.sanitizer));
  PluginDescription description;
  FERRY_ASSIGN_OR_RETURN(description.name, CheckedText(plugin.name, "name"));
  FERRY_ASSIGN_OR_RETURN(description.version,
                         CheckedText(plugin.version, "version"));
  FERRY_ASSIGN_OR_RETURN(description.vendor,
                         CheckedText(plugin.vendor, "vendor"));
  if (plugin.backend_count == 0 || plugin.backend_count > kMaxBackends ||
      plugin.backends == nullptr) {
    return Broken(absl::StrCat("it should have 1 to ", kMaxBackends,
                               " device types, but has ",
                               plugin.backend_count));
  }
  for (uint64_t i = 0; i < plugin.backend_count; ++i) {
    FERRY_ASSIGN_OR_RETURN(PluginDescription::BackendTable backend,
                           CheckBackend(plugin.backends[i]));
    for (const auto& other : description.backends) {
      if (other.type == backend.type) {
        return Broken(absl::StrCat("it has the device type \"", backend.type,
                                   "\" twice"));
      }
    }
    description.backends.push_back(std::move(backend));
  }
  return description;
}

}  // namespace

ferry_host_info HostInfo(absl::string_view directory) {
  ferry_host_info info = HostStruct<ferry_host_info>();
  info.abi_minor = FERRY_PLUGIN_ABI_MINOR;
  info.lowest_plugin_minor = FERRY_PLUGIN_ABI_LOWEST_MINOR;
  info.sanitizer = FERRY_SANITIZER;
  info.version = {kHostVersion.data(), kHostVersion.size()};
  info.plugin_directory = {directory.data(), directory.size()};
  return info;
}

absl::StatusOr<PluginDescription> QueryPlugin(ferry_plugin_query query,
                                              absl::string_view directory) {
  const ferry_host_info host = HostInfo(directory);
  const ferry_plugin* plugin = nullptr;
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = query(&host, &plugin, &status);
  if (code == FERRY_INCOMPATIBLE && status.code == code) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the plugin does not support version ", FERRY_PLUGIN_ABI_MAJOR, ".",
        FERRY_PLUGIN_ABI_MINOR, " of the interface: ",
        PluginText(status.message, sizeof(status.message))));
  }
  FERRY_RETURN_IF_ERROR(PluginStatus(FERRY_PLUGIN_QUERY_SYMBOL, code, status));
  return CheckDescription(plugin);
}

bool IsPluginDeviceType(absl::string_view type) {
  if (type.empty() || type.size() > kMaxTypeBytes) return false;
  if (!absl::ascii_islower(static_cast<unsigned char>(type[0]))) return false;
  return std::all_of(type.begin(), type.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '_';
  });
}

}  // namespace v1
}  // namespace ferry
