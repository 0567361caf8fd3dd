/* tests/unit/main/test_handover.c: whoever takes over takes the sockets as they were meant, or none, and leaks none. */
#include "main/handover.h"
#include "sys/fd.h"
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define MANY (HANDOVER_SOCKETS_MAX + 10)

/* What the old server says to "sockets", and with how many descriptors. */
struct story {
    const char *name, *word;
    int descriptors;
    enum err want;
};

static const struct story stories[] = {
    {"as it should be", "sockets", 2, OK},
    {"as many as there may be", "sockets", HANDOVER_SOCKETS_MAX, OK},
    {"more than there may be", "sockets", MANY, ERR_UNAVAILABLE},
    {"none", "sockets", 0, ERR_UNAVAILABLE},
    {"another word", "store", 2, ERR_UNAVAILABLE},
    {"another word, and too many", "store", MANY, ERR_UNAVAILABLE},
};

struct old {
    const struct story *story;
    int listen_fd;
};

static void give(int conn, const struct story *story)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * MANY)];
    } room = {0};
    struct iovec text = {(char *)(uintptr_t)story->word, strlen(story->word)};
    size_t bytes = (size_t)story->descriptors * sizeof(int);
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
    if (story->descriptors > 0) {
        message.msg_control = room.bytes;
        message.msg_controllen = CMSG_SPACE(bytes);
        room.head.cmsg_level = SOL_SOCKET;
        room.head.cmsg_type = SCM_RIGHTS;
        room.head.cmsg_len = CMSG_LEN(bytes);
        for (int i = 0; i < story->descriptors; i++)
            memcpy(CMSG_DATA(&room.head) + (size_t)i * sizeof conn, &conn, sizeof conn);
    }
    CHECK("sent", sendmsg(conn, &message, MSG_NOSIGNAL) > 0);
}

static void *old_runs(void *arg)
{
    const struct old *old = arg;
    AUTO_CLOSE int conn = handover_accept(old->listen_fd);
    CHECK("asked for the sockets", conn >= 0 && handover_hear(conn, "sockets", 10000));
    give(conn, old->story);
    return NULL;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK("listed", directory != NULL);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void tell(const struct story *story, const char *dir)
{
    struct error error = {0};
    struct handover handover;
    struct old old = {.story = story, .listen_fd = -1};
    pthread_t thread;
    int before = open_descriptors();
    CHECK_INT("listens", handover_listen(dir, &old.listen_fd, &error), OK);
    CHECK_INT("thread", pthread_create(&thread, NULL, old_runs, &old), 0);
    CHECK_INT(story->name, handover_begin(dir, &handover, &error), story->want);
    pthread_join(thread, NULL);
    if (story->want == OK) {
        CHECK_INT(story->name, handover.count, story->descriptors);
        for (int i = 0; i < handover.count; i++) {
            CHECK(story->name, fcntl(handover.sockets[i], F_GETFD) == FD_CLOEXEC);
            fd_close(&handover.sockets[i]);
        }
        handover_end(&handover, false);
    }
    fd_close(&old.listen_fd);
    CHECK_INT(story->name, open_descriptors(), before);
}

static void sockets_are_taken_as_they_were_meant_or_none_is_kept(void **state)
{
    (void)state;
    char dir[] = "/tmp/auxot-handover-XXXXXX", path[64];
    CHECK("a directory", mkdtemp(dir) != NULL);
    for (size_t i = 0; i < COUNT(stories); i++)
        tell(&stories[i], dir);
    snprintf(path, sizeof path, "%s/handover", dir);
    (void)unlink(path);
    (void)rmdir(dir);
}

TEST_MAIN(TEST(sockets_are_taken_as_they_were_meant_or_none_is_kept))
