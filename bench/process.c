/* process.c: see process.h. */
#include "process.h"

#include "samples.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file, without its line feed. */
static bool read_line(const char *path, char *room, int room_bytes)
{
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(room, room_bytes, file);
    if (file)
        fclose(file);
    if (is_read)
        room[strcspn(room, "\n")] = '\0';
    return is_read;
}

static void add_thread(struct cpu *cpu, int pid, const char *task)
{
    char path[300], name[64], stat[96];
    snprintf(path, sizeof path, "/proc/%d/task/%s/comm", pid, task);
    if (!read_line(path, name, sizeof name))
        return; /* it ended meanwhile */
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task);
    if (!read_line(path, stat, sizeof stat))
        return;
    uint64_t ns = strtoull(stat, NULL, 10);
    cpu->all_ns += ns;
    if (strncmp(name, "loop-", 5) == 0 || strcmp(name, "lot") == 0)
        cpu->path_ns += ns;
    if (strcmp(name, "writer") == 0)
        cpu->writer_ns += ns;
}

struct cpu cpu_read(int pid)
{
    struct cpu cpu = {0};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        die("there is no process %d", pid);
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.')
            add_thread(&cpu, pid, entry->d_name);
    closedir(tasks);
    if (cpu.path_ns == 0)
        cpu.path_ns = cpu.all_ns;
    return cpu;
}

/* The number behind `key` in a file of "Key:   123 kB" lines, or -1. */
static long field_kib(int pid, const char *file_name, const char *key)
{
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file_name);
    FILE *file = fopen(path, "re");
    while (file && value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

struct memory memory_read(int pid)
{
    struct memory memory = {
        .pss_kib = field_kib(pid, "smaps_rollup", "Pss:"),
        .rss_kib = field_kib(pid, "status", "VmRSS:"),
        .peak_kib = field_kib(pid, "status", "VmHWM:"),
    };
    if (memory.rss_kib < 0)
        die("there is no process %d", pid);
    if (memory.pss_kib < 0)
        memory.pss_kib = memory.rss_kib;
    return memory;
}
