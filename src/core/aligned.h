#pragma once
#include <cstddef>
#include <new>
#include <vector>

namespace halfwave {

/// Bytes to which every buffer of numbers is aligned: a cache line, and the widest vector register.
inline constexpr std::size_t kAlignment = 64;

/// Floats in one such line; rows and parameters start at multiples of it.
inline constexpr std::size_t kLineFloats = kAlignment / sizeof(float);

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{kAlignment}));
  }
  void deallocate(T* p, std::size_t) noexcept { ::operator delete (p, std::align_val_t{kAlignment}); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const noexcept {
    return true;
  }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Hands out aligned parts of one block of floats: once without a block to learn its size, once for the
/// pointers.
class Placer {
 public:
  explicit Placer(float* base) : base_(base) {}
  float* take(std::size_t floats) {
    float* const at = base_ ? base_ + used_ : nullptr;
    used_ += round_up(floats, kLineFloats);
    return at;
  }
  std::size_t used() const { return used_; }

 private:
  float* base_;
  std::size_t used_ = 0;
};

}  // namespace halfwave
