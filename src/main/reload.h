/* main/reload.h: SIGHUP: the configuration is read again from where it came.
 *
 * The file of --config and the certificate are read anew; flags and the environment are those of the start, and win over the
 * file as ever. What cannot change while the server runs is named in the log and stays. With an error anywhere nothing
 * changes.
 *
 * Thread:  main's.
 */
#pragma once
#include "main/server.h"

/** The words of the command line, before any was taken out of them. Freed by reload_release. */
struct reload {
    int argc;
    char **argv;
};

/** False: no memory. */
MUST_USE bool reload_init(struct reload *reload, int argc, char **argv);
void reload_release(struct reload *reload);
void reload_now(const struct reload *reload, struct server *server);
