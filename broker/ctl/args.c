#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "suggest.h"

/* getopt_long() wants one array: the command's options and the general ones, with an index as value. */
struct merged {
    struct option longs[ARGS_OPTIONS_MAX + 1];
    const struct ctl_option *options[ARGS_OPTIONS_MAX];
    unsigned count;
    char letters[2 + 2 * ARGS_OPTIONS_MAX + 1]; /* behind ":" or "+:" */
};

#define FIRST_VALUE 1000 /* above every letter and getopt's own answers */

static void merge(struct merged *m, const struct ctl_option *options)
{
    size_t n = strlen(m->letters);
    for (const struct ctl_option *o = options; o && o->name && m->count < ARGS_OPTIONS_MAX; o++) {
        m->longs[m->count] = (struct option){o->name, o->value ? required_argument : no_argument, NULL,
                                             FIRST_VALUE + (int)m->count};
        m->options[m->count++] = o;
        if (o->letter)
            n += (size_t)snprintf(m->letters + n, sizeof m->letters - n, "%c%s", o->letter,
                                  o->value ? ":" : "");
    }
    memset(&m->longs[m->count], 0, sizeof m->longs[0]);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t n = strcspn(at, ",");
        if (n == len && !strncmp(at, value, len))
            return true;
    }
    return false;
}

static int refuse_choice(struct ctl *ctl, const struct ctl_option *o, const char *value)
{
    char choices[256];
    size_t n = 0;
    for (const char *at = o->choices; *at && n < sizeof choices - 2; at++) {
        choices[n++] = *at;
        if (*at == ',')
            choices[n++] = ' ';
    }
    choices[n] = '\0';
    return ctl_fail(ctl, CTL_USAGE, "--%s is one of %s, not '%s'", o->name, choices, value);
}

static int take_global(struct ctl *ctl, struct ctl_args *a, const struct ctl_option *o, const char *value)
{
    if (!strcmp(o->name, "json")) {
        ctl->json = true;
    } else if (!strcmp(o->name, "no-headings")) {
        ctl->no_headings = true;
    } else if (!strcmp(o->name, "yes")) {
        ctl->yes = true;
    } else if (!strcmp(o->name, "help")) {
        a->help = true;
    } else if (!strcmp(o->name, "version")) {
        a->version = true;
    } else if (!strcmp(o->name, "columns")) {
        ctl->columns = value;
    } else {
        if (a->given_count == ARGS_OPTIONS_MAX)
            return ctl_fail(ctl, CTL_USAGE, "there are more options than the %d that fit", ARGS_OPTIONS_MAX);
        a->given[a->given_count].name = o->name;
        a->given[a->given_count++].value = value;
    }
    return CTL_OK;
}

static int take(struct ctl *ctl, struct ctl_args *a, const struct ctl_option *o, const char *value)
{
    for (const struct ctl_option *g = ctl_global_options; g->name; g++) {
        if (g == o)
            return take_global(ctl, a, o, value);
    }
    if (o->choices && !is_choice(o->choices, value))
        return refuse_choice(ctl, o, value);
    if (a->given_count == ARGS_OPTIONS_MAX)
        return ctl_fail(ctl, CTL_USAGE, "there are more options than the %d that fit", ARGS_OPTIONS_MAX);
    a->given[a->given_count].name = o->name;
    a->given[a->given_count++].value = value;
    return CTL_OK;
}

/* "help pool create", for the hint at the end of a complaint. */
static void describe(const struct ctl_args *a, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s", a->noun ? " " : "", a->noun ? a->noun->name : "",
             a->command && *a->command->verb ? " " : "", a->command ? a->command->verb : "");
}

