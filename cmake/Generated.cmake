# What is made from other files, in <build>/gen: version.h, prices_csv.c, and from the contract of the management API
# api_routes.c, api_handlers.h, api_enums.h, openapi.json, openapi_json.c.

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

# The contract: the route table, the declarations of its handlers, the words of its enums; and itself as an array in room
# admin: const char openapi_json[], openapi_json_len.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(AUXOT_CONTRACT "${PROJECT_BINARY_DIR}/gen/api_routes.c" "${PROJECT_BINARY_DIR}/gen/api_handlers.h"
  "${PROJECT_BINARY_DIR}/gen/api_enums.h" "${PROJECT_BINARY_DIR}/gen/openapi.json")
set(AUXOT_OPENAPI_C "${PROJECT_BINARY_DIR}/gen/openapi_json.c")
file(GLOB contract_tool CONFIGURE_DEPENDS "tools/contracts/*.py")
add_custom_command(
  OUTPUT ${AUXOT_CONTRACT}
  COMMAND ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/tools/contract" build "${PROJECT_BINARY_DIR}/gen"
  DEPENDS "${PROJECT_SOURCE_DIR}/tools/contract" ${contract_tool} "${PROJECT_SOURCE_DIR}/api/openapi.yaml"
    "${PROJECT_SOURCE_DIR}/tests/authorization"
  VERBATIM)
add_custom_command(
  OUTPUT "${AUXOT_OPENAPI_C}"
  COMMAND ${CMAKE_COMMAND}
    "-DINPUT=${PROJECT_BINARY_DIR}/gen/openapi.json"
    "-DOUTPUT=${AUXOT_OPENAPI_C}" -DNAME=openapi_json
    -P "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
  DEPENDS "${PROJECT_BINARY_DIR}/gen/openapi.json" "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
  VERBATIM)

# Looked at on every build, rewritten only when the commit changed.
add_custom_target(auxot_version
  COMMAND ${CMAKE_COMMAND}
    "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DVERSION=${PROJECT_VERSION}"
    "-DOUTPUT=${PROJECT_BINARY_DIR}/gen/version.h"
    -P "${PROJECT_SOURCE_DIR}/cmake/version.cmake"
  BYPRODUCTS "${PROJECT_BINARY_DIR}/gen/version.h"
  VERBATIM)
