// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/graph_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/global_name.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/utf8.h"
#include "ferry/core/value_kind.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/graph_format.h"
#include "ferry/serialization/proto/node_order.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/io/coded_stream.h"

namespace ferry {
namespace proto {
namespace {

constexpr uint64_t kMaxStorageBytes = std::numeric_limits<int64_t>::max();

// Texts in messages are cut after this many bytes.
constexpr size_t kShownBytes = 80;

// The tag of a field: its number, and in the lowest three bits how its value is
// encoded.
enum : uint32_t { kVarint = 0, kBytes = 2 };
constexpr uint32_t Tag(uint32_t field, uint32_t encoding) {
  return field << 3 | encoding;
}

// Returns whether a well-formed message has only fields that this release
// knows, encoded as it writes them. The lite runtime accepts others silently.
bool HasOnlyKnownFields(absl::string_view message, bool is_header) {
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t*>(message.data()),
      static_cast<int>(message.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if (is_header && tag != Tag(Header::kReleaseFieldNumber, kBytes)) {
      uint64_t value;
      if (tag > Tag(Header::kRootFieldNumber, kVarint) ||
          tag == Tag(Header::kReleaseFieldNumber, kVarint) ||
          tag % 8 != kVarint || !input.ReadVarint64(&value)) {
        return false;
      }
      continue;
    }
    uint32_t size;
    if (tag > Tag(Columns::kStorageLocationsFieldNumber, kBytes) ||
        tag % 8 != kBytes || !input.ReadVarint32(&size) ||
        !input.Skip(static_cast<int>(size))) {
      return false;
    }
  }
  return true;
}

// Takes pages that the process keeps: the columns of a large graph take tens of
// MiB, which are needed only briefly.
google::protobuf::ArenaOptions InKeptPages() {
  constexpr uint64_t kAlignmentBytes = 16;
  google::protobuf::ArenaOptions options;
  options.start_block_size = kHugeFromBytes;
  options.max_block_size = 2 * kHugePageBytes;
  options.block_alloc = [](size_t size_bytes) {
    return AllocateBySize(size_bytes, kAlignmentBytes);
  };
  options.block_dealloc = [](void* block, size_t size_bytes) {
    FreeBySize(block, size_bytes, kAlignmentBytes);
  };
  return options;
}

void SetFlags(uint64_t bits, const Tensor& tensor) {
  tensor.set_requires_grad((bits & kRequiresGrad) != 0);
  tensor.set_conj((bits & kConj) != 0);
  tensor.set_neg((bits & kNeg) != 0);
}

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

// GraphReader
//
// Reads one record. A method that takes a value of the row returns 0, or what
// stands for nothing, if it finds an error. `status_` has the first error, and
// `ReadRows` stops after the row.
//
// Thread-safety: none.
class GraphReader {
 public:
  GraphReader(absl::string_view bytes, const LoadLimits& limits,
              StorageTable* storages, ObjectGraph* graph)
      : bytes_(bytes), limits_(limits), table_(storages), graph_(graph) {}

  absl::StatusOr<Codec::GraphRead> Read();

 private:
  // A word, whether anything refers to it, and the dtype that it names once a
  // row has asked for that.
  struct Word {
    absl::string_view text;
    bool is_used = false;
    std::optional<DType> dtype;
  };

  struct UsedStorage {
    Storage storage;
    bool is_used = false;   // by a row
    bool has_node = false;  // in the graph
  };

  absl::Status Damaged(absl::string_view what) const;
  absl::Status Unknown(absl::string_view what) const;
  // Records an error of a row.
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  void FailDamaged(absl::string_view what) {
    if (status_.ok()) status_ = Damaged(what);
  }
  void FailUnknown(absl::string_view what) {
    Fail(Unknown(absl::StrCat(what, " in row ", row_)));
  }
  // Records a broken rule of tensors, if there is one. In a file that is
  // damage, not a caller's mistake.
  void FailRule(const absl::Status& status) {
    if (status.ok()) return;
    Fail(absl::IsInvalidArgument(status) ? Damaged(status.message()) : status);
  }

  // Takes the next block. Returns nothing at the end of the record.
  absl::StatusOr<absl::string_view> TakeBlock();
  absl::Status ReadHeader();
  absl::Status ReadColumns();
  absl::Status ReadWords();
  absl::Status ReadStorages();
  absl::Status ReadRows();
  absl::Status CheckEnd() const;
  absl::Status SetSources();
  void ReadRow(int kind);

