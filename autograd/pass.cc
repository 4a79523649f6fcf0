// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/pass.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/debugging/symbolize.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/anomaly.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/accumulate_gradient.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/kept_memory.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {
namespace {

using Gradients = Pass::Gradients;

// A pass that starts inside another one, from a hook or a node, goes on on a
// thread of its own when so many of them stand on the stack.
constexpr int kMaxNestedPasses = 60;
thread_local int nested_passes = 0;

// Returns a copy that is laid out as `like`, if that is dense, else row-major.
absl::StatusOr<Tensor> CopyLike(const Tensor& gradient, const Tensor& like) {
  if (!IsDense(like.shape(), like.strides())) return strided::Clone(gradient);
  FERRY_ASSIGN_OR_RETURN(
      const Tensor memory,
      Empty(gradient.shape(), TensorOptions().dtype(gradient.dtype())));
  FERRY_ASSIGN_OR_RETURN(Tensor copy,
                         Tensor::Create(memory.storage(), gradient.dtype(),
                                        like.shape(), like.strides(), 0));
  FERRY_RETURN_IF_ERROR(strided::CopyInto(gradient, copy));
  return copy;
}

// Returns whether nobody would notice that the elements change, and an op may
// change them.
bool MayChange(const Tensor& tensor) {
  return tensor.owns_elements_alone() && !tensor.storage().is_inference() &&
         !tensor.is_conj() && !tensor.is_neg();
}

// Adds `gradient` to `sum`, which may be null. Under `create_graph` the result
// is a new tensor with a history. Never keeps memory that others can see.
absl::Status AddTo(Tensor& sum, Tensor gradient, const Tensor& like,
                   bool create_graph) {
  if (!sum.is_null()) {
    if (create_graph || !HasNoOverlap(sum.shape(), sum.strides()) ||
        sum.storage().is_inference() || sum.is_conj() || sum.is_neg()) {
      FERRY_ASSIGN_OR_RETURN(sum, Add(sum, gradient));
      return absl::OkStatus();
    }
    return AddInPlace(sum, gradient).status();
  }
  const bool is_ours = MayChange(gradient);
  if (create_graph) {
    if (!is_ours) {
      FERRY_ASSIGN_OR_RETURN(gradient, Clone(gradient));
    }
    sum = std::move(gradient);
    return absl::OkStatus();
  }
  const bool fits = HasSameStrides(
      gradient.shape(), gradient.strides(),
      IsDense(like.shape(), like.strides())
          ? absl::MakeConstSpan(like.strides())
          : absl::MakeConstSpan(ContiguousStrides(gradient.shape())));
  if (is_ours && fits && gradient.storage_offset() == 0) {
    // A hook may have given it a history.
    sum = gradient.requires_grad() ? gradient.Detach() : std::move(gradient);
    return absl::OkStatus();
  }
  FERRY_ASSIGN_OR_RETURN(sum, CopyLike(gradient, like));
  return absl::OkStatus();
}

absl::Status AccumulateInto(const Tensor& leaf, Tensor gradient,
                            bool create_graph) {
  FERRY_RETURN_IF_ERROR(CheckOnHost(leaf));
  TensorState& state = TensorState::Make(leaf);
  if (const auto retained = state.Retained()) {
    const std::lock_guard<std::mutex> lock(retained->mutex);
    return AddTo(retained->gradient, std::move(gradient), leaf, create_graph);
  }
  const std::lock_guard<std::mutex> lock(state.gradient_mutex);
  return AddTo(state.gradient, std::move(gradient), leaf, create_graph);
}

// "0th", "1st", "22nd".
std::string Ordinal(size_t n) {
  const char* suffix = "th";
  if (n % 100 < 11 || n % 100 > 13) {
    if (n % 10 == 1) suffix = "st";
    if (n % 10 == 2) suffix = "nd";
    if (n % 10 == 3) suffix = "rd";
  }
  return absl::StrCat(n, suffix);
}

template <typename T>
bool AnyNan(const Tensor& contiguous) {
  const T* const elements = static_cast<const T*>(contiguous.data());
  const T* const end = elements + contiguous.num_elements();
  return std::any_of(elements, end, [](T x) { return std::isnan(x); });
}

absl::StatusOr<bool> HasNan(const Tensor& gradient) {
  const bool is_double = gradient.dtype() == DType::kFloat64;
  FERRY_ASSIGN_OR_RETURN(
      const Tensor cast,
      strided::Cast(gradient, is_double ? DType::kFloat64 : DType::kFloat32));
  FERRY_ASSIGN_OR_RETURN(const Tensor contiguous, strided::Contiguous(cast));
  return is_double ? AnyNan<double>(contiguous) : AnyNan<float>(contiguous);
}

// One line per call, as far as their names are known.
std::string DescribeTrace(absl::Span<void* const> trace) {
  std::string text;
  for (void* address : trace) {
    char name[1024];
    // The address is the one to return to, which is after the call.
    const bool found = absl::Symbolize(static_cast<const char*>(address) - 1,
                                       name, sizeof(name));
    absl::StrAppend(&text, "\n  @ ",
                    absl::Hex(reinterpret_cast<uintptr_t>(address)), " ",
                    found ? name : "(unknown)");
  }
  return text;
}

// Returns an error that names the node, if one of its results has a NaN.
absl::Status CheckNoNan(const Node& node, absl::Span<const Tensor> results) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].is_null()) continue;
    FERRY_ASSIGN_OR_RETURN(const bool has_nan, HasNan(results[i]));
    if (!has_nan) continue;
    const absl::Span<void* const> trace = node.forward_trace();
    return absl::OutOfRangeError(absl::StrCat(
        node.name(), " returned nan values in its ", Ordinal(i), " output. ",
        trace.empty() ? "There is no trace of the forward call: switch anomaly "
                        "detection on for that, too."
                      : "The forward call came from:",
        DescribeTrace(trace)));
  }
  return absl::OkStatus();
}

