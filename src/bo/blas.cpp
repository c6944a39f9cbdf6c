#include "bo/blas.hpp"

#include <fmt/format.h>

extern "C" {
char* openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ..."
char* openblas_get_corename();
}

namespace runner::bo {

std::string blas() {
  const std::string config = openblas_get_config();
  const std::size_t version = config.find(' ') + 1;
  return fmt::format("{}, {}", config.substr(0, config.find(' ', version)),
                     openblas_get_corename());
}

}  // namespace runner::bo