  uint64_t TakeNumber();
  // Takes how many runs of `width` references follow.
  size_t TakeCount(size_t width);
  uint64_t TakeBits(uint64_t known);
  double TakeFloat();
  // Takes a text, which is valid until the next one is taken.
  absl::string_view TakeText();
  Word* TakeWord();
  // Takes the index of a storage. Returns null if there is none.
  UsedStorage* TakeStorage();
  DType TakeDType();
  Layout TakeLayout();
  Device TakeDevice();
  // Take a node that the row's node is made of, or is given.
  NodeId TakePart() { return TakeReference(/*may_be_later=*/false); }
  NodeId TakeGiven() { return TakeReference(/*may_be_later=*/true); }
  ABSL_ATTRIBUTE_ALWAYS_INLINE inline NodeId TakeReference(bool may_be_later);
  // Takes `count` nodes, which are valid until the next run is taken.
  absl::Span<const NodeId> TakeRun(size_t count, bool may_be_later);
  absl::Span<const NodeId> TakeParts() {
    return TakeRun(TakeCount(1), /*may_be_later=*/false);
  }
  absl::Span<const NodeId> TakeItems() {
    return TakeRun(TakeCount(1), /*may_be_later=*/true);
  }
  absl::Span<const NodeId> TakeEntries() {
    return TakeRun(2 * TakeCount(2), /*may_be_later=*/true);
  }

  void AddBigInt();
  NodeId AddGlobal();
  void AddDTypeGlobal();
  void AddStorage(bool untyped);
  void AddSize();
  NodeId AddObject();
  void AddDroppedCalls(NodeId object, absl::Span<const NodeId> dropped);
  void BecomeTensor(NodeId object, bool is_parameter);
  void BecomeSize(NodeId object);
  // Takes a tensor and its bits, which must be among `known`. Returns a null
  // tensor after an error.
  Tensor TakeTensor(uint64_t known, uint64_t* bits);
  Tensor TakeView(uint64_t bits);
  Tensor TakeComposite(uint64_t bits);
  absl::Span<const int64_t> TakeDimensions(size_t rank, int64_t* out);

  const absl::string_view bytes_;
  const LoadLimits& limits_;
  StorageTable* const table_;
  ObjectGraph* const graph_;

  size_t position_ = 0;  // in `bytes_`
  std::string release_;  // escaped, for messages
  uint32_t format_version_ = 0;
  uint32_t num_rows_ = 0;
  uint32_t root_ = 0;
  google::protobuf::Arena arena_{InKeptPages()};
  Columns& columns_ = *google::protobuf::Arena::CreateMessage<Columns>(&arena_);
  Column<int> kinds_;
  Column<uint32_t> references_;
  Column<uint64_t> numbers_;
  Column<int64_t> ints_;
  Column<double> floats_;
  // The next byte of text: in which block, and where in it.
  int text_block_ = 0;
  size_t text_start_ = 0;
  uint64_t text_left_ = 0;  // in bytes, in all blocks
  std::string long_text_;   // of several blocks

  std::vector<Word> words_;
  std::vector<UsedStorage> storages_;
  absl::Status status_;
  uint32_t row_ = kFirstNumber;
  uint32_t shift_ = 0;  // from the number of a row to its node
  std::vector<NodeId> run_;
  struct Source {
    uint32_t row;
    NodeId global;
    NodeId source;
  };
  std::vector<Source> sources_;
  absl::flat_hash_set<NodeId> dropped_;
  // Tuples that hold only ints: many rows may share one.
  absl::flat_hash_set<NodeId> int_tuples_;
};

absl::Status GraphReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("the graph is damaged: row ", row_, ": ", what));
}

absl::Status GraphReader::Unknown(absl::string_view what) const {
  if (release_ == kRelease) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: it has ",
                                            what, ", which \"", kRelease,
                                            "\" does not write"));
  }
  return absl::UnimplementedError(
      absl::StrCat("the graph was written by \"", release_, "\" and has ", what,
                   ", which this release does not know; use that one or a "
                   "later one"));
}

// --- Blocks ------------------------------------------------------------------

absl::StatusOr<absl::string_view> GraphReader::TakeBlock() {
  const auto damaged = [this](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(
        "the graph is damaged: its block at byte ", position_, " ", what));
  };
  if (bytes_.size() - position_ < kLengthBytes) return damaged("is cut short");
  const size_t size = Load32(bytes_.data() + position_);
  if (size > kMaxBlockBytes) {
    return damaged(absl::StrCat("has ", size, " bytes; at most ",
                                kMaxBlockBytes, " are allowed"));
  }
  if (size > bytes_.size() - position_ - kLengthBytes) {
    return damaged("is cut short");
  }
  const absl::string_view block = bytes_.substr(position_ + kLengthBytes, size);
  position_ += kLengthBytes + size;
  return block;
}

