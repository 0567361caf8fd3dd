/* main/main.c: the first word chooses the command. */
#include "main/commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *sentence;
} commands[] = {
    {"serve", command_serve, "Runs the gateway."},
    {"demo", command_demo, "Shows a routed request, a failover and their record, without any key."},
    {"worker", command_worker, "Brings a machine's models, or a tool, to a gateway elsewhere."},
    {"keys", command_keys, "Makes, lists and revokes API keys."},
    {"config", command_config,
     "All configuration as one file: exports, compares, applies, checks."},
    {"setup-token", command_setup_token, "Prints the token that makes the first user."},
    {"status", command_status, "Says how it goes, worst first, with what to do."},
    {"verify", command_verify, "Says whether the events on record are as they were written."},
    {"secret", command_secret, "Replaces the master secret while the server runs."},
    {"backup", command_backup, "Copies the database into one file, while a server runs or not."},
    {"restore", command_restore, "Makes a data directory out of a backup, and checks it."},
    {"explain", command_explain, "Says who would answer a request now, and why."},
    {"rehearse", command_rehearse,
     "Says what a fault or a change would do to the traffic of the last hours."},
    {"doctor", command_doctor, "Looks for what would keep the gateway from working, with the fix."},
    {"simulate", command_simulate,
     "Plays a provider, with scripted trouble, for tests and game days."},
    {"chaos", command_chaos,
     "A TCP proxy that delays, cuts and corrupts, for tests and game days."},
    {"version", command_version, "Prints version and commit."},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
    fputs("auxot: a self-hosted gateway for AI inference.\n\n"
          "Usage: auxot COMMAND [flags]        auxot COMMAND --help\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].sentence);
    fputs("\nStart with `auxot serve`, then `auxot keys create --name me --role admin`.\n", out);
}

int main(int argc, char **argv)
{
    /* A peer that goes away is an error of the write, in every command. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);

    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(word, "--version") == 0)
        word = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (*word)
        fprintf(stderr, "auxot: there is no command '%s'\n\n", word);
    print_help(stderr);
    return 2;
}
