// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/inspect_json.h"

#include <algorithm>
#include <complex>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/atomic_file.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/tools/ferry/graph_digest.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::HasSubstr;

// Lone surrogates become other characters: the parser refuses them, which RFC
// 8259 lets it.
Json ParseJson(const std::string& text) {
  Json document = Json::parse(absl::StrReplaceAll(text, {{"\\ud8", "\\u00"}}),
                              nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(document.is_object()) << text;
  return document;
}

Json InspectJson(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"inspect", "--format=json"});
  const FerryResult result = RunFerryForTest(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return ParseJson(result.out);
}

// As `Save` does by default, but for calls that need protocol 4.
SaveOptions Usual() {
  SaveOptions options;
  options.pickle_protocol = 4;
  return options;
}

// Saves in a form, and returns the path; empty if that form cannot hold it.
std::string SaveAs(const std::string& name, const Value& value,
                   SaveOptions options = Usual()) {
  options.durability = Durability::kNone;
  std::string path = TestPath(name);
  return Save(value, path, options).ok() ? path : "";
}

std::string GraphSha256(const std::string& path) {
  return InspectJson({"--digest", path})["graph_sha256"].get<std::string>();
}

// --- Values that differ in one thing each ------------------------------------

Storage StorageOf(std::string bytes) {
  Storage storage = *Storage::Allocate(bytes.size());
  std::memcpy(storage.data(), bytes.data(), bytes.size());
  return storage;
}

struct TensorParams {
  std::string bytes = std::string(64, '\1');
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape = {2, 2};
  std::vector<int64_t> strides = {2, 1};
  int64_t offset = 0;
  bool requires_grad = false;
  bool conj = false;
  bool neg = false;
  std::string location;
};

Tensor Make(const TensorParams& params) {
  const Storage storage = StorageOf(params.bytes);
  if (!params.location.empty()) storage.set_recorded_location(params.location);
  const absl::StatusOr<Tensor> tensor = Tensor::Create(
      storage, params.dtype, params.shape, params.strides, params.offset);
  EXPECT_THAT(tensor, IsOk());
  tensor->set_requires_grad(params.requires_grad, InternalKey());
  tensor->set_conj(params.conj, InternalKey());
  tensor->set_neg(params.neg, InternalKey());
  return *tensor;
}

Tensor MakeWith(const std::function<void(TensorParams*)>& change) {
  TensorParams params;
  change(&params);
  return Make(params);
}

// Builds one value in a graph of its own.
class Builder {
 public:
  NodeId Str(absl::string_view text) { return graph_->AddStr(text); }
  NodeId Int(int64_t value) { return graph_->AddInt(value); }
  NodeId Float(double value) { return graph_->AddFloat(value); }
  NodeId Global(absl::string_view module, absl::string_view name) {
    return graph_->AddGlobal(module, name);
  }
  NodeId List(const std::vector<NodeId>& items) {
    return graph_->AddList(items);
  }
  NodeId Tuple(const std::vector<NodeId>& items) {
    return graph_->AddTuple(items);
  }
  NodeId Dict(const std::vector<NodeId>& keys_and_values) {
    const NodeId dict = graph_->AddDict();
    graph_->AppendEntries(dict, keys_and_values);
    return dict;
  }
  NodeId Object(ObjectForm form = ObjectForm::kCall,
                const std::vector<NodeId>& args = {}, NodeId kwargs = kNoNode) {
    return graph_->AddObject(form, Global("m", "C"), Tuple(args), kwargs);
  }
  NodeId TensorNode(const Tensor& tensor) { return graph_->AddTensor(tensor); }
  ObjectGraph& graph() { return *graph_; }
  Value Done(NodeId root) { return Value(graph_, root); }

 private:
  std::shared_ptr<ObjectGraph> graph_ = std::make_shared<ObjectGraph>();
};

Tensor Int64s(const std::vector<int64_t>& elements,
              const std::vector<int64_t>& shape) {
  return *Tensor::FromData<int64_t>(elements, shape);
}

// A quantised tensor, as PyTorch writes it.
Value Quantized(DType dtype, absl::string_view scheme,
                const std::function<std::vector<NodeId>(Builder*)>& numbers) {
  Builder b;
  std::vector<NodeId> quantizer = {b.Global("torch", scheme)};
  for (NodeId number : numbers(&b)) quantizer.push_back(number);
  const NodeId storage =
      b.graph().AddStorage({StorageOf(std::string(4, '\2')), dtype, false});
  const NodeId hooks = b.graph().AddObject(
      ObjectForm::kCall, b.Global("collections", "OrderedDict"), b.Tuple({}));
  return b.Done(b.graph().AddObject(
      ObjectForm::kCall, b.Global("torch._utils", "_rebuild_qtensor"),
      b.Tuple({storage, b.Int(0), b.Tuple({b.Int(4)}), b.Tuple({b.Int(1)}),
               b.Tuple(quantizer), ObjectGraph::kFalse, hooks})));
}