absl::Status GraphReader::ReadHeader() {
  FERRY_ASSIGN_OR_RETURN(const absl::string_view block, TakeBlock());
  Header header;
  if (!header.ParseFromArray(block.data(), static_cast<int>(block.size())) ||
      header.format_version() == 0) {
    return absl::DataLossError("the graph is damaged: it has no header");
  }
  release_ = absl::CHexEscape(header.release().substr(0, kShownBytes));
  if (header.format_version() > kFormatVersion) {
    return Unknown(
        absl::StrCat("version ", header.format_version(), " of the format"));
  }
  if (!HasOnlyKnownFields(block, /*is_header=*/true)) {
    return Unknown("fields in its header");
  }
  if (header.SerializeAsString() != block) {
    return absl::DataLossError(
        "the graph is damaged: its header has a field twice, or a number that "
        "is longer than it need be");
  }
  format_version_ = header.format_version();
  num_rows_ = header.num_rows();
  root_ = header.root();
  if (num_rows_ > limits_.max_nodes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the graph has ", num_rows_, " objects; the limit is ",
                     limits_.max_nodes));
  }
  // Each has a byte of its own for its kind.
  if (num_rows_ > bytes_.size()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: it cannot have ", num_rows_,
                     " rows in ", bytes_.size(), " bytes"));
  }
  if (root_ >= kFirstNumber + uint64_t{num_rows_}) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: its root ",
                                            root_, " is no row of it"));
  }
  return absl::OkStatus();
}

absl::Status GraphReader::ReadColumns() {
  // As many as most graphs have, so that the columns need not grow.
  const auto num_rows = static_cast<int>(
      std::min<uint32_t>(num_rows_, std::numeric_limits<int>::max() / 4));
  columns_.mutable_kinds()->Reserve(num_rows);
  columns_.mutable_references()->Reserve(2 * num_rows);
  columns_.mutable_numbers()->Reserve(num_rows);
  uint64_t value_bytes = 0;  // of what is no text
  while (true) {
    const size_t start = position_;
    FERRY_ASSIGN_OR_RETURN(const absl::string_view block, TakeBlock());
    if (block.empty()) break;
    if (value_bytes > kMaxValueBytes) {
      return absl::ResourceExhaustedError(
          "the graph has 2 GiB of values beside its texts, which is too much");
    }
    const int num_texts = columns_.text_size();
    google::protobuf::io::CodedInputStream input(
        reinterpret_cast<const uint8_t*>(block.data()),
        static_cast<int>(block.size()));
    // Appends to the values of the blocks before.
    if (!columns_.MergeFromCodedStream(&input) ||
        !input.ConsumedEntireMessage()) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: its block at byte ", start, " is no message"));
    }
    if (!HasOnlyKnownFields(block, /*is_header=*/false)) {
      return Unknown("fields in its columns");
    }
    if (columns_.text_size() > num_texts + 1) {
      return absl::DataLossError(
          absl::StrCat("the graph is damaged: its block at byte ", start,
                       " has several texts"));
    }
    value_bytes += block.size();
    if (columns_.text_size() > num_texts) {
      const uint64_t text_bytes = columns_.text(num_texts).size();
      value_bytes -= text_bytes;
      text_left_ += text_bytes;
    }
    // They take memory like nodes, and a row must refer to each of them.
    const int most =
        std::max(columns_.words_size(), columns_.storage_sizes_size());
    if (static_cast<uint32_t>(most) > limits_.max_nodes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the graph has ", most,
                       " words or storages; the limit is ", limits_.max_nodes));
    }
  }
  if (columns_.kinds_size() != static_cast<int64_t>(num_rows_)) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: it has ",
                                            columns_.kinds_size(),
                                            " rows instead of ", num_rows_));
  }
  if (columns_.storage_sizes_size() != columns_.storage_locations_size()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: it has ",
                     columns_.storage_sizes_size(), " sizes of storages and ",
                     columns_.storage_locations_size(), " locations"));
  }
  kinds_.Set(columns_.kinds());
  references_.Set(columns_.references());
  numbers_.Set(columns_.numbers());
  ints_.Set(columns_.ints());
  floats_.Set(columns_.floats());
  return absl::OkStatus();
}

absl::Status GraphReader::ReadWords() {
  absl::flat_hash_set<absl::string_view> known;
  words_.reserve(columns_.words_size());
  for (const std::string& word : columns_.words()) {
    if (!known.insert(word).second) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: it has the word \"",
          absl::CHexEscape(word.substr(0, kShownBytes)), "\" twice"));
    }
    words_.emplace_back().text = word;
  }
  return absl::OkStatus();
}

// --- Storages ----------------------------------------------------------------

