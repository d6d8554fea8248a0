#include "suggest.h"

#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t suggest_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > SUGGEST_MAX_LEN || lb > SUGGEST_MAX_LEN)
        return la > lb ? la : lb;

    /* The optimal string alignment distance needs the last two rows only. */
    size_t rows[3][SUGGEST_MAX_LEN + 1];
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

void suggest_begin(struct suggest *s, const char *word)
{
    *s = (struct suggest){.word = word, .nearest = NULL, .distance = SUGGEST_MAX_LEN};
}

void suggest_offer(struct suggest *s, const char *candidate)
{
    size_t typed = strlen(s->word);
    /* Half a word typed is nearer than any misspelling. */
    size_t distance =
        typed >= 2 && !strncmp(candidate, s->word, typed) ? 1 : suggest_distance(s->word, candidate);
    if (distance < s->distance) {
        s->distance = distance;
        s->nearest = candidate;
    }
}

const char *suggest_result(const struct suggest *s)
{
    /* One slip in a short word, two in a longer one; else the offer would be a guess. */
    size_t allowed = strlen(s->word) <= 3 ? 1 : 2;
    return s->nearest && s->distance <= allowed ? s->nearest : NULL;
}