Value PerTensor(double scale, int64_t zero_point, DType dtype = DType::kQInt8) {
  return Quantized(dtype, "per_tensor_affine", [&](Builder* b) {
    return std::vector<NodeId>{b->Float(scale), b->Int(zero_point)};
  });
}

Value PerChannel(std::vector<double> scales, std::vector<int64_t> zero_points,
                 int64_t axis) {
  return Quantized(DType::kQInt8, "per_channel_affine", [&](Builder* b) {
    return std::vector<NodeId>{
        b->TensorNode(*Tensor::FromData<double>(scales, {2})),
        b->TensorNode(Int64s(zero_points, {2})), b->Int(axis)};
  });
}

Value Sparse(Layout layout, std::vector<Tensor> components,
             const std::vector<int64_t>& shape = {2, 2}) {
  const DType dtype = components.back().dtype();
  return Value(
      Tensor::CreateComposite(layout, dtype, shape, std::move(components)));
}

Tensor TwoFloats(float first, float second,
                 const std::vector<int64_t>& shape = {2}) {
  const float elements[] = {first, second};
  return *Tensor::FromData<float>(elements, shape);
}

using Variants = std::vector<std::pair<std::string, Value>>;

void AddTensors(Variants* variants) {
  const auto add = [&](const std::string& name,
                       const std::function<void(TensorParams*)>& change) {
    variants->emplace_back(name, Value(MakeWith(change)));
  };
  for (const DType dtype : AllDTypes()) {
    const bool is_quantized = Category(dtype) == DTypeCategory::kQuantized;
    // Those that PyTorch has no way to save.
    if (is_quantized || ElementsPerUnit(dtype) != 1) continue;
    add(absl::StrCat("tensor of ", Name(dtype)),
        [&](TensorParams* p) { p->dtype = dtype; });
  }
  add("element", [](TensorParams* p) { p->bytes[0] = 2; });
  add("byte outside the view", [](TensorParams* p) { p->bytes[63] = 2; });
  add("size of the storage", [](TensorParams* p) { p->bytes.resize(60); });
  add("shape", [](TensorParams* p) { p->shape = {4}, p->strides = {1}; });
  add("empty shape", [](TensorParams* p) { p->shape = {0, 2}; });
  add("strides", [](TensorParams* p) { p->strides = {1, 2}; });
  add("offset", [](TensorParams* p) { p->offset = 1; });
  add("requires_grad", [](TensorParams* p) { p->requires_grad = true; });
  add("neg", [](TensorParams* p) { p->neg = true; });
  add("conj", [](TensorParams* p) {
    p->dtype = DType::kComplex64, p->strides = {1, 1}, p->conj = true;
  });
  add("no conj", [](TensorParams* p) {
    p->dtype = DType::kComplex64, p->strides = {1, 1};
  });
  add("location", [](TensorParams* p) { p->location = "cuda:1"; });
  add("other location", [](TensorParams* p) { p->location = "acme:2"; });
  variants->emplace_back("parameter", Value::Parameter(Make({})));
  variants->emplace_back(
      "meta",
      Value(*Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 64),
                            DType::kFloat32, {2, 2})));
  variants->emplace_back(
      "larger meta",
      Value(*Tensor::Create(Storage::FromMemory(Device("meta"), Memory{}, 64),
                            DType::kFloat32, {2, 3})));

  const Tensor tensor = Make({});
  const Tensor view = *Tensor::Create(tensor.storage(), tensor.dtype(),
                                      tensor.shape(), tensor.strides(), 0);
  variants->emplace_back("same tensor twice", Value::List({tensor, tensor}));
  {
    Builder b;
    const NodeId node = b.TensorNode(tensor);
    variants->emplace_back("one tensor twice", b.Done(b.List({node, node})));
  }
  variants->emplace_back("two tensors over a storage",
                         Value::List({Value(tensor), Value::Tuple({view})}));
  variants->emplace_back(
      "two storages", Value::List({Value(tensor), Value::Tuple({Make({})})}));
  for (const int shared : {0, 1}) {
    const Tensor tensors[] = {Make({}), Make({})};
    variants->emplace_back(
        absl::StrCat("a view of storage ", shared),
        Value::List({Value(tensors[0]), Value(tensors[1]),
                     Value(*Tensor::Create(tensors[shared].storage(),
                                           DType::kFloat32, {2, 2}))}));
  }
  variants->emplace_back(
      "gradient of one of two",
      Value::List({Value(tensor), Value::Tuple({MakeWith([](TensorParams* p) {
                     p->requires_grad = true;
                   })})}));
}

