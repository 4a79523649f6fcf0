// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/safetensors_writer.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/safetensors/dtype_code.h"
#include "ferry/serialization/safetensors/header.h"
#include "ferry/serialization/transfer/extent_writer.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/python_repr.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

// Names in messages are cut here.
std::string Shown(absl::string_view name) {
  return QuoteForMessage(absl::StrCat("/", EscapePointerToken(name)));
}

// A tensor of the dict.
struct Entry {
  HeaderTensor header;  // until the layout, [0, size)
  Tensor tensor;
  int order = 0;  // of its dtype
};

bool StandsInARow(const Tensor& tensor) {
  return tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg();
}

// Nothing stands between the tensors.
class Framing final : public ExtentFraming {
 public:
  explicit Framing(absl::Span<const Entry> entries) : entries_(entries) {}

  std::string Name(size_t i) const override {
    return Shown(entries_[i].header.name);
  }

 private:
  const absl::Span<const Entry> entries_;
};

class Writer {
 public:
  Writer(const DeviceSnapshot& devices, const WriteOptions& options,
         const Output& output)
      : devices_(devices), options_(options), output_(output) {}

  absl::Status Run(const Value& value);

 private:
  absl::Status Collect(const Value& value);
  absl::Status AddEntry(const ObjectGraph& graph, NodeId key, NodeId node);
  absl::Status CheckShared() const;
  absl::Status CheckMetadata() const;
  void LayOut();

  const DeviceSnapshot& devices_;
  const WriteOptions& options_;
  const Output& output_;
  std::vector<Entry> entries_;
  OutputExtents extents_;  // of each entry's elements
  std::string header_;
  uint64_t data_bytes_ = 0;
};

absl::Status Writer::AddEntry(const ObjectGraph& graph, NodeId key,
                              NodeId node) {
  if (graph.kind(key) != ValueKind::kStr || !IsUnicode(graph.text(key))) {
    return absl::InvalidArgumentError(absl::StrCat(
        Shown(KeyText(graph, key)),
        ": a name in a safetensors file must be Unicode text, but this key is ",
        WithArticle(Name(graph.kind(key))),
        graph.kind(key) == ValueKind::kStr ? " with surrogates in it" : ""));
  }
  Entry entry;
  entry.header.name = std::string(graph.text(key));
  const auto does_not_fit = [&entry](absl::StatusCode code,
                                     absl::string_view what) {
    return absl::Status(code,
                        absl::StrCat(Shown(entry.header.name), " ", what));
  };
  if (entry.header.name == "__metadata__") {
    return does_not_fit(
        absl::StatusCode::kInvalidArgument,
        "has the name that a safetensors file reserves for its metadata");
  }
  if (graph.kind(node) != ValueKind::kTensor) {
    return does_not_fit(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("is ", WithArticle(Name(graph.kind(node))),
                     "; a safetensors file holds a dict of tensors and nothing "
                     "else: save only that dict (\"ferry convert "
                     "--at=POINTER\", or --state-dict for a model), or leave "
                     "the rest out (--tensors-only)"));
  }
  entry.tensor = graph.tensor(node);
  const Tensor& tensor = entry.tensor;
  if (tensor.is_null()) {
    return does_not_fit(absl::StatusCode::kInvalidArgument,
                        "is a tensor that was never made (Tensor())");
  }
  const std::optional<DTypeCode> code = CodeOf(tensor.dtype());
  if (tensor.layout() != Layout::kStrided || !code) {
    return does_not_fit(absl::StatusCode::kUnimplemented,
                        absl::StrCat("is ", WithArticle(Name(tensor.layout())),
                                     " tensor of ", Name(tensor.dtype()),
                                     ", which a safetensors file cannot hold"));
  }
  if (!tensor.storage().has_data()) {
    return does_not_fit(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("has no elements to save: ", kBytesNotRead));
  }
  if (tensor.device().type() == "meta") {
    return does_not_fit(absl::StatusCode::kInvalidArgument,
                        "has no elements to save: it is a meta tensor");
  }
  if (tensor.device().is_cpu() && tensor.storage().data() == nullptr &&
      tensor.num_elements() != 0) {
    return does_not_fit(absl::StatusCode::kInvalidArgument,
                        "has no memory: its address is null");
  }
  if (tensor.is_conj() && Category(tensor.dtype()) != DTypeCategory::kComplex) {
    return does_not_fit(absl::StatusCode::kInvalidArgument,
                        "is not complex, but has its conj bit set");
  }
  entry.header.dtype = tensor.dtype();
  entry.header.shape.assign(tensor.shape().begin(), tensor.shape().end());
  if (tensor.dtype() == DType::kFloat4E2M1FNx2 &&
      (tensor.rank() == 0 ||
       tensor.shape().back() > std::numeric_limits<int64_t>::max() / 2)) {
    return does_not_fit(absl::StatusCode::kUnimplemented,
                        "has four-bit floats, but its last dimension is "
                        "missing or too large to count them one by one");
  }
  if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.num_elements()),
                             ElementSizeBytes(tensor.dtype()),
                             &entry.header.end) ||
      __builtin_add_overflow(data_bytes_, entry.header.end, &data_bytes_)) {
    return does_not_fit(absl::StatusCode::kResourceExhausted,
                        "makes the file larger than 2^64 bytes");
  }
  entry.order = code->order;
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status Writer::Collect(const Value& value) {
  if (!value.is_dict()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a safetensors file holds a dict of tensors, but this is ",
                     WithArticle(Name(value.kind())),
                     "; save such a dict (\"ferry convert --at=POINTER\", or "
                     "--state-dict for "
                     "a model)"));
  }
  const ObjectGraph& graph = *value.graph();
  const absl::Span<const NodeId> entries = graph.entries(value.node());
  entries_.reserve(entries.size() / 2);
  for (size_t i = 0; i < entries.size(); i += 2) {
    FERRY_RETURN_IF_ERROR(AddEntry(graph, entries[i], entries[i + 1]));
  }
  if (!options_.copy_shared) FERRY_RETURN_IF_ERROR(CheckShared());
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) {
              return a.order != b.order ? a.order > b.order
                                        : a.header.name < b.header.name;
            });
  return absl::OkStatus();
}

