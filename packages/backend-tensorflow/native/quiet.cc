// Keeps TensorFlow's start-up banner from the user's terminal: it is logged before any option could silence it.

#include "absl/log/globals.h"

namespace {
const bool quiet = [] {
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kError);
  return true;
}();
}  // namespace
