# auxot_flags: how our own code is found, compiled and linked. auxot_sanitize: the part that third-party
# code in the build (llhttp) shares, because sanitizers must see the whole program.
#
# The hardening set is the OpenSSF guide's; each flag is probed, so an older or newer compiler takes
# what it knows.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(auxot_sanitize INTERFACE)
add_library(auxot_flags INTERFACE)
target_link_libraries(auxot_flags INTERFACE auxot_sanitize)

function(add_flag_if_known target flag)
  string(MAKE_C_IDENTIFIER "has${flag}" known)
  set(CMAKE_REQUIRED_FLAGS -Werror) # clang only warns of unknown flags
  check_c_compiler_flag("${flag}" ${known})
  if(${known})
    target_compile_options(${target} INTERFACE "${flag}")
  endif()
endfunction()

function(add_link_flag_if_known target flag)
  string(MAKE_C_IDENTIFIER "links${flag}" known)
  check_linker_flag(C "${flag}" ${known})
  if(${known})
    target_link_options(${target} INTERFACE "${flag}")
  endif()
endfunction()

# ---- warnings ------------------------------------------------------------------------------------

target_compile_definitions(auxot_flags INTERFACE _GNU_SOURCE)
# For "quoted" names only: <sys/file.h> is the system's, "sys/file.h" ours.
target_compile_options(auxot_flags INTERFACE "-iquote${PROJECT_SOURCE_DIR}/src"
  "-iquote${PROJECT_SOURCE_DIR}" "-iquote${PROJECT_BINARY_DIR}")
target_compile_options(auxot_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wvla
  -Wimplicit-fallthrough -Wno-missing-field-initializers -Werror
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>)
add_flag_if_known(auxot_flags -Wformat-signedness)
# Not -Wswitch-enum: it wants each value named even where a `default` is meant, as in "all other verdicts do nothing" (some
# fifty switches, no fault among them). A switch without a default is complete by -Wswitch, which -Wall has.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT AUXOT_SANITIZE)
  target_compile_options(auxot_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wnull-dereference>)
endif()

# ---- hardening, or a sanitizer -------------------------------------------------------------------

target_compile_options(auxot_sanitize INTERFACE -fno-strict-aliasing)

if(AUXOT_SANITIZE STREQUAL "")
  # Defined overflow and kept null checks: in sanitizer builds they would hide the very findings.
  target_compile_options(auxot_sanitize INTERFACE
    -fno-strict-overflow -fno-delete-null-pointer-checks
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=") # same source, same binary, wherever it lies: tools/reproducible
  get_filename_component(llhttp_place "${LLHTTP_DIR}" REALPATH)
  target_compile_options(auxot_sanitize INTERFACE
    "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build" "-ffile-prefix-map=${llhttp_place}=.deps/llhttp")
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
      -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr)
    add_flag_if_known(auxot_sanitize ${flag})
  endforeach()
  target_compile_options(auxot_sanitize INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  foreach(flag -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
    add_link_flag_if_known(auxot_flags ${flag})
  endforeach()
elseif(AUXOT_SANITIZE STREQUAL "address")
  set(sanitizers -fsanitize=address,undefined)
elseif(AUXOT_SANITIZE STREQUAL "thread")
  set(sanitizers -fsanitize=thread)
elseif(AUXOT_SANITIZE STREQUAL "fuzzer")
  set(sanitizers -fsanitize=address,undefined,fuzzer-no-link)
elseif(AUXOT_SANITIZE STREQUAL "coverage")
  # What is measured is tests, so assertions are left out here, and only here: their failing branches are
  # never to be taken, and would count as missed.
  set(sanitizers -fprofile-instr-generate -fcoverage-mapping)
  target_compile_definitions(auxot_sanitize INTERFACE NDEBUG)
  target_compile_options(auxot_flags INTERFACE -Wno-unused-variable -Wno-unused-but-set-variable
    -Wno-unused-function -Wno-unused-parameter)
else()
  message(FATAL_ERROR
    "AUXOT_SANITIZE is '${AUXOT_SANITIZE}': give address, thread, fuzzer, coverage or none")
endif()

if(AUXOT_SANITIZE)
  target_compile_options(auxot_sanitize INTERFACE
    ${sanitizers} -O1 -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(auxot_sanitize INTERFACE ${sanitizers})
endif()
