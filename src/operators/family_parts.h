#pragma once
#include <initializer_list>
#include <span>
#include <vector>

#include "operators/operator.h"

namespace halfwave {

// The parts of elementwise_operators(), a file each.
std::span<const Operator> arithmetic_operators();  // Add, Mod, Pow, Max, Sum, …
std::span<const Operator> function_operators();    // Abs, Exp, Sin, Round, …
std::span<const Operator> comparison_operators();  // Equal, And, Not, Where, IsNaN, …
std::span<const Operator> conversion_operators();  // Cast, Clip, Identity, Dropout

// Of activation_operators().
std::span<const Operator> pointwise_operators();  // Relu, Elu, PRelu, …
std::span<const Operator> softmax_operators();    // Softmax, LogSoftmax, Hardmax

// Of reduction_operators().
std::span<const Operator> reduce_operators();      // ReduceSum, ReduceMean, …
std::span<const Operator> along_axis_operators();  // ArgMax, ArgMin, CumSum

/// The operators of several lists in one.
std::vector<Operator> joined(std::initializer_list<std::span<const Operator>> lists);

}  // namespace halfwave
