#include "users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct user {
    char *name, *password; /* one allocation, of NAME */
};

struct users {
    struct user *list;
    uint32_t count, size;
};

static int add(struct users *users, char *name, char *password)
{
    if (users->count == users->size) {
        uint32_t size = users->size ? users->size * 2 : 64;
        struct user *grown = realloc(users->list, size * sizeof *grown);
        if (!grown)
            return CE_NOMEM;
        users->list = grown;
        users->size = size;
    }
    users->list[users->count++] = (struct user){name, password};
    return 0;
}

static int file_read(struct users *users, FILE *file, const char *path, struct error *err)
{
    char *line = NULL;
    size_t size = 0;
    int rc = 0;
    for (unsigned number = 1; !rc && getline(&line, &size, file) > 0; number++) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        char *copy = strdup(line), *colon = copy ? strchr(copy, ':') : NULL;
        if (!copy)
            rc = CE_NOMEM;
        else if (!colon || colon == copy)
            rc = error_set(err, CE_BAD_INPUT, "%s:%u: user:password was expected", path, number);
        else
            *colon = '\0', rc = add(users, copy, colon + 1);
        if (rc)
            free(copy);
    }
    free(line);
    if (!rc && !users->count)
        rc = error_set(err, CE_BAD_INPUT, "%s has no users", path);
    return rc;
}

static int make_up(struct users *users, uint32_t count)
{
    static char password[] = "load";
    int rc = 0;
    for (uint32_t i = 0; !rc && i < count; i++) {
        char *name = NULL;
        if (asprintf(&name, "load%05u", i) < 0)
            return CE_NOMEM;
        rc = add(users, name, password);
        if (rc)
            free(name);
    }
    return rc;
}

int users_create(struct users **ret, const char *path, uint32_t count, struct error *err)
{
    struct users *users = calloc(1, sizeof *users);
    FILE *file = path ? fopen(path, "re") : NULL;
    int rc = 0;
    if (!users)
        rc = error_set(err, CE_NOMEM, "no memory for users");
    else if (path && !file)
        rc = error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    else if (file)
        rc = file_read(users, file, path, err);
    else
        rc = make_up(users, count);
    if (file)
        fclose(file);
    if (rc)
        users_destroy(&users);
    else
        *ret = users;
    return rc;
}

void users_destroy(struct users **users)
{
    if (!*users)
        return;
    for (uint32_t i = 0; i < (*users)->count; i++)
        free((*users)->list[i].name);
    free((*users)->list);
    free(*users);
    *users = NULL;
}

void users_get(const struct users *users, uint32_t number, const char **ret_user, const char **ret_password)
{
    const struct user *user = &users->list[number % users->count];
    *ret_user = user->name;
    *ret_password = user->password;
}
