#include "help.h"

#include <string.h>

#define OPTION_WIDTH 26

/* TEXT's lines, each behind INDENT. */
static void put_indented(FILE *out, const char *indent, const char *text)
{
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        fprintf(out, "%s%.*s\n", indent, (int)n, at);
        at += n + (at[n] == '\n');
    }
}

/* A summary stands in lists without a capital and a full stop, and alone as a sentence. */
static void put_sentence(FILE *out, const char *summary)
{
    fprintf(out, "%c%s.\n", (char)(summary[0] - ('a' <= summary[0] && summary[0] <= 'z' ? 32 : 0)),
            summary + 1);
}

static void put_options(FILE *out, const struct ctl_option *options)
{
    for (const struct ctl_option *o = options; o && o->name; o++) {
        char form[80], letter[8] = "";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(form, sizeof form, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(out, "  %-*s  %s%s\n", OPTION_WIDTH, form, o->help, o->required ? " (needed)" : "");
    }
}

static void put_examples(FILE *out, const char *examples)
{
    if (!examples)
        return;
    fprintf(out, "\nExamples:\n");
    put_indented(out, "  ", examples);
}

void help_print_all(FILE *out)
{
    fprintf(out, "Usage: carrelctl COMMAND ... [options]\n\n"
                 "Administers a Carrel: users, the desktops that are lent to them, and what runs there.\n\n"
                 "Commands:\n");
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++)
        fprintf(out, "  %-12s  %s\n", (*n)->name, (*n)->help);
    fprintf(out, "  %-12s  %s\n", "help", "help for a command: carrelctl help pool create");
    fprintf(out, "\nOptions of all commands:\n");
    put_options(out, ctl_global_options);
    put_examples(out, "carrelctl status\n"
                      "carrelctl image import debian /srv/images/debian-13.qcow2 --guest-user desktop\n"
                      "carrelctl pool create office --image debian --spare 2 --max 20 --wait\n"
                      "carrelctl user create anna\n"
                      "carrelctl entitlement add office --user anna");
    fprintf(out, "\nExit status: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 broker unreachable.\n");
}

void help_print_noun(FILE *out, const struct ctl_noun *noun)
{
    if (command_is_bare(noun)) {
        help_print_command(out, noun, noun->commands);
        return;
    }
    fprintf(out, "Usage: carrelctl %s COMMAND ... [options]\n\n", noun->name);
    if (noun->details)
        put_indented(out, "", noun->details);
    else
        put_sentence(out, noun->help);
    fprintf(out, "\nCommands:\n");
    for (const struct ctl_command *c = noun->commands; c->verb; c++) {
        char form[80];
        snprintf(form, sizeof form, "%s%s%s", c->verb, *c->words ? " " : "", c->words);
        fprintf(out, "  %-*s  %s\n", OPTION_WIDTH, form, c->help);
    }
    fprintf(out, "\nExamples:\n");
    for (const struct ctl_command *c = noun->commands; c->verb; c++) {
        if (c->examples)
            fprintf(out, "  %.*s\n", (int)strcspn(c->examples, "\n"), c->examples);
    }
    fprintf(out, "\nMore about one of them: carrelctl help %s %s\n", noun->name, noun->commands[0].verb);
}

void help_print_command(FILE *out, const struct ctl_noun *noun, const struct ctl_command *c)
{
    fprintf(out, "Usage: carrelctl %s%s%s%s%s", noun->name, *c->verb ? " " : "", c->verb,
            *c->words ? " " : "", c->words);
    bool others = false;
    for (const struct ctl_option *o = c->options; o && o->name; o++) {
        if (o->required)
            fprintf(out, " --%s %s", o->name, o->value);
        others |= !o->required;
    }
    fprintf(out, "%s\n\n", others ? " [options]" : "");
    put_sentence(out, c->help);
    if (c->details) {
        fputc('\n', out);
        put_indented(out, "", c->details);
    }
    if (c->options) {
        fprintf(out, "\nOptions:\n");
        put_options(out, c->options);
    }
    fprintf(out, "\nOptions of all commands:\n");
    put_options(out, ctl_global_options);
    put_examples(out, c->examples);
}

void help_print(FILE *out, const struct ctl_noun *noun, const struct ctl_command *command)
{
    if (command)
        help_print_command(out, noun, command);
    else if (noun)
        help_print_noun(out, noun);
    else
        help_print_all(out);
}

int help_run(struct ctl *ctl, int count, char **words)
{
    if (count < 1 || !strcmp(words[0], "help")) {
        help_print_all(ctl->out);
        return CTL_OK;
    }
    const struct ctl_noun *noun = command_find_noun(words[0]);
    const char *near = noun ? NULL : command_suggest_noun(words[0]);
    if (near)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s'; did you mean '%s'?", words[0], near);
    if (!noun)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s'; see 'carrelctl help'", words[0]);
    const struct ctl_command *command = count > 1 ? command_find_verb(noun, words[1]) : NULL;
    near = count > 1 && !command ? command_suggest_verb(noun, words[1]) : NULL;
    if (near)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s %s'; did you mean '%s %s'?", noun->name,
                        words[1], noun->name, near);
    if (count > 1 && !command)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s %s'; see 'carrelctl help %s'", noun->name,
                        words[1], noun->name);
    help_print(ctl->out, noun, command);
    return CTL_OK;
}
