#include "graph/arena.h"

#include <algorithm>
#include <numeric>

#include "core/aligned.h"

namespace halfwave {

std::size_t Arena::add(std::size_t floats, std::size_t first, std::size_t last) {
  blocks_.push_back({round_up(floats, kLineFloats), first, last, 0});
  return blocks_.size() - 1;
}

void Arena::extend(std::size_t block, std::size_t last) {
  blocks_[block].last = std::max(blocks_[block].last, last);
}

void Arena::place() {
  std::vector<Block*> order;
  for (Block& block : blocks_) order.push_back(&block);
  std::ranges::stable_sort(order, std::greater<>(), &Block::floats);
  std::vector<const Block*> placed;  // by offset
  for (Block* const block : order) {
    block->offset = 0;
    for (const Block* const other : placed) {
      if (other->last < block->first || block->last < other->first) continue;
      if (block->end() <= other->offset) break;
      block->offset = std::max(block->offset, other->end());
    }
    const auto behind = std::ranges::upper_bound(placed, block->offset, {}, &Block::offset);
    placed.insert(behind, block);
    size_ = std::max(size_, block->end());
  }
}

}  // namespace halfwave
