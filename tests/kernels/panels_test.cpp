// Lost if these fail: weights would change places between memory and file, or padding would carry numbers
// that every product then multiplies.
#include "kernels/panels.h"

#include "kernels/kernel_testing.h"

namespace halfwave {
namespace {

const Panels kShapes[] = {{1, 1},  {3, 15},  {5, 16},  {7, 17},   {2, 63},  {4, 64},
                          {9, 65}, {1, 100}, {6, 128}, {11, 129}, {0, 200}, {13, 200}};

TEST(Panels, EveryNumberIsWhereTheLayoutSaysAndPaddingIsZero) {
  Draw draw(1);
  for (const Panels& shape : kShapes) {
    const std::size_t stride = shape.columns + draw.size(0, 5);
    const std::vector<float> matrix = draw.normals(shape.rows * stride);
    Guarded packed(shape.size());
    pack_panels(matrix.data(), stride, shape, 0, shape.count(), packed.data());
    std::vector<bool> named(shape.size());
    for (std::size_t row = 0; row < shape.rows; ++row)
      for (std::size_t column = 0; column < shape.columns; ++column) {
        const std::size_t p = column / 64, last = (shape.columns - 1) / 64;
        const std::size_t width = p < last ? 64 : round_up(shape.columns - 64 * last, 16);
        const std::size_t at = 64 * p * shape.rows + row * width + column % 64;
        ASSERT_EQ(packed[at], matrix[row * stride + column]);
        named[at] = true;
      }
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (!named[i]) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(packed[i]), 0u) << "padding";
      }
    EXPECT_TRUE(packed.intact());
  }
}

TEST(Panels, UnpackingUndoesPacking) {
  Draw draw(2);
  for (const Panels& shape : kShapes) {
    const Guarded matrix(draw.normals(shape.rows * shape.columns));
    std::vector<float> packed(shape.size());
    pack_panels(matrix.data(), shape.columns, shape, 0, shape.count(), packed.data());
    Guarded back(shape.rows * shape.columns);
    unpack_panels(packed.data(), shape, back.data());
    EXPECT_EQ(back.values(), matrix.values());
    EXPECT_TRUE(back.intact());
  }
}

TEST(Panels, PartsTouchNothingButTheirPanels) {
  const Panels shape{5, 150};
  const std::vector<float> matrix = Draw(3).normals(shape.rows * shape.columns);
  std::vector<float> whole(shape.size());
  pack_panels(matrix.data(), shape.columns, shape, 0, shape.count(), whole.data());
  for (std::size_t p = 0; p < shape.count(); ++p) {
    Guarded part(shape.size());
    pack_panels(matrix.data(), shape.columns, shape, p, p + 1, part.data());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const bool inside = i >= shape.offset(p) && i < shape.offset(p) + shape.rows * shape.width(p);
      ASSERT_EQ(part[i], inside ? whole[i] : kSentinel);
    }
    EXPECT_TRUE(part.intact());
  }
}

}  // namespace
}  // namespace halfwave
