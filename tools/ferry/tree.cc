// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Names and pointers are cut here.
constexpr size_t kMaxNameBytes = 120;

// Columns are made no wider than this for the sake of one long cell.
constexpr size_t kMaxColumns = 48;

// Rows below this level are indented no further, and say how deep they are.
constexpr size_t kMaxIndentedDepth = 30;

// So many rows that are alike are shown: of the items of a list or tuple, and
// of rows that have names.
constexpr uint64_t kMaxItems = 10;
constexpr uint64_t kMaxNamed = 100;

// Rows that are lined up at a time.
constexpr size_t kMaxBlockRows = 4096;

// Counts tensors, and the storages in the file that they or others refer to.
class Totals final : public GraphVisitor {
 public:
  // Makes `graph` the one that nodes are of.
  void SetGraph(const ObjectGraph& graph) { graph_ = &graph; }

  absl::Status OnTensor(absl::string_view, NodeId node) override {
    ++num_tensors_;
    const Tensor& tensor = graph_->tensor(node);
    AddStorage(tensor.storage());
    for (const Tensor& part : tensor.components()) AddStorage(part.storage());
    return absl::OkStatus();
  }

  absl::Status OnLeaf(absl::string_view, NodeId node) override {
    if (graph_->kind(node) == ValueKind::kStorage) {
      AddStorage(graph_->storage(node).storage);
    }
    return absl::OkStatus();
  }

  std::string ToString() const {
    return absl::StrCat(Count(num_tensors_, "tensor"), ", ",
                        Count(storages_.size(), "storage"), ", ",
                        HumanBytes(storage_bytes_));
  }

 private:
  // Those of meta tensors have data as much as they ever will, in no file.
  void AddStorage(const Storage& storage) {
    if (storage.is_null() || storage.has_data() ||
        !storages_.insert(storage).second)
      return;
    if (__builtin_add_overflow(storage_bytes_, storage.size_bytes(),
                               &storage_bytes_)) {
      storage_bytes_ = std::numeric_limits<uint64_t>::max();
    }
  }

  const ObjectGraph* graph_ = nullptr;
  uint64_t num_tensors_ = 0;
  uint64_t storage_bytes_ = 0;
  HashSet<Storage> storages_;
};

class TreePrinter final : public GraphVisitor {
 public:
  TreePrinter(const Selection& selection, const TreeOptions& options,
              ChargedStream& out)
      : graph_(selection.graph()),
        is_flat_(selection.is_pattern()),
        options_(options),
        out_(out) {
    totals_.SetGraph(graph_);
  }

  absl::Status OnTensor(absl::string_view pointer, NodeId node) override {
    const Tensor& tensor = graph_.tensor(node);
    FERRY_RETURN_IF_ERROR(totals_.OnTensor(pointer, node));
    const size_t depth = EnterRow(pointer);
    std::string dtype(Name(tensor.dtype()));
    std::string shape = ShapeToString(tensor.shape());
    if (!IsShown(depth, absl::StrCat(dtype, shape))) return out_.status();
    AddRow(depth, pointer,
           {std::move(dtype), std::move(shape),
            HumanBytes(ElementBytesOf(tensor)), Marks(tensor, node)});
    return out_.status();
  }

  absl::Status OnContainer(absl::string_view pointer, NodeId node) override {
    const size_t depth = EnterRow(pointer);
    std::string text = DescribeContainer(graph_, node);
    const bool is_shown = IsShown(depth, text);
    if (is_shown) {
      PrintBlock();
      AddRow(depth, pointer, {std::move(text)});
      PrintBlock();
    }
    if (is_flat_) return out_.status();
    Level level;
    level.pointer_bytes = pointer.size();
    level.max_alike = graph_.kind(node) == ValueKind::kList ||
                              graph_.kind(node) == ValueKind::kTuple
                          ? kMaxItems
                          : kMaxNamed;
    level.is_folded =
        levels_.back().is_folded || (!is_shown && !IsTooDeep(depth));
    levels_.push_back(std::move(level));
    return out_.status();
  }

