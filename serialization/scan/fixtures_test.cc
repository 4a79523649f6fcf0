// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Files that PyTorch wrote: nothing is found in those, and only in those, that
// `Globals::kStrict` opens. Each of them that PyTorch's version of that time
// loads with `weights_only=True` is among these; later versions allow more.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/scan/scan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Verdict = ScanReport::Verdict;

ScanReport Scan(const std::string& path) {
  const std::string bytes = ReadFile(path);
  return ScanFile(*MakeMemoryFile(bytes, path), ScanOptions());
}

std::string Describe(const ScanReport& report) {
  std::string text = report.Summary();
  for (const ScanFinding& finding : report.findings) {
    absl::StrAppend(&text, "\n", finding.global, " ", finding.detail);
  }
  return text;
}

TEST(FixturesTest, AgreesWithWeightsOnly) {
  const std::string folder = "tests/data/fixtures/";
  const auto index = nlohmann::json::parse(ReadFile(folder + "index.json"));
  int num_clean = 0, num_found = 0;
  for (const auto& entry : index) {
    const std::string name = entry["file"];
    const ScanReport report = Scan(folder + name);
    LoadOptions options;
    options.globals = Globals::kStrict;
    const bool opens = Checkpoint::Open(folder + name, options).ok();
    EXPECT_EQ(report.verdict(), opens ? Verdict::kClean : Verdict::kFound)
        << name << ": " << Describe(report);
    if (entry["weights_only_ok"]) {
      EXPECT_EQ(report.verdict(), Verdict::kClean) << name;
    }
    EXPECT_TRUE(report.problems.empty()) << name << ": " << report.problems[0];
    EXPECT_TRUE(report.status.ok()) << name << ": " << report.status;
    ++(opens ? num_clean : num_found);
  }
  EXPECT_GT(num_clean, 20);
  EXPECT_GT(num_found, 5);
}

TEST(FixturesTest, OtherFiles) {
  for (const char* const path : {
           "tests/data/old/tensors.tar",
           "tests/data/old/views.pt",
           "tests/data/safetensors/dtypes.safetensors",
           "tests/data/safetensors/nothing.safetensors",
           "tests/data/safetensors/shapes.safetensors",
           "tests/data/training_checkpoint.pt",
       }) {
    const ScanReport report = Scan(path);
    EXPECT_EQ(report.verdict(), Verdict::kClean)
        << path << ": " << Describe(report);
  }
  // Its storages are pickles in the arguments of a function that runs them.
  const ScanReport pickle = Scan("tests/data/old/tensors.pickle");
  EXPECT_EQ(pickle.findings.size(), 1) << Describe(pickle);
  EXPECT_EQ(pickle.findings[0].global, "torch.storage._load_from_bytes");
  EXPECT_GT(pickle.num_pickles, 5);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
