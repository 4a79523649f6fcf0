// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/global_grade.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
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
     "os posix nt subprocess _posixsubprocess _winapi pty commands "
     "popen2 platform.popen platform._syscmd_ver asyncio "
     "multiprocessing concurrent.futures signal resource _signal "
     "uuid._popen uuid._get_command_stdout msvcrt winreg distutils "
     "setuptools pip ensurepip venv webbrowser antigravity test.support "
     "idlelib torch.utils.collect_env torch.utils.cpp_extension "
     "torch.multiprocessing torch.distributed.rpc "
     "torch.distributed.launcher torch.distributed.elastic "
     "torch._inductor torch.utils.bottleneck _osx_support "
     "_bootsubprocess _aix_support mailcap pipes sysconfig fcntl "
     "test.libregrtest test.regrtest zipapp compileall py_compile "
     "turtle numpy.distutils torch.testing "
     "torch.distributed.run torch.distributed.launch "
     "torch.utils.benchmark torch.utils._freeze "
     "torch.utils.throughput_benchmark torch._functorch "
     "torch.backends._nnapi"},
    {"evaluates Python code",
     "builtins.eval builtins.exec builtins.compile builtins.execfile "
     "builtins.breakpoint builtins.help builtins.input code codeop "
     "timeit profile cProfile pdb bdb trace doctest runpy lib2to3 "
     "rlcompleter logging.config types.FunctionType types.CodeType "
     "types.LambdaType IPython ipykernel jinja2 "
     "numpy.testing numpy.f2py pandas.eval "
     "pandas.core.computation torch.utils._config_module "
     "torch._dynamo.guards torch._dynamo.eval_frame "
     "torch._dynamo.debug_utils torch._dynamo.repro torch.package "
     "torch.hub sympy.sympify sympy.parsing dataclasses._create_fn "
     "dataclasses._process_class dataclasses.make_dataclass "
     "dataclasses.dataclass gettext.c2py typing.get_type_hints "
     "typing._eval_type tkinter numpy._pytesttester torch.fx torch.onnx "
     "torch.jit._script torch.jit._trace torch.jit._recursive "
     "torch.jit._fuser torch.jit.frontend torch.jit.trace_module "
     "torch.jit.script_if_tracing torch.jit.export_opnames "
     "torch._jit_internal torch._sources torch._C.import_ir_module "
     "torch._C._import_ir_module_from_package torch._C.CompilationUnit "
     "torch._C.ScriptModule pandas.DataFrame.eval "
     "pandas.DataFrame.query sympy.core.sympify sympy.utilities "
     "sympy.lambdify PIL.ImageMath transformers.dynamic_module_utils "
     "transformers.pipeline numexpr"},
    {"imports modules, or looks up attributes by their names",
     "builtins.__import__ builtins.getattr builtins.setattr "
     "builtins.delattr builtins.globals builtins.locals builtins.vars "
     "builtins.reload importlib imp _imp _frozen_importlib "
     "_frozen_importlib_external zipimport pkgutil pydoc site sys "
     "operator _operator inspect gc copyreg.add_extension "
     "copyreg.pickle copyreg.constructor builtins.apply "
     "logging._resolve encodings.search_function modulefinder "
     "pkg_resources pyclbr unittest string.Formatter "
     "torch._utils_internal torch._classes torch._ops "
     "torch.utils._import_utils torch.utils.show_pickle"},
    {"loads another pickle or program without any check",
     "pickle _pickle pickletools dill cloudpickle joblib marshal shelve "
     "torch.load torch.serialization.load torch.serialization._load "
     "torch.serialization._legacy_load torch.storage._load_from_bytes "
     "torch.jit.load torch.jit._serialization torch.jit.script "
     "torch.jit.trace torch.classes torch.ops numpy.load "
     "numpy.lib.npyio numpy.lib._npyio_impl pandas.read_pickle "
     "pandas.io.pickle yaml keras.models.load_model keras.saving "
     "tensorflow tf_keras torch.jit.save "
     "torch.serialization.register_package "
     "torch.serialization.add_safe_globals "
     "torch.serialization.safe_globals torch.utils.model_zoo "
     "torch.utils.mobile_optimizer torch.distributed.checkpoint.load "
     "torch.distributed.checkpoint.save "
     "torch.distributed.checkpoint.filesystem "
     "torch.distributed.checkpoint.format_utils "
     "torch.distributed.checkpoint.state_dict_loader "
     "torch.distributed.checkpoint.state_dict_saver torch.export.load "
     "torch.export.save torch._export scipy.io safetensors.torch "
     "networkx.read_gpickle"},
    {"reads or writes files",
     "builtins.open builtins.file io.open io.open_code io.FileIO _io "
     "_pyio codecs.open shutil tempfile fileinput linecache mmap "
     "zipfile tarfile gzip.open gzip.GzipFile bz2.open bz2.BZ2File "
     "lzma.open lzma.LZMAFile sqlite3 _sqlite3 dbm glob.glob "
     "logging.FileHandler torch.save torch.from_file numpy.save "
     "numpy.fromfile numpy.memmap numpy.loadtxt numpy.genfromtxt "
     "pathlib.Path.write_text pathlib.Path.write_bytes "
     "logging.basicConfig logging.handlers "
     "configparser.ConfigParser.read configparser.RawConfigParser.read "
     "hashlib.file_digest readline cgitb getpass mailbox netrc uu "
     "filecmp tabnanny xml.dom xml.sax xml.etree.ElementTree.parse "
     "argparse.FileType plistlib.load glob.iglob sndhdr imghdr aifc "
     "sunau torch.serialization._open_file "
     "torch.serialization._open_file_like "
     "torch.serialization._open_zipfile_reader "
     "torch.serialization._open_zipfile_writer "
     "torch._C.PyTorchFileReader torch._C.PyTorchFileWriter "
     "torch.PyTorchFileReader torch.PyTorchFileWriter "
     "torch.utils.tensorboard torch.utils.file_baton "
     "torch.utils.data.datapipes torch.profiler torch.autograd.profiler "
     "torch.cuda.memory numpy.core.records.fromfile "
     "numpy._core.records.fromfile numpy.lib.format "
     "numpy.lib.utils.source numpy.lib._datasource numpy.DataSource "
     "PIL.Image.open torchvision.datasets.utils torchvision.io "
     "sklearn.datasets matplotlib.pyplot matplotlib.image"},
    {"talks to the network",
     "socket _socket ssl http urllib ftplib smtplib telnetlib nntplib "
     "poplib imaplib xmlrpc socketserver select selectors requests "
     "httpx aiohttp urllib3 paramiko "
     "torch.distributed.init_process_group asyncore asynchat smtpd "
     "wsgiref torch.distributed.distributed_c10d "
     "torch.distributed.rendezvous torch.distributed.TCPStore "
     "torch.distributed.FileStore torch.distributed.HashStore "
     "torch._C._distributed_c10d torch._C._distributed_rpc "
     "huggingface_hub fsspec transformers.utils.hub"},
    {"calls native code",
     "ctypes _ctypes cffi _cffi_backend numpy.ctypeslib "
     "torch.ops.load_library _testcapi _xxsubinterpreters _interpreters"},
    {"runs functions later or on other threads",
     "atexit weakref.finalize threading _thread _threading_local sched "
     "functools.reduce builtins.map builtins.filter"},
};