// Returns the entries of a list of hooks that are still held, and drops the
// others.
template <typename Hook>
std::vector<std::shared_ptr<Hook>> LiveHooks(
    NodeHooks& hooks, std::vector<std::weak_ptr<Hook>> NodeHooks::*list) {
  std::vector<std::shared_ptr<Hook>> live;
  const std::lock_guard<std::mutex> lock(hooks.mutex);
  auto& entries = hooks.*list;
  if (entries.empty()) return live;
  for (const std::weak_ptr<Hook>& entry : entries) {
    if (std::shared_ptr<Hook> hook = entry.lock()) {
      live.push_back(std::move(hook));
    }
  }
  if (live.size() != entries.size()) entries.assign(live.begin(), live.end());
  return live;
}

// Checks what a hook before a node has made of the node's gradients, and casts
// them to the dtypes that they must have.
absl::Status CheckReplaced(const Node& node, const Gradients& former,
                           Gradients& gradients) {
  for (size_t i = 0; i < gradients.size(); ++i) {
    Tensor& gradient = gradients[i];
    if (gradient.is_null()) {
      if (former[i].is_null()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("a hook before ", node.name(), " has removed gradient ",
                       i, "; set it to zeros instead"));
    }
    FERRY_RETURN_IF_ERROR(CheckOnHost(gradient));
    const TensorInfo& info = node.infos()[i];
    if (gradient.shape() != absl::MakeConstSpan(info.shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a hook before ", node.name(),
                       " has changed the size of value: gradient ", i,
                       " has shape ", ShapeToString(gradient.shape()),
                       ", and must have shape ", ShapeToString(info.shape)));
    }
    FERRY_ASSIGN_OR_RETURN(gradient, Cast(gradient, info.dtype));
  }
  return absl::OkStatus();
}

}  // namespace

Pass::~Pass() {
  for (const Visit& visit : visits_) {
    if (visit.node->IsClaimedBy(this)) visit.node->Unclaim();
  }
  if (!keep_graph_) KeptMemory(InternalKey()).ReleaseUnused();
}

void Pass::AddRoot(Edge edge, Tensor gradient) {
  roots_.push_back(std::move(edge));
  root_gradients_.push_back(std::move(gradient));
}

uint32_t Pass::IdOf(Node* node) const {
  if (node->IsClaimedBy(this)) return node->claimed_id();
  if (others_.empty()) return kNone;
  const auto found = others_.find(node);
  return found == others_.end() ? kNone : found->second;
}

