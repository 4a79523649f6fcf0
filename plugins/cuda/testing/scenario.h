// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/scenario.h
// -----------------------------------------------------------------------------
//
// Uses the CUDA plugin on the fake driver as a program would, and checks every
// result. All functions run in a child process (fake_process.h).
#ifndef FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_
#define FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_

#include <cstdint>

#include "ferry/plugin.h"

namespace fake_driver {

// Uses everything, with two devices of 1 MiB. Fails if any result is wrong, and
// at the end if anything is left.
void UseEverything(const ferry_backend& plugin);

// Loses a device while it is used. Nothing may hang or call the driver again.
void LoseADevice(const ferry_backend& plugin);

// Copies once. The fake driver must have the settings "timing=late,lose=1", so
// that the device is lost by that copy, which must not count as done.
void LoseACopy(const ferry_backend& plugin);

// Copies once from one device to another, with the same settings. Neither may
// be used any more, since the copy may still run.
void LoseAPeerCopy(const ferry_backend& plugin);

// Loses device `lost`, 0 or 1, and then copies from device 0 to device 1. The
// copy must fail, and the other device must go on working.
void LoseOneOfTwo(const ferry_backend& plugin, uint32_t lost);

// Loses device 1 while the fake driver copies to it from device 0. The copy
// must not count as done. The fake driver must have the setting "timing=late".
void LoseTheDestinationAtWork(const ferry_backend& plugin);

// Loses device 0 while more threads copy to it than it has streams. Those that
// wait for a stream must not use the device. The fake driver must have the
// setting "bus=1000000000:1000000000", so that the copies take a second.
void LoseADeviceWithWaiters(const ferry_backend& plugin);

// Waits once for a copy. The fake driver must have the setting
// "fail=cuEventSynchronize:1:999": the copy may still run, so the device must
// not be used any more.
void FailToWait(const ferry_backend& plugin);

// Forks after the plugin has been used. The new process must get a clear error.
void ForkAfterUse(const ferry_backend& plugin);

// Uses everything with whatever errors come, and gives everything back. Fails
// if bytes are wrong although no call failed.
void UseInSpiteOfErrors(const ferry_backend& plugin);

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_
