#pragma once

// To be included before Highway. On x86-64 the kernels take SSE4 (any processor since 2008) for
// granted and are compiled for SSE4, AVX2 and AVX-512; without this Highway's floor would be scalar
// code, which is of no use here. On aarch64 its own choice, NEON, is right.
#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_SSE4
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SCALAR)
#endif
