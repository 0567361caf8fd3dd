/* main/commands.h: what `auxot WORD` runs. Each takes its own argv (argv[0] is the word) and returns
 * the exit status: 0 done, 1 it did not work, 2 it was asked wrongly (status has its own).
 */
#pragma once

int command_serve(int argc, char **argv);
int command_keys(int argc, char **argv);
int command_config(int argc, char **argv);
int command_setup_token(int argc, char **argv);
int command_secret(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_status(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_rehearse(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_version(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_chaos(int argc, char **argv);
int command_worker(int argc, char **argv);