void AddComposites(Variants* variants) {
  const Tensor indices = Int64s({0, 1, 1, 0}, {2, 2});
  variants->emplace_back(
      "coo", Sparse(Layout::kSparseCoo, {indices, TwoFloats(1, 2)}));
  variants->emplace_back(
      "coo value", Sparse(Layout::kSparseCoo, {indices, TwoFloats(1, 3)}));
  variants->emplace_back(
      "coo index", Sparse(Layout::kSparseCoo,
                          {Int64s({0, 1, 1, 1}, {2, 2}), TwoFloats(1, 2)}));
  variants->emplace_back(
      "coo shape",
      Sparse(Layout::kSparseCoo, {indices, TwoFloats(1, 2)}, {2, 3}));
  for (const Layout layout : {Layout::kSparseCsr, Layout::kSparseCsc}) {
    variants->emplace_back(
        std::string(Name(layout)),
        Sparse(layout,
               {Int64s({0, 1, 2}, {3}), Int64s({0, 1}, {2}), TwoFloats(1, 2)}));
  }
  variants->emplace_back(
      "csr index",
      Sparse(Layout::kSparseCsr,
             {Int64s({0, 1, 2}, {3}), Int64s({1, 1}, {2}), TwoFloats(1, 2)}));
  for (const Layout layout : {Layout::kSparseBsr, Layout::kSparseBsc}) {
    variants->emplace_back(
        std::string(Name(layout)),
        Sparse(layout, {Int64s({0, 1, 2}, {3}), Int64s({0, 1}, {2}),
                        TwoFloats(1, 2, {2, 1, 1})}));
  }
  variants->emplace_back("quantised", PerTensor(0.5, 1));
  variants->emplace_back("scale", PerTensor(0.25, 1));
  variants->emplace_back("zero point", PerTensor(0.5, 2));
  variants->emplace_back("quint8", PerTensor(0.5, 1, DType::kQUInt8));
  variants->emplace_back("per channel", PerChannel({1, 2}, {3, 4}, 0));
  variants->emplace_back("scales", PerChannel({1, 3}, {3, 4}, 0));
  variants->emplace_back("zero points", PerChannel({1, 2}, {3, 5}, 0));
  variants->emplace_back("axis", PerChannel({1, 2}, {3, 4}, 1));
}

void AddPlainValues(Variants* variants) {
  const auto add = [&](const std::string& name, const Value& value) {
    variants->emplace_back(name, value);
  };
  add("None", Value());
  add("True", Value(true));
  add("False", Value(false));
  add("0", Value(0));
  add("1", Value(1));
  add("2**64 - 1", Value(std::numeric_limits<uint64_t>::max()));
  add("0.0", Value(0.0));
  add("-0.0", Value(-0.0));
  add("nan", Value(std::numeric_limits<double>::quiet_NaN()));
  add("-nan", Value(-std::numeric_limits<double>::quiet_NaN()));
  add("inf", Value(std::numeric_limits<double>::infinity()));
  add("1.0", Value(1.0));
  add("1 + 2j", Value(std::complex<double>(1, 2)));
  add("1 - 2j", Value(std::complex<double>(1, -2)));
  add("''", Value(""));
  add("'a'", Value("a"));
  add("long", Value(std::string(5000, 'a')));
  add("other long", Value(std::string(4999, 'a') + "b"));
  add("surrogate", Value("\xed\xa0\x80"));
  add("other surrogate", Value("\xed\xa0\x81"));
  add("b'a'", Value::Bytes("a"));
  add("b'b'", Value::Bytes("b"));
  add("bytearray", Value::ByteArray("a"));
  add("float16", Value::FromDType(DType::kFloat16));
  add("float32", Value::FromDType(DType::kFloat32));
  add("cuda:0", Value::FromDevice(Device("cuda", 0)));
  add("cuda:1", Value::FromDevice(Device("cuda", 1)));
  add("Size([1])", Value::Size({1}));
  add("Size([1, 1])", Value::Size({1, 1}));
  Builder b;
  add("strided", b.Done(b.graph().AddLayout(Layout::kStrided)));
  add("sparse_coo", b.Done(b.graph().AddLayout(Layout::kSparseCoo)));
  add("global", b.Done(b.Global("m", "f")));
  add("other global", b.Done(b.Global("m", "g")));
  add("2**100",
      b.Done(b.graph().AddBigInt(std::string(12, '\0') + std::string("\x10"))));
  add("-2**100",
      b.Done(b.graph().AddBigInt(std::string(12, '\0') + std::string("\xf0"))));
  for (const char byte : {'\1', '\2'}) {
    const Storage storage = StorageOf(std::string(4, byte));
    Builder own;
    add(absl::StrCat("storage of ", int{byte}),
        own.Done(own.graph().AddStorage({storage, DType::kFloat32, false})));
  }
  Builder own;
  add("storage of int32",
      own.Done(own.graph().AddStorage(
          {StorageOf(std::string(4, '\1')), DType::kInt32, false})));
}