absl::Status GraphReader::ReadStorages() {
  const int num_storages = columns_.storage_sizes_size();
  // A key must live as long as the graph, so the graph has all in one text.
  std::string keys;
  uint32_t num_records = 0;
  for (int i = 0; i < num_storages; ++i) {
    if (columns_.storage_locations(i) == 0) continue;
    absl::StrAppend(&keys, num_records++);
  }
  absl::string_view keys_left;
  if (num_records > 0) {
    keys_left = graph_->text(graph_->AddStr(keys));
    shift_ = 1;
  }
  num_records = 0;
  storages_.reserve(num_storages);
  for (int i = 0; i < num_storages; ++i) {
    const uint64_t size_bytes = columns_.storage_sizes(i);
    const uint32_t location = columns_.storage_locations(i);
    if (size_bytes > kMaxStorageBytes || location > words_.size()) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: storage ", i, " has ", size_bytes,
          " bytes and the location ", location, " of ", words_.size()));
    }
    if (location == 0) {
      storages_.push_back(
          {Storage::FromMemory(Device("meta"), Memory{}, size_bytes)});
      continue;
    }
    words_[location - 1].is_used = true;
    const size_t key_bytes = absl::StrCat(num_records++).size();
    StorageDescription description;
    description.key = keys_left.substr(0, key_bytes);
    description.location = words_[location - 1].text;
    description.untyped = true;
    description.size_bytes = size_bytes;
    keys_left.remove_prefix(key_bytes);
    FERRY_ASSIGN_OR_RETURN(const uint32_t index, table_->Describe(description));
    storages_.push_back({table_->entries()[index].storage});
  }
  return absl::OkStatus();
}

// --- Values ------------------------------------------------------------------

uint64_t GraphReader::TakeNumber() {
  if (ABSL_PREDICT_FALSE(numbers_.left() == 0)) {
    FailDamaged("the numbers end before it");
    return 0;
  }
  return numbers_.Take();
}

size_t GraphReader::TakeCount(size_t width) {
  const uint64_t count = TakeNumber();
  if (ABSL_PREDICT_FALSE(count > references_.left() / width)) {
    FailDamaged(absl::StrCat("it cannot refer to ", count, " nodes"));
    return 0;
  }
  return static_cast<size_t>(count);
}

uint64_t GraphReader::TakeBits(uint64_t known) {
  const uint64_t bits = TakeNumber();
  if (ABSL_PREDICT_FALSE((bits & ~known) != 0)) {
    FailUnknown(absl::StrCat("the bits ", bits));
    return 0;
  }
  return bits;
}

double GraphReader::TakeFloat() {
  if (floats_.left() == 0) {
    FailDamaged("the floats end before it");
    return 0;
  }
  return floats_.Take();
}

absl::string_view GraphReader::TakeText() {
  const uint64_t size = TakeNumber();
  if (ABSL_PREDICT_FALSE(size > text_left_ ||
                         size > std::numeric_limits<uint32_t>::max())) {
    FailDamaged(absl::StrCat("it cannot have a text of ", size, " bytes"));
    return absl::string_view();
  }
  text_left_ -= size;
  long_text_.clear();
  while (true) {
    if (text_block_ == columns_.text_size()) return long_text_;
    const absl::string_view left =
        absl::string_view(columns_.text(text_block_)).substr(text_start_);
    const size_t wanted = size - long_text_.size();
    if (ABSL_PREDICT_TRUE(wanted < left.size())) {
      text_start_ += wanted;
      if (long_text_.empty()) return left.substr(0, wanted);
      long_text_.append(left.data(), wanted);
      return long_text_;
    }
    long_text_.append(left.data(), left.size());
    ++text_block_;
    text_start_ = 0;
  }
}

GraphReader::Word* GraphReader::TakeWord() {
  const uint64_t index = TakeNumber();
  if (ABSL_PREDICT_FALSE(index >= words_.size())) {
    FailDamaged(absl::StrCat("there is no word ", index));
    return nullptr;
  }
  words_[index].is_used = true;
  return &words_[index];
}

GraphReader::UsedStorage* GraphReader::TakeStorage() {
  const uint64_t index = TakeNumber();
  if (ABSL_PREDICT_FALSE(index >= storages_.size())) {
    FailDamaged(absl::StrCat("there is no storage ", index));
    return nullptr;
  }
  storages_[index].is_used = true;
  return &storages_[index];
}

DType GraphReader::TakeDType() {
  Word* const word = TakeWord();
  if (word == nullptr) return DType::kUInt8;
  if (!word->dtype) {
    word->dtype = DTypeFromName(word->text);
    if (!word->dtype) {
      FailUnknown(
          absl::StrCat("the dtype \"", absl::CHexEscape(word->text), "\""));
      return DType::kUInt8;
    }
  }
  return *word->dtype;
}

