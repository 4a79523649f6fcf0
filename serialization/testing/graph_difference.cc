// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/testing/graph_difference.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

bool SameBits(double a, double b) {
  uint64_t bits_of_a;
  uint64_t bits_of_b;
  std::memcpy(&bits_of_a, &a, sizeof(a));
  std::memcpy(&bits_of_b, &b, sizeof(b));
  return bits_of_a == bits_of_b;
}

// Whether pickle may write a value of this kind again where it is shared.
bool HasNoIdentity(ValueKind kind) {
  return kind == ValueKind::kInt || kind == ValueKind::kFloat ||
         kind == ValueKind::kStr;
}

class Comparison {
 public:
  Comparison(const ObjectGraph& a, const ObjectGraph& b, Spelling spelling)
      : a_(a), b_(b), compares_spelling_(spelling == Spelling::kCompared) {}

  std::string Run(NodeId a, NodeId b) {
    Pair(a, b);
    while (!pending_.empty() && difference_.empty()) {
      const auto [node_a, node_b] = pending_.back();
      pending_.pop_back();
      Compare(node_a, node_b);
      if (!difference_.empty()) {
        absl::StrAppend(&difference_, " (a ", Name(a_.kind(node_a)), ", node ",
                        node_a, " and node ", node_b, ")");
      }
    }
    return difference_;
  }

 private:
  void Check(bool same, absl::string_view what) {
    if (!same && difference_.empty()) difference_ = std::string(what);
  }

  void Pair(NodeId a, NodeId b) {
    if (a == kNoNode || b == kNoNode) return Check(a == b, "one is missing");
    if (!compares_spelling_ && HasNoIdentity(a_.kind(a))) {
      pending_.emplace_back(a, b);
      return;
    }
    const auto [in_b, is_new] = b_of_a_.try_emplace(a, b);
    Check(in_b->second == b, "a node is shared in one graph alone");
    const auto in_a = a_of_b_.try_emplace(b, a).first;
    Check(in_a->second == a, "a node is shared in one graph alone");
    if (is_new) pending_.emplace_back(a, b);
  }

  void PairAll(absl::Span<const NodeId> a, absl::Span<const NodeId> b) {
    if (a.size() != b.size()) return Check(false, "lengths differ");
    for (size_t i = 0; i < a.size(); ++i) Pair(a[i], b[i]);
  }

  void CompareStorages(const Storage& a, const Storage& b) {
    if (a.is_null() || b.is_null()) {
      return Check(a.is_null() && b.is_null(), "storages");
    }
    Check(storage_b_of_a_.try_emplace(a, b).first->second == b &&
              storage_a_of_b_.try_emplace(b, a).first->second == a,
          "a storage is shared in one graph alone");
    Check(a.size_bytes() == b.size_bytes(), "sizes of storages differ");
    Check(a.recorded_location() == b.recorded_location(), "locations differ");
  }

  void CompareTensors(const Tensor& a, const Tensor& b) {
    Check(a.dtype() == b.dtype(), "dtypes differ");
    Check(a.layout() == b.layout(), "layouts differ");
    Check(a.shape() == b.shape(), "shapes differ");
    Check(a.strides() == b.strides(), "strides differ");
    Check(a.storage_offset() == b.storage_offset(), "offsets differ");
    Check(a.requires_grad() == b.requires_grad(), "gradients differ");
    Check(a.is_conj() == b.is_conj() && a.is_neg() == b.is_neg(),
          "conj or neg bits differ");
    CompareStorages(a.storage(), b.storage());
    if (a.components().size() != b.components().size()) {
      return Check(false, "numbers of components differ");
    }
    // Components have none of their own.
    for (size_t i = 0; i < a.components().size(); ++i) {
      CompareTensors(a.components()[i], b.components()[i]);
    }
  }

  void CompareObjects(NodeId a, NodeId b) {
    const ObjectRecord of_a = a_.object(a);
    const ObjectRecord of_b = b_.object(b);
    Check(of_a.form == of_b.form, "forms of calls differ");
    Pair(of_a.callable, of_b.callable);
    Pair(of_a.args, of_b.args);
    Pair(of_a.kwargs, of_b.kwargs);
    Pair(of_a.state, of_b.state);
    Pair(of_a.state_setter, of_b.state_setter);
    Pair(of_a.dropped, of_b.dropped);
  }

