/* Ends the transactions that a killed program has left open in MongoDB. Although the connection is gone, the server
 * keeps them, and what they have written stays locked, for a minute (transactionLifetimeLimitSeconds). */
#include <errno.h>
#include <unistd.h>

#include "dataset/mongodb/work.h"

enum { ORPHANS_AT_ONCE = 64 };
#define APPNAME "image-label-server"

void orphans_appname(char out[ORPHANS_APPNAME_MAX])
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(out, ORPHANS_APPNAME_MAX, APPNAME " %.30s@%s", program_invocation_short_name, host);
}

struct orphans {
	bson_t sessions; /* {"0": {id}, "1": {id}, …} */
	uint32_t count;
};

static int add_session(struct orphans *orphans, const bson_t *found)
{
	bson_iter_t iter, id;
	const char *key;
	char space[16];
	bson_t session;

	if (!bson_iter_init(&iter, found) || !bson_iter_find_descendant(&iter, "lsid.id", &id))
		return -1;
	bson_uint32_to_string(orphans->count, &key, space, sizeof(space));
	bson_append_document_begin(&orphans->sessions, key, -1, &session);
	bson_append_iter(&session, "id", -1, &id);
	bson_append_document_end(&orphans->sessions, &session);
	orphans->count++;
	return 0;
}

static bson_t *pipeline(const char *appname, int64_t inactive_us)
{
	bson_t *match = appname ? BCON_NEW("appName", BCON_UTF8(appname))
	                        : BCON_NEW("appName", "{", "$regex", BCON_UTF8("^" APPNAME), "}");

	BCON_APPEND(match, "type", BCON_UTF8("idleSession"), "transaction.parameters.autocommit", BCON_BOOL(false),
	            "transaction.timeInactiveMicros", "{", "$gte", BCON_INT64(inactive_us), "}");
	bson_t *stages = BCON_NEW("0", "{", "$currentOp", "{", "allUsers", BCON_BOOL(false), "idleSessions", BCON_BOOL(true),
	                          "}", "}", "1", "{", "$match", BCON_DOCUMENT(match), "}", "2", "{", "$limit",
	                          BCON_INT32(ORPHANS_AT_ONCE), "}");
	bson_destroy(match);
	return stages;
}

/* Where we are not allowed to look, they end by themselves. */
static int orphans_find(struct work *work, bson_t *stages, struct orphans *orphans, struct err *err)
{
	bson_error_t error;
	mongoc_database_t *admin = mongoc_client_get_database(work->client, "admin");
	mongoc_cursor_t *cursor = mongoc_database_aggregate(admin, stages, NULL, NULL);
	const bson_t *found;

	while (mongoc_cursor_next(cursor, &found) && add_session(orphans, found) == 0)
		;
	int failed = mongoc_cursor_error(cursor, &error) && error.domain == MONGOC_ERROR_SERVER_SELECTION
	                     ? work_fail(work, &error, NULL, err)
	                     : 0;
	mongoc_cursor_destroy(cursor);
	mongoc_database_destroy(admin);
	bson_destroy(stages);
	return failed;
}

int orphans_end(struct work *work, const char *appname, int64_t inactive_us, struct err *err)
{
	struct orphans orphans = {.count = 0};

	bson_init(&orphans.sessions);
	int failed = orphans_find(work, pipeline(appname, inactive_us), &orphans, err);
	if (orphans.count > 0) {
		bson_t command = BSON_INITIALIZER;

		BSON_APPEND_ARRAY(&command, "killSessions", &orphans.sessions);
		bool ended = mongoc_client_command_simple(work->client, "admin", &command, NULL, NULL, NULL);
		if (ended)
			mongodb_log(LOG_WARN, "transactions that a killed program left were ended", NULL);
		bson_destroy(&command);
	}
	bson_destroy(&orphans.sessions);
	return failed;
}
