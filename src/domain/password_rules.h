/* domain/password_rules.h: which passwords are taken, and what an address of a person looks like.
 *
 * Length, not composition: NIST SP 800-63B and ASVS 5.0 V6 ask for nothing else, besides a list of what
 * everybody tries first.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/str.h"
#include <stdint.h>

#define PASSWORD_MIN_CHARS 12
#define PASSWORD_MAX_BYTES 128
#define EMAIL_MAX_BYTES    190

/** What is wrong with it, as a sentence; NULL: nothing is. `email` may be empty. */
const char *password_trouble(struct str password, struct str email);
/** Trimmed, in lower case, as it is stored and looked up. False: this is no address. */
bool email_normalize(struct str given, char out_email[EMAIL_MAX_BYTES + 1]);
