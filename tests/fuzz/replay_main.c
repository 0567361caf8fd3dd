/* tests/fuzz/replay_main.c: runs a fuzz harness once over each given file.
 *
 * It stands in for libFuzzer's main in ordinary builds, so that every seed and every input that
 * once broke a parser is a test under gcc, ASan and TSan. Arguments are files or directories
 * (walked to the bottom); a missing one is skipped, because a harness may have no seeds yet.
 * The empty input always runs.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_LIMIT_BYTES (4u * 1024 * 1024)
#define DEPTH_LIMIT      8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t inputs_run;

static void run_one(const uint8_t *bytes, size_t len)
{
    (void)LLVMFuzzerTestOneInput(bytes, len);
    inputs_run++;
}

/* Copied into a block of exactly its length: a read past the end is then ASan's to see. */
static void run_exact(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    if (!exact)
        abort();
    for (size_t i = 0; i < len; i++)
        exact[i] = bytes[i];
    run_one(exact, len);
    free(exact);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_LIMIT_BYTES);
    if (!file || !bytes) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    run_exact(bytes, fread(bytes, 1, FILE_LIMIT_BYTES, file));
    free(bytes);
    fclose(file);
}

static void run_path(const char *path, int depth);

static void run_directory(const char *path, int depth)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[4096];
        int len = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof below)
            run_path(below, depth + 1);
    }
    closedir(directory);
}

static void run_path(const char *path, int depth)
{
    struct stat info;
    if (depth > DEPTH_LIMIT || stat(path, &info) != 0)
        return;
    if (S_ISDIR(info.st_mode))
        run_directory(path, depth);
    else if (S_ISREG(info.st_mode))
        run_file(path);
}

int main(int argc, char **argv)
{
    run_exact((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        run_path(argv[i], 0);
    printf("%zu inputs\n", inputs_run);
    return 0;
}
