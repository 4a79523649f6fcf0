// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs a kernel on a tensor that Ferry has loaded onto an OpenCL device, as
// docs/opencl.md describes: opencl_test.py checks the result.
//
//   opencl_kernel PLUGIN IN POINTER OUT
//
// Doubles the elements of the float32 tensor at POINTER in IN, and saves the
// whole checkpoint as OUT.

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>

#include <cstring>
#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"

namespace ferry {
inline namespace v1 {
namespace {

// Other programs link OpenCL. This one does as the plugin does, so that its
// build needs the headers alone.
template <typename Function>
Function Find(const char* name) {
  static void* const library = dlopen("libOpenCL.so.1", RTLD_NOW);
  void* const symbol = library == nullptr ? nullptr : dlsym(library, name);
  Function function = nullptr;
  std::memcpy(&function, &symbol, sizeof(function));
  return function;
}
#define CL(name) (Find<decltype(&(name))>(#name))

constexpr char kSource[] =
    "__kernel void Twice(__global float* x, ulong first) {\n"
    "  x[first + get_global_id(0)] *= 2;\n"
    "}\n";

absl::Status Check(const char* what, cl_int error) {
  if (error == CL_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(what, ": ", error));
}

// The tensor keeps its buffer alive, so it must outlive the work.
absl::Status Double(const Tensor& tensor) {
  FERRY_ASSIGN_OR_RETURN(const PluginHandle memory,
                         PluginHandleOf(tensor.storage()));
  auto buffer = reinterpret_cast<cl_mem>(memory.handle);
  cl_context context = nullptr;
  FERRY_RETURN_IF_ERROR(
      Check("clGetMemObjectInfo",
            CL(clGetMemObjectInfo)(buffer, CL_MEM_CONTEXT, sizeof(cl_context),
                                   &context, nullptr)));
  cl_device_id device = nullptr;
  FERRY_RETURN_IF_ERROR(
      Check("clGetContextInfo",
            CL(clGetContextInfo)(context, CL_CONTEXT_DEVICES,
                                 sizeof(cl_device_id), &device, nullptr)));
  cl_int error = CL_SUCCESS;
  cl_command_queue queue = CL(clCreateCommandQueue)(context, device, 0, &error);
  FERRY_RETURN_IF_ERROR(Check("clCreateCommandQueue", error));
  const char* source = kSource;
  cl_program program =
      CL(clCreateProgramWithSource)(context, 1, &source, nullptr, &error);
  FERRY_RETURN_IF_ERROR(Check("clCreateProgramWithSource", error));
  FERRY_RETURN_IF_ERROR(Check(
      "clBuildProgram",
      CL(clBuildProgram)(program, 1, &device, nullptr, nullptr, nullptr)));
  cl_kernel kernel = CL(clCreateKernel)(program, "Twice", &error);
  FERRY_RETURN_IF_ERROR(Check("clCreateKernel", error));
  const cl_ulong first = static_cast<cl_ulong>(tensor.storage_offset());
  const auto count = static_cast<size_t>(tensor.num_elements());
  FERRY_RETURN_IF_ERROR(
      Check("clSetKernelArg",
            CL(clSetKernelArg)(kernel, 0, sizeof(cl_mem), &buffer)));
  FERRY_RETURN_IF_ERROR(Check(
      "clSetKernelArg", CL(clSetKernelArg)(kernel, 1, sizeof(first), &first)));
  FERRY_RETURN_IF_ERROR(
      Check("clEnqueueNDRangeKernel",
            CL(clEnqueueNDRangeKernel)(queue, kernel, 1, nullptr, &count,
                                       nullptr, 0, nullptr, nullptr)));
  // Ferry's copies do not wait for the queues of others.
  FERRY_RETURN_IF_ERROR(Check("clFinish", CL(clFinish)(queue)));
  CL(clReleaseKernel)(kernel);
  CL(clReleaseProgram)(program);
  CL(clReleaseCommandQueue)(queue);
  return absl::OkStatus();
}

absl::Status Run(const std::string& plugin, const std::string& in,
                 const std::string& pointer, const std::string& out) {
  PluginOptions plugins;
  plugins.paths = {plugin};
  for (const PluginVerdict& verdict : PluginLoader::Default().Load(plugins)) {
    FERRY_RETURN_IF_ERROR(verdict.status);
  }
  LoadOptions load;
  load.map_location = MapLocation::To("opencl:0");
  FERRY_ASSIGN_OR_RETURN(const Value root, Load(in, load));
  FERRY_ASSIGN_OR_RETURN(const Value value, root.At(pointer));
  FERRY_ASSIGN_OR_RETURN(const Tensor tensor, value.AsTensor());
  FERRY_RETURN_IF_ERROR(Double(tensor));
  return Save(root, out);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const absl::Status status = ferry::Run(argv[1], argv[2], argv[3], argv[4]);
  if (status.ok()) return 0;
  std::cerr << status.ToString() << "\n";
  return 1;
}
