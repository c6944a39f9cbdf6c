# Everything from outside, found here once; the targets below src/ name what they use.
# Nothing but CMAKE_PREFIX_PATH is needed where there is no package manager.
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(Threads REQUIRED)
find_package(hwy REQUIRED CONFIG)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
if(BUILD_TESTING)
  find_package(doctest REQUIRED)
endif()

if(RUNNER_WITH_TORCH)
  # Called here and not in src/, where its results would be invisible to tests/.
  find_package(Torch 2.7 REQUIRED)
endif()