void AddContainers(Variants* variants) {
  const auto add = [&](const std::string& name,
                       const std::function<NodeId(Builder*)>& build) {
    Builder b;
    const NodeId root = build(&b);
    variants->emplace_back(name, b.Done(root));
  };
  add("[]", [](Builder* b) { return b->List({}); });
  add("()", [](Builder* b) { return b->Tuple({}); });
  add("{}", [](Builder* b) { return b->Dict({}); });
  variants->emplace_back("OrderedDict()", Value::OrderedDict());
  add("set()", [](Builder* b) { return b->graph().AddSet(); });
  add("frozenset()", [](Builder* b) { return b->graph().AddFrozenSet({}); });
  for (const char* text : {"a", "b"}) {
    add(absl::StrCat("set of ", text), [&](Builder* b) {
      const NodeId item = b->Str(text);
      return b->graph().AddSet({&item, 1});
    });
  }
  add("[1]", [](Builder* b) { return b->List({b->Int(1)}); });
  add("[1, 1]", [](Builder* b) { return b->List({b->Int(1), b->Int(1)}); });
  add("(1,)", [](Builder* b) { return b->Tuple({b->Int(1)}); });
  add("shared", [](Builder* b) {
    const NodeId list = b->List({});
    return b->List({list, list});
  });
  add("copied", [](Builder* b) { return b->List({b->List({}), b->List({})}); });
  for (const int shared : {0, 1}) {
    add(absl::StrCat("shared ", shared), [&](Builder* b) {
      const NodeId lists[] = {b->List({}), b->List({})};
      return b->List({lists[0], lists[1], lists[shared]});
    });
  }
  add("shared str", [](Builder* b) {
    const NodeId text = b->Str("x");
    return b->List({text, text});
  });
  add("copied str", [](Builder* b) {
    return b->List({b->Str("x"), b->Str("x")});
  });
  add("cycle", [](Builder* b) {
    const NodeId list = b->List({});
    b->graph().AppendItems(list, {&list, 1});
    return list;
  });
  // What `pickle` names alike as a pointer does.
  add("{0: 5}", [](Builder* b) { return b->Dict({b->Int(0), b->Int(5)}); });
  add("{'0': 5}", [](Builder* b) { return b->Dict({b->Str("0"), b->Int(5)}); });
  add("{0.0: 5}", [](Builder* b) {
    return b->Dict({b->Float(0.0), b->Int(5)});
  });
  add("{False: 5}", [](Builder* b) {
    return b->Dict({ObjectGraph::kFalse, b->Int(5)});
  });
  add("{b'0': 5}", [](Builder* b) {
    return b->Dict({b->graph().AddBytes("0"), b->Int(5)});
  });
  add("{(0,): 5}", [](Builder* b) {
    return b->Dict({b->Tuple({b->Int(0)}), b->Int(5)});
  });
  add("{None: 5}", [](Builder* b) {
    return b->Dict({ObjectGraph::kNone, b->Int(5)});
  });
  add("{'a': 1, 'b': 2}", [](Builder* b) {
    return b->Dict({b->Str("a"), b->Int(1), b->Str("b"), b->Int(2)});
  });
  add("{'b': 2, 'a': 1}", [](Builder* b) {
    return b->Dict({b->Str("b"), b->Int(2), b->Str("a"), b->Int(1)});
  });
  add("{0: 1, '0': 2}", [](Builder* b) {
    return b->Dict({b->Int(0), b->Int(1), b->Str("0"), b->Int(2)});
  });
  add("{'0': 1, 0: 2}", [](Builder* b) {
    return b->Dict({b->Str("0"), b->Int(1), b->Int(0), b->Int(2)});
  });
  Value with_attribute = Value::OrderedDict();
  EXPECT_THAT(with_attribute.SetAttribute("_metadata", Value(1)), IsOk());
  variants->emplace_back("attribute of an OrderedDict", with_attribute);
}

