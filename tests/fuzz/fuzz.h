/* What libFuzzer, or replay.c in an ordinary build, calls with each input. A target aborts where a parser
 * took bytes that break a promise of its header; everything else is for the sanitizers to find.
 */
#ifndef CARREL_TESTS_FUZZ_H
#define CARREL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts where PROMISE does not hold, in every kind of build. */
#define MUST(promise)                                                                                        \
    do {                                                                                                     \
        if (!(promise))                                                                                      \
            abort();                                                                                         \
    } while (0)

/* Reads every byte, for the address sanitizer to look at. */
static inline void touch(const uint8_t *p, size_t len)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + p[i]);
}

#endif
