# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""One static library of a target and of all that it depends on."""

load(
    "//third_party:system_library.bzl",
    "END_ONLY_IF_USED",
    "ONLY_IF_USED",
)

def _ferry_archive_impl(ctx):
    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).linking_context
    archives = []
    flags = []
    for linker_input in context.linker_inputs.to_list():
        flags.extend(linker_input.user_link_flags)
        for library in linker_input.libraries:
            archive = library.pic_static_library or library.static_library
            if archive:
                archives.append(archive)

    script = ctx.actions.declare_file(ctx.label.name + ".mri")
    ctx.actions.write(script, "\n".join(
        ["create " + ctx.outputs.archive.path] +
        ["addlib " + archive.path for archive in archives] +
        ["save", "end", ""],
    ))
    ctx.actions.run_shell(
        inputs = archives + [script],
        outputs = [ctx.outputs.archive],
        command = "ar -M <" + script.path,
        mnemonic = "FerryArchive",
    )

    # A library must follow all that need it, so the last mention counts. Most
    # bring ONLY_IF_USED and its end; here one pair surrounds them all.
    last = {flag: i for i, flag in enumerate(flags)}
    ctx.actions.write(ctx.outputs.flags, " ".join(
        ONLY_IF_USED + [
            flag
            for i, flag in enumerate(flags)
            if last[flag] == i and flag not in ONLY_IF_USED + END_ONLY_IF_USED
        ] + END_ONLY_IF_USED,
    ) + "\n")

ferry_archive = rule(
    implementation = _ferry_archive_impl,
    attrs = {
        "archive": attr.output(
            doc = "The library. To link it, take it whole: objects that " +
                  "register something are mentioned nowhere else.",
            mandatory = True,
        ),
        "deps": attr.label_list(
            doc = "C++ libraries.",
            providers = [CcInfo],
        ),
        "flags": attr.output(
            doc = "A file with the options that link what the system has.",
            mandatory = True,
        ),
    },
    doc = "Makes one static library for programs that are not built by Bazel.",
)
