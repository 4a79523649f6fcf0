# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0

"""Headers that any workspace may include."""

_HeadersInfo = provider(
    "The headers of a target and of what it depends on.",
    fields = ["headers"],
)

def _collect_impl(target, ctx):
    own = [] if target.label.workspace_name else getattr(ctx.rule.files, "hdrs", [])
    below = [
        dep[_HeadersInfo].headers
        for dep in getattr(ctx.rule.attr, "deps", [])
        if _HeadersInfo in dep
    ]
    return [_HeadersInfo(headers = depset(own, transitive = below))]

_collect = aspect(
    attr_aspects = ["deps"],
    implementation = _collect_impl,
)

def _headers_impl(ctx):
    headers = [dep[_HeadersInfo].headers for dep in ctx.attr.deps]
    return [DefaultInfo(files = depset(transitive = headers))]

_headers = rule(
    attrs = {"deps": attr.label_list(aspects = [_collect])},
    implementation = _headers_impl,
)

def public_headers(name, deps, **kwargs):
    """The headers of this workspace's targets that `deps` reach.

    Args:
      name: a filegroup of all of them, whatever their visibility. `<name>_public`
        is a file with the labels of those that are visible to everyone, one on
        a line. (Only a query knows the default visibility of a package.)
      deps: absolute labels of C++ libraries.
      **kwargs: for both.
    """
    _headers(
        name = name,
        deps = deps,
        **kwargs
    )
    native.genquery(
        name = name + "_public",
        expression = "labels(hdrs, attr(visibility, '//visibility:public', deps(set(%s))))" % " ".join(deps),
        scope = deps,
        **kwargs
    )