uint32_t Pass::Enter(Node* node) {
  const auto id = static_cast<uint32_t>(visits_.size());
  // First, so that the destructor finds the node.
  visits_.emplace_back().node = node;
  if (!node->Claim(this, id)) others_.emplace(node, id);
  return id;
}

void Pass::Discover() {
  struct Step {
    uint32_t id;
    size_t edge;
  };
  std::vector<Step> steps;
  for (const Edge& root : roots_) {
    if (IdOf(root.node.get()) != kNone) continue;
    steps.push_back({Enter(root.node.get()), 0});
    while (!steps.empty()) {
      Step& step = steps.back();
      const Node::Edges& edges = visits_[step.id].node->edges();
      if (step.edge == edges.size()) {
        order_.push_back(step.id);
        steps.pop_back();
        continue;
      }
      Node* const next = edges[step.edge++].node.get();
      if (next == nullptr) continue;
      uint32_t id = IdOf(next);
      if (id == kNone) {
        id = Enter(next);
        steps.push_back({id, 0});
      }
      ++visits_[id].arriving;
    }
  }
}

bool Pass::AddCapture(const Edge& edge, size_t position) {
  has_targets_ = true;
  const uint32_t id = IdOf(edge.node.get());
  if (id == kNone) return false;
  visits_[id].is_wanted = true;
  captures_.push_back({id, edge.index, position});
  return true;
}

void Pass::AddTarget(const Edge& edge) {
  has_targets_ = true;
  const uint32_t id = IdOf(edge.node.get());
  if (id == kNone) return;
  visits_[id].is_wanted = true;
  if (AccumulateGradient::LeafOf(*edge.node) != nullptr) {
    visits_[id].runs = true;
  }
}

void Pass::MarkNeeded() {
  for (uint32_t id : order_) {
    Visit& visit = visits_[id];
    if (!has_targets_) {
      visit.runs = true;
      continue;
    }
    for (const Edge& edge : visit.node->edges()) {
      if (edge.node == nullptr) continue;
      const Visit& next = visits_[IdOf(edge.node.get())];
      if (next.runs || next.is_wanted) {
        visit.runs = true;
        break;
      }
    }
  }
}

absl::Status Pass::Deposit(uint32_t id, uint32_t index, Tensor gradient) {
  Visit& visit = visits_[id];
  if (visit.gradients.empty()) {
    visit.gradients.resize(visit.node->infos().size());
  }
  Tensor& sum = visit.gradients[index];
  if (sum.is_null()) {
    sum = std::move(gradient);
    return absl::OkStatus();
  }
  if (!create_graph_ && sum.is_contiguous() && MayChange(sum)) {
    return AddInPlace(sum, gradient).status();
  }
  FERRY_ASSIGN_OR_RETURN(sum, Add(sum, gradient));
  return absl::OkStatus();
}

absl::Status Pass::RunTensorHooks(NodeHooks& hooks, Gradients& gradients) {
  struct Live {
    uint32_t index;
    std::shared_ptr<TensorHook> hook;
  };
  std::vector<Live> live;
  {
    const std::lock_guard<std::mutex> lock(hooks.mutex);
    for (const NodeHooks::OfTensor& entry : hooks.tensor) {
      if (std::shared_ptr<TensorHook> hook = entry.hook.lock()) {
        live.push_back({entry.index, std::move(hook)});
      }
    }
  }
  for (const Live& entry : live) {
    Tensor& gradient = gradients[entry.index];
    if (gradient.is_null()) continue;
    FERRY_ASSIGN_OR_RETURN(Tensor replacement, (*entry.hook)(gradient));
    if (replacement.is_null()) continue;
    FERRY_RETURN_IF_ERROR(CheckOnHost(replacement));
    if (replacement.shape() != gradient.shape()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a hook has changed the size of value: it was given a gradient of "
          "shape ",
          ShapeToString(gradient.shape()), " and returned one of shape ",
          ShapeToString(replacement.shape())));
    }
    FERRY_ASSIGN_OR_RETURN(gradient, Cast(replacement, gradient.dtype()));
  }
  return absl::OkStatus();
}

