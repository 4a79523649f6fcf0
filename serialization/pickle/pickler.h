// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickler.h
// -----------------------------------------------------------------------------
//
// Writes an object graph as a pickle, protocols 0 to 5. The output is byte for
// byte what CPython's C pickler (Modules/_pickle.c) writes for the same
// objects, including memo numbers, batches and frames.
//
// The hooks of a format write its own objects (storages, and tensors that the
// program made) with the `Write...` methods. Each call of these writes one
// object that CPython would save at that point.
//
// Example:
//
//   Pickler pickler(graph, /*protocol=*/2, nullptr);
//   FERRY_RETURN_IF_ERROR(pickler.Dump(root));
//   absl::string_view bytes = pickler.bytes();
#ifndef FERRY_SERIALIZATION_PICKLE_PICKLER_H_
#define FERRY_SERIALIZATION_PICKLE_PICKLER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/pickle_output.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

class Pickler;

// PickleHooks
//
// Writes the kinds of nodes that pickle itself does not support.
class PickleHooks {
 public:
  virtual ~PickleHooks() = default;

  // Writes a storage, or a tensor, dtype, device, size or layout that was not
  // made by a call in a pickle. The pickler then memoises all of these except
  // storages and dtypes.
  virtual absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                                 Pickler* pickler) = 0;

  // Called for each object before its call is written. Returns true if the hook
  // has written the object differently, because the call no longer describes
  // it. The pickler then memoises the object.
  virtual absl::StatusOr<bool> WriteObject(NodeId object,
                                           const ObjectGraph& graph,
                                           Pickler* pickler);

  // Called at the first occurrence of a global of the graph. Returns true if
  // the hook has written the global, because the format has a different
  // representation of it. If the global has not been written by its next
  // occurrence, it is called again.
  virtual absl::StatusOr<bool> WriteGlobal(NodeId global,
                                           const ObjectGraph& graph,
                                           Pickler* pickler);
};

// Pickler
//
// Writes one pickle. Thread-safety: none.
class Pickler {
 public:
  // `graph`, `hooks` and `budget` must outlive the pickler. `hooks` may be
  // null; nodes that need hooks are then an error. `protocol` is 0 to 5. The
  // memory of the pickle is charged to `budget`: what a graph has once, a
  // pickle may have many times, such as the key of a storage.
  Pickler(const ObjectGraph& graph, int protocol, PickleHooks* hooks,
          Budget* budget = Budget::Unlimited());

  // Writes `root` and everything that it refers to. Must be called once.
  //
  // Errors, with a JSON Pointer to the position of the error:
  //   kInvalidArgument - a pickle cannot represent the graph: text is not
  //                      UTF-8; a global has an invalid name
  //                      (`DescribeBadGlobal`); what makes an object or sets
  //                      its state cannot be called; or a tuple, or the
  //                      arguments of an object, contain themselves more deeply
  //                      than Python could write.
  //   kUnimplemented   - a node needs hooks, or the protocol cannot represent
  //                      it.
  //   kResourceExhausted - the budget is spent.
  //   whatever a hook returns.
  absl::Status Dump(NodeId root);

  // Returns the pickle, after `Dump`. Valid as long as the pickler.
  absl::string_view bytes() const { return out_.bytes(); }
  // Moves the pickle out of the pickler.
  LargeString TakeBytes() { return out_.TakeBytes(); }

  int protocol() const { return protocol_; }

  // --- For hooks -------------------------------------------------------------

  // The notes in the graph.
  const PickleNotes& notes() const { return notes_; }

  // A memo number, or kNotMemoised. A hook stores the number of an object here
  // if it may write the object again.
  static constexpr uint32_t kNotMemoised = 0xFFFFFFFF;
  using MemoSlot = uint32_t;

  void WriteNone();
  void WriteBool(bool value);
  void WriteInt(int64_t value);
  // Writes a str that has no node. With a slot, writes it once, and then refers
  // to it.
  void WriteStr(absl::string_view text, MemoSlot* slot = nullptr);
  // Writes a str of the graph.
  void WriteStrNode(NodeId node);
  // Writes a str for which Python has one shared object, such as "cpu". The
  // word, like the names of a global, must outlive the pickler.
  void WriteSharedWord(absl::string_view word);
  void WriteGlobal(absl::string_view module, absl::string_view name);
  // Writes a tuple of integers, and memoises it unless it is empty.
  void WriteIntTuple(absl::Span<const int64_t> values);
  // To write a tuple of `count` objects, at least one: call BeginTuple, write
  // the objects, and call EndTuple.
  void BeginTuple(size_t count);
  void EndTuple(size_t count);
  // Writes the call of the callable that was written before the argument tuple.
  // If the result is a node, the pickler memoises it. Otherwise the hook calls
  // Memoise.
  void WriteReduce();
  void WriteEmptyTuple();
  // Writes a dict of 1 to 1000 names, each with the value True. The names must
  // outlive the pickler.
  void WriteDictOfTrue(absl::Span<const absl::string_view> names);
  // Turns the last object into a persistent id. In protocol 0 PyTorch cannot
  // read these, so `Dump` then returns kUnimplemented.
  void WritePersistentId();
  // Assigns the next memo number to the last object.
  void Memoise();

