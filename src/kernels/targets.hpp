#pragma once

// To be included before Highway: which of its targets the kernels are compiled for.
#if defined(__x86_64__)
// SSE4 (any processor since 2008), AVX2 and AVX-512. Without a baseline of SSE4 Highway's floor
// would be scalar code, which is of no use here.
#define HWY_BASELINE_TARGETS HWY_SSE4
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SCALAR)
#else
// NEON alone, without run-time dispatch: that would ask for the crypto extension, which some
// processors lack and no kernel uses, and add SVE, whose vectors have no size at compile time and
// cannot make up sixteen lanes.
#define TOOLCHAIN_MISS_SYS_AUXV_H
#endif
