// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickle_scanner.h
// -----------------------------------------------------------------------------
//
// Lists the classes and functions that a pickle would look up in Python, and
// how it would use them. Unlike `Unpickle`, which builds what the root reaches,
// the scanner also reports what Python looks up and calls on the way: a call
// whose result is dropped, and all that precedes an error.
//
// The scanner runs the opcodes on symbolic values: a text, a global, the result
// of calling a global, or anything else. Where an opcode takes more from the
// stack than there is, Python stops with an error. The scanner records the
// fault and goes on. It sees no less than Python, except in a pickle whose
// frames lie (`PickleScan::is_out_of_step`), which is a fault, too.
//
// Example: a pickle that runs a shell command.
//
//   const std::unique_ptr<RandomAccessFile> file =
//       MakeMemoryFile("cposix\nsystem\n(S'id'\ntR.", "pickle");
//   const PickleScan scan =
//       ScanPickle(*file, 0, file->size_bytes(), &budget);
//   scan.globals[0].module;                             // "posix"
//   scan.globals[0].uses_of(GlobalUse::kCalled).count;  // 1
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLE_SCANNER_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLE_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// How a pickle uses a global.
enum class GlobalUse : uint8_t {
  // Looks it up, for which Python imports its module.
  kImported,
  // Calls it, or creates an instance of it.
  kCalled,
  // Calls it, and drops the result itself: the value that Python returns
  // usually does not show it, but the memo may still hold it. A result that is
  // dropped inside a container does not count.
  kResultDropped,
  // Calls a value that a call of it returned.
  kResultCalled,
  // Gives state to a value that a call of it returned: `__setstate__` runs.
  kStateSet,
  // Changes the class or function itself, not an instance of it.
  kChanged,
};
inline constexpr int kNumGlobalUses = 6;

struct ScannedGlobal {
  // What the pickle has instead of two plain names.
  enum class Form : uint8_t {
    kNamed,
    // A name that a call returns, or that is longer than `kMaxNameBytes`. The
    // parts that are not known are empty or cut.
    kComputed,
    // What the program returns for a persistent id. PyTorch returns a class for
    // some ids of legacy streams; the id refers to it, so it is listed, too.
    kPersistentId,
    // A number that the program's `copyreg.add_extension` gives a meaning.
    // `name` is the number.
    kExtension,
  };

  // The occurrences of one use.
  struct Uses {
    static constexpr size_t kMaxOffsets = 3;
    uint64_t count = 0;
    // Where the first ones are: the offsets of their opcodes in the file.
    std::vector<uint64_t> offsets;
  };

  const Uses& uses_of(GlobalUse use) const {
    return uses[static_cast<size_t>(use)];
  }

  Form form = Form::kNamed;
  // The names of Python 3, to which Python maps those of Python 2 if the
  // protocol is below 3.
  std::string module;
  std::string name;
  Uses uses[kNumGlobalUses];
};

// A text or bytes in the file, as an operand of an opcode.
struct PickleLiteral {
  enum class Encoding : uint8_t {
    kBytes,
    kUtf8,
    kRawUnicode,    // "raw-unicode-escape"
    kPython2Quoted  // a literal of Python 2, with its quotes
  };
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  Encoding encoding = Encoding::kBytes;
};

struct PickleScan {
  // In the order of their first use.
  std::vector<ScannedGlobal> globals;
  // The literals that begin like a pickle of protocol 2 or higher, or like a
  // zip archive, once they are decoded. Functions such as `pickle.loads` could
  // run their contents.
  std::vector<PickleLiteral> nested;
  // Whether the pickle has its STOP, and where the scan ended: behind the STOP,
  // or at the opcode that could not be read.
  bool is_complete = false;
  uint64_t end_offset_bytes = 0;
  // Whether an opcode crosses the end of its frame, a frame begins inside
  // another, or STOP is not at the end of its frame. Python then reads other
  // opcodes than these, so nothing is known of what it does.
  bool is_out_of_step = false;
  // Where Python goes on after the pickle: `end_offset_bytes`, or the end of
  // the frame in which the STOP is.
  uint64_t next_offset_bytes = 0;
  // Whether the pickle calls something other than an extension before its first
  // fault.
  bool has_calls = false;
  // Whether a frame is longer than the rest of the file, and the pickle has no
  // other fault. Python's unpickler in C refuses such a frame, and the one in
  // Python reads what is there. `fault` says so.
  bool has_only_short_frame = false;
  // The number of opcodes that were read.
  uint64_t num_opcodes = 0;
  // The first fault, at which Python would stop; OK if there is none. The scan
  // went on behind it if `is_complete`.
  //   kDataLoss          - the pickle is malformed or cut short.
  //   kResourceExhausted - the budget is spent.
  //   whatever reading the file returned.
  absl::Status fault;
};

// Names are read up to this size. Python's own are far shorter.
inline constexpr uint64_t kMaxNameBytes = 1024;

// Scans the pickle at `begin`, which ends at `end` or before. Both must lie in
// the file. Time is in proportion to what it reads: the opcodes, and the names,
// which are read again wherever they are used. The contents of other texts are
// skipped. Memory is in proportion to the number of opcodes, and is charged to
// the budget. Does not recurse. Thread-safe.
PickleScan ScanPickle(const RandomAccessFile& file, uint64_t begin,
                      uint64_t end, Budget* budget);

// Returns the contents of a literal of `file`, at most `max_bytes` of the bytes
// in the file. Text is decoded to UTF-8.
//
// Errors: kDataLoss - an escape is malformed; whatever reading returns.
absl::StatusOr<std::string> ReadLiteral(const RandomAccessFile& file,
                                        const PickleLiteral& literal,
                                        uint64_t max_bytes);

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLE_SCANNER_H_
