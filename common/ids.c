#include <carrel/ids.h>

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#define ID_CHARACTERS 16

/* Base32 without i, l, o and u: what is left is not mistaken when read aloud or copied by hand. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void id_make(enum id_kind kind, char id[ID_SIZE])
{
    uint8_t random[ID_CHARACTERS];
    randombytes_buf(random, sizeof random);
    id[0] = (char)kind;
    id[1] = '-';
    for (size_t i = 0; i < ID_CHARACTERS; i++)
        id[2 + i] = alphabet[random[i] % 32];
    id[2 + ID_CHARACTERS] = '\0';
}

/* Not isalnum(): names are ASCII whatever the locale says. */
static int is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int name_fits(const char *name, const char *also)
{
    if (!name || !is_letter_or_digit(name[0]))
        return 0;
    size_t len = strnlen(name, NAME_SIZE);
    if (len == NAME_SIZE)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_letter_or_digit(name[i]) && !strchr(also, name[i]))
            return 0;
    }
    return 1;
}

int name_is_valid(const char *name)
{
    return name_fits(name, "._-");
}

int user_name_is_valid(const char *name)
{
    return name_fits(name, "._-@");
}
