// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Lists the tensors of a checkpoint, and saves one of them to a new file. Plain
// C11: docs/c-api.md says how to build it.

#include <stdio.h>
#include <string.h>

#include "ferry/ferry.h"

// Prints the name, dtype and shape of each tensor in `value`.
static int32_t PrintTensors(const ferry_value* value, ferry_error** error) {
  ferry_tensor_list* list = NULL;
  int32_t code = ferry_value_list_tensors(value, NULL, &list, error);
  const uint64_t count = ferry_tensor_list_size(list);
  for (uint64_t i = 0; code == FERRY_OK && i < count; ++i) {
    ferry_string pointer;
    const ferry_tensor* tensor = NULL;
    ferry_tensor_info info;
    memset(&info, 0, sizeof(info));
    info.struct_size = sizeof(info);
    code = ferry_tensor_list_get(list, i, &pointer, &tensor, error);
    if (code == FERRY_OK) code = ferry_tensor_describe(tensor, &info, error);
    if (code != FERRY_OK) break;
    printf("%.*s %s", (int)pointer.size_bytes, pointer.data, info.dtype);
    for (uint64_t k = 0; k < info.rank; ++k) {
      printf("%s%lld", k == 0 ? " " : " x ", (long long)info.shape[k]);
    }
    printf("\n");
  }
  ferry_tensor_list_free(list);
  return code;
}

// Reads a float32 tensor into memory of our own, and prints its first element.
static int32_t PrintFirstElement(const ferry_checkpoint* checkpoint,
                                 const ferry_tensor* tensor,
                                 ferry_error** error) {
  float elements[1024];
  const ferry_tensor* const tensors[] = {tensor};
  void* const memory[] = {elements};
  ferry_tensor_info info;
  memset(&info, 0, sizeof(info));
  info.struct_size = sizeof(info);
  int32_t code = ferry_tensor_describe(tensor, &info, error);
  if (code != FERRY_OK || strcmp(info.dtype, "float32") != 0 ||
      info.size_bytes > sizeof(elements)) {
    return code;
  }
  code = ferry_checkpoint_read(checkpoint, tensors, memory, &info.size_bytes, 1,
                               error);
  if (code == FERRY_OK) printf("first element: %g\n", elements[0]);
  return code;
}

// Saves {"weight": tensor} to a file.
static int32_t SaveTensor(const ferry_tensor* tensor, const char* path,
                          ferry_error** error) {
  ferry_value* state = NULL;
  ferry_value* weight = NULL;
  int32_t code = ferry_value_new_ordered_dict(&state, error);
  if (code == FERRY_OK) code = ferry_value_new_tensor(tensor, &weight, error);
  if (code == FERRY_OK) code = ferry_value_set(state, "weight", weight, error);
  if (code == FERRY_OK) code = ferry_save(state, path, NULL, error);
  ferry_value_free(weight);
  ferry_value_free(state);
  return code;
}

// Opens `in`, and saves the tensor at `pointer` to `out`.
static int32_t Run(const char* in, const char* pointer, const char* out,
                   ferry_error** error) {
  ferry_checkpoint* checkpoint = NULL;
  ferry_value* root = NULL;
  ferry_value* value = NULL;
  ferry_tensor* tensor = NULL;
  ferry_load_options options;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.map_location = "cpu";

  int32_t code = ferry_checkpoint_open(in, &options, &checkpoint, error);
  if (code == FERRY_OK) code = ferry_checkpoint_root(checkpoint, &root, error);
  if (code == FERRY_OK) code = PrintTensors(root, error);
  if (code == FERRY_OK) code = ferry_value_at(root, pointer, &value, error);
  if (code == FERRY_OK) code = ferry_value_as_tensor(value, &tensor, error);
  if (code == FERRY_OK) code = PrintFirstElement(checkpoint, tensor, error);
  if (code == FERRY_OK) {
    const ferry_tensor* const tensors[] = {tensor};
    code = ferry_checkpoint_load(checkpoint, tensors, 1, error);
  }
  if (code == FERRY_OK) code = SaveTensor(tensor, out, error);

  ferry_tensor_free(tensor);
  ferry_value_free(value);
  ferry_value_free(root);
  ferry_checkpoint_free(checkpoint);
  return code;
}

int main(int argc, char** argv) {
  ferry_error* error = NULL;
  if (argc != 4) {
    fprintf(stderr, "usage: example IN POINTER OUT\n");
    return 2;
  }
  if (Run(argv[1], argv[2], argv[3], &error) != FERRY_OK) {
    fprintf(stderr, "example: %s\n", ferry_error_message(error));
    ferry_error_free(error);
    return 1;
  }
  return 0;
}