 private:
  // Records an error of a method that returns no status. `Dump` returns the
  // first of them.
  void Refuse(absl::StatusCode code, absl::string_view what);
  // Returns the node that is being written. `root` is the root of the graph.
  NodeId NodeAtHand(NodeId root) const;

  // A container that is being written.
  struct Frame {
    explicit Frame(NodeId node) : node(node) {}
    NodeId node;
    uint32_t next = 0;  // the next child
    uint8_t stage = 0;  // of an object
    // For an object, the node whose call is written: the object itself or a
    // dropped copy.
    NodeId called = kNoNode;
  };

  // How CPython groups children into batches. It has one way each for exact
  // lists, dicts and sets, and others for objects that it iterates over.
  enum class BatchStyle {
    kList,
    kDict,
    kSet,
    kIteratedItems,
    kIteratedEntries,
  };

  // Whether a tuple of this size is written between a mark and an end opcode.
  bool NeedsMark(size_t tuple_size) const {
    return tuple_size > 3 || protocol_ < 2;
  }
  // Returns the opcode that ends a tuple of at least one item.
  unsigned char TupleOpcode(size_t size) const;
  // Writes an empty list, dict or tuple: the opcode `empty`, or, in protocol 0,
  // a mark and the opcode `protocol_0`.
  void PutEmpty(unsigned char empty, unsigned char protocol_0);
  void WriteGet(uint32_t memo);
  void PutStr(absl::string_view text);
  void PutBytes(absl::string_view bytes);
  void WriteBytesCall(absl::string_view bytes);
  void WriteByteArray(absl::string_view bytes);
  void WriteBigInt(absl::string_view twos_complement);
  void WriteFloat(double value);
  void WriteComplex(double real, double imag);
  void WriteGlobalNode(NodeId node);
  void CheckGlobal(const GlobalName& global);
  void WriteNewGlobal(const GlobalName& global,
                      const PickleNotes::Global& strs);
  void MemoiseNode(NodeId node);
  bool IsMemoised(NodeId node) const { return memo_[node] < kBeingWritten; }

  // Begins a container that is memoised only when it is complete.
  absl::Status PushIncomplete(NodeId node);
  absl::Status Begin(NodeId node);
  absl::Status Continue();
  // Charges the output, if there is enough that is not charged yet.
  absl::Status ChargeOutput();
  absl::Status ContinueTuple(Frame* frame);
  absl::Status ContinueSet(Frame* frame);
  unsigned char OpcodeOf(ObjectForm form) const;
  absl::Status ContinueObject(Frame* frame);
  // Begins the next child of a container that is written in batches. After the
  // last child, ends the container and sets `done`. `frame` is invalid after a
  // child has begun.
  absl::Status NextChild(Frame* frame, absl::Span<const NodeId> children,
                         BatchStyle style, bool* done);
  // Ends a tuple or frozenset. Its `size` items are on the stack, above a mark
  // if `has_mark`.
  void EndFrozen(NodeId node, unsigned char end_opcode, size_t size,
                 bool has_mark);
  void EndCall(Frame* frame);
  // Returns the callable to write when an object begins.
  NodeId NextCall(NodeId object);
  // Checks whether `object` can be given `state` at this point: when Python
  // reads the pickle, it copies the entries that the state has by then.
  absl::Status CheckState(NodeId object, NodeId state) const;

  const ObjectGraph& graph_;
  const PickleNotes& notes_;
  const int protocol_;
  PickleHooks* const hooks_;
  Budget* const budget_;
  size_t charged_bytes_ = 0;  // of the output
  absl::Status error_;

  PickleOutput out_;

  // The value in memo_ of a node that is being written and is not memoised yet.
  static constexpr uint32_t kBeingWritten = 0xFFFFFFFE;

  std::vector<Frame> frames_;
  std::vector<uint32_t, HugePageAllocator<uint32_t>> memo_;  // by node
  // For each object with dropped copies that has begun, the copy to write when
  // the object begins again, or kNoNode.
  HashMap<NodeId, NodeId> next_dropped_;
  // Whether the entries of a dict are being written, by node.
  std::vector<bool> has_open_entries_;
  // The number of frames whose node is also written by an outer frame.
  int num_reentered_ = 0;
  uint32_t next_memo_ = 0;
  HashMap<std::pair<absl::string_view, absl::string_view>, uint32_t>
      global_memo_;
  HashMap<absl::string_view, uint32_t> word_memo_;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLER_H_
