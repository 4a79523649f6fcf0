// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load_into.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/transfer/tensor_reader.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace {

// Lines and names of one kind that an error lists.
constexpr size_t kMaxListed = 1000;

void AppendNames(absl::string_view what, absl::Span<const std::string> names,
                 std::string* problems) {
  if (names.empty()) return;
  absl::StrAppend(problems, "\n  ", what, ": ",
                  ListForMessage(names.size(), kMaxListed, [&](size_t i) {
                    return EscapeForMessage(names[i]);
                  }));
}

// May throw std::bad_alloc.
absl::StatusOr<LoadIntoResult> LoadIntoOrThrow(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> tensors,
    const LoadIntoOptions& options) {
  const std::string file(checkpoint.name());
  const auto in_file = [&file](const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrCat(file, ": ", status.message()));
  };
  const absl::StatusOr<Value> holder = checkpoint.root().At(options.pointer);
  if (!holder.ok()) return in_file(holder.status());
  absl::StatusOr<StateDictResult> state = StateDict(*holder, options.budget);
  if (!state.ok()) return in_file(state.status());

  HashMap<absl::string_view, const NamedTensor*> wanted;
  wanted.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) {
    if (!wanted.emplace(tensor.name, &tensor).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two of the tensors to load into have the name \"",
                       EscapeForMessage(tensor.name), "\""));
    }
  }
  LoadIntoResult result;
  result.pointer = absl::StrCat(options.pointer, state->pointer);
  for (std::vector<std::string>* pointers :
       {&state->outside, &state->ambiguous}) {
    for (std::string& pointer : *pointers) {
      pointer.insert(0, options.pointer);
    }
  }
  result.outside = std::move(state->outside);
  std::vector<Checkpoint::TensorDestination> destinations;
  destinations.reserve(tensors.size());
  std::string mismatches;
  size_t num_mismatches = 0;
  const auto add_mismatch = [&](absl::string_view name,
                                absl::string_view what) {
    if (++num_mismatches > kMaxListed) return;
    absl::StrAppend(&mismatches, "\n  ", EscapeForMessage(name), ": ", what);
  };
  for (const NamedTensor& entry : state->tensors) {
    const auto found = wanted.find(entry.name);
    if (found == wanted.end()) {
      result.unexpected.push_back(entry.name);
      continue;
    }
    const Tensor& to = found->second->tensor;
    wanted.erase(found);
    const std::string mismatch =
        DescribeMismatch(entry.tensor, to, options.cast);
    if (mismatch.empty()) {
      destinations.push_back({entry.tensor, to, options.cast});
    } else {
      add_mismatch(entry.name, mismatch);
    }
  }
  std::vector<std::string> no_tensors;
  for (const LeftOut& entry : state->left_out) {
    if (wanted.erase(entry.name) != 0) {
      add_mismatch(entry.name,
                   absl::StrCat("in the file it is not a tensor, but of type ",
                                EscapeForMessage(entry.type)));
      continue;
    }
    result.unexpected.push_back(entry.name);
    no_tensors.push_back(absl::StrCat(entry.name, " (", entry.type, ")"));
  }
  for (const NamedTensor& tensor : tensors) {
    if (wanted.contains(tensor.name)) result.missing.push_back(tensor.name);
  }
  const size_t num_in_state = result.unexpected.size();
  result.unexpected.insert(result.unexpected.end(), state->ambiguous.begin(),
                           state->ambiguous.end());
  std::string problems;
  if (options.strict) {
    AppendNames("not in the file", result.missing, &problems);
    AppendNames("only in the file",
                absl::MakeConstSpan(result.unexpected)
                    .first(num_in_state - no_tensors.size()),
                &problems);
    AppendNames("only in the file, and not tensors", no_tensors, &problems);
    AppendNames(
        absl::StrCat("next to the model's state, and perhaps a part of it (to "
                     "leave it out, set LoadIntoOptions::pointer to ",
                     QuoteForMessage(result.pointer), ")"),
        state->ambiguous, &problems);
    if (!result.missing.empty() && checkpoint.constants().size() != 0) {
      absl::StrAppend(
          &problems,
          "\n  the file is a TorchScript archive with constants, where a "
          "frozen program keeps its weights; `ProgramData` returns them");
    }
  }
  absl::StrAppend(&problems, mismatches);
  if (num_mismatches > kMaxListed) {
    absl::StrAppend(&problems, "\n  and ", num_mismatches - kMaxListed,
                    " more that do not fit");
  }
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, " does not fit the tensors to load into:", problems));
  }
  FERRY_RETURN_IF_ERROR(checkpoint.ReadTensors(destinations));
  return result;
}

}  // namespace

absl::StatusOr<LoadIntoResult> LoadInto(const Checkpoint& checkpoint,
                                        absl::Span<const NamedTensor> tensors,
                                        const LoadIntoOptions& options) {
  return CatchOutOfMemory(
      [&] { return LoadIntoOrThrow(checkpoint, tensors, options); });
}

absl::StatusOr<LoadIntoResult> LoadInto(absl::string_view path,
                                        absl::Span<const NamedTensor> tensors,
                                        const LoadIntoOptions& options,
                                        const LoadOptions& load_options) {
  FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, load_options));
  return LoadInto(checkpoint, tensors, options);
}

}  // namespace v1
}  // namespace ferry
