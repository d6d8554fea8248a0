/* How much a pool may have, and what becomes of its desktops when their users log off. */
#include "store_parts.h"

void store_pool_limits_read(struct db_query *query, int column, struct pool_limits *ret)
{
    *ret = (struct pool_limits){.logoff_after_ms = row_int(query, column + 1),
                                .sessions_max = row_u32(query, column + 2),
                                .waiting_max = row_u32(query, column + 3),
                                .host_max = row_u32(query, column + 4),
                                .data_disk_mib = row_u32(query, column + 5)};
    row_enum(query, column, pool_logoff_parse, &ret->logoff);
    row_text(query, column + 6, ret->data_mount, sizeof ret->data_mount);
}

int store_pool_limits_write(struct db *db, const char *pool_id, const struct pool_limits *limits)
{
    return db_run(db,
                  "UPDATE pools SET logoff = $2, logoff_after_ms = $3, sessions_max = $4, waiting_max = $5,"
                  " host_max = $6, data_disk_mib = $7, data_mount = $8 WHERE id = $1",
                  db_text(pool_id), db_text(pool_logoff_name(limits->logoff)),
                  db_int(limits->logoff_after_ms), db_int(limits->sessions_max), db_int(limits->waiting_max),
                  db_int(limits->host_max), db_int(limits->data_disk_mib),
                  db_text(*limits->data_mount ? limits->data_mount : "home"));
}
