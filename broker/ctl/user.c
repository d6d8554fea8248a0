/* carrelctl user */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "qr.h"
#include "table.h"

static void put_state(const json_t *user, char *text, size_t size)
{
    snprintf(text, size, "%s", api_flag(user, "disabled") ? "disabled" : "enabled");
}

static void put_password(const json_t *user, char *text, size_t size)
{
    const json_t *has = json_object_get(user, "has_password");
    if (has)
        snprintf(text, size, "%s%s", json_is_true(has) ? "set" : "none",
                 api_flag(user, "must_change_password") ? ", to be changed at the next log-in" : "");
}

static void put_otp(const json_t *user, char *text, size_t size)
{
    snprintf(text, size, "%s", api_flag(user, "otp") ? "set up" : "none");
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "full-name", .title = "Full name", .key = "full_name", .place = FIELD_CUT},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "password", .key = "", .place = FIELD_SHOW_ONLY, .text = put_password},
    {.name = "password-set",
     .title = "Password set",
     .key = "password_set",
     .kind = FIELD_TIME,
     .place = FIELD_HIDDEN},
    {.name = "must-change",
     .key = "must_change_password",
     .kind = FIELD_FLAG,
     .place = FIELD_HIDDEN | FIELD_LIST_ONLY},
    {.name = "otp", .title = "One-time codes", .key = "", .text = put_otp, .place = FIELD_HIDDEN},
    {.name = "groups", .key = "groups", .kind = FIELD_NAMES, .place = FIELD_SHOW_ONLY},
    {.name = "last-login", .title = "Last log-in", .key = "last_login", .kind = FIELD_TIME},
    {.name = "created", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "id", .title = "Id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/users", fields, "There are no users yet: carrelctl user create NAME");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/users/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int set_password(struct ctl *ctl, const char *name, json_t *body)
{
    CLEANUP_SECRET struct secret password = {0};
    int rc = ask_password(ctl, name, args_value(ctl, "password-file"), &password);
    if (rc)
        return rc;
    json_t *text = json_stringn(password.bytes, password.len);
    if (!text)
        return ctl_fail(ctl, CTL_USAGE, "the password is no UTF-8 text");
    json_object_set_new(body, "password", text);
    return CTL_OK;
}

static void set_must_change(struct ctl *ctl, json_t *body, const char *option)
{
    if (args_given(ctl, option))
        json_object_set_new(body, "must_change_password", json_true());
}

static int create(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_pack("{s:s}", "name", name);
    if (!body)
        return ctl_fail(ctl, CTL_USAGE, "the name is no UTF-8 text");
    act_set_text(ctl, body, "full-name", "full_name");
    json_t *groups = NULL;
    for (unsigned i = 0; i < ctl->args->given_count; i++) {
        if (strcmp(ctl->args->given[i].name, "group") != 0)
            continue;
        if (!groups)
            json_object_set_new(body, "groups", groups = json_array());
        json_array_append_new(groups, json_string(ctl->args->given[i].value));
    }
    bool none = args_given(ctl, "no-password");
    if (none && args_given(ctl, "password-file"))
        return ctl_fail(ctl, CTL_USAGE, "--no-password and --password-file exclude each other");
    if (none && args_given(ctl, "must-change"))
        return ctl_fail(ctl, CTL_USAGE, "--no-password and --must-change exclude each other");
    int rc = none ? CTL_OK : set_password(ctl, name, body);
    set_must_change(ctl, body, "must-change");
    return rc ? rc : act(ctl, "POST", api_path("/v1/users"), json_incref(body), "user %s created", name);
}

static int passwd(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = set_password(ctl, name, body);
    set_must_change(ctl, body, "must-change");
    return rc ? rc
              : act(ctl, "PATCH", api_path("/v1/users/%s", name), json_incref(body),
                    "password of user %s changed", name);
}

static int set(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    act_set_text(ctl, body, "full-name", "full_name");
    set_must_change(ctl, body, "expire-password");
    if (!json_object_size(body))
        return ctl_fail(ctl, CTL_USAGE, "nothing to change was named; see 'carrelctl help user set'");
    return act(ctl, "PATCH", api_path("/v1/users/%s", name), json_incref(body), "user %s changed", name);
}

static int delete (struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Delete user %s, with entitlements and group memberships?", name);
    return rc ? rc : act(ctl, "DELETE", api_path("/v1/users/%s", name), NULL, "user %s deleted", name);
}

static int disable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/users/%s", name), json_pack("{s:b}", "disabled", 1),
               "user %s disabled: no log-in from now on; a running session goes on", name);
}

static int enable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/users/%s", name), json_pack("{s:b}", "disabled", 0),
               "user %s enabled", name);
}

