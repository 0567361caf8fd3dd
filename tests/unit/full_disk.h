/* tests/unit/full_disk.h: F46: at the n-th write below one directory the disk is full.
 *
 * How it is done: the program under test defines pwrite, fsync, fdatasync, posix_fallocate and ftruncate itself, so
 * those of our own code and of SQLite's shared object pass here alike; each asks the kernel by its number. What is
 * not below the directory is let be.
 *
 *     full_disk_begin(dir, nth, stays_full);
 *     ... a scenario ...
 *     full_disk_end();                          there is room again
 *     if (!full_disk_has_struck()) ...          it has fewer writes than that
 *
 * Linked with every test_full_disk*.c (cmake/Tests.cmake).
 */
#pragma once
#include <stdbool.h>

void full_disk_begin(const char *dir, long nth, bool stays_full);
void full_disk_end(void);
bool full_disk_has_struck(void);
bool full_disk_has_struck_sync(void); /* one of those that failed was to make others last */
