# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""A repository whose targets are libraries that the system has installed."""

_HEADER = """# Made by Ferry's system_library rule from what pkg-config says.
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""

# The link options are the whole closure, in pkg-config's order, so every label
# is a leaf and no edge can be missing. Headers come from the compiler's own
# search path.
_LIBRARY = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
)
"""

# They surround the link options of a library. The linker then leaves it out of
# a program that uses nothing but its headers.
ONLY_IF_USED = ["-Wl,--push-state,--as-needed"]
END_ONLY_IF_USED = ["-Wl,--pop-state"]

def _missing(ctx, what, package):
    fail(("\n@{name}: {what} is not installed. Install it:\n" +
          "    apt-get install {package}\n" +
          "or define the repository {name} yourself, as Ferry's " +
          "third_party/README.md describes.").format(
        # With modules, the names of a module and an extension precede it.
        name = ctx.name.split("~")[-1].split("+")[-1],
        what = what,
        package = package,
    ))

def _system_library_impl(ctx):
    for path in ctx.attr.required_files:
        if not ctx.path(path).exists:
            _missing(ctx, path, ctx.attr.debian_package)
    if ctx.attr.directory:
        directory = ctx.path(ctx.attr.directory)
        if not directory.exists:
            _missing(ctx, ctx.attr.directory, ctx.attr.debian_package)
        for entry in directory.readdir():
            ctx.symlink(entry, entry.basename)
    for source, destination in ctx.attr.build_files.items():
        ctx.symlink(ctx.path(source), destination)
    if ctx.attr.pkg_config_labels and not ctx.which("pkg-config"):
        _missing(ctx, "pkg-config", "pkg-config")
    packages = {}
    for label, modules in ctx.attr.pkg_config_labels.items():
        linkopts = []
        if modules:
            result = ctx.execute(["pkg-config", "--libs"] + modules.split(" "))
            if result.return_code != 0:
                _missing(ctx, modules + ".pc", ctx.attr.debian_package)
            linkopts = ONLY_IF_USED + [
                option
                for option in result.stdout.replace("\n", " ").split(" ")
                if option
            ] + END_ONLY_IF_USED
        package, _, name = label[len("//"):].partition(":")
        packages.setdefault(package, []).append(
            _LIBRARY.format(name = name, linkopts = repr(linkopts)),
        )
    for package, libraries in packages.items():
        ctx.file(
            (package + "/" if package else "") + "BUILD",
            _HEADER + "".join(libraries),
        )

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "build_files": attr.label_keyed_string_dict(
            doc = "Files to link into the repository, and where.",
            allow_files = True,
        ),
        "debian_package": attr.string(
            doc = "What to install if something is missing.",
        ),
        "directory": attr.string(
            doc = "Absolute path of a directory whose entries the repository " +
                  "has; it brings its own BUILD files.",
        ),
        "pkg_config_labels": attr.string_dict(
            doc = "Label to pkg-config modules; none for headers alone.",
        ),
        "required_files": attr.string_list(
            doc = "Absolute paths without which the library is not installed.",
        ),
    },
    environ = [
        "PKG_CONFIG_LIBDIR",
        "PKG_CONFIG_PATH",
    ],
    local = True,
    doc = "Makes labels for libraries that the system has installed.",
)
