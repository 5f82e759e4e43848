/* Turns failures of libmongoc and of its server into errors that say what to do. */
#include "dataset/mongodb/store.h"

enum {
	CODE_UNAUTHORIZED = 13,
	CODE_AUTHENTICATION_FAILED = 18,
	CODE_ILLEGAL_OPERATION = 20,
	CODE_NOT_PRIMARY = 10107,
	CODE_DUPLICATE_KEY = 11000,
	CODE_OUT_OF_DISK = 14031,
};

static bool error_has_label(const bson_t *reply, const char *label)
{
	return reply && mongoc_error_has_label(reply, label);
}

/* Server codes for "no primary now" or "the set is changing" (from the retryable errors of the drivers'
 * specification), and for a snapshot that is read and not kept any longer, as after the server's clock was set
 * ahead. */
static bool means_unavailable(uint32_t code)
{
	static const uint32_t codes[] = {6, 7, 50, 64, 89, 91, 100, 189, 202,
	                                 239, 246, 262, 9001, 10107, 11600, 11602, 13435, 13436};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (codes[i] == code)
			return true;
	}
	return false;
}

static enum err_code code_of(const bson_error_t *error)
{
	switch (error->domain) {
	case MONGOC_ERROR_SERVER_SELECTION:
	case MONGOC_ERROR_STREAM:
	case MONGOC_ERROR_CLIENT:
		return ERR_UNAVAILABLE;
	case MONGOC_ERROR_SERVER:
	case MONGOC_ERROR_WRITE_CONCERN:
	case MONGOC_ERROR_QUERY:
	case MONGOC_ERROR_COMMAND:
	case MONGOC_ERROR_COLLECTION:
		if (error->code == CODE_OUT_OF_DISK)
			return ERR_NO_SPACE;
		if (error->code == CODE_UNAUTHORIZED || error->code == CODE_AUTHENTICATION_FAILED)
			return ERR_UNAVAILABLE;
		return means_unavailable(error->code) ? ERR_UNAVAILABLE : ERR_INTERNAL;
	default:
		return ERR_INTERNAL;
	}
}

/* Skips the beginning of "No suitable servers found: `serverSelectionTimeoutMS` expired: [Failed to resolve …]",
 * which explains nothing. */
static const char *error_reason(const char *message)
{
	const char *bracket = strchr(message, '[');

	return strncmp(message, "No suitable servers found", 25) == 0 && bracket ? bracket : message;
}

/* Explains the errors for which libmongoc and the server do not say what to do. */
static int explain(const struct work *work, const bson_error_t *error, struct err *err)
{
	bool standalone = error->code == CODE_ILLEGAL_OPERATION && strstr(error->message, "replica set");
	bool refused = error->code == CODE_AUTHENTICATION_FAILED ||
	               (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE);
	bool lone = error->code == CODE_NOT_PRIMARY && !strcasestr(work->store->config->dataset_store.uri, "replicaSet=");
	struct buf hosts;

	if (!standalone && !refused && !lone && error->domain != MONGOC_ERROR_SERVER_SELECTION)
		return err_set(err, code_of(error), "MongoDB: %s", error->message);
	buf_init(&hosts, 4096);
	mongodb_hosts(work->store->config, &hosts);
	if (standalone)
		mongodb_standalone(buf_text(&hosts), err);
	else if (lone)
		err_set(err, ERR_UNAVAILABLE,
		        "MongoDB at %s is not the primary: a connection string with replicaSet=NAME finds the one that is",
		        buf_text(&hosts));
	else if (refused)
		err_set(err, ERR_UNAVAILABLE, "MongoDB at %s refuses the user or the password of its connection string: %s",
		        buf_text(&hosts), error->message);
	else
		err_set(err, ERR_UNAVAILABLE, "MongoDB at %s has no primary that can be reached: %s", buf_text(&hosts),
		        error_reason(error->message));
	buf_release(&hosts);
	return -1;
}

int work_fail(struct work *work, const bson_error_t *error, const bson_t *reply, struct err *err)
{
	work->duplicate = error->code == CODE_DUPLICATE_KEY;
	if (work->session) {
		/* A primary that could not be found was waited for already. An interrupted transaction was taken for one of a
		 * killed program (orphans_end), which can happen on a busy machine. */
		work->again = work->duplicate || error->code == MONGODB_INTERRUPTED ||
		              error->code == MONGODB_NO_SUCH_TRANSACTION ||
		              (error_has_label(reply, "TransientTransactionError") &&
		               error->domain != MONGOC_ERROR_SERVER_SELECTION);
	}
	if (work->duplicate)
		return err_set(err, ERR_CONFLICT, "The key is taken");
	explain(work, error, err);
	return err_from(err, ERR_FROM_DATASETS);
}
