// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/files.h
// -----------------------------------------------------------------------------
//
// Reads and writes whole files in tests, by none of the code that is tested.
//
//   const std::string folder = NewFolder();
//   WriteFile(folder + "/a", "bytes");
//   ReadFile(folder + "/a");  // "bytes"
//   ListFolder(folder);       // {"a"}
#ifndef FERRY_CORE_TESTING_FILES_H_
#define FERRY_CORE_TESTING_FILES_H_

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// Returns the bytes of a file. Fails the test if the file cannot be opened.
inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Writes a file in place of what was at `path`. Fails the test if it cannot.
inline void WriteFile(const std::string& path, absl::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes << std::flush;
  EXPECT_TRUE(file.good()) << path;
}

// Makes an empty folder for the caller alone, which stays when the test ends,
// and returns its path.
inline std::string NewFolder() {
  std::string path = testing::TempDir() + "/ferry_XXXXXX";
  EXPECT_NE(mkdtemp(&path[0]), nullptr) << path;
  return path;
}

// Returns the names in a folder, sorted.
inline std::vector<std::string> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_FILES_H_
