#include "complete.h"

#include <string.h>
#include <unistd.h>

#include <carrel/policy.h>

#include "api.h"
#include "carrel_build.h"
#include "command.h"
#include "field.h"
#include "format.h"

struct completion {
    struct ctl *ctl;
    const char *typed; /* the last word so far */
};

static void offer(const struct completion *c, const char *prefix, const char *word)
{
    char full[512], clean[512];
    snprintf(full, sizeof full, "%s%s", prefix, word);
    if (!strncmp(full, c->typed, strlen(c->typed)))
        fprintf(c->ctl->out, "%s\n", format_clean(clean, sizeof clean, full));
}

/* Names from the API, the broker willing. */
static void offer_names(const struct completion *c, const char *prefix, const char *path, const char *key)
{
    CLEANUP_JSON json_t *answer = api_ask(c->ctl, path);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(answer, "items"), i, item) offer(c, prefix, api_text(item, key));
}

static void offer_choices(const struct completion *c, const char *prefix, const char *choices)
{
    for (const char *at = choices; at; at = strchr(at, ',')) {
        char word[64];
        at += *at == ',';
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        offer(c, prefix, word);
    }
}

/* --columns takes a list: the names go behind what is there up to the last comma. */
static void offer_columns(const struct completion *c, const char *prefix, const struct ctl_command *command)
{
    const char *value = c->typed + strlen(prefix);
    const char *comma = strrchr(value, ',');
    char before[400];
    snprintf(before, sizeof before, "%s%.*s", prefix, comma ? (int)(comma - value + 1) : 0, value);
    for (const struct field *f = command ? command->fields : NULL; f && f->name; f++) {
        if (!(f->place & FIELD_SHOW_ONLY))
            offer(c, before, f->name);
    }
    if (!comma)
        offer(c, prefix, "all");
}

static void offer_policy(const struct completion *c, const char *prefix)
{
    static const char *const ways[] = {"off", "to-guest", "from-guest", "both", NULL};
    static const char *const flags[] = {"off", "on", NULL};
    static const char *const others[] = {"", NULL};
    for (int key = 0; key < POLICY_KEY_COUNT; key++) {
        const char *const *values = key <= POLICY_FILES ? ways : key <= POLICY_MULTI_MONITOR ? flags : others;
        char name[80];
        snprintf(name, sizeof name, "%s%s=", prefix, policy_key_name((enum policy_key)key));
        for (; *values; values++)
            offer(c, name, *values);
    }
}

static void offer_switch(const struct completion *c, const char *prefix)
{
    offer(c, prefix, "enable");
    offer(c, prefix, "disable");
}

static void offer_words(const struct completion *c, const char *prefix, enum ctl_words kind,
                        const struct ctl_option *option, const struct ctl_command *command)
{
    static const struct {
        const char *path, *key;
    } lists[] = {
        [WORDS_USER] = {"/v1/users", "name"},       [WORDS_GROUP] = {"/v1/groups", "name"},
        [WORDS_POOL] = {"/v1/pools", "name"},       [WORDS_IMAGE] = {"/v1/images", "name"},
        [WORDS_DESKTOP] = {"/v1/desktops", "name"}, [WORDS_HOST] = {"/v1/hosts", "name"},
        [WORDS_MACHINE] = {"/v1/machines", "name"}, [WORDS_DATA_DISK] = {"/v1/data-disks", "id"},
        [WORDS_SESSION] = {"/v1/sessions", "id"},   [WORDS_VERSION] = {"/v1/images", "label"},
        [WORDS_GATEWAY] = {"/v1/gateways", "name"}, [WORDS_ENTITLEMENT] = {"/v1/entitlements", "id"},
    };
    if (kind == WORDS_FILE)
        fprintf(c->ctl->out, ":files\n");
    else if (kind == WORDS_CHOICE)
        offer_choices(c, prefix, option->choices);
    else if (kind == WORDS_COLUMNS)
        offer_columns(c, prefix, command);
    else if (kind == WORDS_POLICY)
        offer_policy(c, prefix);
    else if (kind == WORDS_SWITCH)
        offer_switch(c, prefix);
    else if (kind == WORDS_RULES)
        offer_choices(c, prefix, "add,list,remove");
    else if (kind == WORDS_ACTION)
        offer_choices(c, prefix, "create,delete,list,restore");
    else if (kind < sizeof lists / sizeof lists[0] && lists[kind].path)
        offer_names(c, prefix, lists[kind].path, lists[kind].key);
}