Layout GraphReader::TakeLayout() {
  const Word* const word = TakeWord();
  if (word == nullptr) return Layout::kStrided;
  const std::optional<Layout> layout = LayoutFromName(word->text);
  if (!layout) {
    FailUnknown(
        absl::StrCat("the layout \"", absl::CHexEscape(word->text), "\""));
  }
  return layout.value_or(Layout::kStrided);
}

Device GraphReader::TakeDevice() {
  const Word* const type = TakeWord();
  const uint64_t index_and_one = TakeNumber();
  if (type == nullptr) return Device();
  if (!Device::IsValidType(type->text) ||
      index_and_one > uint64_t{kMaxDeviceIndex} + 1) {
    FailDamaged("a device has no valid type or index");
    return Device();
  }
  return Device(type->text, static_cast<int>(index_and_one) - 1);
}

NodeId GraphReader::TakeReference(bool may_be_later) {
  if (ABSL_PREDICT_FALSE(references_.left() == 0)) {
    FailDamaged("the references end before it");
    return ObjectGraph::kNone;
  }
  const uint32_t reference = references_.Take();
  if (reference < kFirstNumber) return reference;
  const uint32_t distance = (reference - kFirstNumber) / 2;
  if ((reference - kFirstNumber) % 2 == 0) {
    if (ABSL_PREDICT_FALSE(distance >= row_ - kFirstNumber)) {
      FailDamaged("it refers to a node before the first");
      return ObjectGraph::kNone;
    }
    return row_ - 1 - distance + shift_;
  }
  if (ABSL_PREDICT_FALSE(!may_be_later ||
                         distance >= num_rows_ + kFirstNumber - row_)) {
    FailDamaged(may_be_later ? "it refers to a node after the last"
                             : "it is made of a later node");
    return ObjectGraph::kNone;
  }
  return row_ + distance + shift_;
}

absl::Span<const NodeId> GraphReader::TakeRun(size_t count, bool may_be_later) {
  run_.resize(count);
  for (NodeId& node : run_) node = TakeReference(may_be_later);
  return run_;
}

// --- Tensors -----------------------------------------------------------------

absl::Span<const int64_t> GraphReader::TakeDimensions(size_t rank,
                                                      int64_t* out) {
  // What is 2^63 or more becomes negative, and is refused as such.
  for (size_t i = 0; i < rank; ++i) {
    out[i] = static_cast<int64_t>(TakeNumber());
  }
  return {out, rank};
}

Tensor GraphReader::TakeView(uint64_t bits) {
  const DType dtype = TakeDType();
  const UsedStorage* const storage = TakeStorage();
  const auto offset = static_cast<int64_t>(TakeNumber());
  const uint64_t rank = TakeNumber();
  if (rank > kMaxRank) {
    FailDamaged(absl::StrCat("a tensor has the rank ", rank));
  }
  if (storage == nullptr || rank > kMaxRank) return Tensor();
  int64_t sizes[kMaxRank];
  int64_t stride_values[kMaxRank];
  const absl::Span<const int64_t> shape = TakeDimensions(rank, sizes);
  const absl::Status counted = NumElements(shape).status();
  if (!counted.ok()) {
    FailRule(counted);
    return Tensor();
  }
  const Dimensions row_major = ContiguousStrides(shape);
  absl::Span<const int64_t> strides = row_major;
  if ((bits & kRowMajor) == 0) {
    strides = TakeDimensions(rank, stride_values);
    if (strides == absl::MakeConstSpan(row_major)) {
      FailDamaged("a tensor has strides that are those of a row-major one");
    }
  }
  absl::StatusOr<Tensor> tensor = Tensor::Create(
      storage->storage, dtype, shape, strides, offset, table_->pool());
  if (!tensor.ok()) {
    FailRule(tensor.status());
    return Tensor();
  }
  SetFlags(bits, *tensor);
  FailRule(CheckFlags(*tensor));
  return *std::move(tensor);
}

Tensor GraphReader::TakeComposite(uint64_t bits) {
  constexpr size_t kMaxComponents = 3;
  const DType dtype = TakeDType();
  const Layout layout = TakeLayout();
  const uint64_t rank = TakeNumber();
  if (rank > kMaxRank) {
    FailDamaged(absl::StrCat("a tensor has the rank ", rank));
    return Tensor();
  }
  int64_t sizes[kMaxRank];
  const absl::Span<const int64_t> shape = TakeDimensions(rank, sizes);
  const uint64_t num_components = TakeNumber();
  if (layout == Layout::kStrided || num_components > kMaxComponents) {
    FailDamaged(absl::StrCat("a ", Name(layout), " tensor has ", num_components,
                             " components"));
    return Tensor();
  }
  std::vector<Tensor> components;
  for (uint64_t i = 0; i < num_components && status_.ok(); ++i) {
    components.push_back(
        TakeView(TakeBits(kRequiresGrad | kConj | kNeg | kRowMajor)));
  }
  if (!status_.ok()) return Tensor();
  Tensor tensor =
      Tensor::CreateComposite(layout, dtype, shape, std::move(components));
  SetFlags(bits, tensor);
  FailRule(CheckComponents(tensor));
  FailRule(CheckFlags(tensor));
  return tensor;
}

