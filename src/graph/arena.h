#pragma once
#include <cstddef>
#include <vector>

namespace halfwave {

/// Lays blocks of floats out in one block of memory, so that blocks that are needed at the same moment do not
/// overlap and others may.
class Arena {
 public:
  /// A block that is needed from one moment to another, both included; returns its number.
  std::size_t add(std::size_t floats, std::size_t first, std::size_t last);
  /// It is needed until `last` at least.
  void extend(std::size_t block, std::size_t last);
  std::size_t last(std::size_t block) const { return blocks_[block].last; }

  /// Gives every block its place: the largest first, each at the lowest place that is free all the time that
  /// it is needed.
  void place();
  /// Floats from the begin of the memory, a multiple of a cache line.
  std::size_t offset(std::size_t block) const { return blocks_[block].offset; }
  std::size_t size() const { return size_; }

 private:
  struct Block {
    std::size_t floats, first, last, offset;
    std::size_t end() const { return offset + floats; }
  };
  std::vector<Block> blocks_;
  std::size_t size_ = 0;
};

}  // namespace halfwave
