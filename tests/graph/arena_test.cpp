// Lost if these fail: two buffers that are needed at once would overlap, and a layer would overwrite numbers
// that another still reads; or plans would take more memory than their numbers need.
#include "graph/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/aligned.h"
#include "core/random.h"

namespace halfwave {
namespace {

struct Block {
  std::size_t floats, first, last, number;
};

/// Floats that are needed at once, at most: no arrangement takes less.
std::size_t least(const std::vector<Block>& blocks) {
  std::size_t most = 0;
  for (const Block& at : blocks) {
    std::size_t sum = 0;
    for (const Block& block : blocks)
      if (block.first <= at.first && at.first <= block.last) sum += round_up(block.floats, kLineFloats);
    most = std::max(most, sum);
  }
  return most;
}

TEST(Arena, BlocksThatAreNeededAtOnceDoNotOverlap) {
  Random random(1, 2);
  for (int round = 0; round < 200; ++round) {
    Arena arena;
    std::vector<Block> blocks;
    for (std::uint64_t n = random.below(40); n > 0; --n) {
      Block block{random.below(300), random.below(50), 0, 0};
      block.last = block.first + random.below(20);
      block.number = arena.add(block.floats, block.first, block.first + (block.last - block.first) / 2);
      arena.extend(block.number, block.last);
      arena.extend(block.number, block.first);  // shortens nothing
      EXPECT_EQ(arena.last(block.number), block.last);
      blocks.push_back(block);
    }
    arena.place();
    std::size_t end = 0;
    for (const Block& a : blocks) {
      const std::size_t offset = arena.offset(a.number);
      EXPECT_EQ(offset % kLineFloats, 0u);
      end = std::max(end, offset + a.floats);
      for (const Block& b : blocks) {
        if (a.number == b.number || a.last < b.first || b.last < a.first || a.floats == 0 || b.floats == 0)
          continue;
        EXPECT_TRUE(offset + a.floats <= arena.offset(b.number) ||
                    arena.offset(b.number) + b.floats <= offset);
      }
    }
    EXPECT_GE(arena.size(), end);
    EXPECT_GE(arena.size(), least(blocks));
    EXPECT_LE(arena.size(),
              2 * least(blocks));  // not a law, but greedy placing is never that bad in practice
  }
}

TEST(Arena, AChainNeedsItsTwoLargestNeighbours) {
  Arena arena;
  for (std::size_t i = 0; i < 20; ++i) arena.add(i % 2 == 0 ? 160 : 320, i, i + 1);
  arena.place();
  EXPECT_EQ(arena.size(), 480u);
}

}  // namespace
}  // namespace halfwave
