#include <halfwave/activation.h>
#include <halfwave/error.h>
#include <halfwave/version.h>

#include <iostream>

// Something of the library's code, of its data, and an exception of its type that crosses the border.
int main() {
  std::cout << "halfwave " << halfwave::version() << ", " << halfwave::find_activation("relu").name << ", ";
  try {
    halfwave::find_activation("rleu");
  } catch (const halfwave::Error& error) {
    std::cout << error.what() << "\n";
    return error.kind() == halfwave::ErrorKind::usage ? 0 : 1;
  }
  return 1;
}
