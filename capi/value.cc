// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/value.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/capi/handle.h"
#include "ferry/capi/options.h"
#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/ferry.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

// Makes a handle of what `make` returns.
template <typename Function>
int32_t New(ferry_value** out, ferry_error** error, Function&& make) noexcept {
  return Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(Value value, make());
    SetHandle(out, std::move(value));
    return absl::OkStatus();
  });
}

// Passes what `get` returns for a value to the caller.
template <typename T, typename Function>
int32_t Get(const ferry_value* value, T* out, ferry_error** error,
            Function&& get) noexcept {
  return Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(*out, get(value->value));
    return absl::OkStatus();
  });
}

absl::StatusOr<ferry_string> ToFerryString(
    const absl::StatusOr<absl::string_view>& text) {
  if (!text.ok()) return text.status();
  return ferry_string{text->data(), text->size()};
}

// Adds the tensors of a value to a list.
class TensorLister final : public GraphVisitor {
 public:
  TensorLister(const ObjectGraph* graph, Budget* budget,
               ferry_tensor_list* list)
      : graph_(*graph), budget_(*budget), list_(*list) {}

  absl::Status OnTensor(absl::string_view pointer, NodeId tensor) override {
    FERRY_RETURN_IF_ERROR(budget_.ChargeMemory(
        pointer.size() + sizeof(ferry_tensor) + sizeof(size_t)));
    list_.tensors.emplace_back(graph_.tensor(tensor)).is_borrowed = true;
    list_.pointers.append(pointer.data(), pointer.size());
    list_.pointer_ends.push_back(list_.pointers.size());
    return absl::OkStatus();
  }

 private:
  const ObjectGraph& graph_;
  Budget& budget_;
  ferry_tensor_list& list_;
};

}  // namespace
}  // namespace capi
}  // namespace v1
}  // namespace ferry

namespace capi = ferry::capi;

const char* ferry_value_kind(const ferry_value* value) noexcept {
  // The names are literals.
  return capi::IsHandle(value) ? ferry::Name(value->value.kind()).data() : "";
}

uint64_t ferry_value_size(const ferry_value* value) noexcept {
  return capi::IsHandle(value) ? value->value.size() : 0;
}

int32_t ferry_value_at(const ferry_value* value, const char* pointer,
                       ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(pointer, "pointer"));
    return value->value.At(pointer);
  });
}

int32_t ferry_value_find(const ferry_value* value, const char* pointer,
                         uint64_t size_bytes, ferry_value** out,
                         ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(capi::CheckBytes(pointer, size_bytes, "pointer"));
    return value->value.At(absl::string_view(pointer, size_bytes));
  });
}

int32_t ferry_value_item(const ferry_value* value, uint64_t index,
                         ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    return value->value.Item(index);
  });
}

int32_t ferry_value_entry(const ferry_value* value, uint64_t index,
                          ferry_value** key, ferry_value** out,
                          ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_ASSIGN_OR_RETURN(auto entry, value->value.Entry(index));
    auto new_key = std::make_unique<ferry_value>(std::move(entry.first));
    capi::SetHandle(out, std::move(entry.second));
    if (key != nullptr) *key = new_key.release();
    return absl::OkStatus();
  });
}

int32_t ferry_value_as_bool(const ferry_value* value, int32_t* out,
                            ferry_error** error) noexcept {
  return capi::Get(value, out, error,
                   [](const ferry::Value& from) { return from.AsBool(); });
}

int32_t ferry_value_as_int(const ferry_value* value, int64_t* out,
                           ferry_error** error) noexcept {
  return capi::Get(value, out, error,
                   [](const ferry::Value& from) { return from.AsInt(); });
}

int32_t ferry_value_as_float(const ferry_value* value, double* out,
                             ferry_error** error) noexcept {
  return capi::Get(value, out, error,
                   [](const ferry::Value& from) { return from.AsFloat(); });
}

int32_t ferry_value_as_str(const ferry_value* value, ferry_string* out,
                           ferry_error** error) noexcept {
  return capi::Get(value, out, error, [](const ferry::Value& from) {
    return capi::ToFerryString(from.AsStr());
  });
}

int32_t ferry_value_as_bytes(const ferry_value* value, ferry_string* out,
                             ferry_error** error) noexcept {
  return capi::Get(value, out, error, [](const ferry::Value& from) {
    return capi::ToFerryString(from.AsBytes());
  });
}

int32_t ferry_value_as_tensor(const ferry_value* value, ferry_tensor** out,
                              ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(ferry::Tensor tensor, value->value.AsTensor());
    capi::SetHandle(out, std::move(tensor));
    return absl::OkStatus();
  });
}

int32_t ferry_value_new_none(ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, []() -> absl::StatusOr<ferry::Value> {
    return ferry::Value();
  });
}

int32_t ferry_value_new_bool(int32_t is_true, ferry_value** out,
                             ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    return ferry::Value(is_true != 0);
  });
}

int32_t ferry_value_new_int(int64_t number, ferry_value** out,
                            ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    return ferry::Value(number);
  });
}

