// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "fake_settings.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>

namespace fake_driver {
namespace {

constexpr char kSettings[] = "FERRY_FAKE_DRIVER";
constexpr int kMaxDevices = 16;

[[noreturn]] void BadSetting(const std::string& setting) {
  fprintf(stderr, "fake driver: %s has a wrong setting: \"%s\"\n", kSettings,
          setting.c_str());
  abort();
}

uint64_t NumberIn(const std::string& setting, const std::string& value) {
  char* end = nullptr;
  const uint64_t number = strtoull(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0') BadSetting(setting);
  return number;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (from <= text.size()) {
    const size_t to = std::min(text.find(separator, from), text.size());
    if (to != from) parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

Timing TimingIn(const std::string& setting, const std::string& value) {
  if (value == "eager") return Timing::kEager;
  if (value == "late") return Timing::kLate;
  if (value == "random") return Timing::kRandom;
  BadSetting(setting);
}

Settings ReadSettings(const char* text) {
  Settings settings;
  for (const std::string& setting : Split(text == nullptr ? "" : text, ',')) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) BadSetting(setting);
    const std::string name = setting.substr(0, equals);
    const std::string value = setting.substr(equals + 1);
    if (name == "timing") {
      settings.timing = TimingIn(setting, value);
    } else if (name == "bus") {
      if (!ParseBusSpeed(value, &settings.bus)) BadSetting(setting);
    } else if (name == "report") {
      settings.report_path = value;
    } else if (name == "log") {
      settings.log_path = value;
    } else if (name == "fail") {
      const std::vector<std::string> parts = Split(value, ':');
      if (parts.size() != 3) BadSetting(setting);
      settings.failures.push_back(
          {parts[0], NumberIn(setting, parts[1]),
           static_cast<Result>(NumberIn(setting, parts[2]))});
    } else {
      const uint64_t number = NumberIn(setting, value);
      if (name == "devices" && number <= kMaxDevices) {
        settings.devices = static_cast<int>(number);
      } else if (name == "memory" && number <= uint64_t{1} << 40) {
        settings.memory_bytes = number;
      } else if (name == "version") {
        settings.version = static_cast<int>(number);
      } else if (name == "seed") {
        settings.seed = number;
      } else if (name == "init") {
        settings.init = static_cast<Result>(number);
      } else if (name == "stub") {
        settings.is_stub = number != 0;
      } else if (name == "pools") {
        settings.has_pools = number != 0;
      } else if (name == "streams") {
        settings.streams = static_cast<int>(number);
      } else if (name == "discard") {
        settings.discards = number != 0;
      } else if (name == "lose") {
        settings.lose_at_copy = number;
      } else {
        BadSetting(setting);
      }
    }
  }
  return settings;
}

}  // namespace

const Settings& GetSettings() {
  static const auto* const settings =
      new Settings(ReadSettings(getenv(kSettings)));
  return *settings;
}

}  // namespace fake_driver