static const struct ctl_option *find_option(const struct ctl_command *command, const char *word)
{
    const struct ctl_option *sets[] = {command ? command->options : NULL, ctl_global_options};
    size_t len = strcspn(word + 2, "=");
    for (size_t i = 0; i < 2; i++) {
        for (const struct ctl_option *o = sets[i]; o && o->name; o++) {
            if (!strncmp(word, "--", 2) && strlen(o->name) == len && !strncmp(o->name, word + 2, len))
                return o;
        }
    }
    return NULL;
}

static void offer_options(const struct completion *c, const struct ctl_command *command)
{
    const struct ctl_option *sets[] = {command ? command->options : NULL, ctl_global_options};
    for (size_t i = 0; i < 2; i++) {
        for (const struct ctl_option *o = sets[i]; o && o->name; o++)
            offer(c, "--", o->name);
    }
}

static void offer_nouns(const struct completion *c)
{
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++)
        offer(c, "", (*n)->name);
}

static void offer_verbs(const struct completion *c, const struct ctl_noun *noun)
{
    for (const struct ctl_command *v = noun->commands; v->verb && *v->verb; v++)
        offer(c, "", v->verb);
}

/* What was typed before the last word. */
struct typed {
    const struct ctl_noun *noun;
    const struct ctl_command *command;
    const struct ctl_option *open; /* an option whose value comes next */
    unsigned words;                /* behind the verb */
    bool help;
};

static void read_word(struct ctl *ctl, struct typed *t, const char *word, const char *next)
{
    if (t->open) {
        t->open = NULL;
    } else if (word[0] == '-') {
        const struct ctl_option *o = find_option(t->command, word);
        if (o && o->value && !strchr(word, '='))
            t->open = o;
        const char *value = strchr(word, '=');
        value = value ? value + 1 : next;
        if (o && value && !strcmp(o->name, "socket"))
            snprintf(ctl->socket_path, sizeof ctl->socket_path, "%s", value);
    } else if (!t->noun && !t->help && !strcmp(word, "help")) {
        t->help = true;
    } else if (!t->noun) {
        t->noun = command_find_noun(word);
        if (t->noun && command_is_bare(t->noun))
            t->command = t->noun->commands;
    } else if (!t->command) {
        t->command = command_find_verb(t->noun, word);
    } else {
        t->words++;
    }
}

static void offer_all(const struct completion *c, const struct typed *t)
{
    const char *equals = strchr(c->typed, '=');
    if (t->open) {
        offer_words(c, "", t->open->words, t->open, t->command);
    } else if (!strncmp(c->typed, "--", 2) && equals) {
        const struct ctl_option *o = find_option(t->command, c->typed);
        char prefix[80];
        snprintf(prefix, sizeof prefix, "%.*s", (int)(equals - c->typed + 1), c->typed);
        if (o)
            offer_words(c, prefix, o->words, o, t->command);
    } else if (c->typed[0] == '-') {
        offer_options(c, t->command);
    } else if (!t->noun) {
        offer_nouns(c);
        if (!t->help)
            offer(c, "", "help");
    } else if (!t->command) {
        offer_verbs(c, t->noun);
    } else if (!t->help && t->words < t->command->max_words) {
        offer_words(c, "", t->command->kinds[t->words], NULL, t->command);
    }
}

int complete_run(struct ctl *ctl, int count, char **words)
{
    struct completion c = {.ctl = ctl, .typed = count > 0 ? words[count - 1] : ""};
    struct typed t = {.words = 0};
    struct config config;
    struct error err;
    const char *socket = getenv("CARREL_SOCKET");
    config_init(&config);
    const char *usual = CARREL_SYSCONFDIR "/carrel.conf";
    if (!socket && access(usual, R_OK) == 0 && config_load(&config, usual, &err))
        return CTL_OK;
    snprintf(ctl->socket_path, sizeof ctl->socket_path, "%s",
             socket && *socket ? socket : config.broker_socket);
    for (int i = 0; i + 1 < count; i++)
        read_word(ctl, &t, words[i], i + 2 < count ? words[i + 1] : NULL);
    offer_all(&c, &t);
    return CTL_OK;
}
