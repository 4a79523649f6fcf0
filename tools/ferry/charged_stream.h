// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/charged_stream.h
// -----------------------------------------------------------------------------
//
// An output stream that charges what is written to a budget, so that no file
// can make a command print without end.
//
// Example:
//
//   ChargedStream out(io.out, &budget);
//   out << "tensors: ";
//   for (const std::string& row : rows) {
//     out << row << "\n";
//     FERRY_RETURN_IF_ERROR(out.status());
//   }
#ifndef FERRY_TOOLS_FERRY_CHARGED_STREAM_H_
#define FERRY_TOOLS_FERRY_CHARGED_STREAM_H_

#include <ostream>
#include <streambuf>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// ChargedStream
//
// Thread-safety: none.
class ChargedStream final : public std::ostream {
 public:
  // Writes to `out` and charges `budget`, which must outlive the stream.
  ChargedStream(std::ostream& out, Budget* budget)
      : std::ostream(nullptr), buffer_(out, budget) {
    rdbuf(&buffer_);
  }

  // Returns the error of the first charge that was refused. From then on
  // nothing is written.
  const absl::Status& status() const { return buffer_.status(); }

 private:
  class Buffer final : public std::streambuf {
   public:
    Buffer(std::ostream& out, Budget* budget) : out_(out), budget_(*budget) {}
    const absl::Status& status() const { return status_; }

   protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override {
      return Write({text, static_cast<size_t>(size)}) ? size : 0;
    }
    int_type overflow(int_type byte) override {
      const char text = traits_type::to_char_type(byte);
      return Write({&text, 1}) ? byte : traits_type::eof();
    }

   private:
    bool Write(absl::string_view text) {
      if (status_.ok()) status_ = budget_.ChargeOutput(text.size());
      if (status_.ok()) out_ << text;
      return status_.ok();
    }

    std::ostream& out_;
    Budget& budget_;
    absl::Status status_;
  };

  Buffer buffer_;
};

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_CHARGED_STREAM_H_
