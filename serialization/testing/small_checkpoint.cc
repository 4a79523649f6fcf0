// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/small_checkpoint.h"

#include <cstddef>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "ferry/core/testing/hex.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr absl::string_view kPickle =
    "80027d710028580100000077710163746f7263682e5f7574696c730a5f72656275696c645f"
    "74656e736f725f76320a71022828580700000073746f72616765710363746f7263680a466c"
    "6f617453746f726167650a7104580100000030710558030000006370757106"
    "4b04747107514b004b048571084b018571098963636f6c6c656374696f6e730a4f72646572"
    "6564446963740a710a2952710b74710c52710d580100000076710e4e752e";

constexpr absl::string_view kStorage = "000000000000803f0000004000004040";

}  // namespace

std::string SmallPickle() { return BytesFromHex(kPickle); }

std::string SmallPickleWith(absl::string_view part, absl::string_view by) {
  std::string pickle = SmallPickle();
  const size_t at = pickle.find(part.data(), 0, part.size());
  if (at == std::string::npos ||
      pickle.find(part.data(), at + 1, part.size()) != std::string::npos) {
    std::abort();
  }
  return pickle.replace(at, part.size(), by.data(), by.size());
}

std::string SmallStorage() { return BytesFromHex(kStorage); }

ZipBuilder CheckpointOf(absl::string_view pickle) {
  ZipBuilder zip;
  zip.Add("my.model/data.pkl", pickle);
  zip.Add("my.model/data/0", SmallStorage());
  zip.Add("my.model/version", "3\n");
  return zip;
}

ZipBuilder SmallCheckpoint() { return CheckpointOf(SmallPickle()); }

}  // namespace v1
}  // namespace ferry