Tensor GraphReader::TakeTensor(uint64_t known, uint64_t* bits) {
  *bits = TakeBits(known);
  if ((*bits & kComposite) == 0) return TakeView(*bits);
  if ((*bits & kRowMajor) != 0) {
    FailDamaged("a tensor made of others has strides");
  }
  return TakeComposite(*bits);
}

// --- Rows --------------------------------------------------------------------

void GraphReader::AddBigInt() {
  const absl::string_view text = TakeText();
  const NodeId node = graph_->AddBigInt(text);
  if (!graph_->is_big_int(node) || graph_->text(node).size() != text.size()) {
    FailDamaged("an integer is longer than it need be");
  }
}

NodeId GraphReader::AddGlobal() {
  const std::string module(TakeText());
  const absl::string_view name = TakeText();
  const std::string fault = DescribeBadGlobal(module, name);
  if (!fault.empty()) {
    FailDamaged(
        absl::StrCat("the name of a class or function is not valid: ", fault));
    return ObjectGraph::kNone;
  }
  return graph_->AddGlobal(module, name);
}

void GraphReader::AddDTypeGlobal() {
  const NodeId global = AddGlobal();
  const DType dtype = TakeDType();
  if (!status_.ok()) return;
  const GlobalRecord& record = graph_->global(global);
  if (record.module != "torch" || DTypeFromName(record.name) != dtype) {
    return FailDamaged("a dtype has the name of something else");
  }
  graph_->BecomeDType(global, dtype);
}

void GraphReader::AddStorage(bool untyped) {
  UsedStorage* const used = TakeStorage();
  StorageRecord record;
  record.untyped = untyped;
  if (!untyped) record.dtype = TakeDType();
  if (used == nullptr) return;
  // Those on the meta device are there for tensors alone.
  if (used->storage.has_data()) {
    return FailDamaged("a storage has no record in the archive");
  }
  record.storage = used->storage;
  if (used->has_node) {
    graph_->AddStorage(std::move(record));
  } else {
    graph_->AddNewStorage(std::move(record));
    used->has_node = true;
  }
}

void GraphReader::AddSize() {
  const absl::Span<const NodeId> ints = TakeParts();
  for (NodeId node : ints) {
    if (!graph_->is_int64(node)) return FailDamaged("a size is no integer");
  }
  graph_->AddSizeOf(ints);
}

NodeId GraphReader::AddObject() {
  const uint64_t bits = TakeBits(kAllCallBits);
  const uint64_t form = bits & kFormMask;
  if (form > static_cast<uint64_t>(ObjectForm::kNewEx)) {
    FailUnknown(absl::StrCat("calls of the form ", form));
  }
  const NodeId callable = TakePart();
  const NodeId args = TakePart();
  if (!status_.ok()) return ObjectGraph::kNone;
  if (graph_->kind(args) != ValueKind::kTuple) {
    FailDamaged("the arguments of a call are not a tuple");
  }
  NodeId keywords = kNoNode;
  if (form == static_cast<uint64_t>(ObjectForm::kNewEx)) {
    keywords = TakePart();
    if (graph_->kind(keywords) != ValueKind::kDict) {
      FailDamaged("the keyword arguments of a call are not a dict");
    }
  }
  const NodeId object = graph_->AddObject(static_cast<ObjectForm>(form),
                                          callable, args, keywords);
  const auto take_some = [this](absl::Span<const NodeId> run) {
    if (run.empty()) FailDamaged("an object is given nothing");
    return run;
  };
  if ((bits & kHasDropped) != 0) {
    AddDroppedCalls(object, take_some(TakeParts()));
  }
  if ((bits & kHasItems) != 0) {
    graph_->AppendItems(object, take_some(TakeItems()));
  }
  if ((bits & kHasEntries) != 0) {
    graph_->AppendEntries(object, take_some(TakeEntries()));
  }
  if ((bits & kHasState) != 0) {
    const NodeId setter = (bits & kHasStateSetter) != 0 ? TakeGiven() : kNoNode;
    graph_->SetState(object, TakeGiven(), setter);
  } else if ((bits & kHasStateSetter) != 0) {
    FailDamaged("an object is given nothing by a function");
  }
  return status_.ok() ? object : ObjectGraph::kNone;
}

