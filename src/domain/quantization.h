/* domain/quantization.h: one model's weights under several names: "llama-3-8b", "llama-3-8b-Q4_K_M". SPEC 4.1 item 2. */
#pragma once
#include "base/str.h"

/** The name without what says how the weights are stored: a suffix of llama.cpp's kind ("-Q4_K_M", ".BF16", "-IQ2_XXS",
 *  "-UD-Q4_K_XL", "-MXFP4") and ".gguf". All of it when there is none, or when nothing would be left. */
struct str model_stem(struct str id);
/** Are these two names of the same weights? */
static inline bool model_is_same_weights(struct str a, struct str b)
{
    return str_eq(model_stem(a), model_stem(b));
}
