#pragma once
#include <string>

#include "operators/arguments.h"

namespace halfwave {

/// What Resize and Upsample do along one axis.
struct ResizedAxis {
  std::int64_t in = 0, out = 0;
  float scale = 1.0f;               ///< out / in, as it was given
  float length = 0.0f;              ///< scale · in, of which `out` is the whole part
  float first = 0.0f, last = 1.0f;  ///< of tf_crop_and_resize: the part of the axis that is taken
};

struct Resampling {
  enum class Mode { nearest, linear, cubic } mode = Mode::nearest;
  std::string coordinates = "half_pixel";      ///< coordinate_transformation_mode
  std::string nearest = "round_prefer_floor";  ///< nearest_mode; "simple" is that of opset 10 and before
  float cubic_a = -0.75f;
  bool exclude_outside = false;
  float extrapolation = 0.0f;  ///< what stands outside, with tf_crop_and_resize
  std::vector<ResizedAxis> axes;
};

/// y, in the shape axes[i].out, from x. All types; between elements computed in float or double.
void resample(const Resampling& r, const Tensor& x, Tensor& y, int threads);

}  // namespace halfwave
