// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/header.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/safetensors/dtype_code.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

constexpr absl::string_view kMetadataName = "__metadata__";

// Takes the header's JSON event by event, so that nothing is built that the
// header does not mean.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  absl::Status Finish(bool parsed, Header* header) {
    FERRY_RETURN_IF_ERROR(failure_);
    if (!parsed) return absl::InternalError("the JSON parser gave up");
    *header = std::move(header_);
    return absl::OkStatus();
  }

  bool null() override {
    // What the library writes where there are no remarks, in some versions.
    if (next_ == Next::kMetadata) return Done(Next::kMember);
    return Other("null");
  }
  bool boolean(bool) override { return Other("a bool"); }
  bool number_integer(number_integer_t) override {
    return Other("a negative number");
  }
  bool number_float(number_float_t, const string_t&) override {
    return Other("a fraction, or a number past 2^64,");
  }
  bool binary(binary_t&) override { return Other("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    HeaderTensor* const tensor =
        header_.tensors.empty() ? nullptr : &header_.tensors.back();
    if (next_ == Next::kSizes) {
      if (value > std::numeric_limits<int64_t>::max()) {
        return Refuse("has a dimension past 2^63");
      }
      if (tensor->shape.size() == static_cast<size_t>(kMaxRank)) {
        return RefuseAsUnsupported(absl::StrCat(
            "has more than ", kMaxRank, " dimensions, which Ferry supports"));
      }
      tensor->shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (next_ == Next::kOffsets && num_offsets_ < 2) {
      (num_offsets_ == 0 ? tensor->begin : tensor->end) = value;
      ++num_offsets_;
      return true;
    }
    return Other("a number");
  }

  bool string(string_t& text) override {
    if (next_ == Next::kRemark) {
      header_.metadata.back().second = std::move(text);
      return Done(Next::kRemarkName);
    }
    if (next_ == Next::kDType) {
      const std::optional<DTypeCode> code = FindCode(text);
      if (!code) {
        return Refuse(absl::StrCat("has the dtype ", QuoteForMessage(text),
                                   ", which the format does not have"));
      }
      if (!code->dtype) {
        return RefuseAsUnsupported(absl::StrCat(
            "has the dtype ", text, ", which PyTorch does not have"));
      }
      header_.tensors.back().dtype = *code->dtype;
      return Done(Next::kField);
    }
    return Other("text");
  }

  bool start_object(size_t) override {
    switch (next_) {
      case Next::kHeader:
        return Done(Next::kMember);
      case Next::kMetadata:
        return Done(Next::kRemarkName);
      case Next::kTensor:
        return Done(Next::kField);
      case Next::kIgnored:
        ++ignored_depth_;
        return true;
      default:
        return Other("an object");
    }
  }

  bool key(string_t& text) override {
    switch (next_) {
      case Next::kMember:
        return StartMember(text);
      case Next::kRemarkName:
        if (!remark_names_.insert(std::string(text)).second) {
          return RefuseHeader(absl::StrCat("its ", kMetadataName, " has ",
                                           QuoteForMessage(text), " twice"));
        }
        header_.metadata.emplace_back(std::move(text), std::string());
        return Done(Next::kRemark);
      case Next::kField:
        return StartField(text);
      default:
        return true;  // of what is ignored
    }
  }

  bool end_object() override {
    switch (next_) {
      case Next::kMember:
        return Done(Next::kEnd);
      case Next::kRemarkName:
        return Done(Next::kMember);
      case Next::kField:
        if (!has_dtype_ || !has_shape_ || !has_offsets_) {
          return Refuse("does not have all of dtype, shape and data_offsets");
        }
        return Done(Next::kMember);
      default:
        return EndIgnored();
    }
  }

  bool start_array(size_t) override {
    switch (next_) {
      case Next::kShape:
        return Done(Next::kSizes);
      case Next::kOffsetPair:
        return Done(Next::kOffsets);
      case Next::kIgnored:
        ++ignored_depth_;
        return true;
      default:
        return Other("an array");
    }
  }

  bool end_array() override {
    if (next_ == Next::kSizes) return Done(Next::kField);
    if (next_ == Next::kOffsets) {
      if (num_offsets_ != 2) {
        return Refuse("does not have exactly two data_offsets");
      }
      return Done(Next::kField);
    }
    return EndIgnored();
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return RefuseHeader(absl::StrCat("it is not valid JSON at byte ",
                                     position > 0 ? position - 1 : 0));
  }

 private:
  // What the next event has to be.
  enum class Next {
    kHeader,      // the object
    kMember,      // a name in it, or its end
    kMetadata,    // the object, or null
    kRemarkName,  // a name in it, or its end
    kRemark,      // its text
    kTensor,      // the object
    kField,       // a name in it, or its end
    kDType,       // its text
    kShape,       // its array
    kSizes,       // a number in it, or its end
    kOffsetPair,  // its array
    kOffsets,     // a number in it, or its end
    kIgnored,     // a value that is passed over
    kEnd,
  };

  bool Done(Next next) {
    next_ = next;
    return true;
  }

  bool StartMember(string_t& text) {
    if (!names_.insert(std::string(text)).second) {
      return RefuseHeader(
          absl::StrCat("it has ", QuoteForMessage(text), " twice"));
    }
    if (text == kMetadataName) return Done(Next::kMetadata);
    name_ = text;
    HeaderTensor tensor;
    tensor.name = std::move(text);
    header_.tensors.push_back(std::move(tensor));
    has_dtype_ = has_shape_ = has_offsets_ = false;
    num_offsets_ = 0;
    return Done(Next::kTensor);
  }

  bool StartField(const string_t& text) {
    const auto once = [this, &text](bool* has, Next next) {
      if (*has) return Refuse(absl::StrCat("has ", text, " twice"));
      *has = true;
      return Done(next);
    };
    if (text == "dtype") return once(&has_dtype_, Next::kDType);
    if (text == "shape") return once(&has_shape_, Next::kShape);
    if (text == "data_offsets") return once(&has_offsets_, Next::kOffsetPair);
    return Done(Next::kIgnored);
  }

  // A value of a kind that is nowhere taken.
  bool Other(absl::string_view what) {
    switch (next_) {
      case Next::kIgnored:
        if (ignored_depth_ == 0) next_ = Next::kField;
        return true;
      case Next::kHeader:
        return RefuseHeader(absl::StrCat("it is ", what, ", not an object"));
      case Next::kMetadata:
      case Next::kRemark:
        return RefuseHeader(absl::StrCat("its ", kMetadataName, " has ", what,
                                         " in it, which should be text"));
      case Next::kTensor:
        return Refuse(absl::StrCat("is ", what, ", not an object"));
      default:
        return Refuse(absl::StrCat(
            "has ", what, " in its ",
            next_ == Next::kDType                            ? "dtype"
            : next_ == Next::kShape || next_ == Next::kSizes ? "shape"
                                                             : "data_offsets"));
    }
  }

  bool EndIgnored() {
    if (--ignored_depth_ == 0) next_ = Next::kField;
    return true;
  }

  bool Refuse(absl::string_view what) {
    return RefuseHeader(
        absl::StrCat("tensor ", QuoteForMessage(name_), " ", what));
  }
  bool RefuseAsUnsupported(absl::string_view what) {
    failure_ = absl::UnimplementedError(
        absl::StrCat("tensor ", QuoteForMessage(name_), " ", what));
    return false;
  }
  bool RefuseHeader(absl::string_view what) {
    failure_ = absl::DataLossError(what);
    return false;
  }

  Header header_;
  Next next_ = Next::kHeader;
  size_t ignored_depth_ = 0;
  std::string name_;  // of the current tensor
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  int num_offsets_ = 0;
  HashSet<std::string> names_;
  HashSet<std::string> remark_names_;
  absl::Status failure_;
};

// Brings the shape into PyTorch's form, and sees that the bytes are as many as
// it takes.
absl::Status CheckTensor(HeaderTensor* tensor) {
  const auto is = [tensor](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat("tensor ", QuoteForMessage(tensor->name), " ", what));
  };
  if (tensor->dtype == DType::kFloat4E2M1FNx2) {
    if (tensor->shape.empty() || tensor->shape.back() % 2 != 0) {
      return is("has the dtype F4, but its last dimension is not even");
    }
    tensor->shape.back() /= 2;
  }
  const absl::StatusOr<int64_t> num_elements = NumElements(tensor->shape);
  if (!num_elements.ok()) {
    return is(absl::StrCat("has an invalid shape: ",
                           num_elements.status().message()));
  }
  uint64_t size_bytes;
  if (__builtin_mul_overflow(static_cast<uint64_t>(*num_elements),
                             ElementSizeBytes(tensor->dtype), &size_bytes) ||
      tensor->end < tensor->begin ||
      tensor->end - tensor->begin != size_bytes) {
    return is(absl::StrCat("of dtype ", Name(tensor->dtype), " and shape ",
                           ShapeToString(tensor->shape),
                           " has the data_offsets [", tensor->begin, ", ",
                           tensor->end, "], which do not match its size"));
  }
  return absl::OkStatus();
}

