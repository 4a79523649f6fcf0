// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A "libOpenCL.so.1" between the OpenCL plugin and the real one, for
// opencl_test.py. It passes every call on, and can
//
//   - let calls fail: OPENCL_FAULT=FUNCTION:N:ERROR, such as clFlush:2:-5, or
//     several of these separated by commas, for different functions. "copy" as
//     the function means the N-th read or write is accepted, and its event
//     fails, as at a driver that allocates late;
//   - delay the copies: OPENCL_LATE=MICROSECONDS. Each begins at a random time
//     up to that after it was enqueued, by the seed OPENCL_SEED;
//   - write what is alive when the process ends: OPENCL_BALANCE=PATH.
//
// OPENCL_REAL is the path of the real library.

#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120

#include <CL/cl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long buffers, queues, events, mappings;
// The calls of each function of OPENCL_FAULT.
enum { MAX_FAULTS = 4 };
static atomic_long calls[MAX_FAULTS];

static void* real(const char* name) {
  static void* library;
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  if (library == NULL) library = dlopen(getenv("OPENCL_REAL"), RTLD_NOW);
  pthread_mutex_unlock(&mutex);
  void* function = library == NULL ? NULL : dlsym(library, name);
  if (function == NULL) {
    fprintf(stderr, "opencl_shim: no %s\n", name);
    _exit(3);
  }
  return function;
}
#define REAL(name) ((__typeof__(&(name)))real(#name))

// The error that this call of `function` should fail with, or CL_SUCCESS.
static cl_int fault(const char* function) {
  const char* wanted = getenv("OPENCL_FAULT");
  size_t length = strlen(function);
  for (int i = 0; wanted != NULL; ++i) {
    if (i == MAX_FAULTS) _exit(3);
    if (strncmp(wanted, function, length) == 0 && wanted[length] == ':') {
      long number = 0;
      int error = 0;
      if (sscanf(wanted + length, ":%ld:%d", &number, &error) != 2) _exit(3);
      return atomic_fetch_add(&calls[i], 1) + 1 == number ? error : CL_SUCCESS;
    }
    wanted = strchr(wanted, ',');
    if (wanted != NULL) ++wanted;
  }
  return CL_SUCCESS;
}

#define FAIL_IF_WANTED(function)                         \
  do {                                                   \
    cl_int wanted_error = fault(function);               \
    if (wanted_error != CL_SUCCESS) return wanted_error; \
  } while (0)

#define FAIL_OBJECT_IF_WANTED(function, error) \
  do {                                         \
    cl_int wanted_error = fault(function);     \
    if (wanted_error != CL_SUCCESS) {          \
      *(error) = wanted_error;                 \
      return NULL;                             \
    }                                          \
  } while (0)

__attribute__((destructor)) static void write_balance(void) {
  const char* path = getenv("OPENCL_BALANCE");
  FILE* file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  fprintf(file,
          "buffers %ld\nqueues %ld\nevents %ld\nmappings %ld\ncalls %ld\n",
          buffers, queues, events, mappings, calls[0]);
  fclose(file);
}

// --- Late copies -------------------------------------------------------------

typedef struct gate {
  cl_event event;
  useconds_t delay;
} gate;

static void* open_gate(void* argument) {
  gate opened = *(gate*)argument;
  free(argument);
  usleep(opened.delay);
  REAL(clSetUserEventStatus)(opened.event, CL_COMPLETE);
  REAL(clReleaseEvent)(opened.event);
  return NULL;
}

static cl_context context_of(cl_command_queue queue) {
  cl_context context = NULL;
  REAL(clGetCommandQueueInfo)
  (queue, CL_QUEUE_CONTEXT, sizeof(context), &context, NULL);
  return context;
}

// An event that completes later, or null. The caller releases it.
static cl_event late(cl_command_queue queue) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static unsigned int seed;
  const char* most = getenv("OPENCL_LATE");
  if (most == NULL) return NULL;
  gate* closed = malloc(sizeof(*closed));
  if (closed == NULL) _exit(3);
  pthread_mutex_lock(&mutex);
  const char* start = getenv("OPENCL_SEED");
  if (seed == 0) seed = start == NULL ? 1 : (unsigned int)atoi(start);
  closed->delay = (useconds_t)(rand_r(&seed) % (atoi(most) + 1));
  pthread_mutex_unlock(&mutex);
  cl_int error = CL_SUCCESS;
  closed->event = REAL(clCreateUserEvent)(context_of(queue), &error);
  if (closed->event == NULL) _exit(3);
  REAL(clRetainEvent)(closed->event);
  cl_event event = closed->event;
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, open_gate, closed) != 0) _exit(3);
  pthread_attr_destroy(&attributes);
  return event;
}

// An event of a copy that has failed.
static cl_event failed(cl_command_queue queue, cl_int error) {
  cl_int made = CL_SUCCESS;
  cl_event event = REAL(clCreateUserEvent)(context_of(queue), &made);
  if (event == NULL) _exit(3);
  REAL(clSetUserEventStatus)(event, error);
  return event;
}

// --- Objects -----------------------------------------------------------------

cl_context clCreateContext(const cl_context_properties* properties,
                           cl_uint count, const cl_device_id* devices,
                           void(CL_CALLBACK* notify)(const char*, const void*,
                                                     size_t, void*),
                           void* data, cl_int* error) {
  FAIL_OBJECT_IF_WANTED("clCreateContext", error);
  return REAL(clCreateContext)(properties, count, devices, notify, data, error);
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device,
                                      cl_command_queue_properties properties,
                                      cl_int* error) {
  FAIL_OBJECT_IF_WANTED("clCreateCommandQueue", error);
  ++queues;
  return REAL(clCreateCommandQueue)(context, device, properties, error);
}

