# Tests are found by looking.
#
#     tests/unit/<room>/test_<name>.c    -> unit_<room>_<name>, linked with <room> and lower
#     tests/fuzz/fuzz_<name>.c           -> fuzz_<name>; as corpus_<name> it replays the seeds of
#                                           tests/fuzz/corpus/<name>/ in every ordinary build but TSan's
#
# test_oom_<name>.c: the allocations of the program fail in turn; tests/unit/oom.h says how.
# test_full_disk*.c: so do its writes; tests/unit/full_disk.h.
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
find_library(WSLAY wslay) # the second reader of fuzz_websocket

set(oom_wraps malloc calloc realloc _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t pthread_setname_np)
list(TRANSFORM oom_wraps PREPEND "-Wl,--wrap=")

if(CMOCKA_FOUND)
  foreach(room IN LISTS rooms)
    file(GLOB tests CONFIGURE_DEPENDS "tests/unit/${room}/test_*.c")
    foreach(source IN LISTS tests)
      get_filename_component(name "${source}" NAME_WE)
      string(REGEX REPLACE "^test_" "unit_${room}_" name "${name}")
      add_executable(${name} "${source}")
      target_compile_definitions(${name} PRIVATE "FIXTURES=\"${PROJECT_SOURCE_DIR}/tests/fixtures\"")
      target_link_libraries(${name} PRIVATE ${rooms_up_to_${room}} PkgConfig::CMOCKA auxot_flags)
      if(name MATCHES "_oom_")
        target_sources(${name} PRIVATE tests/unit/oom.c)
        target_link_libraries(${name} PRIVATE # their allocations fail, too
          SQLite::SQLite3 PkgConfig::EVENT PkgConfig::CARES OpenSSL::Crypto)
        target_link_options(${name} PRIVATE ${oom_wraps})
      endif()
      if(name MATCHES "_full_disk")
        target_sources(${name} PRIVATE tests/unit/full_disk.c)
        target_link_libraries(${name} PRIVATE SQLite::SQLite3)
      endif()
      add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
      set_tests_properties(${name} PROPERTIES TIMEOUT 120)
      if(name MATCHES "_oom_") # with AUXOT_TEST_LONG=1 they take minutes
        set_tests_properties(${name} PROPERTIES TIMEOUT 1800)
      endif()
    endforeach()
  endforeach()
else()
  message(WARNING "no cmocka: unit tests are not built")
endif()

# The server as it is, with two faults that can be asked of it: operations/watchdog.test.mjs (F65, F69).
if(TARGET auxot)
  add_executable(auxot_faulty src/main/main.c tests/faulty.c)
  add_dependencies(auxot_faulty auxot_version)
  target_link_libraries(auxot_faulty PRIVATE ${rooms_up_to_main} auxot_flags)
  target_link_options(auxot_faulty PRIVATE -Wl,--wrap=gateway_serve -Wl,--wrap=pthread_create)
endif()

file(GLOB harnesses CONFIGURE_DEPENDS "tests/fuzz/fuzz_*.c")
if(AUXOT_SANITIZE STREQUAL "thread")
  set(harnesses) # parsers have one thread
endif()
if(NOT WSLAY)
  message(WARNING "no wslay: fuzz_websocket is not built")
  list(FILTER harnesses EXCLUDE REGEX "fuzz_websocket")
endif()
foreach(source IN LISTS harnesses)
  get_filename_component(name "${source}" NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" topic "${name}")
  add_executable(${name} "${source}")
  target_link_libraries(${name} PRIVATE ${rooms_up_to_providers} auxot_flags)
  if(topic STREQUAL "websocket")
    target_link_libraries(${name} PRIVATE "${WSLAY}")
  endif()
  if(AUXOT_SANITIZE STREQUAL "fuzzer")
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE tests/fuzz/replay_main.c)
    add_test(NAME corpus_${topic}
      COMMAND ${name} tests/fuzz/corpus/${topic} tests/fixtures
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(corpus_${topic} PROPERTIES TIMEOUT 120)
  endif()
endforeach()

# Tools that a build depends on.
file(GLOB tool_tests CONFIGURE_DEPENDS "tests/tools/test_*.py")
foreach(source IN LISTS tool_tests)
  get_filename_component(name "${source}" NAME_WE)
  string(REGEX REPLACE "^test_" "tool_" name "${name}")
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} "${source}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()
