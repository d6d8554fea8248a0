#include "ctl/command.h"

#include <string.h>

#include "ctl/args.h"
#include "ctl/field.h"
#include "suite.h"

static void every_command_is_whole(void)
{
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++) {
        CU_ASSERT_PTR_NOT_NULL((*n)->help);
        for (const struct ctl_command *c = (*n)->commands; c->verb; c++) {
            CU_ASSERT_TRUE(c->run && c->help && c->words && c->examples);
            CU_ASSERT_TRUE(c->min_words <= c->max_words && c->max_words <= CTL_WORDS_MAX);
            CU_ASSERT_EQUAL(!*c->words, !c->max_words);
            char begin[80];
            snprintf(begin, sizeof begin, "carrelctl %s%s%s", (*n)->name, *c->verb ? " " : "", c->verb);
            CU_ASSERT_PTR_NOT_NULL(strstr(c->examples, begin));
        }
    }
}

static void no_option_stands_twice_or_hides_a_general_one(void)
{
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++) {
        for (const struct ctl_command *c = (*n)->commands; c->verb; c++) {
            unsigned count = 0;
            for (const struct ctl_option *o = c->options; o && o->name; o++, count++) {
                CU_ASSERT_PTR_NOT_NULL(o->help);
                CU_ASSERT_TRUE(!o->required || o->value);
                CU_ASSERT_EQUAL(o->words == WORDS_CHOICE, o->choices != NULL);
                for (const struct ctl_option *g = ctl_global_options; g->name; g++)
                    CU_ASSERT_STRING_NOT_EQUAL(o->name, g->name);
                for (const struct ctl_option *p = c->options; p != o; p++)
                    CU_ASSERT_STRING_NOT_EQUAL(o->name, p->name);
            }
            CU_ASSERT_TRUE(count + 10 < ARGS_OPTIONS_MAX);
        }
    }
}

static void no_column_name_stands_twice_in_a_list(void)
{
    for (const struct ctl_noun *const *n = ctl_nouns; *n; n++) {
        for (const struct ctl_command *c = (*n)->commands; c->verb; c++) {
            for (const struct field *f = c->fields; f && f->name; f++) {
                if (!(f->place & FIELD_SHOW_ONLY))
                    CU_ASSERT_PTR_EQUAL(field_find(c->fields, f->name, strlen(f->name)), f);
            }
        }
    }
}

static void suggests_the_words_of_other_tools(void)
{
    const struct ctl_noun *host = command_find_noun("host"), *pool = command_find_noun("pool");
    CU_ASSERT_STRING_EQUAL(command_suggest_verb(pool, "ls"), "list");
    CU_ASSERT_STRING_EQUAL(command_suggest_verb(pool, "rm"), "delete");
    CU_ASSERT_STRING_EQUAL(command_suggest_verb(host, "rm"), "remove");
    CU_ASSERT_STRING_EQUAL(command_suggest_verb(host, "create"), "add");
    CU_ASSERT_STRING_EQUAL(command_suggest_verb(pool, "add"), "create");
    CU_ASSERT_PTR_NULL(command_suggest_verb(pool, "frobnicate"));
    CU_ASSERT_STRING_EQUAL(command_suggest_noun("users"), "user");
    CU_ASSERT_STRING_EQUAL(command_suggest_option(command_find_verb(pool, "create"), "imgae"), "image");
}

SUITE("ctl/command", TEST(every_command_is_whole), TEST(no_option_stands_twice_or_hides_a_general_one),
      TEST(no_column_name_stands_twice_in_a_list), TEST(suggests_the_words_of_other_tools))
