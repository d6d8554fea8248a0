/* Did you mean: how far two words are from each other, and the nearest of several. Pure functions. */
#ifndef CARREL_CTL_SUGGEST_H
#define CARREL_CTL_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours between A and B. Words longer than
 * SUGGEST_MAX_LEN are as far as they are long. */
#define SUGGEST_MAX_LEN 64
size_t suggest_distance(const char *a, const char *b);

/* Offer candidates one after another; suggest_result() is the nearest one that is near enough, or NULL. */
struct suggest {
    const char *word;    /* borrowed */
    const char *nearest; /* borrowed from the candidates */
    size_t distance;
};
void suggest_begin(struct suggest *s, const char *word);
void suggest_offer(struct suggest *s, const char *candidate);
const char *suggest_result(const struct suggest *s);

#endif
