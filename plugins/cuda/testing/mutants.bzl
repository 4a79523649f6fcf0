# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""The CUDA plugin with one fault each, which the fake driver has to show."""

load("@rules_cc//cc:defs.bzl", "cc_binary")

# The name of each mutant, its source, and what is replaced in it: texts that
# occur once, and their replacements.
_MUTANTS = {
    "context_of_the_first_device": ("cuda_device.cc", {
        "gpu_(FindGpu(index))": "gpu_(FindGpu(0))",
    }),
    "context_not_pushed": ("cuda_device.cc", {
        "driver().ctx_push_current(context)": "kSuccess",
    }),
    "context_not_restored": ("cuda_device.cc", {
        "driver().ctx_pop_current(&popped);": "",
    }),
    "context_retained_again": ("cuda_device.cc", {
        "  Context context = gpu_->context.load(std::memory_order_acquire);": "  Context context = nullptr;",
        "    context = gpu_->context.load(std::memory_order_acquire);": "",
    }),
    "fork_not_noticed": ("cuda_device.cc", {
        "return is_forked_child.load(std::memory_order_relaxed);": "return false;",
    }),
    "failed_wait_forgotten": ("cuda_device.cc", {
        "code_ = result == kDeinitialized": "code_ = true",
    }),
    "lost_device_called": ("cuda_device.cc", {
        "gpu->lost.compare_exchange_strong(none, result);": "",
    }),
    "allocation_not_awaited": ("cuda_calls.cc", {
        "return stream.Finish(\"cuMemAllocAsync\", result);": "return FERRY_OK;",
    }),
    "blocking_copy_not_awaited": ("cuda_calls.cc", {
        "return stream.Finish(function, result);": "return FERRY_OK;",
    }),
    "blocking_copy_on_the_default_stream": ("cuda_calls.cc", {
        "IssueCopy(*copy, stream.get(), &function)": "IssueCopy(*copy, nullptr, &function)",
    }),
    "blocking_copy_on_the_stream_of_the_thread": ("cuda_calls.cc", {
        "IssueCopy(*copy, stream.get(), &function)": "IssueCopy(*copy, reinterpret_cast<Stream>(uintptr_t{2}), &function)",
    }),
    "copy_without_its_offset": ("cuda_calls.cc", {
        "copy.handle + copy.offset_bytes": "copy.handle",
    }),
    "free_forgotten": ("cuda_calls.cc", {
        "if (device.ok()) code = FreeOnDevice(&device, handle);": "",
    }),
    "free_twice": ("cuda_calls.cc", {
        "if (device.ok()) code = FreeOnDevice(&device, handle);": "if (device.ok()) code = FreeOnDevice(&device, handle) + 0 * FreeOnDevice(&device, handle);",
    }),
    "free_waits_for_the_device": ("cuda_calls.cc", {
        "if (!device->gpu()->has_pool) {": "if (true) {",
    }),
    "host_free_forgotten": ("cuda_calls.cc", {
        "= device.driver().mem_free_host(address)": "= kSuccess",
    }),
    "memory_info_missing": ("cuda_calls.cc", {
        "if (result == kOutOfMemory) {\n    return FailOutOfMemory(device, \"cuMemAllocAsync\", status);\n  }": "",
    }),
    "memory_of_any_device": ("cuda_calls.cc", {
        "if (found == sizes_.end() || found->second.index != index) return false;\n    *size_bytes": "if (found == sizes_.end()) return false;\n    *size_bytes",
    }),
    "peer_contexts_exchanged": ("cuda_calls.cc", {
        "to.gpu()->context.load(), from_address": "from.gpu()->context.load(), from_address",
        "      from.gpu()->context.load(), size_bytes": "      to.gpu()->context.load(), size_bytes",
    }),
    "peer_copy_as_in_one_device": ("cuda_calls.cc", {
        "from.gpu() == to.gpu()": "true",
    }),
    "peer_copy_not_awaited": ("cuda_calls.cc", {
        "code = stream.Finish(\"cuMemcpyPeerAsync\", result);": "",
    }),
    "peer_error_of_the_source": ("cuda_calls.cc", {
        "if (LosesDevice(result)) {": "if (false) {",
    }),
    "peer_loss_of_one_device": ("cuda_calls.cc", {
        "to.FailWait(\"cuStreamSynchronize\", stream.waited());": "",
    }),
    "pool_assumed": ("cuda_device.cc", {
        "gpu.device) == kSuccess &&": "gpu.device) == kSuccess ||",
    }),
    "properties_of_a_lost_device": ("cuda_calls.cc", {
        "const int32_t code = CheckUsable(gpu, status);": "const int32_t code = FERRY_OK;",
    }),
    "range_not_checked": ("cuda_calls.cc", {
        "size_bytes > allocated_bytes - offset_bytes": "false",
    }),
    "range_sum_wraps": ("cuda_calls.cc", {
        "offset_bytes > allocated_bytes ||": "",
        "size_bytes > allocated_bytes - offset_bytes": "offset_bytes + size_bytes > allocated_bytes",
    }),
    "size_0_allocated": ("cuda_calls.cc", {
        "if (size_bytes == 0) return CheckUsable(FindGpu(index), status);": "",
    }),
    "copy_on_another_stream": ("cuda_queues.cc", {
        "IssueCopy(*copy, on->stream, &function)": "IssueCopy(*copy, BorrowedStream(&device).get(), &function)",
    }),
    "device_copy_not_awaited": ("cuda_calls.cc", {
        "return stream.Finish(\"cuMemcpyDtoDAsync\", result);": "return FERRY_OK;",
    }),
    "device_copy_overlaps": ("cuda_calls.cc", {
        "distance < size_bytes": "false",
    }),
    "device_copy_with_one_offset": ("cuda_calls.cc", {
        "copy->source_handle + from_offset": "copy->source_handle + to_offset",
    }),
    "device_copy_without_a_check": ("cuda_calls.cc", {
        "code = CheckRange(copy->destination_index, copy->destination_handle,\n                    to_offset, size_bytes, status);": "",
    }),
    "event_before_its_copy": ("cuda_queues.cc", {
        "const char* function = \"\";": "const char* function = \"\";\n  driver.event_record(recorded, on->stream);",
        "error = driver.event_record(recorded, on->stream);": "",
    }),
    "event_error_ignored": ("cuda_queues.cc", {
        "if (error != kSuccess) device.FailWait(\"cuEventSynchronize\", error);": "(void)error;",
    }),
    "event_not_awaited": ("cuda_queues.cc", {
        "device.driver().event_synchronize(event_)": "kSuccess",
    }),
    "event_not_destroyed": ("cuda_queues.cc", {
        "= device.driver().event_destroy(event_)": "= kSuccess",
    }),
    "event_not_recorded": ("cuda_queues.cc", {
        "error = driver.event_record(recorded, on->stream);": "",
    }),
    "queue_destroyed_at_work": ("cuda_queues.cc", {
        "Result error = device.driver().stream_synchronize(destroyed->stream);": "Result error = kSuccess;",
    }),
    "queue_of_any_device": ("cuda_queues.cc", {
        "copy->device_index != on->index": "false",
    }),
    "stream_blocks_the_program": ("cuda_queues.cc", {
        "kStreamNonBlocking": "0",
    }),
    "stream_made_for_each_call": ("cuda_stream_pool.cc", {
        "closed_ == kSuccess && idle_count_ == 0 &&": "",
    }),
    "stream_of_a_lost_device_lent": ("cuda_device.cc", {
        "gpu->streams.Close(result);": "",
        "code_ = device_->CheckAgain();": "",
        "if (waited_ == kSuccess) {": "if (true) {",
    }),
    "stream_of_the_pool_blocks_the_program": ("cuda_stream_pool.cc", {
        "driver.stream_create(stream, kStreamNonBlocking)": "driver.stream_create(stream, 0)",
    }),
    "stream_not_destroyed": ("cuda_queues.cc", {
        "error = device.driver().stream_destroy(destroyed->stream);": "error = kSuccess;",
    }),
}