// Functions and methods that several modules and classes of a package have:
// `numpy.fromfile` is also `numpy.core.multiarray.fromfile`. All of the package
// is searched for the last part of a name.
constexpr struct {
  absl::string_view package;
  Row row;
} kAliases[] = {
    {"numpy",
     {"reads or writes files",
      "fromfile tofile dump load save savez savez_compressed savetxt "
      "loadtxt genfromtxt recfromtxt recfromcsv mafromtxt ndfromtxt "
      "fromregex memmap open_memmap source"}},
    {"numpy", {"evaluates Python code", "measure runstring rundocs"}},
    {"numpy",
     {"runs commands, or changes files and processes",
      "exec_command assert_raises"}},
    {"numpy", {"calls native code", "load_library"}},
    {"torch",
     {"loads another pickle or program without any check",
      "load load_url load_state_dict_from_url import_ir_module "
      "import_ir_module_from_buffer"}},
    {"torch",
     {"reads or writes files",
      "save from_file _new_with_file _write_file _set_from_file "
      "_open_file _open_file_like PyTorchFileReader PyTorchFileWriter "
      "export_chrome_trace export_stacks SummaryWriter FileBaton "
      "FileStore"}},
    {"torch", {"talks to the network", "init_process_group TCPStore"}},
    {"torch",
     {"evaluates Python code",
      "reduce_graph_module reduce_package_graph_module "
      "reduce_deploy_graph_module _exec_with_source _forward_from_src"}},
    {"torch", {"runs functions later or on other threads", "reduce"}},
    {"pandas", {"evaluates Python code", "eval query"}},
    {"pandas",
     {"reads or writes files",
      "read_csv read_table read_fwf read_json read_html read_xml "
      "read_excel read_hdf read_sql read_sql_query read_sql_table "
      "read_feather read_parquet read_orc read_sas read_spss read_stata "
      "read_gbq read_clipboard read_pickle to_csv to_pickle to_json "
      "to_hdf to_excel to_sql to_parquet to_feather to_stata to_html "
      "to_latex to_xml to_orc to_clipboard ExcelFile ExcelWriter "
      "HDFStore"}},
};

