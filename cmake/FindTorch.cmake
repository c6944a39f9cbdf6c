# LibTorch by its files: TORCH_INCLUDE_DIRS, TORCH_LIBRARIES, TORCH_OPENMP, Torch_VERSION,
# TORCH_INSTALL_PREFIX.
#
# LibTorch's own TorchConfig.cmake is not used: for a CUDA build it enables the language CUDA and
# stops without nvcc and the toolkit's headers. This project compiles no CUDA, so the libraries and
# the C++ headers are enough, and a CUDA build installed by pip works on a machine without toolkit
# (dependencies.cmake looks for the headers of the one unit that would rather have them).
#
# It is looked for in CMAKE_PREFIX_PATH (variable or environment): the root of an unpacked LibTorch,
# `.../site-packages/torch`, or its `share/cmake`.

if(NOT DEFINED CACHE{TORCH_INSTALL_PREFIX})
  set(_candidates ${CMAKE_PREFIX_PATH} $ENV{CMAKE_PREFIX_PATH})
  string(REPLACE ":" ";" _candidates "${_candidates}")
  foreach(_candidate IN LISTS _candidates)
    string(REGEX REPLACE "/share/cmake(/Torch)?/?$" "" _candidate "${_candidate}")
    if(EXISTS "${_candidate}/include/torch/csrc/api/include/torch/torch.h")
      set(TORCH_INSTALL_PREFIX "${_candidate}" CACHE PATH "The root of LibTorch")
      break()
    endif()
  endforeach()
endif()

set(TORCH_INCLUDE_DIRS ${TORCH_INSTALL_PREFIX}/include
                       ${TORCH_INSTALL_PREFIX}/include/torch/csrc/api/include)
set(TORCH_LIBRARIES)
foreach(_name IN ITEMS torch torch_cpu c10 torch_cuda c10_cuda)  # the last two: CUDA builds
  if(EXISTS "${TORCH_INSTALL_PREFIX}/lib/lib${_name}.so")
    list(APPEND TORCH_LIBRARIES "${TORCH_INSTALL_PREFIX}/lib/lib${_name}.so")
  endif()
endforeach()
if(TORCH_LIBRARIES MATCHES "torch_cuda")
  # Hardly anything here calls libtorch_cuda, which registers its kernels when it is loaded, and its
  # own libraries (cudart, cudnn, ...) are found through its run path, which the linker does not
  # follow.
  # The standard library goes first: CUDA builds export parts of an older one (std::filesystem of
  # 2.11.0 from pip), which would serve whatever is linked with them, and crash there.
  set(TORCH_LIBRARIES stdc++ -Wl,--no-as-needed ${TORCH_LIBRARIES} -Wl,--as-needed
                      -Wl,--allow-shlib-undefined)
endif()

# The OpenMP runtime that LibTorch itself runs on: with a second one there would be two pools of
# threads. Wheels and archives bring it along; a LibTorch that does not uses the system's.
file(GLOB TORCH_OPENMP "${TORCH_INSTALL_PREFIX}/lib/libgomp*.so*" "${TORCH_INSTALL_PREFIX}/lib/libiomp5.so")
if(NOT TORCH_OPENMP)
  set(TORCH_OPENMP gomp)
endif()

# 2.8 moved the version's macros from the first file to the second.
foreach(_header IN ITEMS torch/csrc/api/include/torch/version.h torch/headeronly/version.h)
  if(EXISTS "${TORCH_INSTALL_PREFIX}/include/${_header}")
    file(STRINGS "${TORCH_INSTALL_PREFIX}/include/${_header}" _lines
         REGEX "^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    if(_lines)
      string(REGEX REPLACE "[^0-9;]" "" _lines "${_lines}")
      list(JOIN _lines "." Torch_VERSION)
    endif()
  endif()
endforeach()

if(TORCH_LIBRARIES)
  # Which std::string it was built with is written in the names that libc10 exports.
  file(STRINGS "${TORCH_INSTALL_PREFIX}/lib/libc10.so" _new_abi LIMIT_COUNT 1
       REGEX "torchCheckFail.*__cxx1112basic_string")
  if(NOT _new_abi)
    message(FATAL_ERROR "LibTorch at ${TORCH_INSTALL_PREFIX} was built with the old C++ ABI "
                        "(_GLIBCXX_USE_CXX11_ABI=0); take one with the C++11 ABI")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Torch
  REQUIRED_VARS TORCH_INSTALL_PREFIX TORCH_LIBRARIES
  VERSION_VAR Torch_VERSION
  REASON_FAILURE_MESSAGE "Name its folder in CMAKE_PREFIX_PATH, or let 'make build' install it")
