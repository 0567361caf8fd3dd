/* tests/unit/gateway/test_stories.c: what becomes of a request whose providers behave in every way. */
#include "tests/unit/gateway/story_tables.h"

#define TELLS(table)                          \
    static void table##_stories(void **state) \
    {                                         \
        (void)state;                          \
        stories_tell(table, COUNT(table));    \
    }
TELLS(good)
TELLS(failing_over)
TELLS(in_vain)
TELLS(after_commit)
TELLS(late)
TELLS(large)
TELLS(usage_option)

TEST_MAIN(TEST(good_stories), TEST(failing_over_stories), TEST(in_vain_stories),
          TEST(after_commit_stories), TEST(late_stories), TEST(large_stories),
          TEST(usage_option_stories))
