/* The table of commands: nouns, their verbs, and for each verb its words, options, help and examples. Help
 * texts, the parser of arguments and completion read it; each noun's part stands in the noun's own file.
 */
#ifndef CARREL_CTL_COMMAND_H
#define CARREL_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl.h"

/* What may stand for a word or an option's value; completion asks the API for the names. */
enum ctl_words {
    WORDS_FREE,
    WORDS_USER,
    WORDS_GROUP,
    WORDS_POOL,
    WORDS_IMAGE,
    WORDS_VERSION, /* of an image: NAME@N */
    WORDS_DESKTOP,
    WORDS_HOST,
    WORDS_MACHINE,
    WORDS_DATA_DISK,
    WORDS_SESSION,
    WORDS_GATEWAY,
    WORDS_ENTITLEMENT,
    WORDS_FILE,
    WORDS_CHOICE, /* the option's choices */
    WORDS_COLUMNS,
    WORDS_POLICY, /* KEY=VALUE */
    WORDS_SWITCH, /* enable or disable */
    WORDS_RULES,  /* add, list or remove */
    WORDS_ACTION, /* create, list, restore or delete */
};

struct ctl_option {
    const char *name;  /* without the hyphens */
    const char *value; /* "FILE"; NULL: a switch */
    const char *help;
    enum ctl_words words;
    const char *choices; /* WORDS_CHOICE: "floating,dedicated"; also checked */
    char letter;         /* -y; 0: none */
    bool required;
};

#define CTL_WORDS_MAX 32 /* as many sessions may be named at once, and a few words */

struct ctl_command {
    const char *verb;  /* "" for a noun that is a command itself */
    const char *words; /* "NAME FILE"; "[...]" is not needed */
    unsigned min_words, max_words;
    enum ctl_words kinds[CTL_WORDS_MAX];
    const char *help;                 /* one line */
    const char *details;              /* more lines, or NULL */
    const char *examples;             /* one a line */
    const struct ctl_option *options; /* ended by a name of NULL; NULL: none */
    const struct field *fields;       /* what --columns may name; NULL: no table */
    int (*run)(struct ctl *ctl);
};

struct ctl_noun {
    const char *name;
    const char *help;
    const char *details;
    const struct ctl_command *commands; /* ended by a verb of NULL */
};

extern const struct ctl_noun ctl_user, ctl_group, ctl_entitlement, ctl_pool, ctl_image, ctl_desktop, ctl_host,
    ctl_machine, ctl_data_disk, ctl_session, ctl_gateway, ctl_event, ctl_status;

extern const struct ctl_noun *const ctl_nouns[]; /* ended by NULL */
extern const struct ctl_option ctl_global_options[];

const struct ctl_noun *command_find_noun(const char *name);
const struct ctl_command *command_find_verb(const struct ctl_noun *noun, const char *verb);

/* The name that NAME was probably meant to be, or NULL. */
const char *command_suggest_noun(const char *name);
const char *command_suggest_verb(const struct ctl_noun *noun, const char *verb);
const char *command_suggest_option(const struct ctl_command *command, const char *option);

/* True for a command that is its noun, such as status. */
bool command_is_bare(const struct ctl_noun *noun);

#endif
