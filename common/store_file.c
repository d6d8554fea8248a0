#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "store_migrate.h"

#define FILE_MODE 0660

/* File systems whose locks and shared memory do not reach other machines, or not reliably. */
#define MAGIC_NFS 0x6969
#define MAGIC_CIFS 0xff534d42u
#define MAGIC_SMB2 0xfe534d42u

static int check_directory(const char *path, struct error *err)
{
    char dir[4096];
    if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir - 16)
        return error_set(err, CE_LIMIT, "the path of the store is too long");
    char *slash = strrchr(dir, '/');
    if (!slash)
        snprintf(dir, sizeof dir, ".");
    else
        slash[slash == dir] = '\0';

    struct stat st;
    if (stat(dir, &st) < 0 && errno == ENOENT)
        return error_set(err, CE_NOT_FOUND, "the store's directory %s does not exist", dir);
    if (stat(dir, &st) < 0)
        return error_set(err, CE_IO, "the store's directory %s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, CE_BAD_INPUT, "the store's directory %s is not a directory", dir);
    if (faccessat(AT_FDCWD, dir, R_OK | W_OK | X_OK, AT_EACCESS) < 0)
        return error_set(
            err, CE_REFUSED,
            "uid %ld may not write in the store's directory %s (SQLite keeps files beside the database)",
            (long)geteuid(), dir);

    struct statfs fs;
    if (statfs(dir, &fs) == 0) {
        unsigned magic = (unsigned)fs.f_type;
        if (magic == MAGIC_NFS || magic == MAGIC_CIFS || magic == MAGIC_SMB2)
            return error_set(
                err, CE_UNSUPPORTED,
                "the store's directory %s is on a network file system, which SQLite cannot share", dir);
    }
    return 0;
}

static int check_file(const char *path, bool create, struct error *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return error_set(err, errno == ENOENT ? CE_UNREACHABLE : CE_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, CE_BAD_INPUT, "%s is not a regular file", path);
    /* SQLite would drop the log of the database that was there before. */
    if (st.st_size == 0 && !create)
        return error_set(err, CE_UNREACHABLE, "%s is empty", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0)
        return error_set(err, CE_REFUSED, "uid %ld may not read and write %s", (long)geteuid(), path);
    return 0;
}

static int make_file(const char *path, struct error *err)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return errno == EEXIST ? 0 : error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    int rc = fchmod(fd, FILE_MODE); /* whatever the umask is */
    int code = errno;
    close(fd);
    return rc < 0 ? error_set(err, CE_IO, "%s: %s", path, strerror(code)) : 0;
}

int store_file_open(struct db **ret, const char *path, bool create, struct error *err)
{
    int rc = check_directory(path, err);
    if (!rc && create)
        rc = make_file(path, err);
    if (!rc)
        rc = check_file(path, create, err);
    struct db *db = NULL;
    if (!rc)
        rc = db_sqlite_open(&db, path, err);
    if (!rc)
        rc = store_migrate(db, path, store_migrations, store_migration_count, create, err);
    if (rc)
        db_close(&db);
    else
        *ret = db;
    return rc;
}