// Whether the tensors are all of the bytes, each byte once.
absl::Status CheckCover(const Header& header, uint64_t data_bytes) {
  std::vector<uint32_t> order(header.tensors.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&header](uint32_t a, uint32_t b) {
    const HeaderTensor& left = header.tensors[a];
    const HeaderTensor& right = header.tensors[b];
    return left.begin != right.begin ? left.begin < right.begin
                                     : left.end < right.end;
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::sort(order.begin(), order.end(), before);
  }
  uint64_t next = 0;
  for (uint32_t i : order) {
    const HeaderTensor& tensor = header.tensors[i];
    if (tensor.begin != next) {
      return absl::DataLossError(
          absl::StrCat("tensor ", QuoteForMessage(tensor.name), " begins at ",
                       tensor.begin, ", but the one before it ends at ", next));
    }
    next = tensor.end;
  }
  if (next == data_bytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("its tensors take ", next, " bytes, but ", data_bytes,
                   " follow it in the file",
                   next > data_bytes ? ": the file has been cut short" : ""));
}

// JSON text as the library spells it.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(/*indent=*/-1, /*indent_char=*/' ',
                                   /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<Header> ParseHeader(absl::string_view text,
                                   uint64_t data_bytes) {
  // The parser would take a NUL for the end of the text.
  const size_t nul = text.find('\0');
  if (nul != absl::string_view::npos) {
    return absl::DataLossError(
        absl::StrCat("it is not valid JSON at byte ", nul));
  }
  HeaderEvents events;
  const bool parsed = nlohmann::json::sax_parse(
      text.data(), text.data() + text.size(), &events);
  Header header;
  FERRY_RETURN_IF_ERROR(events.Finish(parsed, &header));
  for (HeaderTensor& tensor : header.tensors) {
    FERRY_RETURN_IF_ERROR(CheckTensor(&tensor));
  }
  FERRY_RETURN_IF_ERROR(CheckCover(header, data_bytes));
  return header;
}

std::string HeaderBytes(const Header& header) {
  std::string json = "{";
  const auto separate = [&json] {
    if (json.size() > 1) json += ',';
  };
  if (!header.metadata.empty()) {
    absl::StrAppend(&json, Quoted(std::string(kMetadataName)), ":{",
                    absl::StrJoin(header.metadata, ",",
                                  [](std::string* out, const auto& remark) {
                                    absl::StrAppend(out, Quoted(remark.first),
                                                    ":", Quoted(remark.second));
                                  }),
                    "}");
  }
  for (const HeaderTensor& tensor : header.tensors) {
    separate();
    Dimensions shape = tensor.shape;
    if (tensor.dtype == DType::kFloat4E2M1FNx2) shape.back() *= 2;
    absl::StrAppend(&json, Quoted(tensor.name), R"(:{"dtype":")",
                    CodeOf(tensor.dtype)->code, R"(","shape":[)",
                    absl::StrJoin(shape, ","), R"(],"data_offsets":[)",
                    tensor.begin, ",", tensor.end, "]}");
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string bytes;
  bytes.reserve(kSizeBytes + json.size());
  Append64(json.size(), &bytes);
  bytes += json;
  return bytes;
}

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