void AddObjects(Variants* variants) {
  const auto add = [&](const std::string& name,
                       const std::function<void(Builder*, NodeId)>& change) {
    Builder b;
    const NodeId object = b.Object();
    change(&b, object);
    variants->emplace_back(name, b.Done(object));
  };
  const auto state = [&](const std::string& name,
                         const std::function<NodeId(Builder*)>& make) {
    add(name, [&](Builder* b, NodeId o) { b->graph().SetState(o, make(b)); });
  };
  add("C()", [](Builder*, NodeId) {});
  variants->emplace_back("D()", Value::Call("m.D"));
  variants->emplace_back("C(1)", Value::Call("m.C", {Value(1)}));
  variants->emplace_back("C.__new__(C)", Value::Object("m.C"));
  {
    Builder b;
    variants->emplace_back("C.__new__(C, x=1)",
                           b.Done(b.Object(ObjectForm::kNewEx, {},
                                           b.Dict({b.Str("x"), b.Int(1)}))));
  }
  state("a = 1", [](Builder* b) { return b->Dict({b->Str("a"), b->Int(1)}); });
  state("a = 2", [](Builder* b) { return b->Dict({b->Str("a"), b->Int(2)}); });
  state("slot a = 1", [](Builder* b) {
    return b->Tuple({ObjectGraph::kNone, b->Dict({b->Str("a"), b->Int(1)})});
  });
  state("state None", [](Builder*) { return ObjectGraph::kNone; });
  state("state 1", [](Builder* b) { return b->Int(1); });
  add("state setter", [](Builder* b, NodeId object) {
    b->graph().SetState(object, b->Int(1), b->Global("m", "set"));
  });
  add("item", [](Builder* b, NodeId object) {
    const NodeId item = b->Int(1);
    b->graph().AppendItems(object, {&item, 1});
  });
  add("entry", [](Builder* b, NodeId object) {
    const NodeId entry[] = {b->Int(0), b->Int(1)};
    b->graph().AppendEntries(object, entry);
  });
  // An object whose arguments contain it, and which pickle therefore makes
  // twice.
  for (const bool is_dropped : {false, true}) {
    Builder b;
    const NodeId list = b.List({});
    const NodeId object = b.Object(ObjectForm::kCall, {list});
    b.graph().AppendItems(list, {&object, 1});
    if (is_dropped) {
      b.graph().AddDroppedCall(object, b.Object(ObjectForm::kCall, {list}));
    }
    variants->emplace_back(
        is_dropped ? "dropped call" : "object in its own arguments",
        b.Done(b.List({object, list})));
  }
  // A parameter's hooks and a tensor's own attributes are state and arguments.
  for (const int attribute : {1, 2}) {
    Builder b;
    const NodeId tensor = b.TensorNode(Make({}));
    variants->emplace_back(
        absl::StrCat("tensor with attribute ", attribute),
        b.Done(b.graph().AddObject(
            ObjectForm::kCall,
            b.Global("torch._tensor", "_rebuild_from_type_v2"),
            b.Tuple({b.Global("m", "f"), b.Global("m", "T"), b.Tuple({tensor}),
                     b.Dict({b.Str("a"), b.Int(attribute)})}))));
  }
}

Variants AllVariants() {
  Variants variants;
  AddTensors(&variants);
  AddComposites(&variants);
  AddPlainValues(&variants);
  AddContainers(&variants);
  AddObjects(&variants);
  return variants;
}

TEST(InspectJsonTest, FilesThatDifferInOneThingDiffer) {
  std::map<std::string, std::string> names;  // by digest
  for (const auto& [name, value] : AllVariants()) {
    SCOPED_TRACE(name);
    const std::string digest = GraphSha256(SaveAs("variant.pt", value));
    const auto [found, is_new] = names.emplace(digest, name);
    // Two nodes of one tensor are written as one.
    const bool is_same = name == "one tensor twice";
    if (!is_new) {
      EXPECT_TRUE(is_same) << "as " << found->second;
    }
  }
  EXPECT_GT(names.size(), 100u);
}

// Tensors that no call of a pickle made, as those of a safetensors file.
TEST(InspectJsonTest, GraphsThatDifferInOneThingDiffer) {
  std::set<std::string> digests;
  const Variants variants = AllVariants();
  for (const auto& [name, value] : variants) {
    GraphDigest digest(*value.graph(), value.node(), Budget::Unlimited());
    std::vector<std::string> contents;
    for (const Storage& storage : digest.storages()) {
      contents.emplace_back(
          static_cast<const char*>(storage.data()),
          storage.data() == nullptr ? 0 : storage.size_bytes());
    }
    const absl::StatusOr<std::string> hex = digest.Finish(contents);
    ASSERT_THAT(hex, IsOk());
    EXPECT_TRUE(digests.insert(*hex).second) << name;
  }
}

