# Cross-compilation of the kernels for 64-bit Arm on Debian x86-64, their tests run by qemu-user:
#
#   dpkg --add-architecture arm64 && apt-get update
#   apt-get install g++-aarch64-linux-gnu qemu-user libhwy-dev:arm64
#   cmake --preset aarch64 && cmake --build --preset aarch64 && ctest --preset aarch64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# The kernels link Highway alone. Debian cannot install the arm64 packages of the other libraries
# beside the host's, so the host's stand in for them while the project configures.
set(host /usr/lib/x86_64-linux-gnu)
set(fmt_DIR ${host}/cmake/fmt)
set(yaml-cpp_DIR ${host}/cmake/yaml-cpp)
set(rapidcheck_DIR ${host}/cmake/rapidcheck)
set(Boost_DIR ${host}/cmake/Boost-1.74.0)
set(CMAKE_LIBRARY_PATH ${host})
set(GFORTRAN_LIBRARY gfortran)
set(CMAKE_SKIP_RPATH ON)
