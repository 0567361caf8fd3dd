/* tests/unit/domain/test_quantization.c: which names are of the same weights. */
#include "domain/quantization.h"
#include "tests/test.h"

static void a_suffix_that_says_how_weights_are_stored_is_no_part_of_the_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *id, *stem;
    } rows[] = {
        {"llama-3-8b-Q4_K_M", "llama-3-8b"},
        {"llama-3-8b-q4_k_m", "llama-3-8b"},
        {"llama-3-8b.Q8_0.gguf", "llama-3-8b"},
        {"llama-3-8b:Q5_K_S", "llama-3-8b"},
        {"llama_3_8b_Q6_K", "llama_3_8b"},
        {"qwen3-IQ2_XXS", "qwen3"},
        {"qwen3-UD-Q4_K_XL", "qwen3"},
        {"bitnet-TQ1_0", "bitnet"},
        {"gpt-oss-20b-MXFP4", "gpt-oss-20b"},
        {"gpt-oss-20b-mxfp4_moe", "gpt-oss-20b"},
        {"phi-4-BF16", "phi-4"},
        {"phi-4-f32.GGUF", "phi-4"},
        {"plain.gguf", "plain"},
        /* what only looks like one */
        {"llama-3-8b", "llama-3-8b"},
        {"Q4_K_M", "Q4_K_M"},
        {"-Q4_K_M", "-Q4_K_M"},
        {"model-Q", "model-Q"},
        {"model-Q4_LONGER", "model-Q4_LONGER"},
        {"model-Q4_", "model-Q4_"},
        {"model-Q4-chat", "model-Q4-chat"},
        {"model-F17", "model-F17"},
        {".gguf", ".gguf"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char stem[64];
        str_copy(model_stem(str_of(rows[i].id)), stem, sizeof stem);
        CHECK_STR(rows[i].id, stem, rows[i].stem);
    }
}

static void names_are_the_same_when_only_that_differs(void **unused)
{
    (void)unused;
    CHECK("none and one", model_is_same_weights(STR("llama-3-8b"), STR("llama-3-8b-Q4_K_M")));
    CHECK("two", model_is_same_weights(STR("llama-3-8b-Q8_0"), STR("llama-3-8b.F16")));
    CHECK("another size", !model_is_same_weights(STR("llama-3-70b"), STR("llama-3-8b-Q4_K_M")));
    CHECK("another case", !model_is_same_weights(STR("Llama-3-8b"), STR("llama-3-8b-Q4_K_M")));
}

TEST_MAIN(TEST(a_suffix_that_says_how_weights_are_stored_is_no_part_of_the_name),
          TEST(names_are_the_same_when_only_that_differs))
