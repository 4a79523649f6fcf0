// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/testing/growing_graphs.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace {

using Nodes = std::vector<NodeId>;

// A text that is long for a graph of this size.
std::string LongText(size_t n) { return std::string(20 * n, 'k'); }

NodeId Int(size_t value, ObjectGraph* graph) {
  return graph->AddInt(static_cast<int64_t>(value));
}

Nodes Ints(size_t n, ObjectGraph* graph) {
  Nodes nodes;
  nodes.reserve(n);
  for (size_t i = 0; i < n; ++i) nodes.push_back(Int(i, graph));
  return nodes;
}

NodeId Dict(const Nodes& keys_and_values, ObjectGraph* graph) {
  const NodeId dict = graph->AddDict();
  graph->AppendEntries(dict, keys_and_values);
  return dict;
}

// A dict of n entries, named k0, k1, ...
NodeId WideDict(size_t n, ObjectGraph* graph) {
  Nodes entries;
  entries.reserve(2 * n);
  for (size_t i = 0; i < n; ++i) {
    entries.push_back(graph->AddStr(absl::StrCat("k", i)));
    entries.push_back(Int(i, graph));
  }
  return Dict(entries, graph);
}

// A list of n nodes that `add` makes.
NodeId ListOf(size_t n, ObjectGraph* graph, absl::FunctionRef<NodeId()> add) {
  Nodes nodes;
  nodes.reserve(n);
  for (size_t i = 0; i < n; ++i) nodes.push_back(add());
  return graph->AddList(nodes);
}

// A list of one node, n times.
NodeId Again(size_t n, NodeId node, ObjectGraph* graph) {
  return graph->AddList(Nodes(n, node));
}

NodeId Object(absl::string_view module, NodeId args, NodeId state,
              ObjectGraph* graph) {
  const NodeId object =
      graph->AddObject(ObjectForm::kNew, graph->AddGlobal(module, "C"), args);
  if (state != kNoNode) graph->SetState(object, state);
  return object;
}

NodeId Objects(size_t n, NodeId args, NodeId state, ObjectGraph* graph) {
  return ListOf(n, graph, [&] { return Object("m", args, state, graph); });
}

// n levels, of which each holds a number beside the next.
NodeId Levels(size_t n, ObjectGraph* graph,
              absl::FunctionRef<NodeId(NodeId, NodeId)> add) {
  NodeId node = graph->AddList();
  for (size_t i = 0; i < n; ++i) node = add(Int(i, graph), node);
  return node;
}

NodeId ATensor(const Storage& storage, ObjectGraph* graph) {
  return graph->AddTensor(*Tensor::Create(storage, DType::kFloat32, {}));
}

Storage AStorage() { return *Storage::Allocate(4); }

// n tensors of one storage, named k0, k1, ...
NodeId DictOfTensors(size_t n, ObjectGraph* graph) {
  const Storage storage = AStorage();
  Nodes entries;
  entries.reserve(2 * n);
  for (size_t i = 0; i < n; ++i) {
    entries.push_back(graph->AddStr(absl::StrCat("k", i)));
    entries.push_back(ATensor(storage, graph));
  }
  return Dict(entries, graph);
}

NodeId SetOfTexts(size_t n, ObjectGraph* graph) {
  Nodes items;
  items.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    items.push_back(graph->AddStr(absl::StrCat("k", i)));
  }
  return graph->AddSet(items);
}

// A module with these buffers and these children.
NodeId Module(NodeId buffers, NodeId transient, NodeId modules,
              ObjectGraph* graph) {
  return Object("m", ObjectGraph::kEmptyTuple,
                Dict({graph->AddStr("_parameters"), Dict({}, graph),
                      graph->AddStr("_buffers"), buffers,
                      graph->AddStr("_non_persistent_buffers_set"), transient,
                      graph->AddStr("_modules"), modules},
                     graph),
                graph);
}

// A module with n children.
NodeId ModuleOf(size_t n, ObjectGraph* graph, absl::FunctionRef<NodeId()> add) {
  Nodes entries;
  entries.reserve(2 * n);
  for (size_t i = 0; i < n; ++i) {
    entries.push_back(graph->AddStr(absl::StrCat(i)));
    entries.push_back(add());
  }
  return Module(Dict({}, graph), graph->AddSet(), Dict(entries, graph), graph);
}

