// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/file_scan.h
// -----------------------------------------------------------------------------
//
// Scans a file in every way that PyTorch may read it.
//
// A file may hold archives that hold pickles that hold archives, so the
// functions call each other: file_scan.cc finds out what bytes may be,
// archive_scan.cc goes through zip and tar archives, and pickle_file_scan.cc
// through the pickles of a stream. The depth is limited to `kMaxScanDepth`.
//
// Example:
//
//   const ScanReport report = FileScan(*file, ScanOptions()).Run();
#ifndef FERRY_SERIALIZATION_SCAN_FILE_SCAN_H_
#define FERRY_SERIALIZATION_SCAN_FILE_SCAN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/pickle/pickle_scanner.h"
#include "ferry/serialization/scan/findings.h"
#include "ferry/serialization/scan/program_scan.h"
#include "ferry/serialization/scan/scan_meter.h"
#include "ferry/serialization/scan/scan_options.h"
#include "ferry/serialization/scan/scan_report.h"
#include "ferry/serialization/scan/zip_survey.h"

namespace ferry {
inline namespace v1 {
namespace scan {

// FileScan
//
// Thread-safety: none; one thread at a time.
class FileScan {
 public:
  // Both arguments must outlive this object.
  FileScan(const RandomAccessFile& file, const ScanOptions& options)
      : file_(file),
        meter_(options, file.size_bytes()),
        findings_(file.name(), options, &report_) {}

  // Scans the file. Must be called once.
  ScanReport Run();

 private:
  using PickleLiteral = pickle::PickleLiteral;
  using PickleScan = pickle::PickleScan;

  // The number of bytes that are read to find out what a file is.
  static constexpr uint64_t kHeadBytes = 512;

  // Whether bytes begin like a pickle of protocol 2 or higher.
  static bool BeginsWithProto(absl::string_view head);

  // Add a problem or an oddity. Do nothing once the scan is over, because what
  // is found then only follows from that. An error may end the scan.
  void Problem(const std::string& record, const absl::Status& status);
  void Problem(const std::string& record, absl::string_view what);
  void Odd(const std::string& record, absl::string_view detail);

  // The functions below scan a file or the contents of a record. `depth` counts
  // the archives and pickles around it, and is never above kMaxScanDepth.

  // Scans a file in each way that PyTorch may read it. Returns the format, or
  // "" if there is none.
  std::string ScanAny(const RandomAccessFile& file, const std::string& record,
                      int depth);
  // Scans the archives at the end of the file. Returns an error if there is
  // none.
  absl::Status ScanZips(const RandomAccessFile& file, const std::string& record,
                        int depth);
  void ScanZip(const RandomAccessFile& file, const ZipSurvey& survey,
               const std::string& record, int depth);
  // Adds the record to `program` if it is code.
  void ScanZipRecord(const RandomAccessFile& file, const SurveyedRecord& entry,
                     const std::string& record, int depth,
                     ProgramScan* program);
  void ScanTar(const RandomAccessFile& file, const std::string& record,
               int depth);
  // Returns the size of an element of the storage that the pickle at `begin`
  // describes: a tuple of a key, a location and a class of storages. Returns 0
  // if it is anything else.
  uint64_t ElementSizeOf(const RandomAccessFile& file, uint64_t begin,
                         const PickleScan& scan);
  // Scans a member that alternates pickles and numbers.
  void ScanTarMember(const RandomAccessFile& file, bool is_storages,
                     const std::string& record, int depth);
  // Scans bytes that may be anything.
  void Sniff(const RandomAccessFile& file, const std::string& record,
             int depth);
  // Scans the pickles of a stream. If they are not `expected`, returns false
  // for bytes that only look like one.
  bool ScanPickles(const RandomAccessFile& file, bool expected,
                   const std::string& record, int depth);
  // Whether a pickle at the beginning of a file is the magic number of a legacy
  // stream.
  bool IsLegacyMagic(const RandomAccessFile& file, const PickleScan& scan);
  // Whether one of the pickles behind the first is genuine.
  bool HasGenuineRest(const RandomAccessFile& file, const PickleScan& first);
  // Scans what follows the first pickle, which ends at `at`.
  void ScanLegacyRest(const RandomAccessFile& file, uint64_t at,
                      const std::string& record, int depth);
  void ScanBareRest(const RandomAccessFile& file, uint64_t at,
                    const std::string& record, int depth);
  // Scans the pickle at `at`. Ends the scan if the budget is spent.
  PickleScan ScanOne(const RandomAccessFile& file, uint64_t at);
  void Report(const PickleScan& scan, const RandomAccessFile& file,
              const std::string& record, int depth);
  void ScanLiteral(const PickleLiteral& literal, const RandomAccessFile& file,
                   const std::string& record, int depth);
  // Whether a pickle, at byte 0, may look up a global.
  bool MayBePickle(const RandomAccessFile& file, uint64_t at,
                   const std::string& record);
  // Scans a file that is also one of another format as a pickle.
  void CheckIsNoPickle(const RandomAccessFile& file, absl::string_view format,
                       const std::string& record, int depth);

  // Reads the contents of a record, at most `max_bytes`, and fewer if there is
  // an error, to which it sets `status`.
  std::string Contents(const RandomAccessFile& file,
                       const SurveyedRecord& entry, uint64_t max_bytes,
                       absl::Status* status);
  // Reads all contents of a record. Anything less is a problem.
  std::string ReadRecord(const RandomAccessFile& file,
                         const SurveyedRecord& entry,
                         const std::string& record);

  const RandomAccessFile& file_;
  ScanMeter meter_;
  ScanReport report_;
  Findings findings_;
};

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_FILE_SCAN_H_
