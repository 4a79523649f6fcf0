// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "ferry/tools/ferry/cli.h"
#include "ferry/tools/ferry/command.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  ferry::cli::CommandIo io{std::cout, std::cerr};
  io.err_is_terminal = isatty(STDERR_FILENO) != 0;
  io.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  return ferry::cli::RunFerry(std::vector<std::string>(argv + 1, argv + argc),
                              io);
}
