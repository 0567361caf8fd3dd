/* main/version.c: `auxot version`. */
#include "main/commands.h"

#include "gen/version.h"

#include <stdio.h>
#include <string.h>

int command_version(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        puts("Usage: auxot version\n\nPrints the version and the commit it was built from.");
    else
        printf("auxot %s (%s)\n", AUXOT_VERSION, AUXOT_COMMIT);
    return 0;
}
