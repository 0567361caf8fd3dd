/* admin/contract.c: /api/openapi.json: the contract itself, as the build made it from api/openapi.yaml. */
#include "admin/endpoints.h"

extern const char openapi_json[];
extern const unsigned long openapi_json_len;

void openapi_read(struct api_call *call)
{
    (void)api_answer(call, 200);
    buf_clear(&call->answer); /* an object was begun; here comes a whole one */
    buf_append(&call->answer, openapi_json, openapi_json_len);
}