static int refuse_option(struct ctl *ctl, const struct ctl_args *a, char **argv, bool misses_value)
{
    char where[80];
    describe(a, where, sizeof where);
    const char *typed = argv[optind - 1];
    if (optopt && optopt < FIRST_VALUE && misses_value)
        return ctl_fail(ctl, CTL_USAGE, "-%c needs a value; see 'carrelctl help%s'", optopt, where);
    if (optopt && optopt < FIRST_VALUE)
        return ctl_fail(ctl, CTL_USAGE, "there is no option -%c; see 'carrelctl help%s'", optopt, where);
    if (misses_value)
        return ctl_fail(ctl, CTL_USAGE, "%s needs a value; see 'carrelctl help%s'", typed, where);
    if (optopt >= FIRST_VALUE)
        return ctl_fail(ctl, CTL_USAGE, "%.*s takes no value", (int)strcspn(typed, "="), typed);

    char name[SUGGEST_MAX_LEN + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
    const char *near = command_suggest_option(a->command, name);
    if (near)
        return ctl_fail(ctl, CTL_USAGE, "there is no option --%s; did you mean --%s?", name, near);
    return ctl_fail(ctl, CTL_USAGE, "there is no option --%s; see 'carrelctl help%s'", name, where);
}

/* Reads options of argv from *AT on; STOP: up to the first word. *AT becomes the first word's index. */
static int read_options(struct ctl *ctl, struct ctl_args *a, int argc, char **argv, int *at, bool stop)
{
    struct merged m = {.letters = "+:"};
    if (a->command)
        merge(&m, a->command->options);
    merge(&m, ctl_global_options);

    /* The word before the options is what getopt takes for the program's name. */
    char **from = argv + *at - 1;
    optind = 0;
    opterr = 0;
    for (;;) {
        int c = getopt_long(argc - *at + 1, from, m.letters + !stop, m.longs, NULL);
        if (c < 0)
            break;
        if (c == '?' || c == ':')
            return refuse_option(ctl, a, from, c == ':');
        const struct ctl_option *o = NULL;
        for (unsigned i = 0; i < m.count; i++) {
            if (c == FIRST_VALUE + (int)i || (m.options[i]->letter && c == m.options[i]->letter))
                o = m.options[i];
        }
        int rc = o ? take(ctl, a, o, optarg) : CTL_USAGE;
        if (rc)
            return rc;
    }
    *at += optind - 1;
    return CTL_OK;
}

static int check_words(struct ctl *ctl, const struct ctl_args *a)
{
    char where[80];
    describe(a, where, sizeof where);
    const char *name = where + 1;
    if (a->word_count < a->command->min_words)
        return ctl_fail(ctl, CTL_USAGE, "%s needs %s; see 'carrelctl help%s'", name, a->command->words,
                        where);
    if (a->word_count > a->command->max_words)
        return ctl_fail(ctl, CTL_USAGE, "%s does not take '%s'; see 'carrelctl help%s'", name,
                        a->words[a->command->max_words], where);
    for (unsigned i = 0; i < a->word_count; i++) {
        /* These would name another path of the API. */
        bool is_name = a->command->kinds[i] != WORDS_FILE;
        if (!*a->words[i])
            return ctl_fail(ctl, CTL_USAGE, "a word of the command is empty; see 'carrelctl help%s'", where);
        if (is_name && (!strcmp(a->words[i], ".") || !strcmp(a->words[i], "..")))
            return ctl_fail(ctl, CTL_USAGE, "'%s' is not a name", a->words[i]);
    }
    for (const struct ctl_option *o = a->command->options; o && o->name; o++) {
        bool given = false;
        for (unsigned i = 0; i < a->given_count; i++)
            given |= !strcmp(a->given[i].name, o->name);
        if (o->required && !given)
            return ctl_fail(ctl, CTL_USAGE, "%s needs --%s %s; see 'carrelctl help%s'", name, o->name,
                            o->value, where);
    }
    return CTL_OK;
}

static int find_verb(struct ctl *ctl, struct ctl_args *a, const char *verb)
{
    a->command = command_find_verb(a->noun, verb);
    if (a->command)
        return CTL_OK;
    const char *near = command_suggest_verb(a->noun, verb);
    if (near)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s %s'; did you mean '%s %s'?", a->noun->name,
                        verb, a->noun->name, near);
    return ctl_fail(ctl, CTL_USAGE, "there is no command '%s %s'; see 'carrelctl help %s'", a->noun->name,
                    verb, a->noun->name);
}

