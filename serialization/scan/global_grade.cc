// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/global_grade.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/core/hash_table.h"
#include "ferry/serialization/torch/globals.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

struct Row {
  absl::string_view reason;
  // Modules, or functions and classes with their modules, between blanks.
  absl::string_view names;
};

constexpr Row kRows[] = {
    {"runs commands, or changes files and processes",
     "os posix nt subprocess _posixsubprocess _winapi pty commands popen2 "
     "platform.popen platform._syscmd_ver asyncio multiprocessing "
     "concurrent.futures signal resource _signal uuid._popen "
     "uuid._get_command_stdout msvcrt winreg distutils setuptools pip "
     "ensurepip venv webbrowser antigravity test.support idlelib "
     "torch.utils.collect_env torch.utils.cpp_extension torch.multiprocessing "
     "torch.distributed.rpc torch.distributed.launcher "
     "torch.distributed.elastic torch._inductor torch.utils.bottleneck"},
    {"evaluates Python code",
     "builtins.eval builtins.exec builtins.compile builtins.execfile "
     "builtins.breakpoint builtins.help builtins.input code codeop timeit "
     "profile cProfile pdb bdb trace doctest runpy lib2to3 rlcompleter "
     "logging.config types.FunctionType types.CodeType types.LambdaType "
     "IPython ipykernel jinja2 numpy.testing._private.utils.runstring "
     "numpy.testing.utils.runstring numpy.f2py pandas.eval "
     "pandas.core.computation torch.fx.experimental.symbolic_shapes "
     "torch.utils._config_module torch._dynamo.guards "
     "torch._dynamo.eval_frame torch._dynamo.debug_utils torch._dynamo.repro "
     "torch.package torch.hub "
     "torch.onnx.verification sympy.sympify sympy.parsing"},
    {"imports modules, or looks up attributes by their names",
     "builtins.__import__ builtins.getattr builtins.setattr builtins.delattr "
     "builtins.globals builtins.locals builtins.vars builtins.reload "
     "importlib imp _imp _frozen_importlib _frozen_importlib_external "
     "zipimport pkgutil pydoc site sys operator _operator inspect gc "
     "copyreg.add_extension copyreg.pickle copyreg.constructor "
     "builtins.apply logging._resolve unittest.mock"},
    {"loads another pickle or program without any check",
     "pickle _pickle pickletools dill cloudpickle joblib marshal shelve "
     "torch.load torch.serialization.load torch.serialization._load "
     "torch.serialization._legacy_load torch.storage._load_from_bytes "
     "torch.jit.load torch.jit._serialization torch.jit.script "
     "torch.jit.trace torch.classes torch.ops numpy.load numpy.lib.npyio "
     "numpy.lib._npyio_impl pandas.read_pickle pandas.io.pickle yaml "
     "keras.models.load_model keras.saving tensorflow tf_keras"},
    {"reads or writes files",
     "builtins.open builtins.file io.open io.open_code io.FileIO _io _pyio "
     "codecs.open shutil tempfile fileinput linecache mmap zipfile tarfile "
     "gzip.open gzip.GzipFile bz2.open bz2.BZ2File lzma.open lzma.LZMAFile "
     "sqlite3 _sqlite3 dbm glob.glob logging.FileHandler torch.save "
     "torch.from_file numpy.save numpy.fromfile numpy.memmap numpy.loadtxt "
     "numpy.genfromtxt pathlib.Path.write_text pathlib.Path.write_bytes"},
    {"talks to the network",
     "socket _socket ssl http urllib ftplib smtplib telnetlib nntplib poplib "
     "imaplib xmlrpc socketserver select selectors requests httpx aiohttp "
     "urllib3 paramiko torch.distributed.init_process_group"},
    {"calls native code",
     "ctypes _ctypes cffi _cffi_backend numpy.ctypeslib torch.ops.load_library "
     "_testcapi _xxsubinterpreters _interpreters"},
    {"runs functions later or on other threads",
     "atexit weakref.finalize threading _thread _threading_local sched "
     "functools.reduce builtins.map builtins.filter"},
};

// Attributes that lead from any function or class to all of Python.
constexpr absl::string_view kInternals[] = {
    "__base__",   "__bases__",   "__builtins__",     "__call__",
    "__class__",  "__closure__", "__code__",         "__dict__",
    "__func__",   "__getattr__", "__getattribute__", "__globals__",
    "__import__", "__loader__",  "__module__",       "__mro__",
    "__self__",   "__spec__",    "__subclasses__",   "__wrapped__",
    "f_back",     "f_globals",   "gi_frame",
};

// The most parts of a name that are looked at. Python's own have fewer than 10.
constexpr size_t kMaxParts = 64;

using Table = HashMap<absl::string_view, absl::string_view>;

const Table& Reasons() {
  static const auto* const reasons = [] {
    auto* const table = new Table;
    for (const Row& row : kRows) {
      for (const absl::string_view name :
           absl::StrSplit(row.names, ' ', absl::SkipEmpty())) {
        table->emplace(name, row.reason);
      }
    }
    return table;
  }();
  return *reasons;
}

// The reason for `path` or for a module that it lies in; empty if there is
// none.
absl::string_view ReasonFor(absl::string_view path) {
  const Table& reasons = Reasons();
  size_t end = 0;
  for (size_t i = 0; i < kMaxParts; ++i) {
    end = path.find('.', end);
    const auto found = reasons.find(path.substr(0, end));
    if (found != reasons.end()) return found->second;
    if (end == absl::string_view::npos) break;
    ++end;
  }
  return {};
}

}  // namespace

GradedGlobal GradeGlobal(absl::string_view module, absl::string_view name) {
  if (torch::IsGlobalAllowed(module, name)) {
    return {GlobalGrade::kAllowed, {}};
  }
  absl::string_view reason = ReasonFor(absl::StrCat(module, ".", name));
  if (!reason.empty()) return {GlobalGrade::kDangerous, reason};
  absl::string_view rest = name;
  for (size_t i = 0; i < kMaxParts; ++i) {
    const size_t dot = rest.find('.');
    if (std::find(std::begin(kInternals), std::end(kInternals),
                  rest.substr(0, dot)) != std::end(kInternals)) {
      return {GlobalGrade::kDangerous, "reaches into Python's internals"};
    }
    // A pickle can neither call a module nor look into it, so the last part
    // alone says nothing: "code" in "my_package.code" is rather a class.
    if (dot == absl::string_view::npos) break;
    reason = ReasonFor(rest);
    if (!reason.empty()) return {GlobalGrade::kDangerous, reason};
    rest.remove_prefix(dot + 1);
  }
  return {GlobalGrade::kUnknown, {}};
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