void GraphReader::AddDroppedCalls(NodeId object,
                                  absl::Span<const NodeId> dropped) {
  // The graph wants the innermost first.
  for (size_t i = dropped.size(); i-- > 0;) {
    const NodeId call = dropped[i];
    // Each counts as made of the next, which is further in.
    if (!graph_->is_object(call) || (i > 0 && dropped[i - 1] <= call) ||
        graph_->object(call).dropped != kNoNode ||
        !dropped_.insert(call).second) {
      return FailDamaged(
          "a call was dropped twice, or before another that is further out");
    }
    graph_->AddDroppedCall(object, call);
  }
}

void GraphReader::BecomeTensor(NodeId object, bool is_parameter) {
  uint64_t bits;
  Tensor tensor = TakeTensor(kAllTensorBits, &bits);
  if (!status_.ok()) return;
  const bool requires_grad = tensor.requires_grad();
  // The graph keeps the flags that the tensor has now as those of its call.
  if ((bits & kChangedFlags) != 0) tensor.set_requires_grad(!requires_grad);
  graph_->BecomeTensor(object, tensor, is_parameter);
  tensor.set_requires_grad(requires_grad);
}

void GraphReader::BecomeSize(NodeId object) {
  const absl::Span<const NodeId> args =
      graph_->items(graph_->object(object).args);
  bool are_ints =
      args.size() == 1 && graph_->kind(args[0]) == ValueKind::kTuple;
  if (are_ints && int_tuples_.insert(args[0]).second) {
    for (NodeId node : graph_->items(args[0])) {
      are_ints = are_ints && graph_->is_int64(node);
    }
  }
  if (!are_ints) return FailDamaged("a torch.Size is made of no integers");
  graph_->BecomeSize(object, args[0]);
}

void GraphReader::ReadRow(int kind) {
  switch (kind) {
    case NODE_KIND_INT:
      if (ints_.left() == 0) return FailDamaged("the ints end before it");
      graph_->AddInt(ints_.Take());
      return;
    case NODE_KIND_BIG_INT:
      return AddBigInt();
    case NODE_KIND_FLOAT:
      graph_->AddFloat(TakeFloat());
      return;
    case NODE_KIND_COMPLEX: {
      const double real = TakeFloat();
      graph_->AddComplex(real, TakeFloat());
      return;
    }
    case NODE_KIND_STR: {
      const absl::string_view text = TakeText();
      if (!IsValidUtf8(text)) return FailDamaged("text is not valid UTF-8");
      graph_->AddStr(text);
      return;
    }
    case NODE_KIND_BYTES:
      graph_->AddBytes(TakeText());
      return;
    case NODE_KIND_BYTE_ARRAY:
      graph_->AddByteArray(TakeText());
      return;
    case NODE_KIND_LIST:
      graph_->AddList(TakeItems());
      return;
    case NODE_KIND_TUPLE:
      graph_->AddTuple(TakeParts());
      return;
    case NODE_KIND_DICT:
      graph_->AppendEntries(graph_->AddDict(), TakeEntries());
      return;
    case NODE_KIND_SET:
      graph_->AddSet(TakeItems());
      return;
    case NODE_KIND_FROZEN_SET:
      graph_->AddFrozenSet(TakeParts());
      return;
    case NODE_KIND_GLOBAL:
      AddGlobal();
      return;
    case NODE_KIND_GLOBAL_WITH_SOURCE: {
      const NodeId global = AddGlobal();
      sources_.push_back({row_, global, TakeGiven()});
      return;
    }
    case NODE_KIND_GLOBAL_DTYPE:
      return AddDTypeGlobal();
    case NODE_KIND_STORAGE:
    case NODE_KIND_UNTYPED_STORAGE:
      return AddStorage(kind == NODE_KIND_UNTYPED_STORAGE);
    case NODE_KIND_TENSOR:
    case NODE_KIND_PARAMETER: {
      uint64_t bits;
      // No call made it, so there are no flags of a call.
      Tensor tensor = TakeTensor(kAllTensorBits & ~kChangedFlags, &bits);
      if (kind == NODE_KIND_PARAMETER) {
        graph_->AddParameter(std::move(tensor));
      } else {
        graph_->AddTensor(std::move(tensor));
      }
      return;
    }
    case NODE_KIND_DTYPE:
      graph_->AddDType(TakeDType());
      return;
    case NODE_KIND_DEVICE:
      graph_->AddDevice(TakeDevice());
      return;
    case NODE_KIND_SIZE:
      return AddSize();
    case NODE_KIND_LAYOUT:
      graph_->AddLayout(TakeLayout());
      return;
    case NODE_KIND_OBJECT:
      AddObject();
      return;
    case NODE_KIND_OBJECT_TENSOR:
    case NODE_KIND_OBJECT_PARAMETER: {
      const NodeId object = AddObject();
      return BecomeTensor(object, kind == NODE_KIND_OBJECT_PARAMETER);
    }
    case NODE_KIND_OBJECT_DICT: {
      const NodeId object = AddObject();
      if (status_.ok()) graph_->BecomeDict(object);
      return;
    }
    case NODE_KIND_OBJECT_DEVICE: {
      const NodeId object = AddObject();
      const Device device = TakeDevice();
      if (status_.ok()) graph_->BecomeDevice(object, device);
      return;
    }
    case NODE_KIND_OBJECT_SIZE: {
      const NodeId object = AddObject();
      if (status_.ok()) BecomeSize(object);
      return;
    }
    case NODE_KIND_OBJECT_LAYOUT: {
      const NodeId object = AddObject();
      const Layout layout = TakeLayout();
      if (status_.ok()) graph_->BecomeLayout(object, layout);
      return;
    }
    case NODE_KIND_UNSPECIFIED:
      return FailDamaged("it has no kind");
    default:
      return FailUnknown(absl::StrCat("nodes of the kind ", kind));
  }
}

