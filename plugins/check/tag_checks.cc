// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Location tags of the plugin's own: tags of devices, devices of tags, tags of
// others, and another backend that claims the same tags.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

// Text that is followed by an inaccessible page, and not by a null.
class GuardedText {
 public:
  explicit GuardedText(absl::string_view text) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (text.size() + page - 1) / page * page + page;
    pages_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages_ == MAP_FAILED) _exit(1);
    char* const end = static_cast<char*>(pages_) + size_ - page;
    mprotect(end, page, PROT_NONE);
    char* const begin = end - text.size();
    std::memcpy(begin, text.data(), text.size());
    text_ = {begin, text.size()};
  }
  GuardedText(const GuardedText&) = delete;
  GuardedText& operator=(const GuardedText&) = delete;
  ~GuardedText() { munmap(pages_, size_); }

  const ferry_string* get() const { return &text_; }

 private:
  size_t size_ = 0;
  void* pages_ = nullptr;
  ferry_string text_ = {};
};

std::string TypeOf(const ferry_backend& table) {
  return std::string(table.type.data,
                     static_cast<size_t>(table.type.size_bytes));
}

absl::StatusOr<std::string> TagOf(const ferry_backend& table, uint32_t device) {
  const Guarded<ferry_tag> tag;
  const Guarded<ferry_status> status;
  const int32_t code =
      table.device_tag(table.context, device, tag.get(), status.get());
  FERRY_RETURN_IF_ERROR(ExpectCode("device_tag", code, *status, FERRY_OK));
  if (tag->struct_size != sizeof(*tag)) {
    return Wrong("\"device_tag\" changed the struct_size of the host's tag");
  }
  const size_t size = strnlen(tag->text, sizeof(tag->text));
  if (size == sizeof(tag->text)) return Wrong("a tag is not null-terminated");
  std::string text(tag->text, size);
  if (!IsLocationTag(text)) {
    return Wrong(absl::StrCat("the tag of device ", device, ", ",
                              QuoteForMessage(text),
                              ", is empty or not UTF-8"));
  }
  return text;
}

// What a plugin answers about a tag.
struct Answer {
  int32_t code = FERRY_OK;
  uint32_t index = FERRY_NO_DEVICE;

  bool is_declined() const {
    return code == FERRY_OK && index == FERRY_NO_DEVICE;
  }
  std::string ToString() const {
    if (code != FERRY_OK) return absl::StrCat("gives error ", code);
    if (is_declined()) return "is declined";
    return absl::StrCat("means device ", index);
  }
};

absl::StatusOr<Answer> Ask(const ferry_backend& table, absl::string_view tag) {
  const GuardedText text(tag);
  const Guarded<ferry_status> status;
  Answer answer;
  answer.code =
      table.find_device(table.context, text.get(), &answer.index, status.get());
  FERRY_RETURN_IF_ERROR(
      ExpectCode("find_device", answer.code, *status, answer.code));
  return answer;
}

absl::Status ExpectAnswer(const ferry_backend& table, absl::string_view tag,
                          uint32_t wanted) {
  FERRY_ASSIGN_OR_RETURN(const Answer answer, Ask(table, tag));
  if (answer.code == FERRY_OK && answer.index == wanted) {
    return absl::OkStatus();
  }
  const Answer expected{FERRY_OK, wanted};
  return Wrong(absl::StrCat("the tag ", QuoteForMessage(tag), " ",
                            answer.ToString(), "; expected that it ",
                            expected.ToString()));
}

// Whether the host reads a tag itself, and asks no plugin.
bool IsUsual(const ferry_backend& table, absl::string_view tag) {
  const std::optional<ParsedTag> parsed = ParseTag(tag);
  return parsed.has_value() && parsed->type == TypeOf(table);
}

// Returns the tags of device `device` that the plugin is known to claim: its
// own, and those that PyTorch's types would give it. Not the usual ones.
absl::StatusOr<std::vector<std::string>> ClaimedTags(const ferry_backend& table,
                                                     uint32_t device) {
  std::vector<std::string> tags;
  FERRY_ASSIGN_OR_RETURN(std::string own, TagOf(table, device));
  for (absl::string_view type : ReservedDeviceTypes()) {
    std::string tag = absl::StrCat(type, ":", device);
    if (tag == own) continue;
    FERRY_ASSIGN_OR_RETURN(const Answer answer, Ask(table, tag));
    if (answer.code == FERRY_OK && answer.index == device) {
      tags.push_back(std::move(tag));
    }
  }
  if (!IsUsual(table, own)) tags.push_back(std::move(own));
  return tags;
}

