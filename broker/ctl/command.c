#include "command.h"

#include <string.h>

#include "suggest.h"

const struct ctl_noun *const ctl_nouns[] = {
    &ctl_user,      &ctl_group, &ctl_entitlement, &ctl_pool,    &ctl_machine, &ctl_image,  &ctl_desktop,
    &ctl_data_disk, &ctl_host,  &ctl_session,     &ctl_gateway, &ctl_event,   &ctl_status, NULL,
};

const struct ctl_option ctl_global_options[] = {
    {.name = "json", .help = "print the API's JSON instead of a table or a sentence"},
    {.name = "columns",
     .value = "NAMES",
     .help = "the columns of a table, comma separated; 'all' for every one",
     .words = WORDS_COLUMNS},
    {.name = "no-headings", .help = "tables without their first line"},
    {.name = "yes", .letter = 'y', .help = "do not ask before something is destroyed"},
    {.name = "socket",
     .value = "PATH",
     .words = WORDS_FILE,
     .help = "the broker's socket (else CARREL_SOCKET, else the configuration's)"},
    {.name = "config", .value = "FILE", .words = WORDS_FILE, .help = "another configuration file"},
    {.name = "help", .letter = 'h', .help = "help for what is typed so far"},
    {.name = "version", .letter = 'V', .help = "the version"},
    {0},
};

const struct ctl_noun *command_find_noun(const char *name)
{
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++) {
        if (!strcmp((*n)->name, name))
            return *n;
    }
    return NULL;
}

const struct ctl_command *command_find_verb(const struct ctl_noun *noun, const char *verb)
{
    for (const struct ctl_command *c = noun->commands; c->verb; c++) {
        if (!strcmp(c->verb, verb))
            return c;
    }
    return NULL;
}

bool command_is_bare(const struct ctl_noun *noun)
{
    return !*noun->commands[0].verb;
}

/* What people type who come from other tools; only ever suggested. */
static const char *const habits[][2] = {
    {"ls", "list"},       {"rm", "delete"},      {"del", "delete"},      {"add", "create"},
    {"new", "create"},    {"info", "show"},      {"get", "show"},        {"describe", "show"},
    {"edit", "set"},      {"modify", "set"},     {"update", "set"},      {"password", "passwd"},
    {"reset", "recycle"}, {"reboot", "restart"}, {"kick", "disconnect"}, {"logout", "logoff"},
    {"watch", "follow"},  {"tail", "follow"},    {"create", "add"},      {"delete", "remove"},
    {"rm", "remove"},     {"upload", "import"},  {"kill", "logoff"},
};

const char *command_suggest_noun(const char *name)
{
    struct suggest s;
    suggest_begin(&s, name);
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++)
        suggest_offer(&s, (*n)->name);
    suggest_offer(&s, "help");
    return suggest_result(&s);
}

const char *command_suggest_verb(const struct ctl_noun *noun, const char *verb)
{
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++) {
        if (!strcmp(habits[i][0], verb) && command_find_verb(noun, habits[i][1]))
            return habits[i][1];
    }
    struct suggest s;
    suggest_begin(&s, verb);
    for (const struct ctl_command *c = noun->commands; c->verb; c++)
        suggest_offer(&s, c->verb);
    return suggest_result(&s);
}

static void offer_options(struct suggest *s, const struct ctl_option *options)
{
    for (const struct ctl_option *o = options; o && o->name; o++)
        suggest_offer(s, o->name);
}

const char *command_suggest_option(const struct ctl_command *command, const char *option)
{
    struct suggest s;
    suggest_begin(&s, option);
    if (command)
        offer_options(&s, command->options);
    offer_options(&s, ctl_global_options);
    return suggest_result(&s);
}
