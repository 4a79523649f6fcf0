// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "discovery.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "errors.h"

// Far more than any machine has. Longer lists and texts are cut off.
enum {
  kMaxPlatforms = 64,
  kMaxDevices = 1024,  // of one platform
  kMaxTextBytes = 1 << 16,
};

#ifndef CL_DEVICE_UUID_KHR
#define CL_DEVICE_UUID_KHR 0x106A
#endif

// A device, and what decides its place among the others.
typedef struct candidate {
  opencl_device device;
  uint32_t rank;  // by the type of the device
  uint32_t position;
  char platform_name[128];
} candidate;

typedef struct search {
  candidate* found;
  uint32_t count;
  // For the case that nothing is found.
  uint32_t unavailable_count;
  uint32_t old_count;
  char old_version[64];  // of one of them
  cl_int error;          // the first error of a platform
  const char* failed;    // the function that returned it
} search;

// -----------------------------------------------------------------------------
// Texts and numbers
// -----------------------------------------------------------------------------

// Returns a text, which the caller frees, or null. Of `platform` if it is not
// null, else of `device`.
static char* get_text(cl_platform_id platform, cl_device_id device,
                      cl_uint what) {
  size_t size = 0;
  cl_int error = platform != NULL
                     ? opencl.clGetPlatformInfo(platform, what, 0, NULL, &size)
                     : opencl.clGetDeviceInfo(device, what, 0, NULL, &size);
  if (error != CL_SUCCESS || size == 0 || size > kMaxTextBytes) return NULL;
  char* text = calloc(1, size + 1);
  if (text == NULL) return NULL;
  error = platform != NULL
              ? opencl.clGetPlatformInfo(platform, what, size, text, NULL)
              : opencl.clGetDeviceInfo(device, what, size, text, NULL);
  if (error == CL_SUCCESS) return text;
  free(text);
  return NULL;
}

// Copies `text` without the blanks around it, and not more than fits; never
// half a UTF-8 character.
static void copy_text(const char* text, char* out, size_t out_bytes) {
  out[0] = '\0';
  if (text == NULL) return;
  while (isspace((unsigned char)*text)) ++text;
  size_t size = strlen(text);
  while (size != 0 && isspace((unsigned char)text[size - 1])) --size;
  if (size > out_bytes - 1) {
    size = out_bytes - 1;
    while (size != 0 && ((unsigned char)text[size] & 0xC0) == 0x80) --size;
  }
  memcpy(out, text, size);
  out[size] = '\0';
}

static void copy_device_text(cl_device_id device, cl_uint what, char* out,
                             size_t out_bytes) {
  char* text = get_text(NULL, device, what);
  copy_text(text, out, out_bytes);
  free(text);
}

static uint64_t get_ulong(cl_device_id device, cl_device_info what) {
  cl_ulong number = 0;
  if (opencl.clGetDeviceInfo(device, what, sizeof(number), &number, NULL) !=
      CL_SUCCESS) {
    return 0;
  }
  return number;
}

// Whether the blank-separated list `extensions` has `name`.
static int has_extension(const char* extensions, const char* name) {
  size_t size = strlen(name);
  while (extensions != NULL && *extensions != '\0') {
    size_t length = strcspn(extensions, " ");
    if (length == size && memcmp(extensions, name, size) == 0) return 1;
    extensions += length;
    extensions += strspn(extensions, " ");
  }
  return 0;
}

static void get_uuid(cl_device_id device, uint8_t* uuid) {
  char* extensions = get_text(NULL, device, CL_DEVICE_EXTENSIONS);
  if (!has_extension(extensions, "cl_khr_device_uuid") ||
      opencl.clGetDeviceInfo(device, CL_DEVICE_UUID_KHR, 16, uuid, NULL) !=
          CL_SUCCESS) {
    memset(uuid, 0, 16);
  }
  free(extensions);
}

// -----------------------------------------------------------------------------
// The search
// -----------------------------------------------------------------------------

static uint32_t rank_of(cl_device_id device) {
  cl_device_type type = 0;
  opencl.clGetDeviceInfo(device, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
  if ((type & CL_DEVICE_TYPE_GPU) != 0) return 0;
  if ((type & CL_DEVICE_TYPE_ACCELERATOR) != 0) return 1;
  if ((type & CL_DEVICE_TYPE_CPU) != 0) return 2;
  return 3;
}

static void note_error(search* state, const char* function, cl_int error) {
  if (state->failed != NULL) return;
  state->failed = function;
  state->error = error;
}

// Adds a device, unless it cannot be used.
static void consider(search* state, cl_platform_id platform, cl_device_id id) {
  candidate* added = &state->found[state->count];
  memset(added, 0, sizeof(*added));
  // "OpenCL 3.0 PoCL"
  char version[64];
  int major = 0, minor = 0;
  copy_device_text(id, CL_DEVICE_VERSION, version, sizeof(version));
  if (sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 || major < 1 ||
      (major == 1 && minor < 2)) {
    ++state->old_count;
    memcpy(state->old_version, version, sizeof(version));
    return;
  }
  cl_bool is_available = CL_FALSE;
  opencl.clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof(is_available),
                         &is_available, NULL);
  if (!is_available) {
    ++state->unavailable_count;
    return;
  }
  opencl_device* device = &added->device;
  device->platform = platform;
  device->id = id;
  copy_device_text(id, CL_DEVICE_NAME, device->name, sizeof(device->name));
  if (device->name[0] == '\0') strcpy(device->name, "OpenCL device");
  device->memory_bytes = get_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
  device->max_allocation_bytes = get_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  get_uuid(id, device->uuid);
  char* name = get_text(platform, NULL, CL_PLATFORM_NAME);
  copy_text(name, added->platform_name, sizeof(added->platform_name));
  free(name);
  added->rank = rank_of(id);
  added->position = state->count++;
}

