#pragma once
#include <stdexcept>
#include <string>

namespace halfwave {

/// What went wrong, in the terms of the command line's exit codes.
enum class ErrorKind {
  fault = 1,     ///< a fault in Halfwave itself
  usage = 2,     ///< a wrong option, name or network line
  input = 3,     ///< an unreadable or wrong file or data set; the message names file, line or tensor
  diverged = 4,  ///< training diverged
  no = 5,        ///< the question was answered with "no"
};

/// The one exception type of Halfwave. The message says what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

inline Error usage_error(const std::string& message) { return {ErrorKind::usage, message}; }
inline Error input_error(const std::string& message) { return {ErrorKind::input, message}; }

}  // namespace halfwave