  void CompareGlobals(NodeId a, NodeId b) {
    Check(a_.global(a).module == b_.global(b).module &&
              a_.global(a).name == b_.global(b).name,
          "names differ");
    if (compares_spelling_) Pair(a_.global(a).source, b_.global(b).source);
  }

  void Compare(NodeId a, NodeId b) {
    const ValueKind kind = a_.kind(a);
    Check(kind == b_.kind(b), "kinds differ");
    const bool may_be_made_otherwise =
        !compares_spelling_ && kind == ValueKind::kTensor;
    Check(may_be_made_otherwise || a_.is_object(a) == b_.is_object(b),
          "a call made one of them");
    Check(a_.is_global(a) == b_.is_global(b), "one is a global");
    if (!difference_.empty()) return;
    if (a_.is_object(a) && b_.is_object(b)) CompareObjects(a, b);
    if (a_.is_global(a)) CompareGlobals(a, b);
    PairAll(a_.items(a), b_.items(b));
    PairAll(a_.entries(a), b_.entries(b));
    switch (kind) {
      case ValueKind::kBool:
      case ValueKind::kInt:
        Check(a_.is_big_int(a) == b_.is_big_int(b) &&
                  (a_.is_big_int(a) ? a_.text(a) == b_.text(b)
                                    : a_.int_value(a) == b_.int_value(b)),
              "integers differ");
        break;
      case ValueKind::kFloat:
        Check(SameBits(a_.float_value(a), b_.float_value(b)), "floats differ");
        break;
      case ValueKind::kComplex:
        Check(
            SameBits(a_.complex_value(a).real(), b_.complex_value(b).real()) &&
                SameBits(a_.complex_value(a).imag(),
                         b_.complex_value(b).imag()),
            "complex numbers differ");
        break;
      case ValueKind::kStr:
      case ValueKind::kBytes:
      case ValueKind::kByteArray:
        Check(a_.text(a) == b_.text(b), "texts differ");
        break;
      case ValueKind::kTensor:
        Check(a_.is_parameter(a) == b_.is_parameter(b), "one is a parameter");
        Check(!a_.is_object(a) || !b_.is_object(b) ||
                  a_.has_flags_of_call(a) == b_.has_flags_of_call(b),
              "the flags of one were changed");
        CompareTensors(a_.tensor(a), b_.tensor(b));
        break;
      case ValueKind::kStorage:
        Check(a_.storage(a).dtype == b_.storage(b).dtype &&
                  a_.storage(a).untyped == b_.storage(b).untyped,
              "dtypes of storages differ");
        CompareStorages(a_.storage(a).storage, b_.storage(b).storage);
        break;
      case ValueKind::kDType:
        Check(a_.dtype(a) == b_.dtype(b), "dtypes differ");
        break;
      case ValueKind::kDevice:
        Check(a_.device(a) == b_.device(b), "devices differ");
        break;
      case ValueKind::kSize:
        PairAll(a_.size_items(a), b_.size_items(b));
        break;
      case ValueKind::kLayout:
        Check(a_.layout(a) == b_.layout(b), "layouts differ");
        break;
      default:
        break;
    }
  }

  const ObjectGraph& a_;
  const ObjectGraph& b_;
  const bool compares_spelling_;
  std::string difference_;
  std::vector<std::pair<NodeId, NodeId>> pending_;
  HashMap<NodeId, NodeId> b_of_a_;
  HashMap<NodeId, NodeId> a_of_b_;
  HashMap<Storage, Storage> storage_b_of_a_;
  HashMap<Storage, Storage> storage_a_of_b_;
};

}  // namespace

std::string GraphDifference(const ObjectGraph& graph_a, NodeId a,
                            const ObjectGraph& graph_b, NodeId b,
                            Spelling spelling) {
  return Comparison(graph_a, graph_b, spelling).Run(a, b);
}

}  // namespace v1
}  // namespace ferry
