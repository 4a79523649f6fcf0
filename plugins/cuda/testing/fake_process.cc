// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "fake_process.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "cuda_plugin.h"
#include "fake_driver.h"

namespace fake_driver {
namespace {

std::string FakePath() {
  char folder[4096];
  if (getcwd(folder, sizeof(folder)) == nullptr) Fail("getcwd");
  return std::string(folder) + "/plugins/cuda/testing/libfake_driver.so";
}

std::string FakeText(const char* function) {
  const auto get = reinterpret_cast<FakeDriverText>(FakeFunction(function));
  std::string text(get(nullptr, 0) + 1, '\0');
  get(&text[0], text.size());
  text.resize(std::strlen(text.c_str()));
  return text;
}

const ferry_backend& TableOf(ferry_plugin_query query) {
  ferry_host_info host = HostStruct<ferry_host_info>();
  host.abi_minor = FERRY_PLUGIN_ABI_MINOR;
  const ferry_plugin* plugin = nullptr;
  ferry_status status = HostStruct<ferry_status>();
  if (query(&host, &plugin, &status) != FERRY_OK) Fail(status.message);
  return *plugin->backends[0];
}

}  // namespace

ChildResult RunInChild(const std::string& settings,
                       const std::function<void()>& body,
                       const std::string& driver) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    alarm(kChildSeconds);
    setenv("FERRY_CUDA_DRIVER",
           driver.empty() ? FakePath().c_str() : driver.c_str(), 1);
    setenv("FERRY_FAKE_DRIVER", settings.c_str(), 1);
    body();
    // So that the fake driver shuts down too.
    exit(0);
  }
  close(ends[1]);
  ChildResult result;
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(ends[0], buffer, sizeof(buffer));
    if (size <= 0) break;
    result.output.append(buffer, static_cast<size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (WIFSIGNALED(status)) {
    result.output += "signal " + std::to_string(WTERMSIG(status));
  }
  return result;
}

void Fail(const std::string& what) {
  fprintf(stderr, "%s\n", what.c_str());
  fflush(stderr);
  _exit(1);
}

void Require(bool condition, const std::string& what) {
  if (!condition) Fail("expected: " + what);
}

const ferry_backend& LinkedPlugin() { return TableOf(ferry_cuda_query); }

const ferry_backend& OpenPlugin(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) Fail(dlerror());
  const auto query = reinterpret_cast<ferry_plugin_query>(
      dlsym(library, FERRY_PLUGIN_QUERY_SYMBOL));
  if (query == nullptr) Fail("the library has no query function");
  return TableOf(query);
}

void* FakeFunction(const char* name) {
  void* const library = dlopen(FakePath().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) Fail(dlerror());
  void* const function = dlsym(library, name);
  if (function == nullptr) Fail(std::string("the fake has no ") + name);
  return function;
}

void RequireCleanReport() {
  const std::string report = FakeText("fake_driver_report");
  if (!report.empty()) Fail(report);
}

std::string FakeLog() { return FakeText("fake_driver_log"); }

}  // namespace fake_driver
