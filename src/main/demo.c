/* main/demo.c: `auxot demo`. */
#include "main/commands.h"

#include "main/setup.h"

int command_demo(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return complain("demo", 1, "comes with the next commit");
}