static int otp_enable(struct ctl *ctl, const char *name, char *path)
{
    CLEANUP_JSON json_t *secret = NULL;
    int rc = api_call(ctl, "POST", path, NULL, &secret);
    if (rc)
        return rc;
    if (ctl->json) {
        ctl_print_json(ctl, secret);
        return CTL_OK;
    }
    ctl_say(ctl, "user %s is asked for a one-time code from the next log-in on", name);
    fprintf(ctl->out, "\nThis is shown once. An authenticator takes the URI%s or the secret:\n\n",
            ctl->out_tty ? ", as a QR code," : "");
    if (ctl->out_tty && qr_print(ctl->out, api_text(secret, "uri")))
        ctl_complain(ctl, "there is no memory for the QR code");
    fprintf(ctl->out, "%sURI:    %s\nSecret: %s\n", ctl->out_tty ? "\n" : "", api_text(secret, "uri"),
            api_text(secret, "secret"));
    return CTL_OK;
}

static int otp(struct ctl *ctl)
{
    const char *verb = args_word(ctl, 0), *name = args_word(ctl, 1);
    CLEANUP_TEXT char *path = api_path("/v1/users/%s/otp", name);
    if (!strcmp(verb, "enable"))
        return otp_enable(ctl, name, path);
    if (strcmp(verb, "disable") != 0)
        return ctl_fail(ctl, CTL_USAGE, "it is 'user otp enable NAME' or 'user otp disable NAME', not '%s'",
                        verb);
    int rc = ask_confirm(ctl, "Let user %s log in without one-time codes?", name);
    return rc ? rc
              : act(ctl, "DELETE", api_path("/v1/users/%s/otp", name), NULL,
                    "user %s has no one-time codes any more", name);
}

#define PASSWORD_FILE                                                                                        \
    {                                                                                                        \
        .name = "password-file", .value = "FILE", .words = WORDS_FILE,                                       \
        .help = "the password is the first line of FILE; - is the standard input"                            \
    }
#define MUST_CHANGE                                                                                          \
    {                                                                                                        \
        .name = "must-change", .help = "the user has to choose another one at the next log-in"               \
    }
static const struct ctl_option create_options[] = {
    {.name = "full-name", .value = "TEXT", .help = "the name for people"},
    {.name = "group",
     .value = "GROUP",
     .words = WORDS_GROUP,
     .help = "make the user a member; may be repeated"},
    PASSWORD_FILE,
    MUST_CHANGE,
    {.name = "no-password", .help = "log-ins by Kerberos ticket only, until a password is set"},
    {0},
};
static const struct ctl_option passwd_options[] = {PASSWORD_FILE, MUST_CHANGE, {0}};
static const struct ctl_option set_options[] = {
    {.name = "full-name", .value = "TEXT", .help = "the name for people"},
    {.name = "expire-password", .help = "the user has to change the password at the next log-in"},
    {0},
};

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list users",
     .run = list,
     .fields = fields,
     .examples = "carrelctl user list\ncarrelctl user list --columns name,last-login"},
    {.verb = "show",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = show,
     .help = "show a user, with groups",
     .examples = "carrelctl user show anna"},
    {.verb = "create",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .run = create,
     .options = create_options,
     .help = "create a user",
     .details =
         "The password is asked for twice, without echo; in scripts it comes from a file. It is never an\n"
         "argument, as others could see it in the list of processes.",
     .examples = "carrelctl user create anna --full-name 'Anna Berg' --group staff\n"
                 "pwgen 20 1 | tee anna.password | carrelctl user create anna --password-file -"},
    {.verb = "delete",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = delete,
     .help = "delete a user",
     .details = "Refused while a session of the user lives: end it with 'session logoff'.",
     .examples = "carrelctl user delete anna"},
    {.verb = "set",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = set,
     .options = set_options,
     .help = "change a user's full name, or let the password expire",
     .examples =
         "carrelctl user set anna --full-name 'Anna Berg'\ncarrelctl user set anna --expire-password"},
    {.verb = "passwd",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = passwd,
     .options = passwd_options,
     .help = "set a user's password",
     .details = "Neither the present one nor the user's name, and of at least broker.password_min_length "
                "characters.",
     .examples = "carrelctl user passwd anna\ncarrelctl user passwd anna --password-file anna.password\n"
                 "carrelctl user passwd anna --must-change"},
    {.verb = "otp",
     .words = "enable|disable NAME",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_SWITCH, WORDS_USER},
     .run = otp,
     .help = "set up or remove a user's one-time codes",
     .details =
         "Codes of six digits that an authenticator app shows (TOTP, RFC 6238). The secret is shown once:\n"
         "hand it to the user in a way that others do not see. broker.otp says whether codes are asked\n"
         "for, optional or required.",
     .examples = "carrelctl user otp enable anna\ncarrelctl user otp disable anna"},
    {.verb = "enable",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = enable,
     .help = "let a disabled user log in again",
     .examples = "carrelctl user enable anna"},
    {.verb = "disable",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_USER},
     .run = disable,
     .help = "refuse a user's log-ins",
     .details = "A running session goes on; end it with 'carrelctl session logoff'.",
     .examples = "carrelctl user disable anna"},
    {0},
};

const struct ctl_noun ctl_user = {
    .name = "user",
    .help = "the people who may log in",
    .details = "Users log in at the gateway with their name and password. What they may use is said by "
               "entitlements.",
    .commands = commands,
};
