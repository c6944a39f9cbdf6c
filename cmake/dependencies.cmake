# Everything from outside, found here once; the targets below src/ name what they use.
# Nothing but CMAKE_PREFIX_PATH is needed where there is no package manager.
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(hwy REQUIRED CONFIG)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
# Armadillo is headers alone here, over the serial build of OpenBLAS as an archive whose names stay
# inside what links it. LibTorch brings another BLAS under the same names, so with a shared one each
# side would be served by whichever was loaded first; and a BLAS with threads of its own would be
# slower on matrices of this size, and take other cells' cores.
find_path(ARMADILLO_INCLUDE_DIR armadillo REQUIRED)
find_library(OPENBLAS_LIBRARY libopenblas.a PATH_SUFFIXES openblas-serial REQUIRED)
find_library(GFORTRAN_LIBRARY gfortran HINTS ${CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES} REQUIRED)
add_library(armadillo INTERFACE)
target_include_directories(armadillo SYSTEM INTERFACE ${ARMADILLO_INCLUDE_DIR})
target_compile_definitions(armadillo INTERFACE
  ARMA_DONT_USE_WRAPPER ARMA_DONT_USE_OPENMP ARMA_WARN_LEVEL=0
  $<$<NOT:$<OR:$<CONFIG:Debug>,$<BOOL:${RUNNER_SANITIZE}>>>:ARMA_NO_DEBUG>)
# Only some of LAPACK calls Fortran's own library.
set(CMAKE_LINK_LIBRARY_USING_if_needed LINKER:--push-state,--as-needed <LINK_ITEM> LINKER:--pop-state)
set(CMAKE_LINK_LIBRARY_USING_if_needed_SUPPORTED TRUE)
target_link_libraries(armadillo INTERFACE ${OPENBLAS_LIBRARY}
                                          $<LINK_LIBRARY:if_needed,${GFORTRAN_LIBRARY}>)
target_link_options(armadillo INTERFACE LINKER:--exclude-libs,libopenblas.a)

# What tokenizers are made of: Unicode's normal forms, tokenizer.json's patterns, SentencePiece's models.
foreach(library IN ITEMS utf8proc onig sentencepiece zip)
  find_library(${library}_LIBRARY ${library} REQUIRED)
endforeach()
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_path(ONIG_INCLUDE_DIR oniguruma.h REQUIRED)
find_path(ZIP_INCLUDE_DIR zip.h REQUIRED)
find_path(SENTENCEPIECE_INCLUDE_DIR sentencepiece_processor.h REQUIRED)
if(BUILD_TESTING)
  find_package(doctest REQUIRED)
endif()

if(RUNNER_WITH_TORCH)
  # Called here and not in src/, where its results would be invisible to tests/.
  find_package(Torch 2.7 REQUIRED)

  # train/cuda_graph.cpp needs the headers of CUDA's runtime, which a LibTorch by pip has in its
  # neighbour Triton, and a toolkit in its own folder; from 12.4 on ATen's classes look the same with
  # all of them. Without any a GPU is sent every operator by itself.
  if(TORCH_LIBRARIES MATCHES "torch_cuda" AND NOT CUDA_INCLUDE_DIR)
    file(GLOB folders "${TORCH_INSTALL_PREFIX}/../nvidia/*/include")
    list(APPEND folders "${TORCH_INSTALL_PREFIX}/../triton/backends/nvidia/include"
                        "$ENV{CUDA_HOME}/include" /usr/local/cuda/include)
    foreach(folder IN LISTS folders)
      if(EXISTS "${folder}/cuda_runtime_api.h" AND EXISTS "${folder}/crt/host_defines.h")
        file(STRINGS "${folder}/cuda_runtime_api.h" version REGEX "^#define CUDART_VERSION ")
        string(REGEX REPLACE "[^0-9]" "" version "${version}")
        if(version GREATER_EQUAL 12040)
          set(CUDA_INCLUDE_DIR "${folder}")
          break()
        endif()
      endif()
    endforeach()
    message(STATUS "CUDA's headers, for graphs: ${CUDA_INCLUDE_DIR}")
  endif()
endif()