// Functions of dangerous modules that other modules import by name. A pattern
// does not allow them.
constexpr absl::string_view kFunctionsOfModules =
    "Popen call check_call check_output chmod copy_file copyfile copytree "
    "execl execle execlp execv execve execvp find_executable fork getoutput "
    "getstatusoutput import_module kill link listdir loads makedirs mkdir "
    "mkdtemp move popen read_text reload remove removedirs rename replace "
    "resolve_name rmdir rmtree run run_module run_path spawn spawnl "
    "spawnv startfile symlink system truncate unlink unpack_archive urlopen "
    "urlretrieve write_bytes write_text attrgetter itemgetter methodcaller "
    "getattr_static run_command exec_command shell execute eval_type "
    "assert_raises partial partialmethod";

// The modules of Python's standard library (`sys.stdlib_module_names` of
// Python 3.11).
constexpr absl::string_view kStandardModules =
    "__future__ _abc _aix_support _ast _asyncio _bisect _blake2 "
    "_bootsubprocess _bz2 _codecs _codecs_cn _codecs_hk "
    "_codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections "
    "_collections_abc _compat_pickle _compression _contextvars _crypt "
    "_csv _ctypes _curses _curses_panel _datetime _dbm _decimal "
    "_elementtree _frozen_importlib _frozen_importlib_external "
    "_functools _gdbm _hashlib _heapq _imp _io _json _locale _lsprof "
    "_lzma _markupbase _md5 _msi _multibytecodec _multiprocessing "
    "_opcode _operator _osx_support _overlapped _pickle _posixshmem "
    "_posixsubprocess _py_abc _pydecimal _pyio _queue _random _scproxy "
    "_sha1 _sha256 _sha3 _sha512 _signal _sitebuiltins _socket "
    "_sqlite3 _sre _ssl _stat _statistics _string _strptime _struct "
    "_symtable _thread _threading_local _tkinter _tokenize "
    "_tracemalloc _typing _uuid _warnings _weakref _weakrefset _winapi "
    "_zoneinfo abc aifc antigravity argparse array ast asynchat "
    "asyncio asyncore atexit audioop base64 bdb binascii bisect "
    "builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code "
    "codecs codeop collections colorsys compileall concurrent "
    "configparser contextlib contextvars copy copyreg crypt csv ctypes "
    "curses dataclasses datetime dbm decimal difflib dis distutils "
    "doctest email encodings ensurepip enum errno faulthandler fcntl "
    "filecmp fileinput fnmatch fractions ftplib functools gc "
    "genericpath getopt getpass gettext glob graphlib grp gzip hashlib "
    "heapq hmac html http idlelib imaplib imghdr imp importlib inspect "
    "io ipaddress itertools json keyword lib2to3 linecache locale "
    "logging lzma mailbox mailcap marshal math mimetypes mmap "
    "modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt "
    "ntpath nturl2path numbers opcode operator optparse os ossaudiodev "
    "pathlib pdb pickle pickletools pipes pkgutil platform plistlib "
    "poplib posix posixpath pprint profile pstats pty pwd py_compile "
    "pyclbr pydoc pydoc_data pyexpat queue quopri random re readline "
    "reprlib resource rlcompleter runpy sched secrets select selectors "
    "shelve shlex shutil signal site smtpd smtplib sndhdr socket "
    "socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl "
    "stat statistics string stringprep struct subprocess sunau "
    "symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile "
    "termios textwrap this threading time timeit tkinter token "
    "tokenize tomllib trace traceback tracemalloc tty turtle "
    "turtledemo types typing unicodedata unittest urllib uu uuid venv "
    "warnings wave weakref webbrowser winreg winsound wsgiref xdrlib "
    "xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

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
using Names = std::set<absl::string_view>;

