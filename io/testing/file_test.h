// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// -----------------------------------------------------------------------------
// File: io/testing/file_test.h
// -----------------------------------------------------------------------------
//
// What the tests of files share.
#ifndef FERRY_IO_TESTING_FILE_TEST_H_
#define FERRY_IO_TESTING_FILE_TEST_H_

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "ferry/core/testing/files.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// A folder of its own for each test.
class FileTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : Names()) unlink(Path(name).c_str());
    rmdir(folder_.c_str());
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  std::vector<std::string> Names() const { return ListFolder(folder_); }

  void Put(const std::string& name, const std::string& bytes) const {
    WriteFile(Path(name), bytes);
  }

  std::string Get(const std::string& name) const {
    return ReadFile(Path(name));
  }

  mode_t Mode(const std::string& name) const {
    struct stat info = {};
    EXPECT_EQ(stat(Path(name).c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  const std::string folder_ = NewFolder();
};

// While it lives, this thread has only the rights of a file's owner, even if it
// is root's.
class ScopedOwnerRights {
 public:
  ScopedOwnerRights() {
    EXPECT_EQ(syscall(SYS_capget, &header_, before_), 0);
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    std::copy(std::begin(before_), std::end(before_), sets);
    for (const int right :
         {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER}) {
      sets[0].effective &= ~(1U << right);
    }
    EXPECT_EQ(syscall(SYS_capset, &header_, sets), 0);
  }
  ~ScopedOwnerRights() { EXPECT_EQ(syscall(SYS_capset, &header_, before_), 0); }

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[_LINUX_CAPABILITY_U32S_3] = {};
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_TESTING_FILE_TEST_H_
