#pragma once
#include <halfwave/heal.h>

#include <nlohmann/json.hpp>
#include <string>

#include "console.h"

namespace halfwave::cli {

/// For people: what was tried and what each gained, in lines of at most `width` columns.
std::string heal_text(const Healing& healing, std::size_t width);

/// docs/json.md has it key by key. path: of the healed model; "": none was written.
nlohmann::ordered_json heal_json(const Healing& healing, const std::string& path);

/// Shows on the console how far healing is, and asks it to stop when the user interrupts it.
class HealView final : public HealObserver {
 public:
  explicit HealView(Console& console) : console_(console) {}

  void step(const HealProgress& progress) override;
  bool stop_requested() override;

 private:
  Console& console_;
};

}  // namespace halfwave::cli
