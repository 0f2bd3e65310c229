// The program of ./dev fuzz: libFuzzer makes up the bytes.
#include <google/protobuf/stubs/logging.h>

#include "try_model.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it would print a line for every damaged file
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  halfwave::test::try_model({data, size});
  return 0;
}