// What a container may choose is not in the digest of the graph, nor in the
// values.
TEST(InspectJsonTest, FilesThatHoldTheSameAreTheSame) {
  std::vector<SaveOptions> forms(5);
  forms[1].container = Container::kLegacy;
  forms[2].pickle_protocol = 5;
  forms[3].archive_name = "another_name";
  forms[4].storage_alignment = 4096;
  int num_same = 0;
  for (const auto& [name, value] : AllVariants()) {
    SCOPED_TRACE(name);
    std::set<std::string> digests, values;
    for (const SaveOptions& form : forms) {
      const std::string path = SaveAs("form.pt", value, form);
      if (path.empty()) continue;
      const Json document = InspectJson({"--digest", path});
      digests.insert(document["graph_sha256"].get<std::string>());
      values.insert(document["values"].dump());
      ++num_same;
    }
    EXPECT_EQ(digests.size(), 1u);
    EXPECT_EQ(values.size(), 1u);
  }
  EXPECT_GT(num_same, 400);
}

TEST(InspectJsonTest, ConvertKeepsTheGraph) {
  const Json index = Json::parse(ReadFile(DataPath("index.json")));
  int num_converted = 0;
  for (const Json& file : index) {
    const std::string path = DataPath(file["file"].get<std::string>());
    for (const char* option :
         {"--container=legacy", "--protocol=5", "--protocol=2"}) {
      const std::string copy = TestPath("converted.pt");
      if (RunFerryForTest({"convert", option, path, copy}).exit_code != 0) {
        continue;
      }
      ++num_converted;
      EXPECT_EQ(GraphSha256(copy), GraphSha256(path)) << path << option;
    }
  }
  EXPECT_GT(num_converted, 30);
}

TEST(InspectJsonTest, DigestsWhatIsSelected) {
  const Tensor tensor = Make({});
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("a", tensor), IsOk());
  ASSERT_THAT(root.Set("b", Value(1)), IsOk());
  const std::string path = SaveAs("selected.pt", root);
  EXPECT_EQ(InspectJson({"--digest", "--filter=/a", path})["graph_sha256"],
            GraphSha256(SaveAs("a.pt", tensor)));
  const Json matching = InspectJson({"--digest", "--filter=*a", path});
  EXPECT_TRUE(matching["tensors"][0].contains("sha256"));
  EXPECT_FALSE(matching.contains("graph_sha256"));
}

TEST(InspectJsonTest, SetsAreTheSameInAnyOrder) {
  std::set<std::string> documents;
  for (const bool is_turned : {false, true}) {
    Builder b;
    std::vector<NodeId> items = {b.Str("a"),
                                 b.Str("b"),
                                 b.Int(3),
                                 ObjectGraph::kNone,
                                 b.Float(0.5),
                                 b.Tuple({b.Str("x"), b.Int(1)}),
                                 b.Tuple({b.Str("x"), b.Int(2)}),
                                 b.graph().AddBytes("c")};
    if (is_turned) std::reverse(items.begin(), items.end());
    const FerryResult result = RunFerryForTest(
        {"inspect", "--format=json", "--digest",
         SaveTestFile("set.pt", b.Done(b.graph().AddSet(items)))});
    documents.insert(result.out);
    EXPECT_THAT(result.out, HasSubstr(R"({"type":"bytes","size_bytes":1,)"));
  }
  EXPECT_EQ(documents.size(), 1u);
}

// --- Fields ------------------------------------------------------------------

TEST(InspectJsonTest, TellsWhereTheElementsAre) {
  const Tensor tensor = Make({});
  Value root = Value::Dict();
  ASSERT_THAT(root.Set("all", tensor), IsOk());
  ASSERT_THAT(root.Set("part", *Tensor::Create(tensor.storage(),
                                               DType::kFloat32, {1}, {1}, 3)),
              IsOk());
  const std::string path = SaveTestFile("place.pt", root);
  const Json rows = InspectJson({path})["tensors"];
  EXPECT_EQ(rows[0]["size_bytes"], 16);
  EXPECT_EQ(rows[0]["encoding"], "stored");
  EXPECT_EQ(rows[1]["size_bytes"], 4);
  const auto offset = rows[0]["offset_bytes"].get<size_t>();
  EXPECT_EQ(rows[1]["offset_bytes"], offset + 12);
  EXPECT_EQ(ReadFile(path).substr(offset, 64), std::string(64, '\1'));

  ZipBuilder zip = SmallCheckpoint();
  zip.Remove("my.model/data/0");
  zip.AddDeflated("my.model/data/0", SmallStorage());
  const Json deflated =
      InspectJson({WriteTestFile("deflated.pt", zip.Build())})["tensors"][0];
  EXPECT_EQ(deflated["encoding"], "deflated");
  EXPECT_EQ(zip.Build().substr(deflated["offset_bytes"].get<size_t>(),
                               Deflate(SmallStorage()).size()),
            Deflate(SmallStorage()));
}

