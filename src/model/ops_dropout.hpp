#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <mutex>
#include <utility>

#include "kernels/dropout.hpp"

// Dropout by ATen's operators, on any device.
namespace runner::model {

// What ATen's operators draw from on a GPU is the process's default generator of that device. This
// seeds it by (key, site) and, while it lives, keeps other threads of the runner from seeding it:
// what is launched meanwhile is a pure function of the two. Does nothing on a CPU, nor where
// nothing is dropped.
class SeededGenerator {
 public:
  SeededGenerator(const kernels::Dropout& dropout, at::Device device);

 private:
  std::unique_lock<std::mutex> lock_;
};

// While it lives this thread's operators draw from `own`, all of its sites in order, and no other
// thread of the runner draws: a graph records its sites so, for it cannot seed between them.
class LentGenerator {
 public:
  LentGenerator(const at::Generator& own, at::Device device);
  ~LentGenerator();
  LentGenerator(const LentGenerator&) = delete;
  LentGenerator& operator=(const LentGenerator&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  at::Generator shared_, before_;
};

// Probability with which an element is dropped.
double probability(const kernels::Dropout& dropout);

// What dropout keeps of a tensor of `shape`, bool: on a CPU as kernels::keeps says for plane 0 of a
// matrix of shape [rows, width], on a GPU as drop() does for a tensor of that shape.
at::Tensor dropout_mask(const kernels::Dropout& dropout, at::IntArrayRef shape, at::Device device);

// x with dropout, in x's dtype, and its mask; x itself and nothing where nothing is dropped.
std::pair<at::Tensor, at::Tensor> drop(const kernels::Dropout& dropout, const at::Tensor& x);

// x times the factors that belong to the mask, which may be undefined: forward and backward.
at::Tensor masked(const kernels::Dropout& dropout, const at::Tensor& x, const at::Tensor& mask);

}  // namespace runner::model
