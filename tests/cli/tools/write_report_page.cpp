// Reads the JSON of compare from standard input and writes its report to standard output; for
// report_page_test.py.
#include <iostream>

#include "report_page.h"

int main() {
  std::cout << halfwave::cli::report_page(nlohmann::ordered_json::parse(std::cin));
  return std::cout.good() ? 0 : 1;
}