TEST(InspectJsonTest, ShowsHowTensorsAreQuantised) {
  const Json one =
      InspectJson({SaveTestFile("q.pt", PerTensor(0.5, 7))})["tensors"][0];
  EXPECT_EQ(one["quantizer"].dump(),
            R"({"scheme":"per_tensor_affine","scale":0.5,"zero_point":7})");
  const std::string path = SaveTestFile("qc.pt", PerChannel({1, 2}, {3, 4}, 1));
  const Json many = InspectJson({"--digest", path})["tensors"][0];
  EXPECT_EQ(many["quantizer"].dump(),
            R"({"scheme":"per_channel_affine","axis":1})");
  ASSERT_EQ(many["components"].size(), 2u);
  EXPECT_EQ(many["components"][0]["name"], "scales");
  EXPECT_EQ(many["components"][1]["name"], "zero_points");
  EXPECT_EQ(
      many["components"][1]["sha256"],
      InspectJson({"--digest",
                   SaveTestFile("zp.pt",
                                Int64s({3, 4}, {2}))})["tensors"][0]["sha256"]);
  EXPECT_THAT(RunFerryForTest({"inspect", path}).out,
              HasSubstr("scales per channel, axis 1"));
  EXPECT_THAT(
      RunFerryForTest({"inspect", SaveTestFile("q.pt", PerTensor(0.5, 7))}).out,
      HasSubstr("scale 0.5, zero point 7"));
}

TEST(InspectJsonTest, PointersLeadBack) {
  Builder b;
  const Tensor one = MakeWith([](TensorParams* p) { p->shape = {1, 1}; });
  const Tensor two = MakeWith([](TensorParams* p) { p->shape = {2, 1}; });
  const NodeId root =
      b.Dict({b.Int(0), b.TensorNode(one), b.Str("0"), b.TensorNode(two),
              b.Str("\xed\xa0\x80"), b.Int(17), b.Str("~20"), b.Int(18),
              b.Tuple({b.Str("a/~")}), b.Dict({b.Float(1), b.Int(19)})});
  const std::string path = SaveTestFile("pointers.pt", b.Done(root));
  const std::string text =
      RunFerryForTest({"inspect", "--format=json", path}).out;
  EXPECT_THAT(text, HasSubstr(R"({"pointer":"/\ud800","type":"int")"));
  const Json document =
      ParseJson(absl::StrReplaceAll(text, {{"\\ud800", "@"}}));
  std::set<std::string> pointers;
  for (const char* list : {"tensors", "values"}) {
    for (Json row : document[list]) {
      const auto pointer = row["pointer"].get<std::string>();
      EXPECT_TRUE(pointers.insert(pointer).second) << pointer;
      if (pointer.empty()) continue;
      const std::string found =
          RunFerryForTest(
              {"inspect", "--format=json",
               absl::StrCat("--filter=", absl::StrReplaceAll(
                                             pointer, {{"@", "\xed\xa0\x80"}})),
               path})
              .out;
      EXPECT_EQ(
          ParseJson(absl::StrReplaceAll(found, {{"\\ud800", "@"}}))[list][0]
              .dump(),
          row.dump());
    }
  }
  EXPECT_EQ(pointers.size(), 5u);
  EXPECT_EQ(pointers.count("/0~20") + pointers.count("/0~21"), 2u);
}

// --- TorchScript -------------------------------------------------------------

// A program for phones: its tensors are constants.
ZipBuilder Program() {
  ZipBuilder zip;
  zip.Add("m/data.pkl", absl::string_view("\x80\x02).", 4));
  zip.Add("m/constants.pkl", SmallPickle());
  zip.Add("m/constants/0", SmallStorage());
  zip.Add("m/code/__torch__.py", "pass\n");
  zip.Add("m/extra/note.txt", "hello");
  zip.Add("m/version", "3\n");
  return zip;
}

