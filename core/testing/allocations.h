// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/allocations.h
// -----------------------------------------------------------------------------
//
// Counts and fails calls of operator new, which this library replaces in the
// programs that link it.
//
// Example: the third allocation of a load fails.
//
//   AllocationFailure failure(3, AllocationFailure::kOnce);
//   EXPECT_EQ(Load("model.pt").status().code(),
//             absl::StatusCode::kResourceExhausted);
#ifndef FERRY_CORE_TESTING_ALLOCATIONS_H_
#define FERRY_CORE_TESTING_ALLOCATIONS_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

// Returns how many bytes the calling thread has taken from operator new since
// it began, the freed ones included.
uint64_t AllocatedBytes();

// AllocationFailure
//
// Makes operator new throw std::bad_alloc, in every thread, while the object
// lives. One object may live at a time.
class AllocationFailure {
 public:
  enum Kind {
    kOnce,     // call n fails
    kForever,  // call n and all later ones fail
  };

  // Counts calls from 1. With n = 0 none fails.
  AllocationFailure(uint64_t n, Kind kind);
  ~AllocationFailure();
  AllocationFailure(const AllocationFailure&) = delete;
  AllocationFailure& operator=(const AllocationFailure&) = delete;

  // Returns the number of calls since the object was made.
  uint64_t calls() const;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_ALLOCATIONS_H_
