#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "diagnose/activation_ranges.h"
#include "graph/network.h"

namespace halfwave {

// Which layers a value goes through, and which of them do not matter for a question.

bool has_weights(const Network& network, std::size_t layer);
/// One of these kinds of layers; "identity" stands for every layer that is one.
bool is_one_of(const Layer& layer, std::span<const std::string_view> kinds);

// Layers whose output's channels are those of the input, each by itself, and which hand on …
extern const std::span<const std::string_view> kSameNumbers;  ///< … the numbers as they are, at inference
extern const std::span<const std::string_view> kSameSign;     ///< … numbers of the same sign at most
extern const std::span<const std::string_view> kAffine;       ///< … a linear function of the numbers
extern const std::span<const std::string_view> kByChannel;    ///< … something made of that channel alone

/// The layer (or Network::kInput) that a layer takes its input from, looking back through layers of these
/// kinds. The layer itself where it joins.
std::size_t source_through(const Network& network, std::size_t layer,
                           std::span<const std::string_view> kinds);
/// The first layer that `layer`'s output goes to, looking ahead through layers of these kinds; size() where
/// several take it or none does.
std::size_t user_through(const Network& network, std::size_t layer, std::span<const std::string_view> kinds);

/// The activation that each unit of a layer goes through by itself, without anything being added on the way;
/// size() where there is none.
std::size_t own_activation(const Network& network, std::size_t layer);

/// Whether batch or layer norm scales what comes out of a layer before its activation.
bool is_normalised(const Network& network, std::size_t layer);

}  // namespace halfwave
