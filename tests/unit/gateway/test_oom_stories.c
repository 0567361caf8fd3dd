/* tests/unit/gateway/test_oom_stories.c: F62: every story of test_stories.c, with an allocation that fails. */
#include "tests/unit/gateway/oom_stage.h"
#include "tests/unit/gateway/story_tables.h"

static struct answer play_story(struct stage *stage, const void *arg)
{
    const struct story *story = arg;
    return stage_ask(stage, story->path ? story->path : CHAT, story->headers ? story->headers : "",
                     story->ask ? story->ask : ASK_STREAM);
}

static bool has_all(const void *arg, const struct answer *answer)
{
    const struct story *story = arg;
    return !story->body || strcmp(story->body, answer->body) == 0;
}

static void check_story(const void *arg, const struct answer *answer, const struct job_record *job)
{
    story_check_answer(arg, answer);
    story_check_job(arg, job);
}

static void tell_all(const struct story *stories, size_t count)
{
    const char *only = getenv("STORY");
    for (size_t i = 0; i < count; i++) {
        if (only && !strstr(stories[i].name, only))
            continue;
        struct stage stage;
        struct oom_scenario scenario = {.name = stories[i].name,
                                        .good_status = stories[i].status,
                                        .play = play_story,
                                        .has_all = has_all,
                                        .check = check_story,
                                        .arg = &stories[i]};
        oom_spare("writer"); /* test_oom_store.c has it */
        story_stage(&stories[i], &stage);
        oom_tell(&stage, &scenario);
        stage_end(&stage);
    }
}

#define TELLS(table)                                               \
    static void F62_##table##_stories_without_memory(void **state) \
    {                                                              \
        (void)state;                                               \
        tell_all(table, COUNT(table));                             \
    }
TELLS(good)
TELLS(failing_over)
TELLS(in_vain)
TELLS(after_commit)
TELLS(late)
TELLS(large)
TELLS(usage_option)

TEST_MAIN(TEST(F62_good_stories_without_memory), TEST(F62_failing_over_stories_without_memory),
          TEST(F62_in_vain_stories_without_memory), TEST(F62_after_commit_stories_without_memory),
          TEST(F62_late_stories_without_memory), TEST(F62_large_stories_without_memory),
          TEST(F62_usage_option_stories_without_memory))
