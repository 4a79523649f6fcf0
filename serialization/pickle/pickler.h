// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/pickler.h
// -----------------------------------------------------------------------------
//
// Writes an object graph as a pickle, protocols 0 to 5: the very bytes that
// CPython's C pickler (Modules/_pickle.c) writes for the same objects, memo
// numbers, batches and frames included.
//
// What a format adds (storages, tensors that the program made) is written by
// its hooks with the `Write...` methods, each of which stands for one object
// that CPython would have saved at that place.
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

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/huge_pages.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/pickle_output.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace pickle {

class Pickler;

// PickleHooks
//
// Writes the nodes that pickle itself does not know.
class PickleHooks {
 public:
  virtual ~PickleHooks() = default;

  // Writes a storage, or a tensor, dtype, device, size or layout that no call
  // of a pickle made. All but storages and dtypes are memoised by the pickler
  // afterwards.
  virtual absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                                 Pickler* pickler) = 0;

  // Called for each object before its call is written. Returns true if the hook
  // has written the object in another way, because it is no longer what the
  // call makes; the pickler then memoises it.
  virtual absl::StatusOr<bool> WriteObject(NodeId object,
                                           const ObjectGraph& graph,
                                           Pickler* pickler);

  // Writes a global of the graph where it is met first, if the format has
  // something else for it; says whether it has. Asked again at the next
  // occurrence if the global was not written meanwhile.
  virtual absl::StatusOr<bool> WriteGlobal(NodeId global,
                                           const ObjectGraph& graph,
                                           Pickler* pickler);
};

// Pickler
//
// Writes one pickle. Thread-safety: none.
class Pickler {
 public:
  // `graph` and `hooks` must outlive the pickler; `hooks` may be null, which
  // refuses the nodes that would need them. `protocol` is 0 to 5.
  Pickler(const ObjectGraph& graph, int protocol, PickleHooks* hooks);

  // Writes `root`, and everything that it refers to. Called once.
  //
  // Errors, with a JSON Pointer to where they arose:
  //   kInvalidArgument - a graph that no pickle can hold: text that is not
  //                      UTF-8; a global that is no name (`DescribeBadGlobal`);
  //                      a tuple, or the arguments of an object, that contain
  //                      themselves more deeply than Python could write.
  //   kUnimplemented   - a node that needs hooks, or that the protocol cannot
  //                      express.
  //   whatever a hook returns.
  absl::Status Dump(NodeId root);

  // The pickle, once it is written. Valid as long as the pickler.
  absl::string_view bytes() const { return out_.bytes(); }
  // The same, which are no longer the pickler's.
  LargeString TakeBytes() { return out_.TakeBytes(); }

  int protocol() const { return protocol_; }

  // --- For hooks -------------------------------------------------------------

  // The notes in the graph.
  const PickleNotes& notes() const { return notes_; }

  // A memo number, or none yet: where a hook keeps that of an object that it
  // may write again.
  static constexpr uint32_t kNotMemoised = 0xFFFFFFFF;
  using MemoSlot = uint32_t;

  void WriteNone();
  void WriteBool(bool value);
  void WriteInt(int64_t value);
  // A str that no node stands for. With a slot: written once, then referred to.
  void WriteStr(absl::string_view text, MemoSlot* slot = nullptr);
  // A str of the graph.
  void WriteStrNode(NodeId node);
  // A str of which Python has one for everybody, such as "cpu". The word, like
  // the names of a global, must outlive the pickler.
  void WriteSharedWord(absl::string_view word);
  void WriteGlobal(absl::string_view module, absl::string_view name);
  // A tuple of integers; memoised unless empty.
  void WriteIntTuple(absl::Span<const int64_t> values);
  // A tuple of `count` objects, at least one: BeginTuple, the objects,
  // EndTuple.
  void BeginTuple(size_t count);
  void EndTuple(size_t count);
  // The call of what was written before the argument tuple. The result is
  // memoised by the pickler if it is a node, else the hook calls Memoise.
  void WriteReduce();
  void WriteEmptyTuple();
  // A dict of one to 1000 names, each with the value True. The names must
  // outlive the pickler.
  void WriteDictOfTrue(absl::Span<const absl::string_view> names);
  // Makes a persistent id of the last object. Protocol 0 has none that PyTorch
  // can read, so `Dump` then returns kUnimplemented.
  void WritePersistentId();
  // Gives the last object the next memo number.
  void Memoise();

 private:
  // Records an error of a method that returns no status. `Dump` returns the
  // first of them.
  void Refuse(absl::StatusCode code, absl::string_view what);
  // Returns the node that is being written, while `root` is.
  NodeId NodeAtHand(NodeId root) const;

  // A container that is being written.
  struct Frame {
    explicit Frame(NodeId node) : node(node) {}
    NodeId node;
    uint32_t next = 0;  // the next child
    uint8_t stage = 0;  // of an object
    // Of an object: the one whose call is written, itself or a dropped copy.
    NodeId called = kNoNode;
  };

  // How CPython groups children: it has one way for exact lists, dicts and
  // sets each, and one for what it must ask for item after item.
  enum class BatchStyle {
    kList,
    kDict,
    kSet,
    kIteratedItems,
    kIteratedEntries,
  };

  // Whether tuples of any size are written between a mark and their end.
  bool NeedsMark(size_t tuple_size) const {
    return tuple_size > 3 || protocol_ < 2;
  }
  // What ends a tuple of at least one item.
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

  // Begins a container that gets its memo number only when it is complete.
  absl::Status PushIncomplete(NodeId node);
  absl::Status Begin(NodeId node);
  absl::Status Continue();
  absl::Status ContinueTuple(Frame* frame);
  absl::Status ContinueSet(Frame* frame);
  absl::Status ContinueObject(Frame* frame);
  // Begins the next child of a container that is written in batches, or, after
  // the last one, ends it and sets `done`. `frame` is not valid after it has
  // begun a child.
  absl::Status NextChild(Frame* frame, absl::Span<const NodeId> children,
                         BatchStyle style, bool* done);
  // Ends a tuple or frozenset of `size` items on the stack, above a mark if
  // `has_mark`.
  void EndFrozen(NodeId node, unsigned char end_opcode, size_t size,
                 bool has_mark);
  void EndCall(Frame* frame);
  // What to call where an object is begun.
  NodeId NextCall(NodeId object);
  // Whether an OrderedDict can be given `state` here: Python copies the entries
  // that the state has when it is read.
  absl::Status CheckCopiedState(NodeId state) const;

  const ObjectGraph& graph_;
  const PickleNotes& notes_;
  const int protocol_;
  PickleHooks* const hooks_;
  absl::Status error_;

  PickleOutput out_;

  // What memo_ has of a node that a frame writes and that is not memoised yet.
  static constexpr uint32_t kBeingWritten = 0xFFFFFFFE;

  std::vector<Frame> frames_;
  std::vector<uint32_t, HugePageAllocator<uint32_t>> memo_;  // by node
  // Of objects with dropped copies that have been begun: the copy to be written
  // where it is begun again, or kNoNode.
  absl::flat_hash_map<NodeId, NodeId> next_dropped_;
  // By node: the dicts whose entries are being written.
  std::vector<bool> has_open_entries_;
  // Frames that write a node which a frame further out writes, too.
  int num_reentered_ = 0;
  uint32_t next_memo_ = 0;
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, uint32_t>
      global_memo_;
  absl::flat_hash_map<absl::string_view, uint32_t> word_memo_;
};

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_PICKLER_H_