// Returns the words of the tags that number the plugin's devices as "word:N".
absl::StatusOr<std::vector<std::string>> ClaimedWords(
    const ferry_backend& table) {
  std::vector<std::string> words;
  FERRY_ASSIGN_OR_RETURN(const std::vector<std::string> tags,
                         ClaimedTags(table, 0));
  for (absl::string_view tag : tags) {
    if (!absl::ConsumeSuffix(&tag, ":0")) continue;
    bool numbers_devices = true;
    for (uint32_t other = 1; other < CountOf(table); ++other) {
      FERRY_ASSIGN_OR_RETURN(const Answer answer,
                             Ask(table, absl::StrCat(tag, ":", other)));
      numbers_devices &= answer.code == FERRY_OK && answer.index == other;
    }
    if (numbers_devices) words.emplace_back(tag);
  }
  return words;
}

absl::Status DevicesHaveTags(const ferry_backend& table, uint32_t device) {
  FERRY_ASSIGN_OR_RETURN(const std::string tag, TagOf(table, device));
  for (int i = 0; i < 10; ++i) {
    FERRY_ASSIGN_OR_RETURN(const std::string again, TagOf(table, device));
    if (again != tag) {
      return Wrong(absl::StrCat("the tag of device ", device, " changed from ",
                                QuoteForMessage(tag), " to ",
                                QuoteForMessage(again)));
    }
  }
  for (uint32_t index : {CountOf(table), UINT32_MAX}) {
    const Guarded<ferry_tag> out;
    const Guarded<ferry_status> status;
    const int32_t code =
        table.device_tag(table.context, index, out.get(), status.get());
    FERRY_RETURN_IF_ERROR(
        ExpectCode("device_tag", code, *status, FERRY_OUT_OF_RANGE));
  }
  return absl::OkStatus();
}

absl::Status TagsLeadBack(const ferry_backend& table, uint32_t device) {
  FERRY_ASSIGN_OR_RETURN(const std::string tag, TagOf(table, device));
  if (!IsUsual(table, tag)) return ExpectAnswer(table, tag, device);
  const int index = ParseTag(tag)->index;
  if (static_cast<uint32_t>(std::max(index, 0)) == device) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("the tag of device ", device, " is ",
                            QuoteForMessage(tag),
                            ", which means another device"));
}

absl::Status TagsOfOthersAreDeclined(const ferry_backend& table, uint32_t) {
  std::vector<std::string> foreign = {"x",
                                      "ferry_check_other",
                                      "ferry_check_other:0",
                                      ":",
                                      ":0",
                                      std::string(kMaxLocationTagBytes, 'x'),
                                      std::string("a\0b:0", 5)};
  FERRY_ASSIGN_OR_RETURN(const std::vector<std::string> words,
                         ClaimedWords(table));
  // Tags that are nearly the plugin's.
  for (const std::string& word : words) {
    for (const std::string& tag :
         {absl::StrCat(word, "2:0"), absl::StrCat("x", word, ":0"),
          absl::StrCat(word, ":0x"), absl::StrCat(word, ":-1"),
          absl::StrCat(word, ":"), absl::StrCat(word, ":0:0")}) {
      foreign.push_back(tag);
    }
  }
  for (const std::string& tag : foreign) {
    FERRY_RETURN_IF_ERROR(ExpectAnswer(table, tag, FERRY_NO_DEVICE));
  }
  return absl::OkStatus();
}

absl::Status MissingDevicesStayMissing(const ferry_backend& table, uint32_t) {
  const uint32_t count = CountOf(table);
  FERRY_ASSIGN_OR_RETURN(const std::vector<std::string> words,
                         ClaimedWords(table));
  for (const std::string& word : words) {
    // The last ones are past 32 and 64 bits.
    for (const std::string& number :
         {absl::StrCat(count), absl::StrCat(count + 7),
          std::string("4294967295"), std::string("4294967296"),
          std::string("18446744073709551616"), std::string(200, '9')}) {
      const std::string tag = absl::StrCat(word, ":", number);
      FERRY_ASSIGN_OR_RETURN(const Answer answer, Ask(table, tag));
      if (answer.code == FERRY_OUT_OF_RANGE ||
          (answer.code == FERRY_OK && answer.index >= count)) {
        continue;
      }
      return Wrong(absl::StrCat("the tag ", QuoteForMessage(tag), " ",
                                answer.ToString(), ", but there are ", count,
                                " devices"));
    }
  }
  return absl::OkStatus();
}

// Another plugin, which claims all tags in a list for its only device. It is
// asked about tags, and never for memory.
class Rival final : public Backend {
 public:
  static constexpr absl::string_view kType = "ferry_check_rival";
  static constexpr absl::string_view kOwnTag = "ferry_check_rival.v1";

