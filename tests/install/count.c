// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A shared object of a program that contains Ferry, and exports one function.

#include "ferry/ferry.h"

int64_t CountTensors(const char* path);

// Returns the number of tensors in a file, or -1.
int64_t CountTensors(const char* path) {
  ferry_checkpoint* checkpoint = NULL;
  ferry_value* root = NULL;
  ferry_tensor_list* list = NULL;
  int64_t count = -1;
  if (ferry_checkpoint_open(path, NULL, &checkpoint, NULL) == FERRY_OK &&
      ferry_checkpoint_root(checkpoint, &root, NULL) == FERRY_OK &&
      ferry_value_list_tensors(root, NULL, &list, NULL) == FERRY_OK) {
    count = (int64_t)ferry_tensor_list_size(list);
  }
  ferry_tensor_list_free(list);
  ferry_value_free(root);
  ferry_checkpoint_free(checkpoint);
  return count;
}