absl::Status GraphReader::ReadRows() {
  const uint32_t end = kFirstNumber + num_rows_;
  for (; row_ < end; ++row_) {
    ReadRow(kinds_.Take());
    if (ABSL_PREDICT_FALSE(!status_.ok())) return status_;
    // The empty tuple, and globals and storages that there are already, make no
    // node.
    if (ABSL_PREDICT_FALSE(graph_->size() != row_ + shift_ + 1)) {
      return Damaged(
          "it is a class, function or storage that another row is, or the "
          "empty tuple");
    }
  }
  return absl::OkStatus();
}

absl::Status GraphReader::CheckEnd() const {
  const auto is_unused = [](const auto& word) { return !word.is_used; };
  const std::pair<const char*, uint64_t> columns[] = {
      {"references", references_.left()},
      {"numbers", numbers_.left()},
      {"ints", ints_.left()},
      {"floats", floats_.left()},
      {"bytes of text", text_left_},
      {"words", absl::c_count_if(words_, is_unused)},
      {"storages", absl::c_count_if(storages_, is_unused)},
  };
  for (const auto& [name, left] : columns) {
    if (left != 0) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: no row takes ", left, " of its ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status GraphReader::SetSources() {
  for (const auto& [row, global, source] : sources_) {
    absl::Span<const NodeId> parts;
    if (graph_->kind(source) == ValueKind::kTuple) {
      parts = graph_->items(source);
    }
    const auto is_text = [this](NodeId node) {
      return graph_->kind(node) == ValueKind::kStr ||
             graph_->kind(node) == ValueKind::kNone;
    };
    if (parts.size() != 4 || parts[1] != global || !is_text(parts[0]) ||
        !is_text(parts[2]) || !is_text(parts[3])) {
      row_ = row;
      return Damaged(
          "the source of a class is no tuple of the class and three texts");
    }
    graph_->mutable_global(global).source = source;
  }
  return absl::OkStatus();
}

absl::StatusOr<Codec::GraphRead> GraphReader::Read() {
  FERRY_RETURN_IF_ERROR(ReadHeader());
  FERRY_RETURN_IF_ERROR(ReadColumns());
  FERRY_RETURN_IF_ERROR(ReadWords());
  FERRY_RETURN_IF_ERROR(ReadStorages());
  graph_->Reserve(graph_->size() + num_rows_, columns_.storage_sizes_size(),
                  text_left_);
  FERRY_RETURN_IF_ERROR(ReadRows());
  FERRY_RETURN_IF_ERROR(CheckEnd());
  FERRY_RETURN_IF_ERROR(SetSources());
  const absl::Status hashable = graph_->RemoveDuplicateKeys();
  if (!hashable.ok()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: ", hashable.message()));
  }
  Codec::GraphRead read;
  read.root = root_ < kFirstNumber ? root_ : root_ + shift_;
  read.version = static_cast<int>(format_version_);
  read.size_bytes = position_;
  return read;
}

}  // namespace

absl::StatusOr<Codec::GraphRead> ReadGraph(absl::string_view bytes,
                                           const LoadLimits& limits,
                                           StorageTable* storages,
                                           ObjectGraph* graph) {
  return GraphReader(bytes, limits, storages, graph).Read();
}

}  // namespace proto
}  // namespace ferry