absl::Status Writer::CheckShared() const {
  // Storage, first byte, end, entry.
  std::vector<std::tuple<const void*, int64_t, int64_t, size_t>> areas;
  areas.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Tensor& tensor = entries_[i].tensor;
    if (tensor.num_elements() == 0) continue;
    FERRY_ASSIGN_OR_RETURN(
        const int64_t end,
        ViewExtent(tensor.shape(), tensor.strides(), tensor.storage_offset()));
    const auto element_bytes =
        static_cast<int64_t>(ElementSizeBytes(tensor.dtype()));
    // Both lie in the storage, so neither product wraps.
    areas.emplace_back(tensor.storage().identity(),
                       tensor.storage_offset() * element_bytes,
                       end * element_bytes, i);
  }
  std::sort(areas.begin(), areas.end());
  for (size_t i = 1; i < areas.size(); ++i) {
    const auto& [storage, begin, end, entry] = areas[i];
    const auto& [last_storage, last_begin, last_end, last] = areas[i - 1];
    if (storage != last_storage || begin >= last_end) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        Shown(entries_[last].header.name), " and ",
        Shown(entries_[entry].header.name),
        " share memory, which a safetensors file cannot express; save only one "
        "of them, or a full copy of each (SaveOptions::copy_shared, \"ferry "
        "convert --copy-shared\")"));
  }
  return absl::OkStatus();
}

absl::Status Writer::CheckMetadata() const {
  HashSet<absl::string_view> names;
  names.reserve(options_.metadata.size());
  for (const auto& [name, text] : options_.metadata) {
    if (!names.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the metadata has ", QuoteForMessage(name), " twice"));
    }
    if (!IsUnicode(name) || !IsUnicode(text)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the metadata ", QuoteForMessage(name), " is not valid UTF-8"));
    }
  }
  return absl::OkStatus();
}

// Gives each tensor its place, and makes the header and the work.
void Writer::LayOut() {
  Header header;
  header.metadata = options_.metadata;
  header.tensors.reserve(entries_.size());
  uint64_t next = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    HeaderTensor& tensor = entries_[i].header;
    const uint64_t size_bytes = tensor.end;
    tensor.begin = next;
    tensor.end = next += size_bytes;
    header.tensors.push_back(tensor);
  }
  header_ = HeaderBytes(header);
  extents_.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    const Tensor& tensor = entry.tensor;
    OutputExtent& extent = extents_.emplace_back();
    extent.begin = extent.contents_offset = header_.size() + entry.header.begin;
    extent.end = header_.size() + entry.header.end;
    extent.size_bytes = extent.end - extent.begin;
    if (!StandsInARow(tensor)) {
      extent.elements = &tensor;
      continue;
    }
    extent.storage = tensor.storage();
    // The offset of a tensor without elements may lie outside the storage.
    if (tensor.num_elements() == 0) continue;
    extent.storage_offset_bytes =
        static_cast<uint64_t>(tensor.storage_offset()) *
        ElementSizeBytes(tensor.dtype());
  }
}

absl::Status Writer::Run(const Value& value) {
  FERRY_RETURN_IF_ERROR(CheckMetadata());
  FERRY_RETURN_IF_ERROR(Collect(value));
  LayOut();
  if (header_.size() - kSizeBytes > kMaxHeaderBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the safetensors header would have ", header_.size(),
                     " bytes; readers allow ", kMaxHeaderBytes));
  }
  // A tensor may repeat its elements by its strides, and share them with
  // others.
  FERRY_RETURN_IF_ERROR(
      options_.budget->ChargeOutput(header_.size() + data_bytes_));
  FERRY_RETURN_IF_ERROR(output_.SetSize(header_.size() + data_bytes_));
  FERRY_RETURN_IF_ERROR(output_.Write(0, header_));
  ExtentWriteOptions write_options;
  write_options.control = options_.control;
  return WriteExtents(extents_, Framing(entries_), devices_, write_options,
                      output_)
      .status();
}

}  // namespace

absl::Status WriteSafetensors(const Value& value, const DeviceSnapshot& devices,
                              const WriteOptions& options,
                              const Output& output) {
  return Writer(devices, options, output).Run(value);
}

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