  explicit Rival(std::vector<std::string> tags) : tags_(std::move(tags)) {}
  absl::string_view type() const override { return kType; }
  bool has_own_tags() const override { return true; }
  absl::StatusOr<int> DeviceCount() const override { return 1; }
  absl::StatusOr<DeviceProperties> Properties(int) const override {
    return DeviceProperties{std::string(kType), 0};
  }
  absl::Status Allocate(int, absl::Span<const uint64_t>,
                        absl::Span<Memory>) override {
    return absl::UnimplementedError("no memory");
  }
  absl::Status CopyFromHost(const void*, const Memory&, uint64_t,
                            uint64_t) override {
    return absl::UnimplementedError("no memory");
  }
  absl::Status CopyToHost(const Memory&, uint64_t, void*, uint64_t) override {
    return absl::UnimplementedError("no memory");
  }
  absl::StatusOr<std::string> DeviceTag(int) const override {
    return std::string(kOwnTag);
  }
  absl::StatusOr<std::optional<int>> FindDevice(
      absl::string_view tag) const override {
    if (tag == kOwnTag) return 0;
    for (const std::string& claimed : tags_) {
      if (tag == claimed) return 0;
    }
    return std::nullopt;
  }

 private:
  const std::vector<std::string> tags_;
};

absl::Status ExpectOwner(const DeviceSnapshot& devices, absl::string_view tag,
                         const Backend& wanted, uint32_t index) {
  const absl::StatusOr<ResolvedLocation> location = devices.Resolve(tag);
  if (location.ok() && location->backend.get() == &wanted &&
      location->index == static_cast<int>(index)) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat(
      "beside another plugin, the tag ", QuoteForMessage(tag), " should mean ",
      wanted.type(), ":", index, ", but ",
      location.ok()
          ? absl::StrCat("means ", location->device.ToString())
          : absl::StrCat("gives an error: ", location.status().message())));
}

absl::Status TwoPluginsGetAlong(const ferry_backend& table, uint32_t device) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<std::string> claimed,
                         ClaimedTags(table, device));
  const auto plugin = std::make_shared<PluginBackend>(
      PluginDescription::BackendTable{TypeOf(table), table});
  const auto rival = std::make_shared<Rival>(claimed);
  const std::string usual = absl::StrCat(plugin->type(), ":", device);
  for (int rival_priority : {101, 99}) {
    DeviceRegistry registry;
    FERRY_ASSIGN_OR_RETURN(const Registration first,
                           registry.RegisterBackend(100, plugin));
    FERRY_ASSIGN_OR_RETURN(const Registration second,
                           registry.RegisterBackend(rival_priority, rival));
    const DeviceSnapshot devices = registry.Snapshot();
    // Each has its own, and of what both claim the first has all.
    FERRY_RETURN_IF_ERROR(
        ExpectOwner(devices, absl::StrCat(Rival::kType, ":0"), *rival, 0));
    FERRY_RETURN_IF_ERROR(ExpectOwner(devices, Rival::kOwnTag, *rival, 0));
    if (plugin->is_indexed()) {
      FERRY_RETURN_IF_ERROR(ExpectOwner(devices, usual, *plugin, device));
    }
    for (const std::string& tag : claimed) {
      FERRY_RETURN_IF_ERROR(rival_priority < 100
                                ? ExpectOwner(devices, tag, *rival, 0)
                                : ExpectOwner(devices, tag, *plugin, device));
    }
    // What a save writes leads back, whoever is first.
    FERRY_ASSIGN_OR_RETURN(
        const DeviceSnapshot::SavedTag saved,
        devices.SavedTagOf(*plugin, static_cast<int>(device)));
    FERRY_RETURN_IF_ERROR(ExpectOwner(devices, saved.tag, *plugin, device));
  }
  return absl::OkStatus();
}

constexpr CallCheck kChecks[] = {
    {"E-01", "every device has a tag, the same on every call",
     FERRY_CAPABILITY_TAGS, DevicesHaveTags},
    {"E-02", "the tag of a device means that device", FERRY_CAPABILITY_TAGS,
     TagsLeadBack},
    {"E-03", "tags of others are declined, without an error",
     FERRY_CAPABILITY_TAGS, TagsOfOthersAreDeclined, CallCheck::kAllDevices},
    {"E-04", "a tag of a missing device never means another device",
     FERRY_CAPABILITY_TAGS, MissingDevicesStayMissing, CallCheck::kAllDevices},
    {"E-05", "two plugins that claim one tag both keep their devices",
     FERRY_CAPABILITY_TAGS, TwoPluginsGetAlong},
};

}  // namespace

absl::Span<const CallCheck> TagChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