absl::string_view FirstPart(absl::string_view path) {
  return path.substr(0, path.find('.'));
}

absl::string_view LastPart(absl::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

// All names of the tables, in the order of their bytes.
const Names& AllNames() {
  static const auto* const names = [] {
    auto* const all = new Names;
    for (const Row& row : kRows) {
      for (const absl::string_view name :
           absl::StrSplit(row.names, ' ', absl::SkipEmpty())) {
        all->insert(name);
      }
    }
    return all;
  }();
  return *names;
}

// The last parts of the names of the tables.
const Names& LastParts() {
  static const auto* const parts = [] {
    auto* const all = new Names;
    for (const absl::string_view name : AllNames()) {
      all->insert(LastPart(name));
    }
    for (const auto& alias : kAliases) {
      for (const absl::string_view name :
           absl::StrSplit(alias.row.names, ' ', absl::SkipEmpty())) {
        all->insert(name);
      }
    }
    for (const absl::string_view name :
         absl::StrSplit(kFunctionsOfModules, ' ', absl::SkipEmpty())) {
      all->insert(name);
    }
    return all;
  }();
  return *parts;
}

const Names& StandardModules() {
  static const auto* const modules = [] {
    const std::vector<absl::string_view> names =
        absl::StrSplit(kStandardModules, ' ');
    return new Names(names.begin(), names.end());
  }();
  return *modules;
}

// By package and function: "numpy fromfile".
const HashMap<std::string, absl::string_view>& Aliases() {
  static const auto* const aliases = [] {
    auto* const table = new HashMap<std::string, absl::string_view>;
    for (const auto& alias : kAliases) {
      for (const absl::string_view name :
           absl::StrSplit(alias.row.names, ' ', absl::SkipEmpty())) {
        table->emplace(absl::StrCat(alias.package, " ", name),
                       alias.row.reason);
      }
    }
    return table;
  }();
  return *aliases;
}

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
  const auto alias =
      Aliases().find(absl::StrCat(FirstPart(module), " ", LastPart(name)));
  if (alias != Aliases().end()) {
    return {GlobalGrade::kDangerous, alias->second};
  }
  if (module == "pathlib" && absl::StrContains(name, ".")) {
    return {GlobalGrade::kDangerous, "reads or changes files"};
  }
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

bool CanAllowAll(absl::string_view module) {
  if (StandardModules().count(FirstPart(module)) > 0) return false;
  const std::string inner = absl::StrCat(module, ".");
  const auto next = AllNames().lower_bound(inner);
  return next == AllNames().end() || !absl::StartsWith(*next, inner);
}

bool NeedsFullName(absl::string_view name) {
  if (LastParts().count(LastPart(name)) > 0) return true;
  while (true) {
    const size_t dot = name.find('.');
    if (dot == absl::string_view::npos) return false;
    // Classes begin with an upper case letter, and modules do not.
    const size_t letter = name.find_first_not_of('_');
    if (letter >= dot ||
        !absl::ascii_isupper(static_cast<unsigned char>(name[letter]))) {
      return true;
    }
    name.remove_prefix(dot + 1);
  }
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
