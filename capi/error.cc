// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/message.h"
#include "ferry/ferry.h"
#include "ferry/plugins/plugin_description.h"

// Allocated with its message behind it, by one call that cannot throw.
struct ferry_error {
  int32_t code;
  char* message;
};

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

// The error that needs no memory.
char out_of_memory_text[] = "not enough memory";
ferry_error out_of_memory = {FERRY_RESOURCE_EXHAUSTED, out_of_memory_text};

// No version of a struct is larger. A larger `struct_size` means that the
// caller has not set it.
constexpr uint64_t kMaxStructSize = 4096;

// No array is larger: the addresses of programs have at most 56 bits.
constexpr uint64_t kMaxArrayBytes = uint64_t{1} << 56;

}  // namespace

int32_t Report(const absl::Status& status, ferry_error** error) noexcept {
  const auto code = static_cast<int32_t>(status.raw_code());
  if (status.ok() || error == nullptr) return code;
  void* block = nullptr;
  std::string text;
  try {
    text = MessageForC(status.message());
    block = std::malloc(sizeof(ferry_error) + text.size() + 1);
  } catch (const std::bad_alloc&) {
    block = nullptr;  // as if malloc() had failed
  }
  if (block == nullptr) {
    *error = &out_of_memory;
    return out_of_memory.code;
  }
  char* const message = static_cast<char*>(block) + sizeof(ferry_error);
  std::memcpy(message, text.c_str(), text.size() + 1);
  *error = new (block) ferry_error{code, message};
  return code;
}

absl::Status CheckNotNull(const void* argument, absl::string_view name) {
  if (argument != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the argument \"", name, "\" is null"));
}

absl::Status CheckArray(const void* argument, uint64_t count,
                        uint64_t item_bytes, absl::string_view name) {
  if (count == 0) return absl::OkStatus();
  if (count <= kMaxArrayBytes / item_bytes) return CheckNotNull(argument, name);
  return absl::InvalidArgumentError(
      absl::StrCat("the argument \"", name, "\" cannot have ", count,
                   " items: no memory is that large"));
}

absl::Status CheckBytes(const void* argument, uint64_t size_bytes,
                        absl::string_view name) {
  if (size_bytes <= std::numeric_limits<uint32_t>::max()) {
    return CheckArray(argument, size_bytes, /*item_bytes=*/1, name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the argument \"", name, "\" has ", size_bytes,
                   " bytes; a value can have less than 4 GiB"));
}

absl::Status CheckFlags(uint64_t flags, uint64_t known) {
  if ((flags & ~known) == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("the flags have a bit that this version of Ferry does not "
                   "know: 0x",
                   absl::Hex(flags & ~known)));
}

absl::Status CheckStructSize(uint64_t struct_size, absl::string_view name) {
  if (struct_size >= sizeof(uint64_t) && struct_size <= kMaxStructSize) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the struct_size of \"", name, "\" is ", struct_size,
                   "; set it to the sizeof of the struct"));
}

absl::Status CheckNewerFields(const void* from, uint64_t known_size,
                              uint64_t struct_size, absl::string_view name) {
  const char* const bytes = static_cast<const char*>(from);
  for (uint64_t i = known_size; i < struct_size; ++i) {
    if (bytes[i] == 0) continue;
    return absl::UnimplementedError(absl::StrCat(
        "\"", name,
        "\" sets a field that this version of Ferry does not have"));
  }
  return absl::OkStatus();
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry

const char* ferry_version(void) noexcept {
  // Points to a literal.
  return ferry::HostInfo("").version.data;
}

int32_t ferry_error_code(const ferry_error* error) noexcept {
  return error == nullptr ? FERRY_OK : error->code;
}

const char* ferry_error_message(const ferry_error* error) noexcept {
  return error == nullptr ? "" : error->message;
}

void ferry_error_free(ferry_error* error) noexcept {
  if (error != &ferry::capi::out_of_memory) std::free(error);
}
