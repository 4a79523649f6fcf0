// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast a deflated record is read, beside zlib alone. The reader also
// computes the checksum. Rates count inflated bytes.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "benchmark/benchmark.h"
#include "ferry/io/file.h"
#include "ferry/io/inflate.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr size_t kInflatedBytes = size_t{4} << 20;

// A raw deflate stream of pseudorandom bytes of 16 values, about half as long
// as they are.
const std::string& Deflated() {
  static const std::string* const deflated = [] {
    std::string contents(kInflatedBytes, '\0');
    uint32_t random = 1;
    for (char& byte : contents) {
      random = random * 1664525 + 1013904223;
      byte = static_cast<char>(random >> 28);
    }
    z_stream stream = {};
    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                 Z_DEFAULT_STRATEGY);
    auto* const out =
        new std::string(deflateBound(&stream, contents.size()), 0);
    stream.next_in = reinterpret_cast<Bytef*>(&contents[0]);
    stream.avail_in = static_cast<uInt>(contents.size());
    stream.next_out = reinterpret_cast<Bytef*>(&(*out)[0]);
    stream.avail_out = static_cast<uInt>(out->size());
    deflate(&stream, Z_FINISH);
    out->resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }();
  return *deflated;
}

void BM_Inflate(benchmark::State& state) {
  const std::unique_ptr<RandomAccessFile> file =
      MakeMemoryFile(Deflated(), "deflated");
  for (auto _ : state) {
    benchmark::DoNotOptimize(*Inflate(
        *file, {0, Deflated().size(), kInflatedBytes},
        [](absl::string_view) { return absl::OkStatus(); },
        [](absl::StatusCode code, absl::string_view what) {
          return absl::Status(code, what);
        }));
  }
  state.SetBytesProcessed(state.iterations() * int64_t{kInflatedBytes});
}

void BM_ZlibInflate(benchmark::State& state) {
  std::string out(kInflatedBytes, '\0');
  for (auto _ : state) {
    z_stream stream = {};
    inflateInit2(&stream, -MAX_WBITS);
    stream.next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(Deflated().data()));
    stream.avail_in = static_cast<uInt>(Deflated().size());
    stream.next_out = reinterpret_cast<Bytef*>(&out[0]);
    stream.avail_out = static_cast<uInt>(out.size());
    if (inflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
    inflateEnd(&stream);
  }
  state.SetBytesProcessed(state.iterations() * int64_t{kInflatedBytes});
}

BENCHMARK(BM_Inflate)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ZlibInflate)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace v1
}  // namespace ferry
