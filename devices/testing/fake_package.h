// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/fake_package.h
// -----------------------------------------------------------------------------
//
// A program's own package, for tests. It stores every byte inverted. Its
// handles are not addresses, so code that dereferences one crashes. It counts
// the calls of its copier.
//
// Example: the package stores storages with the tag "vault".
//
//   FakePackage vault("vault");
//   const Registration registration =
//       registry.RegisterPackage(5, vault.tagger(), vault.deserializer(),
//                                vault.to_host());
#ifndef FERRY_DEVICES_TESTING_FAKE_PACKAGE_H_
#define FERRY_DEVICES_TESTING_FAKE_PACKAGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"
#include "ferry/devices/device_registry.h"

namespace ferry {
inline namespace v1 {

// FakePackage
//
// Its functions and its storages may outlive it.
//
// Thread-safety: the functions may be called from any number of threads at
// once, the methods from one.
class FakePackage {
 public:
  // `name` is the type of the storages' device and their location tag.
  explicit FakePackage(std::string name);

  Tagger tagger() const;
  Deserializer deserializer() const;
  HostCopier to_host() const;

  // Returns a storage of the package that holds `bytes`.
  Storage Keep(absl::string_view bytes) const;

  // Makes every copy fail with `error` from now on.
  void Fail(absl::Status error);

  // The number of copies, and the size of the largest.
  int copy_count() const;
  uint64_t largest_copy_bytes() const;
  // The number of calls of the tagger.
  int tagger_count() const;
  // The number of the package's storages that exist.
  int storage_count() const;

 private:
  struct State;

  const std::shared_ptr<State> state_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TESTING_FAKE_PACKAGE_H_