// Keeps the gradients of tensors that are no leaves and were asked for.
absl::Status Pass::Retain(NodeHooks& hooks, const Gradients& gradients) {
  std::vector<NodeHooks::Retained> entries;
  {
    const std::lock_guard<std::mutex> lock(hooks.mutex);
    entries = hooks.retained;
  }
  for (const NodeHooks::Retained& entry : entries) {
    const std::shared_ptr<RetainedGradient> retained = entry.retained.lock();
    const Tensor& gradient = gradients[entry.index];
    if (retained == nullptr || gradient.is_null()) continue;
    const std::lock_guard<std::mutex> lock(retained->mutex);
    FERRY_RETURN_IF_ERROR(
        AddTo(retained->gradient, gradient, gradient, create_graph_));
  }
  return absl::OkStatus();
}

// Does what comes before a node runs, when all its gradients have arrived.
absl::Status Pass::Arrive(uint32_t id, Gradients& gradients,
                          absl::Span<Tensor> captured) {
  const Visit& visit = visits_[id];
  if (NodeHooks* const hooks = visit.node->hooks()) {
    FERRY_RETURN_IF_ERROR(RunTensorHooks(*hooks, gradients));
    if (visit.runs) {
      for (const auto& hook : LiveHooks(*hooks, &NodeHooks::before)) {
        const Gradients former = gradients;
        FERRY_RETURN_IF_ERROR((*hook)(absl::MakeSpan(gradients)));
        FERRY_RETURN_IF_ERROR(CheckReplaced(*visit.node, former, gradients));
      }
    }
    FERRY_RETURN_IF_ERROR(Retain(*hooks, gradients));
  }
  if (!visit.is_wanted) return absl::OkStatus();
  for (const Capture& capture : captures_) {
    if (capture.id != id) continue;
    captured[capture.position] = gradients[capture.index];
  }
  return absl::OkStatus();
}

absl::Status Pass::Validate(const Node& node, Results& results) const {
  const Node::Edges& edges = node.edges();
  for (size_t i = 0; i < edges.size(); ++i) {
    Tensor& gradient = results[i];
    if (edges[i].node == nullptr || gradient.is_null()) continue;
    FERRY_RETURN_IF_ERROR(CheckOnHost(gradient));
    const TensorInfo& info = edges[i].node->infos()[edges[i].index];
    if (gradient.shape() != absl::MakeConstSpan(info.shape)) {
      absl::StatusOr<Tensor> sum = SumToShape(gradient, info.shape);
      if (!sum.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(node.name(), " returned an invalid gradient at index ",
                         i, ": got ", ShapeToString(gradient.shape()),
                         " but expected shape ", ShapeToString(info.shape)));
      }
      gradient = *std::move(sum);
    }
    if (gradient.dtype() != info.dtype) {
      FERRY_ASSIGN_OR_RETURN(gradient, Cast(gradient, info.dtype));
    }
  }
  return absl::OkStatus();
}

// Computes what a node passes on. Calls no hooks of the node, so that several
// nodes can be computed at once.
absl::Status Pass::Compute(Task& task) {
  Node& node = *visits_[task.id].node;
  task.results.resize(node.edges().size());
  NodeHooks* const hooks = node.hooks();
  if (const Tensor* const leaf = AccumulateGradient::LeafOf(node)) {
    // The leaf may have been detached since. What is said here holds for the
    // hooks of the leaf, too.
    if (!leaf->requires_grad()) return absl::OkStatus();
    task.leaf = leaf;
    Tensor& arrived = task.gradients[0];
    if (arrived.is_null()) return absl::OkStatus();
    // Without hooks nobody else needs the gradient, and the leaf can have it.
    Tensor gradient = hooks == nullptr ? std::move(arrived) : arrived;
    return AccumulateInto(*leaf, std::move(gradient), create_graph_);
  }
  absl::InlinedVector<bool, 2> needed;
  for (const Edge& edge : node.edges()) {
    needed.push_back(edge.node != nullptr &&
                     visits_[IdOf(edge.node.get())].is_needed());
  }
  FERRY_RETURN_IF_ERROR(
      node.Run(task.gradients, needed, absl::MakeSpan(task.results)));
  if (!keep_graph_) node.ReleaseSaved();
  if (AnomalyDetectionEnabled()) {
    FERRY_RETURN_IF_ERROR(CheckNoNan(node, task.results));
  }
  return hooks == nullptr ? Validate(node, task.results) : absl::OkStatus();
}

