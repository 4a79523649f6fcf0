// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "ferry/core/eintr.h"
#include "ferry/tools/ferry/cli.h"
#include "ferry/tools/ferry/command.h"
#include "ferry/tools/ferry/interrupt.h"

namespace {

// Without memory a command cannot even clean up with certainty, so it ends at
// once, with the exit code of any failure.
[[noreturn]] void OnOutOfMemory() {
  constexpr char kMessage[] = "ferry: there is not enough memory\n";
  // Nobody is left to hear of a failure.
  (void)ferry::RetryOnEintr(
      [&] { return write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1); });
  _exit(ferry::cli::kExitFailed);
}

// Runs before the constructors of the program's own objects, which also need
// memory.
__attribute__((constructor(101))) void SetHandler() {
  std::set_new_handler(OnOutOfMemory);
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  // A file that grows past the limit of the process is an error like any other.
  signal(SIGXFSZ, SIG_IGN);
  ferry::cli::CommandIo io{std::cout, std::cerr};
  io.err_is_terminal = isatty(STDERR_FILENO) != 0;
  io.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  return ferry::cli::EndAs(ferry::cli::RunFerry(
      std::vector<std::string>(argv + 1, argv + argc), io));
}