TEST(InspectJsonTest, CountsConstantsAndListsExtraFiles) {
  const std::string path = WriteTestFile("program.ptl", Program().Build());
  EXPECT_THAT(RunFerryForTest({"inspect", path}).out,
              ::testing::AllOf(HasSubstr("\n()\n\n1 tensor, 1 storage, 16 B\n"),
                               HasSubstr("\nconstants: dict, 2 entries\n"),
                               HasSubstr("\nextra files:\n"
                                         "  extra/note.txt  5 B\n")));
  const Json document = InspectJson({path});
  EXPECT_EQ(document["constants"].size(), 1u);
  EXPECT_EQ(document["program_records"][1].dump(),
            R"({"name":"extra/note.txt","size_bytes":5})");
}

TEST(InspectJsonTest, ProgramsThatDifferInOneThingDiffer) {
  std::vector<ZipBuilder> programs(6, Program());
  programs[1].Remove("m/constants/0");
  programs[1].Add("m/constants/0", std::string(16, '\1'));
  programs[2].Remove("m/code/__torch__.py");
  programs[2].Add("m/code/__torch__.py", "pas\n");
  programs[3].Remove("m/extra/note.txt");
  programs[3].Add("m/extra/note.txt", "hallo");
  programs[4].Remove("m/version");
  programs[4].Add("m/version", "4\n");
  programs[5].Remove("m/constants.pkl");
  programs[5].Add("m/constants.pkl",
                  SmallPickleWith(absl::string_view("X\1\0\0\0v", 6),
                                  absl::string_view("X\1\0\0\0u", 6)));
  std::set<std::string> digests;
  for (const ZipBuilder& program : programs) {
    const Json document = InspectJson(
        {"--digest", WriteTestFile("program.ptl", program.Build())});
    std::vector<std::string> records;
    for (const Json& row : document["program_records"]) {
      records.push_back(row["name"].get<std::string>() +
                        row["sha256"].get<std::string>());
    }
    std::sort(records.begin(), records.end());
    digests.insert(absl::StrCat(document["graph_sha256"].get<std::string>(),
                                document["constants_sha256"].get<std::string>(),
                                absl::StrJoin(records, "")));
  }
  EXPECT_EQ(digests.size(), programs.size());
}

// --- The page ----------------------------------------------------------------

// Adds the paths of all fields. Rows that have the fields of others count as
// these.
void CollectFields(const Json& json, std::string path,
                   std::set<std::string>* fields) {
  path = absl::StrReplaceAll(
      path, {{"constants[]", "tensors[]"}, {"values[].items[]", "values[]"}});
  if (json.is_array()) {
    for (const Json& item : json) CollectFields(item, path + "[]", fields);
    return;
  }
  if (!json.is_object() || path == "metadata") {
    // Lists of numbers and texts are one field.
    while (absl::EndsWith(path, "[]")) path.resize(path.size() - 2);
    fields->insert(path);
    return;
  }
  for (const auto& [name, value] : json.items()) {
    std::string owner = path;
    if (owner == "tensors[].components[]" && name != "name") {
      owner = "tensors[]";
    }
    CollectFields(value, owner.empty() ? name : absl::StrCat(owner, ".", name),
                  fields);
    if (value.is_array()) {
      fields->insert(owner.empty() ? name : absl::StrCat(owner, ".", name));
    }
  }
}

TEST(InspectJsonTest, ThePageNamesTheFieldsThatAreWritten) {
  std::set<std::string> documented;
  for (absl::string_view line :
       absl::StrSplit(ReadFile("docs/inspect-json.md"), '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    documented.emplace(line.substr(3, line.find('`', 3) - 3));
  }
  std::vector<std::string> paths = {
      DataPath("torch2.14_torchscript.pt"),
      DataPath("torch2.14_cycles.pt"),
      WriteTestFile("program.ptl", Program().Build()),
  };
  for (const auto& [name, value] : AllVariants()) {
    paths.push_back(SaveAs(absl::StrCat(paths.size(), ".pt"), value));
  }
  SaveOptions safetensors;
  safetensors.container = Container::kSafetensors;
  safetensors.metadata = {{"format", "pt"}};
  Value tensors = Value::Dict();
  ASSERT_THAT(tensors.Set("a", Make({})), IsOk());
  paths.push_back(SaveAs("a.safetensors", tensors, safetensors));
  std::set<std::string> written;
  for (const std::string& path : paths) {
    const FerryResult result =
        RunFerryForTest({"inspect", "--format=json", "--digest", path});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    CollectFields(ParseJson(result.out), "", &written);
  }
  for (const char* rows : {"tensors", "constants", "aliases", "values",
                           "program_records", "tensors[].components"}) {
    written.erase(rows);
  }
  EXPECT_EQ(documented, written);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
