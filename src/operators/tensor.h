#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "operators/element_type.h"

namespace halfwave {

using Dims = std::vector<std::int64_t>;

/// Most elements of one tensor: more are refused before anything is allocated.
inline constexpr std::int64_t kLargestTensor = std::int64_t{1} << 31;
inline constexpr std::size_t kLargestRank = 64;

/// Product of the dimensions. Throws Error (input) where they are more than kLargestRank, one is negative, or
/// the product of those that are not zero is more than kLargestTensor.
std::int64_t element_count(const Dims& dims);
/// "[2, 3]".
std::string describe(const Dims& dims);

/// Numbers (or texts, or tensors) in a row-major array of any rank; rank 0 holds one element. Copies share
/// the elements: who writes them has just made the tensor.
class Tensor {
 public:
  Tensor() = default;  ///< no tensor: an input or output that is left out
  /// Elements are zero (or empty texts). Throws Error (input) as element_count.
  Tensor(ElementType type, Dims dims);

  template <class T>
  static Tensor of(Dims dims, std::span<const T> elements) {
    Tensor made(kTypeOf<T>, std::move(dims));
    std::copy_n(elements.begin(), made.count(), made.template elements<T>().begin());
    return made;
  }
  template <class T>
  static Tensor scalar(const T& element) {
    return of<T>({}, std::span(&element, 1));
  }

  explicit operator bool() const { return type_ != ElementType::none; }
  ElementType type() const { return type_; }
  const Dims& dims() const { return dims_; }
  std::size_t rank() const { return dims_.size(); }
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return count_ * element_size(type_); }

  /// Its elements; T must be the type's (kTypeOf), or an Error (fault) is thrown.
  template <class T>
  std::span<const T> elements() const {
    check_type(kTypeOf<T>);
    return {static_cast<const T*>(data_.get()), count_};
  }
  template <class T>
  std::span<T> elements() {
    check_type(kTypeOf<T>);
    return {static_cast<T*>(data_.get()), count_};
  }
  /// The bytes of numbers; not of texts or of sequences.
  const void* data() const { return data_.get(); }
  void* data() { return data_.get(); }

  /// The same elements, in another shape with as many of them.
  Tensor reshaped(Dims dims) const;
  /// Converted as ONNX's Cast does (float to integer: towards zero; to bool: not zero). Throws Error (input)
  /// for texts that are no numbers, and for sequences.
  Tensor cast(ElementType type) const;
  /// All elements as whole numbers, for shapes, axes and the like; of the integer types.
  std::vector<std::int64_t> integers() const;

 private:
  void check_type(ElementType type) const;

  ElementType type_ = ElementType::none;
  Dims dims_;
  std::size_t count_ = 0;
  std::shared_ptr<void> data_;
};

}  // namespace halfwave
