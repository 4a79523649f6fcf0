// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/zip_survey.h
// -----------------------------------------------------------------------------
//
// Lists the records of a zip archive that may contradict itself, and says where
// it does. `zip::ZipDirectory` refuses such an archive; a scanner has to look
// into it all the same.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(zip::ZipEnd end,
//                          zip::FindZipEnd(file, file.size_bytes()));
//   FERRY_ASSIGN_OR_RETURN(ZipSurvey survey, SurveyZip(file, end, &budget));
//   survey.oddities[0].what;  // "another record has the same name"
#ifndef FERRY_SERIALIZATION_SCAN_ZIP_SURVEY_H_
#define FERRY_SERIALIZATION_SCAN_ZIP_SURVEY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/encoding.h"
#include "ferry/serialization/zip/zip_end.h"

namespace ferry {
inline namespace v1 {
namespace scan {

struct SurveyedRecord {
  std::string name;
  // Where the contents begin in the file, and their sizes, encoded and decoded,
  // as the central directory has them.
  uint64_t contents_offset_bytes = 0;
  uint64_t encoded_bytes = 0;
  uint64_t contents_bytes = 0;
  Encoding encoding = Encoding::kStored;
  // Why the contents cannot be read, as a clause. Empty if they can.
  std::string unreadable;
};

struct ZipOddity {
  std::string record;  // empty: of the archive
  std::string what;    // a clause
};

struct ZipSurvey {
  // In the order of the central directory. The contents of each lie inside the
  // file, unless it is `unreadable`. They may overlap.
  std::vector<SurveyedRecord> records;
  // What no archiver writes. At most 1000 are listed.
  std::vector<ZipOddity> oddities;
  // Why the rest of the directory could not be read. Empty if there is none.
  std::string damage;
};

// Surveys the archive that `end`, which comes from `FindZipEnd` for `file`,
// describes. Time and memory are in proportion to the central directory; reads
// each record's local header. Charges its memory to the budget.
//
// Errors: kDataLoss - there is no central directory where `end` says;
//         kResourceExhausted - the budget is spent;
//         whatever reading returns.
absl::StatusOr<ZipSurvey> SurveyZip(const RandomAccessFile& file,
                                    const zip::ZipEnd& end, Budget* budget);

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_ZIP_SURVEY_H_