absl::Status Pass::RunHooksAfter(Task& task) {
  Node& node = *visits_[task.id].node;
  NodeHooks* const hooks = node.hooks();
  if (hooks == nullptr) return absl::OkStatus();
  if (task.leaf != nullptr) {
    for (const auto& hook : LiveHooks(*hooks, &NodeHooks::accumulated)) {
      FERRY_RETURN_IF_ERROR((*hook)(*task.leaf));
    }
  }
  for (const auto& hook : LiveHooks(*hooks, &NodeHooks::after)) {
    FERRY_RETURN_IF_ERROR(
        (*hook)(absl::MakeSpan(task.results), task.gradients));
  }
  // A hook may have been added after `Compute` has found none, so what the node
  // computed is checked here, too.
  return Validate(node, task.results);
}

std::priority_queue<Pass::Ready> Pass::FirstReady() const {
  std::priority_queue<Ready> ready;
  for (uint32_t id = 0; id < visits_.size(); ++id) {
    const Visit& visit = visits_[id];
    if (visit.arriving == 0 && visit.is_needed()) {
      ready.emplace(visit.node->sequence(), id);
    }
  }
  return ready;
}

absl::Status Pass::RunSerially(absl::Span<Tensor> captured) {
  std::priority_queue<Ready> ready = FirstReady();
  while (!ready.empty()) {
    const uint32_t id = ready.top().second;
    ready.pop();
    Task task;
    task.id = id;
    task.gradients = std::move(visits_[id].gradients);
    visits_[id].gradients.clear();
    const Node::Edges& edges = visits_[id].node->edges();
    if (!task.gradients.empty()) {
      FERRY_RETURN_IF_ERROR(Arrive(id, task.gradients, captured));
      if (visits_[id].runs) {
        FERRY_RETURN_IF_ERROR(Compute(task));
        FERRY_RETURN_IF_ERROR(RunHooksAfter(task));
      }
      // So that a sum can be made in the memory of one of its gradients.
      task.gradients.clear();
    }
    Results& results = task.results;
    for (size_t i = 0; i < edges.size(); ++i) {
      if (edges[i].node == nullptr) continue;
      const uint32_t next = IdOf(edges[i].node.get());
      Visit& visit = visits_[next];
      if (!visit.is_needed()) continue;
      if (!results.empty() && !results[i].is_null()) {
        FERRY_RETURN_IF_ERROR(
            Deposit(next, edges[i].index, std::move(results[i])));
      }
      if (--visit.arriving == 0) ready.emplace(visit.node->sequence(), next);
    }
  }
  return absl::OkStatus();
}

// Returns the position of each node, by id, in the order in which a serial pass
// runs the nodes. It is kNone for a node that the pass does not need.
std::vector<uint32_t> Pass::SerialPositions() const {
  std::vector<uint32_t> positions(visits_.size(), kNone);
  std::vector<uint32_t> arriving(visits_.size());
  for (size_t id = 0; id < visits_.size(); ++id) {
    arriving[id] = visits_[id].arriving;
  }
  uint32_t position = 0;
  std::priority_queue<Ready> ready = FirstReady();
  while (!ready.empty()) {
    const uint32_t id = ready.top().second;
    ready.pop();
    positions[id] = position++;
    for (const Edge& edge : visits_[id].node->edges()) {
      if (edge.node == nullptr) continue;
      const uint32_t next = IdOf(edge.node.get());
      if (--arriving[next] == 0 && visits_[next].is_needed()) {
        ready.emplace(visits_[next].node->sequence(), next);
      }
    }
  }
  return positions;
}

// Runs a wave: nodes that are ready at the same time, so none of them waits for
// another. Hooks run on the calling thread, in the order of the wave.
absl::Status Pass::RunWave(absl::Span<const uint32_t> wave,
                           absl::Span<Tensor> captured,
                           std::vector<Task>& tasks) {
  for (uint32_t id : wave) {
    Visit& visit = visits_[id];
    if (visit.gradients.empty()) continue;
    Task task;
    task.id = id;
    task.gradients = std::move(visit.gradients);
    visit.gradients.clear();
    FERRY_RETURN_IF_ERROR(Arrive(id, task.gradients, captured));
    if (visit.runs) tasks.push_back(std::move(task));
  }
  // Every task runs, also after a failure, so that the outcome does not depend
  // on the time that they take.
  FERRY_RETURN_IF_ERROR(ParallelForEach(
      static_cast<int64_t>(tasks.size()), [&](int64_t i) -> absl::Status {
        Task& task = tasks[static_cast<size_t>(i)];
        try {
          task.status = Compute(task);
        } catch (...) {
          task.exception = std::current_exception();
        }
        return absl::OkStatus();
      }));
  for (Task& task : tasks) {
    if (task.exception != nullptr) std::rethrow_exception(task.exception);
    FERRY_RETURN_IF_ERROR(task.status);
    FERRY_RETURN_IF_ERROR(RunHooksAfter(task));
    task.gradients.clear();
  }
  return absl::OkStatus();
}

