// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Location tags that backends give their devices themselves: who may have
// which, and what a save writes.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/device.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/devices/placement.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status Broken(const Backend& backend, absl::string_view what) {
  return absl::InternalError(absl::StrCat(
      "the ", backend.type(), " backend ", what,
      "; report this to the authors of the backend or of its plugin"));
}

// Asks a backend which of its devices `tag` means.
absl::StatusOr<std::optional<int>> Ask(const Backend& backend,
                                       absl::string_view tag) {
  if (!backend.has_own_tags() || !IsLocationTag(tag)) return std::nullopt;
  absl::StatusOr<std::optional<int>> index = backend.FindDevice(tag);
  if (!index.ok()) {
    return absl::Status(
        index.status().code(),
        absl::StrCat("location tag ", QuoteForMessage(tag), ": the ",
                     backend.type(),
                     absl::IsOutOfRange(index.status())
                         ? " backend has no such device: "
                         : " backend cannot tell which device it means: ",
                     index.status().message(), kMapLocationAdvice));
  }
  if (index->has_value() && **index < 0) {
    return Broken(
        backend, absl::StrCat("says that the location tag ",
                              QuoteForMessage(tag), " means device ", **index));
  }
  return index;
}

// Whether a backend claims a tag, though perhaps for a device that it lacks.
bool Claims(const Backend& backend, absl::string_view tag) {
  const absl::StatusOr<std::optional<int>> index = Ask(backend, tag);
  return index.ok() ? index->has_value() : absl::IsOutOfRange(index.status());
}

}  // namespace

std::string DeviceSnapshot::WhyWithheld(const Package& package,
                                        absl::string_view tag) const {
  // Storages are copied by the first backend of their type, which cannot copy
  // the memory of a later one.
  if (FindBackend(package.type) != package.backend) {
    return absl::StrCat("another backend of type \"", package.type,
                        "\" is asked first");
  }
  const absl::string_view type = TypeOfTag(tag);
  if (type == package.type) return "";
  if (FindBackend(type) != nullptr) {
    return absl::StrCat(QuoteForMessage(type),
                        " is another registered device type");
  }
  if (package.rights == TagRights::kUnreserved && IsReservedDeviceType(type)) {
    return absl::StrCat(
        QuoteForMessage(type),
        " is a reserved device type, whose tags plugins get only with "
        "PluginOptions::allow_reserved_types");
  }
  return "";
}

std::string DeviceSnapshot::DescribeWithheld(absl::string_view tag) const {
  std::string text;
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend == nullptr) continue;
    const std::string why = WhyWithheld(*package, tag);
    if (why.empty() || !Claims(*package->backend, tag)) continue;
    absl::StrAppend(&text, "; the ", package->type,
                    " backend claims it, but does not get it: ", why);
  }
  return text;
}

absl::StatusOr<std::optional<int>> DeviceSnapshot::IndexIn(
    const Package& package, absl::string_view tag,
    const std::optional<ParsedTag>& parsed) const {
  if (parsed.has_value() && parsed->type == package.type) return parsed->index;
  if (!package.backend->has_own_tags() || !WhyWithheld(package, tag).empty()) {
    return std::nullopt;
  }
  return Ask(*package.backend, tag);
}

std::string DeviceSnapshot::WhyNotGiven(const Package& package,
                                        absl::string_view tag) const {
  std::string why = WhyWithheld(package, tag);
  if (!why.empty()) return why;
  const std::optional<ParsedTag> parsed = ParseTag(tag);
  for (const std::shared_ptr<const Package>& other : *packages_) {
    if (other.get() == &package) break;
    if (other->backend == nullptr) {
      if (!other->functions.takes_bytes()) continue;
      // Only a load would show whether it does.
      return "a package of the program, which is asked first, may claim it";
    }
    const absl::StatusOr<std::optional<int>> index =
        IndexIn(*other, tag, parsed);
    // An error would end the load.
    if (index.ok() && !index->has_value()) continue;
    return absl::StrCat("the ", other->type,
                        " backend, which is asked first, claims it");
  }
  return "";
}

absl::StatusOr<DeviceSnapshot::SavedTag> DeviceSnapshot::TagOf(
    const Package& package, int index) const {
  const Backend& backend = *package.backend;
  SavedTag saved;
  saved.tag = DeviceAt(backend, index).ToString();
  if (!backend.has_own_tags()) return saved;
  absl::StatusOr<std::string> own = backend.DeviceTag(index);
  if (!own.ok()) {
    return absl::Status(
        own.status().code(),
        absl::StrCat("the ", package.type, " backend gives device ", index,
                     " no location tag: ", own.status().message()));
  }
  if (*own == saved.tag) return saved;
  if (!IsLocationTag(*own)) {
    return Broken(backend,
                  absl::StrCat("gives device ", index, " the location tag ",
                               QuoteForMessage(*own), " of ", own->size(),
                               " bytes; a tag is UTF-8 text of 1 to ",
                               kMaxLocationTagBytes, " bytes"));
  }
  saved.why_unused = WhyNotGiven(package, *own);
  if (!saved.why_unused.empty()) {
    saved.unused_tag = *std::move(own);
    return saved;
  }
  FERRY_ASSIGN_OR_RETURN(const std::optional<int> back,
                         IndexIn(package, *own, ParseTag(*own)));
  if (back != index && !(back == Device::kNoIndex && index == 0)) {
    return Broken(
        backend,
        absl::StrCat("gives device ", index, " the location tag ",
                     QuoteForMessage(*own), ", but says that this tag ",
                     back.has_value()
                         ? absl::StrCat("means device ", std::max(*back, 0))
                         : "does not belong to it"));
  }
  saved.tag = *std::move(own);
  return saved;
}

const DeviceSnapshot::Package* DeviceSnapshot::PackageOf(
    const Backend& backend) const {
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend.get() == &backend) return package.get();
  }
  return nullptr;
}

absl::StatusOr<DeviceSnapshot::SavedTag> DeviceSnapshot::SavedTagOf(
    const Backend& backend, int index) const {
  const Package* const package = PackageOf(backend);
  if (package == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("this ", backend.type(), " backend is not registered"));
  }
  return TagOf(*package, index);
}

std::vector<DeviceSnapshot::ReservedClaim> DeviceSnapshot::ReservedClaims(
    const Backend& backend) const {
  std::vector<ReservedClaim> claims;
  const Package* const package = PackageOf(backend);
  if (package == nullptr || !backend.has_own_tags()) return claims;
  for (absl::string_view type : ReservedDeviceTypes()) {
    if (FindBackend(type) != nullptr) continue;
    for (const std::string& tag :
         {absl::StrCat(type, ":0"), std::string(type)}) {
      if (!Claims(backend, tag)) continue;
      claims.push_back({std::string(type), WhyNotGiven(*package, tag)});
      break;
    }
  }
  return claims;
}

}  // namespace v1
}  // namespace ferry
