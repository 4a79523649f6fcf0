// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/python_repr.h"

#include <charconv>
#include <cmath>
#include <complex>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/text.h"
#include "ferry/value/decimal_int.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

// Tuples nested deeper than this in a key are shortened.
constexpr int kMaxKeyDepth = 4;

// The text of a key other than a str is cut after about this many bytes.
constexpr size_t kMaxKeyTextBytes = 1000;

// Integers up to this size are spelt in decimal, which takes time that grows
// with the square of it.
constexpr size_t kMaxIntBytes = 128;

std::string ComplexRepr(std::complex<double> value) {
  const auto part = [](double x) {
    std::string text = FloatRepr(x);
    if (absl::EndsWith(text, ".0")) text.resize(text.size() - 2);
    return text;
  };
  if (value.real() == 0 && !std::signbit(value.real())) {
    return absl::StrCat(part(value.imag()), "j");
  }
  const char* sign =
      std::signbit(value.imag()) && !std::isnan(value.imag()) ? "" : "+";
  return absl::StrCat("(", part(value.real()), sign, part(value.imag()), "j)");
}

std::string BigIntRepr(absl::string_view twos_complement) {
  if (twos_complement.size() > kMaxIntBytes) {
    return absl::StrCat("<integer of ", twos_complement.size(), " bytes>");
  }
  return TwosComplementToDecimal(twos_complement);
}

// Python's repr of a str, or of bytes without the b.
std::string QuotedText(absl::string_view text, bool is_bytes) {
  const char quote =
      absl::StrContains(text, "'") && !absl::StrContains(text, "\"") ? '"'
                                                                     : '\'';
  std::string quoted(1, quote);
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7F || (is_bytes && byte > 0x7F)) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back(quote);
  return quoted;
}

// Appends to `out`; the depth is bounded, so this may recurse.
void AppendRepr(const ObjectGraph& graph, NodeId node, int depth,
                std::string* out) {
  switch (graph.kind(node)) {
    case ValueKind::kNone:
      *out += "None";
      return;
    case ValueKind::kBool:
      *out += graph.int_value(node) != 0 ? "True" : "False";
      return;
    case ValueKind::kInt:
      *out += graph.is_big_int(node) ? BigIntRepr(graph.text(node))
                                     : absl::StrCat(graph.int_value(node));
      return;
    case ValueKind::kFloat:
      *out += FloatRepr(graph.float_value(node));
      return;
    case ValueKind::kComplex:
      *out += ComplexRepr(graph.complex_value(node));
      return;
    case ValueKind::kStr:
    case ValueKind::kBytes: {
      const bool is_bytes = graph.kind(node) == ValueKind::kBytes;
      if (is_bytes) out->push_back('b');
      *out += QuotedText(Shorten(graph.text(node), kMaxKeyTextBytes), is_bytes);
      return;
    }
    case ValueKind::kTuple: {
      const absl::Span<const NodeId> items = graph.items(node);
      out->push_back('(');
      for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) *out += ", ";
        if (depth == kMaxKeyDepth || out->size() > kMaxKeyTextBytes) {
          *out += "...";
          break;
        }
        AppendRepr(graph, items[i], depth + 1, out);
      }
      *out += items.size() == 1 ? ",)" : ")";
      return;
    }
    case ValueKind::kDType:
      absl::StrAppend(out, "torch.", Name(graph.dtype(node)));
      return;
    case ValueKind::kDevice:
      *out += graph.device(node).ToString();
      return;
    case ValueKind::kGlobal:
      absl::StrAppend(out, graph.global(node).module, ".",
                      graph.global(node).name);
      return;
    default:
      absl::StrAppend(out, "<", Name(graph.kind(node)), ">");
      return;
  }
}

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const double magnitude = std::fabs(value);
  const bool scientific =
      magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  const auto end = std::to_chars(
      buffer, buffer + sizeof(buffer), value,
      scientific ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string KeyText(const ObjectGraph& graph, NodeId key) {
  if (graph.kind(key) == ValueKind::kStr) return std::string(graph.text(key));
  std::string text;
  AppendRepr(graph, key, 0, &text);
  return text;
}

}  // namespace v1
}  // namespace ferry
