/* wire/meter_parts.h: what meter.c (streams) and meter_answer.c (plain answers) share. */
#pragma once
#include "wire/meter.h"

/** A string, array or object that is not empty. */
bool meter_says_something(struct json value);
/** Takes over the numbers of a `usage` object of the meter's endpoint; absent is fine. */
void meter_take_usage(struct meter *meter, struct json usage);
/** Takes over the first model name that is told. */
void meter_take_model(struct meter *meter, struct json model);
/** Takes over what error_body_of finds. */
void meter_take_error(struct meter *meter, struct json root);