  absl::Status OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer) override {
    const size_t depth = EnterRow(pointer);
    if (!IsShown(depth, "alias")) return out_.status();
    AddRow(
        depth, pointer,
        {absl::StrCat("-> ", first_pointer.empty() ? "the root"
                                                   : SafeName(first_pointer))});
    return out_.status();
  }

  absl::Status OnLeaf(absl::string_view pointer, NodeId node) override {
    FERRY_RETURN_IF_ERROR(totals_.OnLeaf(pointer, node));
    const size_t depth = EnterRow(pointer);
    if (!IsShown(depth, "leaf")) return out_.status();
    AddRow(depth, pointer, {DescribeLeaf(graph_, node)});
    return out_.status();
  }

  absl::Status Finish() {
    for (size_t depth = levels_.size(); depth-- > 0;) EndAlike(depth);
    PrintBlock();
    if (is_any_folded_) out_ << "(rows are folded; --all shows all of them)\n";
    if (num_hidden_ > 0) {
      out_ << "(" << Count(num_hidden_, "row") << " below this depth)\n";
    }
    if (options_.also_counted != nullptr) {
      totals_.SetGraph(options_.also_counted->graph());
      FERRY_RETURN_IF_ERROR(options_.also_counted->Walk(&totals_));
    }
    out_ << "\n" << totals_.ToString() << "\n";
    if (options_.digests != nullptr && !options_.digests->graph.empty()) {
      out_ << "sha256 of everything: " << options_.digests->graph << "\n";
    }
    return out_.status();
  }

 private:
  struct Row {
    std::string name;
    std::vector<std::string> cells;
  };

  static std::string SafeName(absl::string_view name) {
    return EscapeForTerminal(Shorten(name, kMaxNameBytes));
  }

  // A container whose rows are being shown; the first is what holds the root.
  struct Level {
    size_t pointer_bytes = 0;  // of the container
    uint64_t max_alike = kMaxNamed;
    bool is_folded = false;  // with everything in it
    std::string like;        // what the latest rows are alike in
    uint64_t num_alike = 0;
  };

  // How deep the row stands, once the containers that have ended are left.
  size_t EnterRow(absl::string_view pointer) {
    // The last step of a pointer has no "/" in it.
    const size_t parent_bytes = pointer.rfind('/');
    while (levels_.size() > 2 && levels_.back().pointer_bytes > parent_bytes) {
      EndAlike(levels_.size() - 1);
      levels_.pop_back();
    }
    return levels_.size() - 1;
  }

  bool IsTooDeep(size_t depth) const {
    return depth > static_cast<size_t>(std::max(options_.max_depth, 0));
  }

  // Whether to show the next row of the innermost container. Rows with the same
  // `like` are alike.
  bool IsShown(size_t depth, absl::string_view like) {
    Level& level = levels_.back();
    if (level.is_folded) return false;
    if (IsTooDeep(depth)) {
      ++num_hidden_;
      return false;
    }
    if (level.like != like) {
      EndAlike(depth);
      level.like = std::string(like);
      level.num_alike = 0;
    }
    ++level.num_alike;
    return options_.all || level.num_alike <= level.max_alike;
  }

  // Says how many rows were folded since the last one that was shown.
  void EndAlike(size_t depth) {
    const Level& level = levels_[depth];
    if (options_.all || level.num_alike <= level.max_alike) return;
    is_any_folded_ = true;
    PrintBlock();
    block_depth_ = depth;
    block_.push_back(
        {"",
         {absl::StrCat("... ", level.num_alike - level.max_alike, " more")}});
    PrintBlock();
  }

  std::string Marks(const Tensor& tensor, NodeId node) const {
    std::vector<std::string> marks;
    const std::string location = LocationOf(tensor);
    if (location != "cpu") {
      marks.push_back(EscapeForTerminal(Shorten(location, kMaxNameBytes)));
    }
    if (tensor.layout() != Layout::kStrided) {
      marks.push_back(std::string(Name(tensor.layout())));
    }
    if (graph_.is_parameter(node)) marks.push_back("parameter");
    if (tensor.requires_grad() != graph_.is_parameter(node)) {
      marks.push_back(tensor.requires_grad() ? "requires_grad" : "frozen");
    }
    if (tensor.is_conj()) marks.push_back("conj");
    if (tensor.is_neg()) marks.push_back("neg");
    if (const auto quantizer = QuantizerOf(graph_, node)) {
      const bool is_per_channel =
          graph_.kind(quantizer->scale) == ValueKind::kTensor;
      marks.push_back(
          is_per_channel
              ? "scales per channel"
              : absl::StrCat("scale ", DescribeLeaf(graph_, quantizer->scale),
                             ", zero point ",
                             DescribeLeaf(graph_, quantizer->zero_point)));
      if (quantizer->axis != kNoNode) {
        marks.push_back(
            absl::StrCat("axis ", DescribeLeaf(graph_, quantizer->axis)));
      }
    }
    if (options_.digests != nullptr) {
      const auto digest = options_.digests->tensors.find({node, 0});
      if (digest != options_.digests->tensors.end()) {
        marks.push_back(absl::StrCat("sha256:", digest->second));
      }
    }
    std::string text;
    for (const std::string& mark : marks) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", mark);
    }
    return text;
  }

  void AddRow(size_t depth, absl::string_view pointer,
              std::vector<std::string> cells) {
    if (depth != block_depth_ || block_.size() == kMaxBlockRows) PrintBlock();
    block_depth_ = depth;
    std::string name;
    if (is_flat_) {
      name = pointer.empty() ? "(root)" : SafeName(pointer);
    } else if (depth > 0) {
      const absl::string_view step = pointer.substr(pointer.rfind('/') + 1);
      name = SafeName(absl::StrReplaceAll(step.substr(0, 2 * kMaxNameBytes),
                                          {{"~1", "/"}, {"~0", "~"}}));
      if (name.empty()) name = "\"\"";
    }
    block_.push_back({std::move(name), std::move(cells)});
  }

  // Writes the rows so far, their columns lined up: they are neighbours of one
  // level.
  void PrintBlock() {
    if (block_.empty()) return;
    size_t name_width = 0;
    std::vector<size_t> widths;
    for (const Row& row : block_) {
      name_width =
          std::max(name_width, std::min(Columns(row.name), kMaxColumns));
      if (row.cells.size() < 2) continue;
      widths.resize(row.cells.size(), 0);
      for (size_t i = 0; i < row.cells.size(); ++i) {
        widths[i] =
            std::max(widths[i], std::min(Columns(row.cells[i]), kMaxColumns));
      }
    }
    std::string indent(2 * std::min(block_depth_, kMaxIndentedDepth), ' ');
    if (block_depth_ > kMaxIndentedDepth) {
      absl::StrAppend(&indent, "[depth ", block_depth_, "] ");
    }
    for (const Row& row : block_) {
      std::string line = indent;
      const auto add = [&line](absl::string_view cell, size_t width) {
        absl::StrAppend(&line, cell);
        line.append(width - std::min(width, Columns(cell)) + 2, ' ');
      };
      if (!row.name.empty()) add(row.name, name_width);
      const size_t size_column = 2;
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const size_t width = row.cells.size() > 1 ? widths[i] : 0;
        // Sizes are lined up on the right.
        if (i == size_column && row.cells.size() > 1) {
          line.append(width - std::min(width, Columns(row.cells[i])), ' ');
          add(row.cells[i], 0);
        } else {
          add(row.cells[i], width);
        }
      }
      line.resize(line.find_last_not_of(' ') + 1);
      out_ << line << "\n";
    }
    block_.clear();
  }

  const ObjectGraph& graph_;
  const bool is_flat_;
  const TreeOptions& options_;
  ChargedStream& out_;

  // The containers around the current row, the outermost first.
  std::vector<Level> levels_ = std::vector<Level>(1);
  bool is_any_folded_ = false;
  std::vector<Row> block_;
  size_t block_depth_ = 0;

  uint64_t num_hidden_ = 0;
  Totals totals_;
};

}  // namespace

absl::Status PrintTree(const Selection& selection, const TreeOptions& options,
                       ChargedStream& out) {
  TreePrinter printer(selection, options, out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&printer));
  return printer.Finish();
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
