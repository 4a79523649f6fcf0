// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long the directory of an archive takes to be read, and a record to be
// found by its name. The argument is the number of records.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

std::string Name(int64_t i) { return absl::StrCat("archive/data/", i); }

std::string Archive(int64_t num_records) {
  ZipBuilder builder;
  builder.has_zip64_end = true;
  for (int64_t i = 0; i < num_records; ++i) builder.Add(Name(i), "contents");
  return builder.Build();
}

void BM_Read(benchmark::State& state) {
  const std::string bytes = Archive(state.range(0));
  const std::unique_ptr<RandomAccessFile> file =
      MakeMemoryFile(bytes, "archive");
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        ZipDirectory::Read(*file, Budget::Unlimited())->end_offset());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_Find(benchmark::State& state) {
  const std::string bytes = Archive(state.range(0));
  const ZipDirectory directory = *ZipDirectory::Read(
      *MakeMemoryFile(bytes, "archive"), Budget::Unlimited());
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(state.range(0)));
  for (int64_t i = 0; i < state.range(0); ++i) names.push_back(Name(i));
  for (auto _ : state) {
    for (const std::string& name : names) {
      benchmark::DoNotOptimize(directory.Find(name));
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (int64_t count : {10, 1000, 100000}) benchmark->Arg(count);
}

BENCHMARK(BM_Read)->Apply(Sizes);
BENCHMARK(BM_Find)->Apply(Sizes);

}  // namespace
}  // namespace zip
}  // namespace v1
}  // namespace ferry
