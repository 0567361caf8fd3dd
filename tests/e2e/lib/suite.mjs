// What kind of run this is.
export const Suite = {
    binary: process.env.AUXOT_BIN ?? new URL('../../../build/auxot', import.meta.url).pathname,
    // What plays upstreams and breaks lines need not be the slow build of what is tested.
    simulator: process.env.AUXOT_SIM_BIN ?? process.env.AUXOT_BIN ?? new URL('../../../build/auxot', import.meta.url).pathname,
    name: process.env.AUXOT_E2E_SUITE ?? 'full',
    // Sanitizer builds are slower; behaviour is the promise, not speed.
    patience: process.env.AUXOT_E2E_SUITE === 'core' ? 4 : 1,
};

export const sanitizer_report = /ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error: |SUMMARY: \w*Sanitizer|Assertion .* failed/;
