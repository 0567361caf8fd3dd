# What is made from other files: <build>/gen/version.h and <build>/gen/prices_csv.c.

# The price table, as an array in room domain: const char prices_csv[], prices_csv_len.
set(AUXOT_PRICES_C "${PROJECT_BINARY_DIR}/gen/prices_csv.c")
add_custom_command(
  OUTPUT "${AUXOT_PRICES_C}"
  COMMAND ${CMAKE_COMMAND}
    "-DINPUT=${PROJECT_SOURCE_DIR}/src/domain/prices.csv"
    "-DOUTPUT=${AUXOT_PRICES_C}" -DNAME=prices_csv
    -P "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
  DEPENDS "${PROJECT_SOURCE_DIR}/src/domain/prices.csv" "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
  VERBATIM)

# Looked at on every build, rewritten only when the commit changed.
add_custom_target(auxot_version
  COMMAND ${CMAKE_COMMAND}
    "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DVERSION=${PROJECT_VERSION}"
    "-DOUTPUT=${PROJECT_BINARY_DIR}/gen/version.h"
    -P "${PROJECT_SOURCE_DIR}/cmake/version.cmake"
  BYPRODUCTS "${PROJECT_BINARY_DIR}/gen/version.h"
  VERBATIM)
