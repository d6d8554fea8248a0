#include <carrel/labels.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The length of the name that begins at TEXT, 0 for none: as name_is_valid() has it, without its end. */
static size_t name_len(const char *text)
{
    if (!isalnum((unsigned char)*text))
        return 0;
    size_t n = 1;
    while (text[n] && (isalnum((unsigned char)text[n]) || strchr("._-", text[n])))
        n++;
    return n < NAME_SIZE ? n : 0;
}

static bool words_are_valid(const char *text, bool negated)
{
    if (strlen(text) >= LABELS_SIZE)
        return false;
    while (*text) {
        text += negated && *text == '!';
        size_t n = name_len(text);
        if (!n)
            return false;
        text += n;
        if (*text == '=') {
            n = name_len(++text);
            if (!n)
                return false;
            text += n;
        }
        if (!*text)
            return true;
        if (*text++ != ' ' || !*text)
            return false;
    }
    return true;
}

bool labels_are_valid(const char *labels)
{
    return words_are_valid(labels, false);
}

bool labels_wanted_are_valid(const char *wanted)
{
    return words_are_valid(wanted, true);
}

static bool has_word(const char *labels, const char *word, size_t len)
{
    for (const char *at = labels; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == len && !strncmp(at, word, n))
            return true;
        at += n;
    }
    return false;
}

bool labels_match(const char *labels, const char *wanted)
{
    for (const char *at = wanted; *at; at += strspn(at, " ")) {
        bool refused = *at == '!';
        at += refused;
        size_t n = strcspn(at, " ");
        if (has_word(labels, at, n) == refused)
            return false;
        at += n;
    }
    return true;
}

bool labels_value(const char *labels, const char *key, char ret[NAME_SIZE])
{
    size_t len = strlen(key);
    ret[0] = 0;
    for (const char *at = labels; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n > len && !strncmp(at, key, len) && at[len] == '=') {
            snprintf(ret, NAME_SIZE, "%.*s", (int)(n - len - 1), at + len + 1);
            return true;
        }
        at += n;
    }
    return false;
}
