#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum value_type { TYPE_TEXT, TYPE_NUMBER, TYPE_DURATION, TYPE_BYTES, TYPE_FLAG };

#define NAME_OF_TEXT(name) name
#define NAME_OF_NUMBER(name) name
#define NAME_OF_DURATION(name) name##_ms
#define NAME_OF_BYTES(name) name##_bytes
#define NAME_OF_FLAG(name) name

static const struct key {
    const char *section, *name, *standard;
    enum value_type type;
    size_t offset; /* of the member in struct config */
} keys[] = {
#define X(section, key, TYPE, standard, doc)                                                                 \
    {#section, #key, standard, TYPE_##TYPE, offsetof(struct config, NAME_OF_##TYPE(section##_##key))},
    CONFIG_KEYS(X)
#undef X
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

/* Texts that are one of a few words. */
static const struct {
    const char *section, *key, *words;
} choices[] = {
    {"log", "level", "error, warning, info, debug"}, {"broker", "otp", "off, optional, required"},
    {"gateway", "security", "negotiate, nla, tls"},  {"gateway", "self_signed", "ecdsa, rsa"},
    {"vmpool", "virt", "auto, kvm, qemu"},
};

/* Numbers, durations and sizes are at least 1, except these, where 0 says something of its own. */
static const char *const may_be_zero[][2] = {
    {"broker", "login_pause"},      {"broker", "machine_failures"},    {"broker", "machine_keep"},
    {"broker", "password_max_age"}, {"broker", "password_min_length"}, {"gateway", "threads"},
    {"vmpool", "disk_reserve"},     {"vmpool", "logoff_grace"},        {"vmpool", "retry_pause"},
    {"vmpool", "keep_versions"},    {"broker", "user_sessions"},       {"broker", "max_sessions"},
    {"vmpool", "health_check"},     {"vmpool", "health_time"},         {"vmpool", "failed_logs"},
};

static const struct unit {
    const char *suffix;
    uint64_t factor;
} durations[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}},
  sizes[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0}}, none[] = {{"", 1}, {NULL, 0}};

struct reading {
    struct config config;
    const char *path;
    FILE *file;
    int line;               /* the one that was read last */
    int line_of[KEY_COUNT]; /* where a key was set; 0: not yet */
    struct error *err;
    int code; /* the first failure; nothing after it is looked at */
    int code_line;
};

static int reading_fail(struct reading *r, const char *text)
{
    if (!r->code) {
        r->code = error_set(r->err, CE_BAD_INPUT, "%s:%d: %s", r->path, r->line, text);
        r->code_line = r->line;
    }
    return 0; /* inih's word for failure */
}

/* The number of edits between two words, for "did you mean": small words, so the plain table will do. */
static size_t word_distance(const char *a, const char *b)
{
    size_t row[64], la = strlen(a), lb = strlen(b);
    if (la >= 64 || lb >= 64)
        return 64;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[lb];
}

static int section_exists(const char *section)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!strcmp(keys[i].section, section))
            return 1;
    }
    return 0;
}

static int reading_unknown_section(struct reading *r, const char *section)
{
    char text[300], list[128] = "";
    const char *last = "";
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!strcmp(keys[i].section, last))
            continue;
        last = keys[i].section;
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s[%s]", len ? ", " : "", last);
    }
    if (*section)
        snprintf(text, sizeof text, "unknown section [%.60s], expected one of %s", section, list);
    else
        snprintf(text, sizeof text, "a key before the first section, expected one of %s", list);
    return reading_fail(r, text);
}

static int reading_unknown_key(struct reading *r, const char *section, const char *name)
{
    char text[300];
    const struct key *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!strcmp(keys[i].name, name)) {
            snprintf(text, sizeof text, "unknown key '%.60s' in [%s]; it belongs in [%s]", name, section,
                     keys[i].section);
            return reading_fail(r, text);
        }
        size_t distance = word_distance(keys[i].name, name);
        if (!strcmp(keys[i].section, section) && distance < least) {
            least = distance;
            nearest = &keys[i];
        }
    }
    snprintf(text, sizeof text, "unknown key '%.60s' in [%s]; the nearest known one is '%s'", name, section,
             nearest ? nearest->name : "");
    return reading_fail(r, text);
}

/* Digits and one of UNITS' suffixes; what comes out fits an int64_t, so that callers may subtract it. */
static int value_parse(const char *text, const struct unit *units, uint64_t *ret)
{
    if (!isdigit((unsigned char)*text))
        return CE_BAD_INPUT;
    char *rest;
    errno = 0;
    unsigned long long n = strtoull(text, &rest, 10);
    for (; units->suffix; units++) {
        if (strcmp(units->suffix, rest))
            continue;
        if (errno || n > INT64_MAX / units->factor)
            return CE_LIMIT;
        *ret = n * units->factor;
        return 0;
    }
    return CE_BAD_INPUT;
}

static int zero_is_allowed(const struct key *key)
{
    for (size_t i = 0; i < sizeof may_be_zero / sizeof may_be_zero[0]; i++) {
        if (!strcmp(may_be_zero[i][0], key->section) && !strcmp(may_be_zero[i][1], key->name))
            return 1;
    }
    return 0;
}

/* Returns NULL, or what was expected. */
static const char *number_set(struct config *config, const struct key *key, const char *text)
{
    const struct unit *units = key->type == TYPE_DURATION ? durations
                               : key->type == TYPE_BYTES  ? sizes
                                                          : none;
    uint64_t value;
    int rc = value_parse(text, units, &value);
    if (rc == CE_LIMIT)
        return "a smaller number";
    if (rc && key->type == TYPE_DURATION)
        return "a duration such as 250ms, 15s, 10min, 2h or 30d";
    if (rc && key->type == TYPE_BYTES)
        return "a size such as 64KiB, 512MiB or 2GiB";
    if (rc)
        return "a number without a unit, such as 5";
    if (!value && !zero_is_allowed(key))
        return "more than 0";
    memcpy((char *)config + key->offset, &value, sizeof value);
    return NULL;
}

