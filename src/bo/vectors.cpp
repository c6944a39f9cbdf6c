#include "bo/vectors.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bo/vectors.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Included once per instruction set, as dense.cpp is.
HWY_BEFORE_NAMESPACE();
namespace runner::bo::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Vector = hn::CappedTag<double, 8>;
using Lanes = hn::Vec<Vector>;

void axpy(double a, const double* HWY_RESTRICT x, std::size_t n, double* HWY_RESTRICT y) {
  const Vector d;
  const Lanes factor = hn::Set(d, a);
  for (std::size_t j = 0; j < n; j += hn::Lanes(d)) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + j), hn::Mul(factor, hn::LoadU(d, x + j))), d, y + j);
  }
}

void add_squares(const double* HWY_RESTRICT x, std::size_t n, double* HWY_RESTRICT y) {
  const Vector d;
  for (std::size_t j = 0; j < n; j += hn::Lanes(d)) {
    const Lanes v = hn::LoadU(d, x + j);
    hn::StoreU(hn::Add(hn::LoadU(d, y + j), hn::Mul(v, v)), d, y + j);
  }
}

// Eight running sums, whatever the vector's width.
template <class Term>
HWY_INLINE double sum_of_eight(std::size_t n, const Term& term) {
  const Vector d;
  constexpr std::size_t width = hn::MaxLanes(Vector()), count = 8 / width;
  Lanes sum[count];
  for (std::size_t v = 0; v < count; ++v) sum[v] = hn::Zero(d);
  for (std::size_t j = 0; j < n; j += 8) {
    for (std::size_t v = 0; v < count; ++v) sum[v] = hn::Add(sum[v], term(d, j + v * width));
  }
  double lanes[8], total = 0.0;
  for (std::size_t v = 0; v < count; ++v) hn::StoreU(sum[v], d, lanes + v * width);
  for (const double lane : lanes) total += lane;
  return total;
}

double dot(const double* x, const double* y, std::size_t n) {
  return sum_of_eight(n, [&](Vector d, std::size_t j) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, x + j), hn::LoadU(d, y + j));
  });
}

double dot_difference(const double* w, double a, const double* x, std::size_t n) {
  return sum_of_eight(n, [&](Vector d, std::size_t j) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, w + j), hn::Sub(hn::Set(d, a), hn::LoadU(d, x + j)));
  });
}

}  // namespace runner::bo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::bo {

HWY_EXPORT(axpy);
HWY_EXPORT(add_squares);
HWY_EXPORT(dot);
HWY_EXPORT(dot_difference);

void axpy(double a, const double* x, std::size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(axpy)(a, x, n, y);
}

void add_squares(const double* x, std::size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(add_squares)(x, n, y);
}

double dot(const double* x, const double* y, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(dot)(x, y, n);
}

double dot_difference(const double* w, double a, const double* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(dot_difference)(w, a, x, n);
}

}  // namespace runner::bo
#endif  // HWY_ONCE
