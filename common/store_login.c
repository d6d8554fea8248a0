#include "store_parts.h"

#include <ctype.h>
#include <stdio.h>

/* Who failed and was silent for this long (or for the longest pause) begins anew; the row goes. */
#define LOGIN_MEMORY_MS (60 * 60 * 1000ll)

/* User names are the same in small and capital letters, and so are their pauses. */
static const char *subject_key(const char *subject, char key[NAME_SIZE + 16])
{
    snprintf(key, NAME_SIZE + 16, "%s", subject);
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return key;
}

int store_login_pause_until(struct db *db, const char *subject, int64_t *ret_until_ms)
{
    char key[NAME_SIZE + 16];
    int64_t until_ms = 0;
    int rc = db_get_int(db, &until_ms, "SELECT until_ms FROM login_failures WHERE subject = $1",
                        db_text(subject_key(subject, key)));
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    *ret_until_ms = until_ms;
    return 0;
}

/* Doubles with each failure beyond the free ones. */
static uint64_t login_pause_ms(int64_t failures, uint32_t free_tries, uint64_t pause_ms,
                               uint64_t pause_max_ms)
{
    if (failures <= free_tries)
        return 0;
    int64_t doublings = failures - free_tries - 1;
    if (doublings > 30 || pause_ms << doublings > pause_max_ms)
        return pause_max_ms;
    return pause_ms << doublings;
}

int store_login_failed(struct db *db, const char *subject, uint32_t free_tries, uint64_t pause_ms,
                       uint64_t pause_max_ms, int64_t *ret_until_ms)
{
    char key[NAME_SIZE + 16];
    int64_t now_ms = store_now_ms(), failures = 0, memory_ms = LOGIN_MEMORY_MS;
    if ((uint64_t)memory_ms < pause_max_ms)
        memory_ms = (int64_t)pause_max_ms;
    subject_key(subject, key);
    int rc = db_run(db, "DELETE FROM login_failures WHERE last_ms < $1 AND until_ms < $2",
                    db_int(now_ms - memory_ms), db_int(now_ms));
    if (!rc)
        rc = db_get_int(
            db, &failures,
            "INSERT INTO login_failures (subject, failures, last_ms, until_ms) VALUES ($1, 1, $2, 0)"
            " ON CONFLICT (subject) DO UPDATE SET failures = login_failures.failures + 1,"
            " last_ms = excluded.last_ms RETURNING failures",
            db_text(key), db_int(now_ms));
    if (rc)
        return rc;
    uint64_t pause = login_pause_ms(failures, free_tries, pause_ms, pause_max_ms);
    int64_t until_ms = pause ? now_ms + (int64_t)pause : 0;
    rc = db_run(db, "UPDATE login_failures SET until_ms = $2 WHERE subject = $1", db_text(key),
                db_int(until_ms));
    if (!rc)
        *ret_until_ms = until_ms;
    return rc;
}

int store_login_succeeded(struct db *db, const char *subject)
{
    char key[NAME_SIZE + 16];
    return db_run(db, "DELETE FROM login_failures WHERE subject = $1", db_text(subject_key(subject, key)));
}