// Returns 0 if there is not enough host memory.
static int search_platform(search* state, cl_platform_id platform) {
  cl_uint count = 0;
  cl_int error =
      opencl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
  if (error == CL_DEVICE_NOT_FOUND || (error == CL_SUCCESS && count == 0)) {
    return 1;
  }
  if (error != CL_SUCCESS) {
    note_error(state, "clGetDeviceIDs", error);
    return 1;
  }
  if (count > kMaxDevices) count = kMaxDevices;
  cl_device_id* ids = calloc(count, sizeof(*ids));
  candidate* more =
      realloc(state->found, (state->count + count) * sizeof(*more));
  if (more != NULL) state->found = more;
  if (ids == NULL || more == NULL) {
    free(ids);
    return 0;
  }
  cl_uint listed = count;
  error =
      opencl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids, &listed);
  if (error != CL_SUCCESS) {
    note_error(state, "clGetDeviceIDs", error);
  } else {
    if (listed < count) count = listed;
    for (cl_uint i = 0; i < count; ++i) consider(state, platform, ids[i]);
  }
  free(ids);
  return 1;
}

static int compare_candidates(const void* left, const void* right) {
  const candidate* a = left;
  const candidate* b = right;
  if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
  int order = strcmp(a->platform_name, b->platform_name);
  if (order == 0) order = strcmp(a->device.name, b->device.name);
  if (order == 0) order = memcmp(a->device.uuid, b->device.uuid, 16);
  if (order != 0) return order;
  return a->position < b->position ? -1 : 1;
}

static void no_device(opencl_machine* machine, uint32_t absence,
                      const char* why) {
  machine->absence = absence;
  snprintf(machine->why, sizeof(machine->why), "%s", why);
}

// Says why nothing was found.
static void explain(const search* state, opencl_machine* machine) {
  if (state->failed != NULL) {
    machine->absence = FERRY_ABSENCE_NO_DRIVER;
    snprintf(machine->why, sizeof(machine->why), "%s failed with %s (%d)",
             state->failed, opencl_error_name(state->error), state->error);
  } else if (state->unavailable_count != 0) {
    no_device(machine, FERRY_ABSENCE_NO_DEVICE,
              "OpenCL lists a device, but says that it is not available");
  } else if (state->old_count != 0) {
    machine->absence = FERRY_ABSENCE_DRIVER_TOO_OLD;
    snprintf(machine->why, sizeof(machine->why),
             "its version is \"%s\", but at least OpenCL 1.2 is required",
             state->old_version);
  } else {
    no_device(machine, FERRY_ABSENCE_NO_DEVICE,
              "there is an OpenCL driver, but it finds no device");
  }
}

static void search_platforms(opencl_machine* machine) {
  cl_platform_id platforms[kMaxPlatforms];
  cl_uint count = 0;
  search state = {0};
  cl_int error = opencl.clGetPlatformIDs(kMaxPlatforms, platforms, &count);
  if (error == CL_PLATFORM_NOT_FOUND_KHR ||
      (error == CL_SUCCESS && count == 0)) {
    no_device(machine, FERRY_ABSENCE_NO_DRIVER,
              "there is no OpenCL driver; install that of the device, or, to "
              "use the CPU, PoCL (in Debian: pocl-opencl-icd)");
    return;
  }
  if (error != CL_SUCCESS) {
    note_error(&state, "clGetPlatformIDs", error);
    count = 0;
  }
  if (count > kMaxPlatforms) count = kMaxPlatforms;
  int has_memory = 1;
  for (cl_uint i = 0; i < count && has_memory; ++i) {
    has_memory = search_platform(&state, platforms[i]);
  }
  if (has_memory && state.count != 0) {
    qsort(state.found, state.count, sizeof(*state.found), compare_candidates);
    machine->devices = calloc(state.count, sizeof(*machine->devices));
    has_memory = machine->devices != NULL;
  }
  if (!has_memory) {
    no_device(machine, FERRY_ABSENCE_NO_DEVICE,
              "there is not enough host memory to list the devices");
  } else if (state.count == 0) {
    explain(&state, machine);
  } else {
    machine->count = state.count;
    for (uint32_t i = 0; i < state.count; ++i) {
      machine->devices[i] = state.found[i].device;
      pthread_mutex_init(&machine->devices[i].mutex, NULL);
    }
  }
  free(state.found);
}

// -----------------------------------------------------------------------------
// Signal handlers
// -----------------------------------------------------------------------------

static int has_same_handler(const struct sigaction* a,
                            const struct sigaction* b) {
  if (a->sa_flags != b->sa_flags) return 0;
  return (a->sa_flags & SA_SIGINFO) != 0 ? a->sa_sigaction == b->sa_sigaction
                                         : a->sa_handler == b->sa_handler;
}

void opencl_discover(opencl_machine* machine) {
  struct sigaction before[NSIG];
  int is_known[NSIG];
  for (int i = 1; i < NSIG; ++i) {
    is_known[i] = sigaction(i, NULL, &before[i]) == 0;
  }
  switch (opencl_open(machine->why, sizeof(machine->why))) {
    case OPENCL_OPENED:
      search_platforms(machine);
      break;
    case OPENCL_TOO_OLD:
      machine->absence = FERRY_ABSENCE_DRIVER_TOO_OLD;
      break;
    default:
      machine->absence = FERRY_ABSENCE_NO_DRIVER;
      break;
  }
  for (int i = 1; i < NSIG; ++i) {
    struct sigaction after;
    if (is_known[i] && sigaction(i, NULL, &after) == 0 &&
        !has_same_handler(&before[i], &after)) {
      sigaction(i, &before[i], NULL);
    }
  }
}
