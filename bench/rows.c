/* rows.c: counts the job rows of a store, apart from what the server says of itself. Usage: rows auxot.db */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static sqlite3_int64 number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fprintf(stderr, "rows: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_int64 value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    sqlite3_int64 all = 0;
    char sql[64];
    if (argc != 2 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        fputs("usage: rows DATABASE\n", stderr);
        return 1;
    }
    sqlite3_int64 last = number(db, "SELECT coalesce(max(id), 0) FROM chunk");
    for (sqlite3_int64 id = number(db, "SELECT coalesce(min(id), 1) FROM chunk"); id <= last;
         id++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs_%lld", id);
        all += number(db, sql);
    }
    sqlite3_close(db);
    printf("%lld\n", all);
}
