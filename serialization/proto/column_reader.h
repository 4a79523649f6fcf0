// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/column_reader.h
// -----------------------------------------------------------------------------
//
// Reads the blocks of checkpoint_graph.proto and returns the values of their
// columns, row by row. It does not know about nodes; graph_reader.h makes
// those.
//
// Example: reads a record whose rows are all empty lists.
//
//   ColumnReader columns(bytes, &budget);
//   FERRY_RETURN_IF_ERROR(columns.Read());
//   for (uint32_t i = 0; i < columns.num_rows(); ++i) {
//     columns.set_row(kFirstNumber + i);
//     if (columns.TakeKind() != NODE_KIND_LIST) ...
//     columns.TakeCount(/*width=*/1);  // 0
//     FERRY_RETURN_IF_ERROR(columns.status());
//   }
//   FERRY_RETURN_IF_ERROR(columns.CheckEnd(/*unused_storages=*/0));
#ifndef FERRY_SERIALIZATION_PROTO_COLUMN_READER_H_
#define FERRY_SERIALIZATION_PROTO_COLUMN_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/node_order.h"
#include "google/protobuf/arena.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// ColumnReader
//
// Reads one record. If a method that takes a value of the row finds an error,
// it returns 0 or an empty value. `status` has the first error, so a caller
// need check it only once, after the row.
//
// Thread-safety: none.
class ColumnReader {
 public:
  // Both must outlive the reader.
  ColumnReader(absl::string_view bytes, Budget* budget);

  ColumnReader(const ColumnReader&) = delete;
  ColumnReader& operator=(const ColumnReader&) = delete;

  // Reads all blocks of the record at the start of `bytes`. Must be called
  // once, before any other method. Takes time and memory in proportion to
  // `bytes`.
  //
  // Errors:
  //   kDataLoss          - damaged; the message has the block.
  //   kUnimplemented     - the record was written by a later release, which the
  //                        message names. (An unknown value in a record of this
  //                        release is kDataLoss.)
  //   kResourceExhausted - `budget` is spent, or there are more than 2 GiB in
  //                        addition to the texts.
  absl::Status Read();

  // The contents of the header. The root is a row, or less than `kFirstNumber`.
  uint32_t format_version() const { return format_version_; }
  uint32_t num_rows() const { return num_rows_; }
  uint32_t root() const { return root_; }
  // The size of the record, in bytes.
  size_t size_bytes() const { return position_; }

  // The columns of storages: their sizes in bytes, and the indexes of the words
  // of their locations plus 1, or 0 for none. Both have the same length.
  absl::Span<const uint64_t> storage_sizes() const {
    return columns_.storage_sizes();
  }
  absl::Span<const uint32_t> storage_locations() const {
    return columns_.storage_locations();
  }
  size_t num_words() const { return words_.size(); }
  // Returns the word at `index`, which must be less than `num_words`, and
  // counts it as used. The text is valid as long as the reader.
  absl::string_view UseWord(size_t index) {
    words_[index].is_used = true;
    return words_[index].text;
  }

  // The number of the current row, whose values are taken. Errors name it.
  uint32_t row() const { return row_; }
  void set_row(uint32_t row) { row_ = row; }

  // The first error.
  const absl::Status& status() const { return status_; }
  // Record an error of the row, unless there is one already: kDataLoss, or an
  // unknown value, which a later release may have written.
  void FailDamaged(absl::string_view what) {
    if (status_.ok()) status_ = Damaged(what);
  }
  void FailUnknown(absl::string_view what);
  // Records a violation of a tensor rule, if `status` is one. In a file it
  // counts as damage, not as the caller's mistake.
  void FailRule(const absl::Status& status);

  // Takes the kind of the next row. May be called at most `num_rows` times.
  int TakeKind() { return kinds_.Take(); }
  uint64_t TakeNumber() {
    if (ABSL_PREDICT_FALSE(numbers_.left() == 0)) {
      FailDamaged("there are no numbers left for it");
      return 0;
    }
    return numbers_.Take();
  }
  // Takes a reference, which is relative to the row.
  uint32_t TakeReference() {
    if (ABSL_PREDICT_FALSE(references_.left() == 0)) {
      FailDamaged("there are no references left for it");
      return 0;
    }
    return references_.Take();
  }
  // Takes the number of groups of `width` references that follow.
  size_t TakeCount(size_t width);
  // Takes a number in which only the bits of `known` may be set.
  uint64_t TakeBits(uint64_t known);
  int64_t TakeInt() {
    if (ABSL_PREDICT_FALSE(ints_.left() == 0)) {
      FailDamaged("there are no ints left for it");
      return 0;
    }
    return ints_.Take();
  }
  double TakeFloat() {
    if (ABSL_PREDICT_FALSE(floats_.left() == 0)) {
      FailDamaged("there are no floats left for it");
      return 0;
    }
    return floats_.Take();
  }
  // Takes a text, which is valid until the next text is taken.
  absl::string_view TakeText();
  DType TakeDType();
  Layout TakeLayout();
  Device TakeDevice();

  // The number of bytes of text that no row has taken.
  uint64_t text_left() const { return text_left_; }
  // Checks that the rows have taken all values. `unused_storages` is the number
  // of storages that no row has used; the reader returns only their columns and
  // cannot count them.
  absl::Status CheckEnd(uint64_t unused_storages) const;

 private:
  // The values of a column that no row has taken yet.
  template <typename T>
  class Column {
   public:
    template <typename Field>
    void Set(const Field& field) {
      next_ = field.data();
      end_ = next_ + field.size();
    }
    size_t left() const { return static_cast<size_t>(end_ - next_); }
    // Takes the next value. There must be one left.
    T Take() { return *next_++; }

   private:
    const T* next_ = nullptr;
    const T* end_ = nullptr;
  };

  // A word, whether anything refers to it, and the dtype that it names, if a
  // row has asked for that.
  struct Word {
    absl::string_view text;
    bool is_used = false;
    std::optional<DType> dtype;
  };

  absl::Status Damaged(absl::string_view what) const;
  absl::Status Unknown(absl::string_view what) const;
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  // Takes the next block. Returns an empty text at the end of the record.
  absl::StatusOr<absl::string_view> TakeBlock();
  absl::Status ReadHeader();
  absl::Status ReadColumns();
  absl::Status ReadWords();
  Word* TakeWord();

  const absl::string_view bytes_;
  Budget* const budget_;

  size_t position_ = 0;  // in `bytes_`
  std::string release_;  // escaped, for messages
  uint32_t format_version_ = 0;
  uint32_t num_rows_ = 0;
  uint32_t root_ = 0;
  google::protobuf::Arena arena_;
  wire::Columns& columns_;
  Column<int> kinds_;
  Column<uint32_t> references_;
  Column<uint64_t> numbers_;
  Column<int64_t> ints_;
  Column<double> floats_;
  // The position of the next byte of text: the block, and the offset in it.
  int text_block_ = 0;
  size_t text_start_ = 0;
  uint64_t text_left_ = 0;  // in bytes, in all blocks
  std::string long_text_;   // a text that spans several blocks

  std::vector<Word> words_;
  absl::Status status_;
  uint32_t row_ = kFirstNumber;
};

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_COLUMN_READER_H_