cl_int clReleaseCommandQueue(cl_command_queue queue) {
  --queues;
  return REAL(clReleaseCommandQueue)(queue);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size,
                      void* host, cl_int* error) {
  FAIL_OBJECT_IF_WANTED("clCreateBuffer", error);
  cl_mem buffer = REAL(clCreateBuffer)(context, flags, size, host, error);
  if (buffer != NULL) ++buffers;
  return buffer;
}

cl_int clReleaseMemObject(cl_mem buffer) {
  --buffers;
  return REAL(clReleaseMemObject)(buffer);
}

void* clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer,
                         cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t size, cl_uint waits, const cl_event* wait_list,
                         cl_event* event, cl_int* error) {
  FAIL_OBJECT_IF_WANTED("clEnqueueMapBuffer", error);
  void* address =
      REAL(clEnqueueMapBuffer)(queue, buffer, blocking, flags, offset, size,
                               waits, wait_list, event, error);
  if (address != NULL) ++mappings;
  return address;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem buffer,
                               void* address, cl_uint waits,
                               const cl_event* wait_list, cl_event* event) {
  FAIL_IF_WANTED("clEnqueueUnmapMemObject");
  --mappings;
  return REAL(clEnqueueUnmapMemObject)(queue, buffer, address, waits, wait_list,
                                       event);
}

// --- Commands and events -----------------------------------------------------

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer,
                            cl_bool blocking, size_t offset, size_t size,
                            const void* host, cl_uint waits,
                            const cl_event* wait_list, cl_event* event) {
  (void)waits;
  (void)wait_list;
  FAIL_IF_WANTED("clEnqueueWriteBuffer");
  ++events;
  cl_int error = fault("copy");
  if (error != CL_SUCCESS) {
    *event = failed(queue, error);
    return CL_SUCCESS;
  }
  cl_event waited = late(queue);
  error = REAL(clEnqueueWriteBuffer)(queue, buffer, blocking, offset, size,
                                     host, waited != NULL,
                                     waited == NULL ? NULL : &waited, event);
  if (waited != NULL) REAL(clReleaseEvent)(waited);
  return error;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer,
                           cl_bool blocking, size_t offset, size_t size,
                           void* host, cl_uint waits, const cl_event* wait_list,
                           cl_event* event) {
  (void)waits;
  (void)wait_list;
  FAIL_IF_WANTED("clEnqueueReadBuffer");
  ++events;
  cl_int error = fault("copy");
  if (error != CL_SUCCESS) {
    *event = failed(queue, error);
    return CL_SUCCESS;
  }
  cl_event waited = late(queue);
  error = REAL(clEnqueueReadBuffer)(queue, buffer, blocking, offset, size, host,
                                    waited != NULL,
                                    waited == NULL ? NULL : &waited, event);
  if (waited != NULL) REAL(clReleaseEvent)(waited);
  return error;
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem source,
                           cl_mem destination, size_t source_offset,
                           size_t destination_offset, size_t size,
                           cl_uint waits, const cl_event* wait_list,
                           cl_event* event) {
  (void)waits;
  (void)wait_list;
  FAIL_IF_WANTED("clEnqueueCopyBuffer");
  ++events;
  cl_int error = fault("device copy");
  if (error != CL_SUCCESS) {
    *event = failed(queue, error);
    return CL_SUCCESS;
  }
  cl_event waited = late(queue);
  error = REAL(clEnqueueCopyBuffer)(queue, source, destination, source_offset,
                                    destination_offset, size, waited != NULL,
                                    waited == NULL ? NULL : &waited, event);
  if (waited != NULL) REAL(clReleaseEvent)(waited);
  return error;
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint waits,
                                   const cl_event* wait_list, cl_event* event) {
  FAIL_IF_WANTED("clEnqueueMarkerWithWaitList");
  ++events;
  return REAL(clEnqueueMarkerWithWaitList)(queue, waits, wait_list, event);
}

cl_int clReleaseEvent(cl_event event) {
  --events;
  return REAL(clReleaseEvent)(event);
}

cl_int clFlush(cl_command_queue queue) {
  FAIL_IF_WANTED("clFlush");
  return REAL(clFlush)(queue);
}

cl_int clFinish(cl_command_queue queue) {
  FAIL_IF_WANTED("clFinish");
  return REAL(clFinish)(queue);
}

cl_int clWaitForEvents(cl_uint count, const cl_event* list) {
  FAIL_IF_WANTED("clWaitForEvents");
  return REAL(clWaitForEvents)(count, list);
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size,
                      void* value, size_t* value_size) {
  FAIL_IF_WANTED("clGetEventInfo");
  return REAL(clGetEventInfo)(event, what, size, value, value_size);
}

// --- Devices -----------------------------------------------------------------

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id* platforms,
                        cl_uint* count) {
  FAIL_IF_WANTED("clGetPlatformIDs");
  return REAL(clGetPlatformIDs)(room, platforms, count);
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what,
                         size_t size, void* value, size_t* value_size) {
  FAIL_IF_WANTED("clGetPlatformInfo");
  return REAL(clGetPlatformInfo)(platform, what, size, value, value_size);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type,
                      cl_uint room, cl_device_id* devices, cl_uint* count) {
  FAIL_IF_WANTED("clGetDeviceIDs");
  return REAL(clGetDeviceIDs)(platform, type, room, devices, count);
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t size,
                       void* value, size_t* value_size) {
  FAIL_IF_WANTED("clGetDeviceInfo");
  return REAL(clGetDeviceInfo)(device, what, size, value, value_size);
}
