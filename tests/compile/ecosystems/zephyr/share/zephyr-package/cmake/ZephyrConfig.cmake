# The part of Zephyr's CMake package that a module and a sample use: modules found by their module.yml, Kconfig evaluated for prj.conf, a target
# app. Objects instead of archives, so that no archiver for the core is needed.
get_filename_component(ZEPHYR_BASE "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
project(Zephyr-Kernel C)

add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE "${ZEPHYR_BASE}/include" "${ZEPHYR_BASE}/..")
set_property(GLOBAL PROPERTY stub_libraries "")

function(zephyr_include_directories)
  foreach(path ${ARGN})
    get_filename_component(path "${path}" ABSOLUTE)
    target_include_directories(zephyr_interface INTERFACE "${path}")
  endforeach()
endfunction()

macro(zephyr_library)
  string(MAKE_C_IDENTIFIER "${CMAKE_CURRENT_SOURCE_DIR}" ZEPHYR_CURRENT_LIBRARY)
  add_library(${ZEPHYR_CURRENT_LIBRARY} OBJECT)
  target_link_libraries(${ZEPHYR_CURRENT_LIBRARY} PUBLIC zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY stub_libraries ${ZEPHYR_CURRENT_LIBRARY})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

execute_process(
  COMMAND "${STUB_PYTHON}" "${ZEPHYR_BASE}/scripts/modules.py" "${CMAKE_CURRENT_SOURCE_DIR}/prj.conf" "${CMAKE_BINARY_DIR}" ${EXTRA_ZEPHYR_MODULES}
  COMMAND_ERROR_IS_FATAL ANY)
include("${CMAKE_BINARY_DIR}/stub.cmake")

set(count 0)
foreach(folder ${STUB_MODULE_FOLDERS})
  math(EXPR count "${count} + 1")
  add_subdirectory("${folder}" "${CMAKE_BINARY_DIR}/modules/${count}")
endforeach()

get_property(libraries GLOBAL PROPERTY stub_libraries)
add_executable(app "${ZEPHYR_BASE}/run.c" "${ZEPHYR_BASE}/../console.c")
target_link_libraries(app PRIVATE zephyr_interface ${libraries})
target_compile_definitions(app PRIVATE main=application_main)
