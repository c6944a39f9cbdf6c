// The core's own loops against Armadillo's LAPACK, which the core itself does not link (dense.hpp
// says why).
#include "bo/dense.hpp"

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <armadillo>
#include <vector>

#include "bo/vectors.hpp"
#include "random/philox.hpp"

using namespace runner;
using bo::Matrix;

namespace {

arma::mat to_arma(const Matrix& a) {
  arma::mat result(a.rows(), a.columns());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.columns(); ++j) result(i, j) = a(i, j);
  }
  return result;
}

// A covariance with a condition number around 1e4.
Matrix covariance(std::size_t n, std::uint64_t seed) {
  random::Stream stream(seed);
  arma::mat factor(n, n);
  factor.imbue([&] { return stream.normal(); });
  const arma::mat product = factor * factor.t() / static_cast<double>(n) + 1e-3 * arma::eye(n, n);
  Matrix a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a(i, j) = product(i, j);
  }
  return a;
}

double largest_difference(const arma::mat& a, const arma::mat& b) {
  return arma::abs(a - b).max() / std::max(1.0, arma::abs(b).max());
}

}  // namespace

TEST_CASE("the Cholesky factor and its inverse are LAPACK's at every size around the blocks") {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 64U, 65U, 130U}) {
    CAPTURE(n);
    Matrix a = covariance(n, n);
    const arma::mat whole = to_arma(a);
    REQUIRE(bo::cholesky(a));
    const arma::mat factor = arma::trimatu(to_arma(a));
    CHECK(largest_difference(factor, arma::chol(whole)) < 1e-11);
    Matrix inverse, product;
    bo::inverse_transpose(a, inverse);
    bo::gram_upper(inverse, product);
    CHECK(largest_difference(to_arma(inverse), arma::inv(arma::trimatu(factor)).t()) < 1e-9);
    const arma::mat gram = arma::symmatu(to_arma(product));
    CHECK(largest_difference(gram, arma::inv_sympd(whole)) < 1e-8);
  }
}

TEST_CASE("right-hand sides behind the matrix leave its factorisation as R^-T times them") {
  for (const std::size_t n : {1U, 8U, 13U, 64U, 70U}) {
    CAPTURE(n);
    const Matrix a = covariance(n, n);
    Matrix with_sides(n, bo::padded(n) + 2);
    random::Stream stream(n);
    arma::mat sides(n, 2);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) with_sides(i, j) = a(i, j);
      for (std::size_t k = 0; k < 2; ++k) {
        with_sides(i, bo::padded(n) + k) = sides(i, k) = stream.normal();
      }
    }
    REQUIRE(bo::cholesky(with_sides));
    const arma::mat expected =
        arma::solve(arma::trimatl(arma::mat(arma::chol(to_arma(a)).t())), sides);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < 2; ++k) {
        CHECK(with_sides(i, bo::padded(n) + k) == doctest::Approx(expected(i, k)).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("a matrix that is not positive definite has no Cholesky factor") {
  for (const std::size_t n : {1U, 5U, 20U}) {
    Matrix a = covariance(n, 3);
    a(n - 1, n - 1) = -1.0;
    CHECK_FALSE(bo::cholesky(a));
  }
}

TEST_CASE("products with a triangular matrix are Armadillo's") {
  for (const std::size_t n : {1U, 6U, 8U, 21U, 40U}) {
    CAPTURE(n);
    Matrix a = covariance(n, 10 + n);
    REQUIRE(bo::cholesky(a));
    Matrix w;
    bo::inverse_transpose(a, w);
    const Matrix transposed = bo::transpose(w);
    random::Stream stream(n);
    std::vector<double> x(bo::padded(n), 0.0), out(bo::padded(n));
    for (std::size_t i = 0; i < n; ++i) x[i] = stream.normal();
    const arma::vec vector(x.data(), n);
    bo::lower_times(transposed, x.data(), out.data());
    CHECK(largest_difference(arma::vec(out.data(), n), to_arma(w) * vector) < 1e-11);
    bo::lower_transposed_times(w, x.data(), out.data());
    CHECK(largest_difference(arma::vec(out.data(), n), to_arma(w).t() * vector) < 1e-11);
    const Matrix b = covariance(n, 20 + n);
    Matrix product;
    bo::lower_times(transposed, b, product);
    CHECK(largest_difference(to_arma(product), to_arma(w) * to_arma(b)) < 1e-11);
  }
}

TEST_CASE("the bits do not depend on the vector width, at sizes of several blocks") {
  for (const std::size_t n : {37U, 64U, 150U}) {
    CAPTURE(n);
    // All that is made of one matrix, what has no meaning left out.
    const auto results = [&] {
      std::vector<double> out(bo::padded(n));
      Matrix r = covariance(n, n), w, gram, product;
      REQUIRE(bo::cholesky(r));
      bo::inverse_transpose(r, w);
      bo::gram_upper(w, gram);
      const Matrix transposed = bo::transpose(w);
      bo::lower_times(transposed, w, product);
      std::vector<double> all = {bo::dot(w.row(n - 1), transposed.row(0), n),
                                 bo::dot_difference(w.row(n - 1), 0.3, transposed.row(0), n)};
      bo::lower_times(transposed, w.row(n - 1), out.data());
      all.insert(all.end(), out.begin(), out.end());
      bo::lower_transposed_times(w, w.row(n - 1), out.data());
      all.insert(all.end(), out.begin(), out.end());
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i; j < n; ++j) {
          all.insert(all.end(), {r(i, j), w(j, i), gram(i, j), product(i, j), product(j, i)});
        }
      }
      return all;
    };
    const std::vector<double> widest = results();
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      CAPTURE(hwy::TargetName(target));
      hwy::GetChosenTarget().Update(target);
      CHECK((results() == widest));  // in parentheses: a failure does not print the numbers
    }
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}
