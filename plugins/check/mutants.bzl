# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""Plugins that break one rule each, made of the toy in plugins/example."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")

# A name begins with the id of the check that has to catch it.
MUTANTS = [
    "a_01_executable_stack",
    "a_02_exports_more",
    "a_03_needs_ferry",
    "a_04_unique_symbol",
    "a_05_run_path",
    "a_06_undefined_symbol",
    "b_01_two_descriptions",
    "b_02_opens_a_file",
    "b_03_reads_past_the_host",
    "b_03_wants_one_version",
    "b_04_pretends_to_be_new",
    "b_04_status_disagrees",
    "b_05_compares_sizes",
    "b_05_takes_short_structs",
    "b_06_ignores_flags",
    "b_07_claims_too_much",
    "b_07_has_no_name",
    "b_08_takes_cuda",
    "c_01_crashes",
    "c_01_hangs",
    "c_02_rounds_up",
    "c_05_keeps_the_source",
    "c_09_device_copies_of_whole_words",
    "c_11_device_copies_are_put_off",
    "d_03_count_changes",
    "d_04_device_without_a_name",
    "e_01_no_tag",
    "e_01_tag_changes",
    "e_01_tag_without_an_end",
    "e_02_tags_are_swapped",
    "e_03_claims_everything",
    "e_03_compares_the_beginning",
    "e_03_reads_past_the_tag",
    "e_04_index_wraps",
    "e_04_takes_the_last_device",
    "e_05_fails_on_tags_of_others",
    "g_01_keeps_threads",
    "g_02_out_of_order",
    "g_03_ready_too_early",
    "g_04_one_wait_only",
    "g_06_hides_failures",
    "g_07_does_not_wait",
    "g_08_events_die",
    "g_09_crashes_on_0_bytes",
    "g_09_hangs_on_0_bytes",
    "h_01_handles_signals",
    "k_01_crashes_on_0_bytes",
    "k_01_reads_past_the_copy",
    "k_01_refuses_the_end",
    "k_02_checks_the_source_only",
    "k_02_copies_on_every_index",
    "k_02_copies_what_fits",
    "k_02_has_no_link_to_no_device",
    "k_02_sum_wraps",
    "k_03_moves_overlaps",
    "k_03_refuses_neighbours",
    "k_04_compares_sizes",
    "m_05_one_block_twice",
    "m_07_promises_anything",
    "n_01_misaligned",
    "p_00_dies_between_checks",
    "p_01_aborts_at_exit",
    "p_02_prints",
    "r_01_name_without_an_end",
    "r_01_reads_past_the_copy",
    "r_01_writes_past_the_struct",
    "r_01_writes_to_the_copy",
    "r_02_copies_on_every_index",
    "r_02_host_memory_on_every_index",
    "r_02_queues_on_every_index",
    "r_02_takes_every_index",
    "r_03_copies_what_fits",
    "r_03_sum_wraps",
    "r_03_takes_0_bytes_everywhere",
    "r_04_takes_every_direction",
    "r_05_compares_sizes",
    "r_06_free_fails",
    "r_06_frees_nothing",
    "r_07_crashes_on_0_bytes",
    "r_07_hangs_on_0_bytes",
    "r_07_reads_the_source",
    "r_08_allocate_crashes_on_0_bytes",
    "r_08_allocate_hangs_on_0_bytes",
    "r_08_free_crashes_on_0_bytes",
    "r_08_free_refuses_0_bytes",
    "r_09_has_no_reason",
    "s_02_waits_too_little",
    "t_04_hangs_with_opposite_copies",
    "x_01_hangs_with_two_locks",
    "x_01_no_locks",
    "x_01_no_locks_for_memory",
    "x_02_one_last_error",
    "x_03_one_current_device",
    "x_04_needs_a_thread_set_up",
    "x_05_queue_table_without_a_lock",
    "x_06_no_locks_for_queues",
    "x_08_host_memory_without_a_lock",
]

# Those that go wrong only among threads.
THREAD_MUTANTS = [name for name in MUTANTS if name.startswith("x_")]

# Keeps all rules, though it is made like the others.
SOUND = "sound"

_LINKOPTS = {
    "a_01_executable_stack": ["-Wl,-z,execstack"],
    "a_05_run_path": ["-Wl,-rpath,/opt/lib"],
}

# Of the linker's list of exports.
_UNHIDDEN = [
    "a_02_exports_more",
    "a_04_unique_symbol",
]

_PARTS = {
    "memory": [
        "//plugins:example/toy.c",
        "//plugins:example/toy_queues.h",
    ],
    "queues": [
        "//plugins:example/toy_queues.c",
        "//plugins:example/toy_queues.h",
    ],
}

def mutant_plugins(visibility):
    """Defines `<mutant>.so` for each.

    Args:
      visibility: of each.
    """

    # The toy, whose query function and locks the mutants replace.
    for part, srcs in _PARTS.items():
        cc_library(
            name = "mutant_" + part,
            testonly = True,
            srcs = srcs,
            copts = [
                "-fvisibility=hidden",
                "-std=c11",
            ],
            linkstatic = True,
            local_defines = [
                "TOY_ASYNC",
                "ferry_plugin_query_v0=toy_query",
                "pthread_cond_wait=%s_wait" % part,
                "pthread_mutex_lock=%s_lock" % part,
                "pthread_mutex_unlock=%s_unlock" % part,
            ],
            deps = ["//plugins/abi:plugin"] + (
                [":mutant_queues"] if part == "memory" else []
            ),
        )
    for name in MUTANTS + [SOUND]:
        exports = [] if name in _UNHIDDEN else ["//plugins/abi:ferry_plugin.lds"]
        cc_binary(
            name = name + ".so",
            testonly = True,
            srcs = ["mutant.c"],
            additional_linker_inputs = exports,
            copts = [
                "-fvisibility=hidden",
                "-std=c11",
            ],
            linkopts = ["-pthread"] + _LINKOPTS.get(name, []) + [
                "-Wl,--version-script,$(location %s)" % label
                for label in exports
            ],
            linkshared = True,
            local_defines = [
                "MUTANT=" + name,
                "MUTANT_" + name,
            ],
            visibility = visibility,
            deps = [
                ":mutant_memory",
                "//plugins/abi:plugin",
            ],
        )