static int is_word(void *arg, const char *item)
{
    return !strcmp(arg, item);
}

static const char *text_set(struct config *config, const struct key *key, const char *text)
{
    size_t len = strlen(text);
    if (len >= CONFIG_TEXT_SIZE)
        return "at most 511 bytes";
    for (size_t i = 0; i < len; i++) {
        if (iscntrl((unsigned char)text[i]))
            return "a text without control characters";
    }
    char word[CONFIG_TEXT_SIZE];
    memcpy(word, text, len + 1);
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (!strcmp(choices[i].section, key->section) && !strcmp(choices[i].key, key->name) &&
            !config_list_each(choices[i].words, is_word, word))
            return choices[i].words;
    }
    memcpy((char *)config + key->offset, text, len + 1);
    return NULL;
}

static const char *flag_set(struct config *config, const struct key *key, const char *text)
{
    bool on = !strcmp(text, "on");
    if (!on && strcmp(text, "off"))
        return "on or off";
    memcpy((char *)config + key->offset, &on, sizeof on);
    return NULL;
}

static const char *key_set(struct config *config, const struct key *key, const char *text)
{
    if (key->type == TYPE_TEXT)
        return text_set(config, key, text);
    return key->type == TYPE_FLAG ? flag_set(config, key, text) : number_set(config, key, text);
}

void config_init(struct config *ret)
{
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < KEY_COUNT; i++)
        (void)key_set(ret, &keys[i], keys[i].standard);
}

static int reading_key(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    char text[300];
    if (r->code)
        return 0;
    if (!section_exists(section))
        return reading_unknown_section(r, section);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) || strcmp(keys[i].name, name))
            continue;
        if (r->line_of[i]) {
            snprintf(text, sizeof text, "'%s' is set already at line %d", name, r->line_of[i]);
            return reading_fail(r, text);
        }
        r->line_of[i] = r->line;
        const char *expected = key_set(&r->config, &keys[i], value);
        if (!expected)
            return 1;
        snprintf(text, sizeof text, "'%s' is '%.60s', expected %s", name, value, expected);
        return reading_fail(r, text);
    }
    return reading_unknown_key(r, section, name);
}

/* A section without keys never reaches the handler, so its name is looked at here. */
static void reading_check_section(struct reading *r, const char *line)
{
    char name[64];
    if (sscanf(line, "[%63[^]\n]]", name) == 1 && !section_exists(name))
        reading_unknown_section(r, name);
}

/* Hands inih one line. It counts lines for us (the library's own count is a build option), and refuses what
 * the library would read otherwise than it looks: an indented line is a continuation there, and the rest of
 * a long line is a line of its own. */
static char *reading_line(char *line, int size, void *arg)
{
    struct reading *r = arg;
    if (r->code || !fgets(line, size, r->file))
        return NULL;
    r->line++;
    size_t len = strlen(line), blanks = strspn(line, " \t");
    if (len + 1 == (size_t)size && line[len - 1] != '\n')
        reading_fail(r, "the line is too long");
    else if (blanks && !strchr("\r\n;#", line[blanks]))
        reading_fail(r, "expected no blank at the beginning of a line");
    else if (*line == '[')
        reading_check_section(r, line);
    return r->code ? NULL : line;
}

static int reading_run(struct reading *r)
{
#ifdef CARREL_INI_MAX_LINE
    ini_max_line = 2 * CONFIG_TEXT_SIZE;
#endif
    int line = ini_parse_stream(reading_line, r, reading_key, r);
    if (ferror(r->file))
        return error_set(r->err, CE_IO, "cannot read %s", r->path);
    /* A line that inih could not take apart comes back as its number, unless a failure of ours is earlier. */
    if (line > 0 && (!r->code || line < r->code_line))
        return error_set(r->err, CE_BAD_INPUT,
                         "%s:%d: expected [section], key = value, or a comment that begins with #", r->path,
                         line);
    return line < 0 && !r->code ? error_set(r->err, CE_NOMEM, "no memory to read %s", r->path) : r->code;
}

int config_load(struct config *ret, const char *path, struct error *err)
{
    struct reading *r = calloc(1, sizeof *r);
    if (!r)
        return error_set(err, CE_NOMEM, "no memory to read %s", path);
    config_init(&r->config);
    r->path = path;
    r->err = err;
    r->file = fopen(path, "re");
    int rc;
    if (r->file) {
        rc = reading_run(r);
        fclose(r->file);
    } else {
        rc = error_set(err, errno == ENOENT ? CE_NOT_FOUND : CE_IO, "cannot read %s: %s", path,
                       strerror(errno));
    }
    if (!rc)
        *ret = r->config;
    free(r);
    return rc;
}

int config_list_each(const char *list, int (*each)(void *arg, const char *item), void *arg)
{
    char item[CONFIG_TEXT_SIZE];
    for (const char *at = list;; at++) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, ",");
        const char *next = at + len;
        while (len && isspace((unsigned char)at[len - 1]))
            len--;
        if (len && len < sizeof item) {
            memcpy(item, at, len);
            item[len] = '\0';
            int rc = each(arg, item);
            if (rc)
                return rc;
        }
        if (!*next)
            return 0;
        at = next;
    }
}