def mutant_plugins(name):
    """Defines `<mutant>.so` for each.

    Args:
      name: of a filegroup of them all.
    """
    native.filegroup(
        name = name,
        testonly = True,
        srcs = [mutant + ".so" for mutant in _MUTANTS],
    )
    for mutant, (source, replacements) in _MUTANTS.items():
        native.genrule(
            name = mutant + "_source",
            testonly = True,
            srcs = ["//plugins/cuda:" + source],
            outs = [mutant + ".cc"],
            cmd = "$(location mutate) $< $@ " + " ".join([
                "'%s'" % text.replace("$", "$$")
                for pair in replacements.items()
                for text in pair
            ]),
            tools = ["mutate"],
        )

        # The other sources come out of the library. The linker takes nothing
        # from it that is defined here.
        cc_binary(
            name = mutant + ".so",
            testonly = True,
            srcs = [
                mutant + ".cc",
                "//plugins/cuda:mutant_sources",
            ],
            additional_linker_inputs = ["//plugins/abi:ferry_plugin.lds"],
            copts = [
                "-fvisibility=hidden",
                # Of what a fault leaves unused.
                "-w",
            ],
            linkopts = ["-Wl,--version-script,$(location //plugins/abi:ferry_plugin.lds)"],
            linkshared = True,
            deps = [
                "//plugins/abi:plugin",
                "//plugins/cuda:cuda_driver_header",
                "//plugins/cuda:cuda_plugin",
            ],
        )