absl::Status Pass::RunInWaves(absl::Span<Tensor> captured) {
  const std::vector<uint32_t> positions = SerialPositions();
  std::vector<std::vector<Arrival>> arrivals(visits_.size());
  const auto by_position = [&positions](uint32_t a, uint32_t b) {
    return positions[a] < positions[b];
  };
  std::vector<uint32_t> wave;
  for (auto ready = FirstReady(); !ready.empty(); ready.pop()) {
    wave.push_back(ready.top().second);
  }
  while (!wave.empty()) {
    std::sort(wave.begin(), wave.end(), by_position);
    std::vector<Task> tasks;
    FERRY_RETURN_IF_ERROR(RunWave(wave, captured, tasks));
    for (Task& task : tasks) {
      const Node::Edges& edges = visits_[task.id].node->edges();
      for (size_t i = 0; i < edges.size(); ++i) {
        if (edges[i].node == nullptr || task.results[i].is_null()) continue;
        const uint32_t next = IdOf(edges[i].node.get());
        if (!visits_[next].is_needed()) continue;
        arrivals[next].push_back({positions[task.id], static_cast<uint32_t>(i),
                                  edges[i].index, std::move(task.results[i])});
      }
    }
    std::vector<uint32_t> next_wave;
    for (uint32_t id : wave) {
      for (const Edge& edge : visits_[id].node->edges()) {
        if (edge.node == nullptr) continue;
        const uint32_t next = IdOf(edge.node.get());
        if (--visits_[next].arriving == 0 && visits_[next].is_needed()) {
          next_wave.push_back(next);
        }
      }
    }
    for (uint32_t id : next_wave) {
      std::vector<Arrival> arrived = std::move(arrivals[id]);
      std::sort(arrived.begin(), arrived.end(),
                [](const Arrival& a, const Arrival& b) {
                  return std::make_pair(a.position, a.edge) <
                         std::make_pair(b.position, b.edge);
                });
      for (Arrival& arrival : arrived) {
        FERRY_RETURN_IF_ERROR(
            Deposit(id, arrival.index, std::move(arrival.gradient)));
      }
    }
    wave = std::move(next_wave);
  }
  return absl::OkStatus();
}

absl::Status Pass::RunNodes(absl::Span<Tensor> captured) {
  MarkNeeded();
  for (size_t i = 0; i < roots_.size(); ++i) {
    FERRY_RETURN_IF_ERROR(Deposit(IdOf(roots_[i].node.get()), roots_[i].index,
                                  std::move(root_gradients_[i])));
  }
  return parallel_ ? RunInWaves(captured) : RunSerially(captured);
}

absl::Status Pass::Run(absl::Span<Tensor> captured) {
  const InferenceModeGuard no_inference(false);
  const GradModeGuard mode(create_graph_);
  if (nested_passes < kMaxNestedPasses) {
    ++nested_passes;
    struct Leave {
      ~Leave() { --nested_passes; }
    } leave;
    return RunNodes(captured);
  }
  absl::Status status;
  std::exception_ptr exception;
  const auto run = [&, state = CurrentThreadState()] {
    const ScopedThreadState scope(state);
    try {
      status = Run(captured);
    } catch (...) {
      exception = std::current_exception();
    }
  };
  std::thread thread;
  try {
    thread = std::thread(run);
  } catch (const std::system_error&) {
    return absl::ResourceExhaustedError(
        "backward passes inside backward passes are nested too deeply: the "
        "system has no thread for the next one");
  }
  thread.join();
  if (exception != nullptr) std::rethrow_exception(exception);
  return status;
}

}  // namespace v1
}  // namespace ferry
