/* sys/secret_files.h: D/secret.key and, around a rotation, its neighbours.
 *
 *     secret.key.next       the secret that is to be; made first, before anything is sealed under it
 *     secret.key            the secret in force
 *     secret.key.previous   the one before; older backups need it, the server only until all is sealed again
 *
 * A power cut between any two steps leaves the secret in force in one of the first two. All have mode 0600.
 *
 * Thread:  one at a time.
 */
#pragma once
#include "sys/secret.h"

#define SECRET_FILE_NEXT     "/secret.key.next"
#define SECRET_FILE          "/secret.key"
#define SECRET_FILE_PREVIOUS "/secret.key.previous"

/** Reads a secret: without the line's end. ERR_NOT_FOUND (without a sentence), ERR_DENIED when others may read it, ERR_IO,
 *  ERR_MALFORMED when it is empty. */
MUST_USE enum err secret_file_read(const char *path, struct secret **out_secret,
                                   struct error *error);
/** Owner, mode and kind of the file are right? ERR_NOT_FOUND when there is none. */
MUST_USE enum err secret_file_check(const char *path, struct error *error);
/** Makes a secret of 32 random bytes, in hexadecimal, in that file. ERR_IO with a sentence. */
MUST_USE enum err secret_file_make(const char *path, struct secret **out_secret,
                                   struct error *error);
/** The next one becomes the secret, the secret the previous one. Fine when it was done before. */
MUST_USE enum err secret_files_advance(const char *data_dir, struct error *error);
