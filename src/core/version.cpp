#include <halfwave/version.h>

namespace halfwave {

const char* version() noexcept { return HALFWAVE_VERSION; }

}  // namespace halfwave