int32_t ferry_value_new_float(double number, ferry_value** out,
                              ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    return ferry::Value(number);
  });
}

int32_t ferry_value_new_str(const char* text, uint64_t size_bytes,
                            ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckBytes(text, size_bytes, "text"));
    return ferry::Value(absl::string_view(text, size_bytes));
  });
}

int32_t ferry_value_new_bytes(const void* bytes, uint64_t size_bytes,
                              ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckBytes(bytes, size_bytes, "bytes"));
    return ferry::Value::Bytes(
        absl::string_view(static_cast<const char*>(bytes), size_bytes));
  });
}

int32_t ferry_value_new_tensor(const ferry_tensor* tensor, ferry_value** out,
                               ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(tensor, "tensor"));
    return ferry::Value(tensor->tensor);
  });
}

int32_t ferry_value_new_parameter(const ferry_tensor* tensor, ferry_value** out,
                                  ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(tensor, "tensor"));
    return ferry::Value::Parameter(tensor->tensor);
  });
}

int32_t ferry_value_new_list(ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, []() -> absl::StatusOr<ferry::Value> {
    return ferry::Value::List();
  });
}

int32_t ferry_value_new_tuple(const ferry_value* const* items, uint64_t count,
                              ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, [&]() -> absl::StatusOr<ferry::Value> {
    FERRY_RETURN_IF_ERROR(capi::CheckArray(items, count, "items"));
    std::vector<ferry::Value> values;
    values.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      FERRY_RETURN_IF_ERROR(capi::CheckHandle(items[i], "items"));
      values.push_back(items[i]->value);
    }
    return ferry::Value::Tuple(values);
  });
}

int32_t ferry_value_new_dict(ferry_value** out, ferry_error** error) noexcept {
  return capi::New(out, error, []() -> absl::StatusOr<ferry::Value> {
    return ferry::Value::Dict();
  });
}

int32_t ferry_value_new_ordered_dict(ferry_value** out,
                                     ferry_error** error) noexcept {
  return capi::New(out, error, []() -> absl::StatusOr<ferry::Value> {
    return ferry::Value::OrderedDict();
  });
}

int32_t ferry_value_append(ferry_value* list, const ferry_value* item,
                           ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(list, "list"));
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(item, "item"));
    return list->value.Append(item->value);
  });
}

int32_t ferry_value_set(ferry_value* dict, const char* key,
                        const ferry_value* value,
                        ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(dict, "dict"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(key, "key"));
    FERRY_RETURN_IF_ERROR(capi::CheckBytes(key, std::strlen(key), "key"));
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    return dict->value.Set(key, value->value);
  });
}

int32_t ferry_value_set_entry(ferry_value* dict, const ferry_value* key,
                              const ferry_value* value,
                              ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(dict, "dict"));
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(key, "key"));
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    return dict->value.Set(key->value, value->value);
  });
}

void ferry_value_free(ferry_value* value) noexcept { capi::Free(value); }

int32_t ferry_value_list_tensors(const ferry_value* value,
                                 const ferry_limits* limits,
                                 ferry_tensor_list** out,
                                 ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(value, "value"));
    FERRY_RETURN_IF_ERROR(capi::CheckNotNull(out, "out"));
    FERRY_ASSIGN_OR_RETURN(const ferry::BudgetOptions options,
                           capi::ReadLimits(limits));
    const ferry::ObjectGraph& graph = *value->value.graph();
    ferry::Budget budget(options, graph.stored_bytes());
    auto list = std::make_unique<ferry_tensor_list>();
    capi::TensorLister lister(&graph, &budget, list.get());
    FERRY_RETURN_IF_ERROR(
        ferry::WalkGraph(graph, value->value.node(), &budget, &lister));
    *out = list.release();
    return absl::OkStatus();
  });
}

uint64_t ferry_tensor_list_size(const ferry_tensor_list* list) noexcept {
  return capi::IsHandle(list) ? list->tensors.size() : 0;
}

int32_t ferry_tensor_list_get(const ferry_tensor_list* list, uint64_t index,
                              ferry_string* pointer,
                              const ferry_tensor** tensor,
                              ferry_error** error) noexcept {
  return capi::Call(error, [&]() -> absl::Status {
    FERRY_RETURN_IF_ERROR(capi::CheckHandle(list, "list"));
    if (index >= list->tensors.size()) {
      return absl::OutOfRangeError(
          absl::StrCat("the index is ", index, ", and the list has ",
                       list->tensors.size(), " tensors"));
    }
    if (pointer != nullptr) {
      const size_t begin = index == 0 ? 0 : list->pointer_ends[index - 1];
      *pointer = {list->pointers.data() + begin,
                  list->pointer_ends[index] - begin};
    }
    if (tensor != nullptr) *tensor = &list->tensors[index];
    return absl::OkStatus();
  });
}

void ferry_tensor_list_free(ferry_tensor_list* list) noexcept {
  capi::Free(list);
}
