#pragma once
#include <string>

namespace halfwave {

/// What the processor calls itself, e.g. "AMD EPYC (family 25, model 17)"; "unknown processor" where it does
/// not say. Family and model are there because the names of virtual machines' processors say too little.
std::string processor_name();

}  // namespace halfwave