int args_parse(struct ctl *ctl, int argc, char **argv, struct ctl_args *ret)
{
    struct ctl_args a = {0};
    int at = 1;
    int rc = read_options(ctl, &a, argc, argv, &at, true);
    if (!rc && at < argc && !strcmp(argv[at], "help")) { /* behind options; as the first word it is ctl.c's */
        a.help = true;
        at++;
    }
    if (!rc && at < argc) {
        a.noun = command_find_noun(argv[at]);
        const char *near = a.noun ? NULL : command_suggest_noun(argv[at]);
        if (near)
            return ctl_fail(ctl, CTL_USAGE, "there is no command '%s'; did you mean '%s'?", argv[at], near);
        if (!a.noun)
            return ctl_fail(ctl, CTL_USAGE, "there is no command '%s'; see 'carrelctl help'", argv[at]);
        at++;
        if (command_is_bare(a.noun)) {
            a.command = a.noun->commands;
        } else {
            rc = read_options(ctl, &a, argc, argv, &at, true);
            if (!rc && at < argc)
                rc = find_verb(ctl, &a, argv[at++]);
        }
    }
    if (!rc && a.command)
        rc = read_options(ctl, &a, argc, argv, &at, false);
    if (rc)
        return rc;
    a.words = argv + at;
    a.word_count = (unsigned)(argc - at);
    if (a.command && !a.help && !a.version)
        rc = check_words(ctl, &a);
    if (!rc)
        *ret = a;
    return rc;
}

const char *args_word(const struct ctl *ctl, unsigned i)
{
    return i < ctl->args->word_count ? ctl->args->words[i] : NULL;
}

const char *args_value(const struct ctl *ctl, const char *option)
{
    const char *value = NULL;
    for (unsigned i = 0; i < ctl->args->given_count; i++) {
        if (!strcmp(ctl->args->given[i].name, option))
            value = ctl->args->given[i].value;
    }
    return value;
}

bool args_given(const struct ctl *ctl, const char *option)
{
    for (unsigned i = 0; i < ctl->args->given_count; i++) {
        if (!strcmp(ctl->args->given[i].name, option))
            return true;
    }
    return false;
}

/* TEXT as a number with one of UNITS behind it (ended by a NULL name); the first unit is the bare number's.
 */
struct unit {
    const char *name;
    long factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, long *ret)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    char *end = NULL;
    long n = strtol(text, &end, 10);
    if (errno)
        return false;
    for (const struct unit *u = units; u->name; u++) {
        if (!strcmp(end, u->name) || (u == units && !*end))
            return !__builtin_mul_overflow(n, u->factor, ret);
    }
    return false;
}

static int number_with(struct ctl *ctl, const char *option, const struct unit *units, const char *form,
                       long min, long max, long *ret)
{
    const char *text = args_value(ctl, option);
    if (!text)
        return CTL_OK;
    long n = 0;
    bool parsed = parse_with_unit(text, units, &n);
    /* A number that is negative or too large for a long is a number all the same. */
    const char *digits = text + (*text == '-');
    bool is_number = *digits && !digits[strspn(digits, "0123456789")];
    if (!parsed && !is_number)
        return ctl_fail(ctl, CTL_USAGE, "--%s is %s, not '%s'", option, form, text);
    if (!parsed || n < min || n > max)
        return ctl_fail(ctl, CTL_USAGE, "--%s is between %ld%s and %ld%s, not '%s'", option, min, units->name,
                        max, units->name, text);
    *ret = n;
    return CTL_OK;
}

int args_number(struct ctl *ctl, const char *option, long min, long max, long *ret)
{
    static const struct unit units[] = {{"", 1}, {0}};
    return number_with(ctl, option, units, "a whole number", min, max, ret);
}

int args_mib(struct ctl *ctl, const char *option, long min, long max, long *ret)
{
    static const struct unit units[] = {{"MiB", 1}, {"GiB", 1024}, {"M", 1}, {"G", 1024}, {0}};
    return number_with(ctl, option, units, "a size such as 2GiB or 512MiB", min, max, ret);
}

int args_seconds(struct ctl *ctl, const char *option, uint64_t *ret)
{
    static const struct unit units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {0}};
    long n = -1;
    int rc = number_with(ctl, option, units, "a time such as 90s or 10min", 1, 7L * 24 * 3600, &n);
    if (!rc && n > 0)
        *ret = (uint64_t)n;
    return rc;
}
