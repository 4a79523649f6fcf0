// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A shared object with a C interface and a whole Ferry inside.

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/export.h"
#include "ferry/runtime/autograd.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"

namespace {

int Succeeded(const absl::Status& status) {
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 1 : 0;
}

// Copies a checkpoint to `out` by way of the codec "proto".
absl::Status Copy(const char* in, const std::string& out) {
  FERRY_ASSIGN_OR_RETURN(ferry::Value checkpoint, ferry::Load(in));
  ferry::SaveOptions options;
  options.codec = "proto";
  FERRY_RETURN_IF_ERROR(ferry::Save(checkpoint, out, options));
  FERRY_ASSIGN_OR_RETURN(checkpoint, ferry::Load(out));
  return ferry::Save(checkpoint, out);
}

}  // namespace

extern "C" {

// Return 1 for success, and print the error otherwise.
FERRY_EXPORT int CopyCheckpoint(const char* in, const char* out) {
  return Succeeded(Copy(in, out));
}
FERRY_EXPORT int LoadPlugin(const char* path) {
  ferry::PluginOptions options;
  options.paths = {path};
  return Succeeded(ferry::PluginLoader::Default().Load(options)[0].status);
}

FERRY_EXPORT int HasDeviceType(const char* type) {
  return ferry::DeviceRegistry::Default().Snapshot().FindBackend(type) !=
                 nullptr
             ? 1
             : 0;
}

// Read and set the gradient mode of the calling thread.
FERRY_EXPORT int GradientsEnabled() { return ferry::GradEnabled() ? 1 : 0; }
FERRY_EXPORT void EnableGradients(int enabled) {
  ferry::SetGradEnabled(enabled != 0);
}

}  // extern "C"
