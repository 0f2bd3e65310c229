#pragma once
#include <halfwave/options.h>

#include <cstdint>
#include <string>
#include <vector>

namespace halfwave {

/// Sets an option from its text. Each throws Error (usage) that says what is allowed, near names included. Of
/// a text with choices the first word is compared with them; what may follow it is for whoever uses the
/// option.
void set_from_text(const OptionInfo& info, const std::string& text, std::string& field);
void set_from_text(const OptionInfo& info, const std::string& text, bool& field);
void set_from_text(const OptionInfo& info, const std::string& text, double& field);
void set_from_text(const OptionInfo& info, const std::string& text, std::int64_t& field);
void set_from_text(const OptionInfo& info, const std::string& text, std::uint64_t& field);
/// "512,256"; "" and "none" are the empty list.
void set_from_text(const OptionInfo& info, const std::string& text, std::vector<std::int64_t>& field);
/// One more of an option that may be given several times.
void set_from_text(const OptionInfo& info, const std::string& text, std::vector<std::string>& field);

/// An option's value as set_from_text reads it; false and true are "off" and "on".
std::string text_of(const std::string& field);
std::string text_of(bool field);
std::string text_of(double field);
std::string text_of(std::int64_t field);
std::string text_of(std::uint64_t field);
std::string text_of(const std::vector<std::int64_t>& field);
std::string text_of(const std::vector<std::string>& field);

/// What stands for the value in help; "" for a switch.
inline std::string placeholder(const std::string&) { return "TEXT"; }
inline std::string placeholder(bool) { return ""; }
inline std::string placeholder(double) { return "NUMBER"; }
inline std::string placeholder(std::int64_t) { return "N"; }
inline std::string placeholder(std::uint64_t) { return "N"; }
inline std::string placeholder(const std::vector<std::int64_t>&) { return "N,N,..."; }
inline std::string placeholder(const std::vector<std::string>&) { return "TEXT"; }

/// What a number may be, e.g. "from 0 to 1" or "at least 0"; "" where it may be anything.
std::string range_text(const OptionInfo& info);

}  // namespace halfwave
