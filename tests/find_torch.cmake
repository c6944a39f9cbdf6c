# cmake -P tests/find_torch.cmake: cmake/FindTorch.cmake takes a LibTorch that fits and refuses, with
# the reason, one that is too old, has the old C++ ABI, or is not there. The folders are made here.
cmake_minimum_required(VERSION 3.25)
set(scratch "$ENV{TMPDIR}")
if(NOT scratch)
  set(scratch /tmp)
endif()
string(RANDOM LENGTH 12 suffix)
set(scratch "${scratch}/find_torch_${suffix}")

if(DEFINED prefix)  # the inner call: look for LibTorch and say what was found
  list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}/../cmake")
  set(CMAKE_PREFIX_PATH "${prefix}")
  find_package(Torch 2.7 REQUIRED)
  message("found ${Torch_VERSION} with ${TORCH_LIBRARIES}")
  return()
endif()

set(failures 0)
# expect(NAME MAJOR MINOR ABI REGEX libraries...): makes a LibTorch and compares what is said of it.
function(expect name major minor abi regex)
  set(root "${scratch}/${name}")
  if(NOT abi STREQUAL "none")
    file(WRITE "${root}/include/torch/csrc/api/include/torch/torch.h" "")
    file(WRITE "${root}/include/torch/csrc/api/include/torch/version.h"
         "#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH 1\n")
    foreach(library IN ITEMS torch torch_cpu c10 ${ARGN})
      file(WRITE "${root}/lib/lib${library}.so" "_ZN3c106detail14torchCheckFailEPKcS2_jRKN${abi}\n")
    endforeach()
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} "-Dprefix=/nowhere;${root}/share/cmake"
                          -P ${CMAKE_CURRENT_LIST_FILE}
                  OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(NOT said MATCHES "${regex}")
    message("${name}: expected '${regex}', got: ${said}")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

set(new "St7__cxx1112basic_stringIc")
expect(cpu 2 13 ${new} "found 2.13.1 with [^ ]*/libtorch.so;[^ ]*/libtorch_cpu.so;[^ ]*/libc10.so ")
expect(oldest 2 7 ${new} "found 2.7.1")
expect(cuda 2 9 ${new} "no-as-needed;.*/libtorch_cuda.so;" torch_cuda c10_cuda)
expect(too_old 2 6 ${new} "Found unsuitable version \"2.6.1\", but required is at least \"2.7\"")
expect(old_abi 2 7 SsE "was built with the old C\\+\\+ ABI")
expect(absent 2 7 none "Could NOT find Torch .*CMAKE_PREFIX_PATH")
file(REMOVE_RECURSE "${scratch}")
if(failures)
  message(FATAL_ERROR "${failures} of 6 failed")
endif()