constexpr GrowingGraph kGraphs[] = {
    {"a list of numbers", false,
     [](size_t n, ObjectGraph* graph) {
       return graph->AddList(Ints(n, graph));
     }},
    {"a dict with many keys", false, WideDict},
    {"keys that look alike", false,
     [](size_t n, ObjectGraph* graph) {
       Nodes entries;
       entries.reserve(4 * n);
       for (size_t i = 0; i < n; ++i) {
         entries.push_back(Int(i, graph));
         entries.push_back(Int(i, graph));
         entries.push_back(graph->AddStr(absl::StrCat(i)));
         entries.push_back(Int(i, graph));
       }
       return Dict(entries, graph);
     }},
    {"small dicts of the same keys", false,
     [](size_t n, ObjectGraph* graph) {
       const NodeId key = graph->AddStr("loss");
       return ListOf(n, graph, [&] {
         return Dict({key, Int(1, graph)}, graph);
       });
     }},
    {"a list, again and again", false,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, graph->AddList(Ints(n, graph)), graph);
     }},
    {"a tuple, again and again", false,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, graph->AddTuple(Ints(n, graph)), graph);
     }},
    {"a dict, again and again", false,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, WideDict(n, graph), graph);
     }},
    {"objects", false,
     [](size_t n, ObjectGraph* graph) {
       return ListOf(n, graph, [&] {
         const NodeId object =
             Object("m", graph->AddTuple(Ints(1, graph)), kNoNode, graph);
         graph->AppendItems(object, Ints(1, graph));
         return object;
       });
     }},
    {"objects that share arguments", true,
     [](size_t n, ObjectGraph* graph) {
       return Objects(n, graph->AddTuple(Ints(n, graph)), kNoNode, graph);
     }},
    {"objects that share keyword arguments", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId kwargs = WideDict(n, graph);
       return ListOf(n, graph, [&] {
         return graph->AddObject(ObjectForm::kNewEx, graph->AddGlobal("m", "C"),
                                 ObjectGraph::kEmptyTuple, kwargs);
       });
     }},
    {"objects that share attributes", true,
     [](size_t n, ObjectGraph* graph) {
       return Objects(n, ObjectGraph::kEmptyTuple, WideDict(n, graph), graph);
     }},
    {"objects that share slots", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId pair[] = {ObjectGraph::kNone, WideDict(n, graph)};
       return Objects(n, ObjectGraph::kEmptyTuple, graph->AddTuple(pair),
                      graph);
     }},
    {"objects that share another state", false,
     [](size_t n, ObjectGraph* graph) {
       return Objects(n, ObjectGraph::kEmptyTuple,
                      graph->AddList(Ints(n, graph)), graph);
     }},
    {"objects of a program that share attributes", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId state = WideDict(n, graph);
       const NodeId objects = ListOf(n, graph, [&] {
         return Object("__torch__.m", ObjectGraph::kEmptyTuple, state, graph);
       });
       return Object("__torch__.m", ObjectGraph::kEmptyTuple,
                     Dict({graph->AddStr("a"), objects}, graph), graph);
     }},
    {"deep lists", true,
     [](size_t n, ObjectGraph* graph) {
       return Levels(n, graph, [&](NodeId leaf, NodeId next) {
         return graph->AddList(Nodes{leaf, next});
       });
     }},
    {"deep dicts", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId keys[] = {graph->AddStr("leaf"), graph->AddStr("next")};
       return Levels(n, graph, [&](NodeId leaf, NodeId next) {
         return Dict({keys[0], leaf, keys[1], next}, graph);
       });
     }},
    {"deep objects", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId keys[] = {graph->AddStr("leaf"), graph->AddStr("next")};
       return Levels(n, graph, [&](NodeId leaf, NodeId next) {
         return Object("m", ObjectGraph::kEmptyTuple,
                       Dict({keys[0], leaf, keys[1], next}, graph), graph);
       });
     }},
    {"aliases of what is deep inside", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId bottom = graph->AddList();
       NodeId node = bottom;
       for (size_t i = 0; i < n; ++i) node = graph->AddList({&node, 1});
       return graph->AddList(Nodes{node, Again(n, bottom, graph)});
     }},
    {"a long key in many dicts", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId key = graph->AddStr(LongText(n));
       return ListOf(n, graph, [&] {
         return Dict({key, Int(1, graph)}, graph);
       });
     }},
    {"a long key at each of many levels", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId key = graph->AddStr(LongText(n));
       NodeId node = graph->AddList();
       for (size_t i = 0; i < n; ++i) node = Dict({key, node}, graph);
       return node;
     }},
    {"equal long keys of an object", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId key = graph->AddStr(LongText(n));
       const NodeId object =
           Object("m", graph->AddTuple(Ints(1, graph)), kNoNode, graph);
       graph->AppendEntries(object, Nodes(2 * n, key));
       return object;
     }},
    {"a text, again and again", true,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, graph->AddStr(std::string(1000, 't')), graph);
     }},
    {"a long text, again and again", false,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, graph->AddStr(LongText(n + 100)), graph);
     }},
    {"a long number, again and again", false,
     [](size_t n, ObjectGraph* graph) {
       // A pickle has a copy of a number for each reference.
       return Again(n / 4, graph->AddBigInt(std::string(130, 'i')), graph);
     }},
    {"a set, again and again", true,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, SetOfTexts(n, graph), graph);
     }},
    {"a torch.Size, again and again", true,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, graph->AddSize(std::vector<int64_t>(n, 1)), graph);
     }},
    {"a long name of a class", true,
     [](size_t n, ObjectGraph* graph) {
       const std::string module(2000, 'm');
       return ListOf(n, graph, [&] {
         return Object(module, ObjectGraph::kEmptyTuple, kNoNode, graph);
       });
     }},
    {"tensors of one storage", false, DictOfTensors},
    {"a tensor, again and again", true,
     [](size_t n, ObjectGraph* graph) {
       return Again(n, ATensor(AStorage(), graph), graph);
     }},
    {"modules with one set of transient buffers", false,
     [](size_t n, ObjectGraph* graph) {
       const NodeId transient = SetOfTexts(n, graph);
       return ModuleOf(n, graph, [&] {
         return Module(DictOfTensors(1, graph), transient, Dict({}, graph),
                       graph);
       });
     }},
    {"modules that share buffers", true,
     [](size_t n, ObjectGraph* graph) {
       const NodeId buffers = DictOfTensors(n, graph);
       const NodeId transient = graph->AddSet();
       return ModuleOf(n, graph, [&] {
         return Module(buffers, transient, Dict({}, graph), graph);
       });
     }},
    {"modules that hang in the one above twice", true,
     [](size_t n, ObjectGraph* graph) {
       NodeId module = Module(DictOfTensors(1, graph), graph->AddSet(),
                              Dict({}, graph), graph);
       for (size_t i = 0; i < n; ++i) {
         const NodeId below = module;
         module = ModuleOf(2, graph, [below] { return below; });
       }
       return module;
     }},
};

}  // namespace

absl::Span<const GrowingGraph> GrowingGraphs() { return kGraphs; }

}  // namespace v1
}  // namespace ferry
