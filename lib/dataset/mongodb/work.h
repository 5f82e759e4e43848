/* Connections, transactions, and what is sent and read in them. Private to lib/dataset/mongodb/. */
#ifndef DATASET_MONGODB_WORK_H
#define DATASET_MONGODB_WORK_H

#include <mongoc/mongoc.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dataset/backend.h"

/* --- what libmongoc says (log.c) ---------------------------------------------------------------------------------- */

extern dataset_log *mongodb_log; /* the program's log */
void mongodb_log_to(dataset_log *log);
/* Starts libmongoc, once. */
void mongodb_log_start(void);
enum { MONGODB_SAID_MAX = 256 };
/* From now on libmongoc's latest message on this thread is kept in `said`, after ": "; NULL: log it again. */
void mongodb_hear(char said[MONGODB_SAID_MAX]);

/* --- documents (bson.c) ------------------------------------------------------------------------------------------- */

/* A member of a document: "" or 0 when there is none. text_in's key may be a path ("_id.name"). */
const char *text_in(const bson_t *document, const char *key);
int64_t number_in(const bson_t *document, const char *key);

/* --- work: a connection, and maybe a transaction, for one thread (work.c) ----------------------------------------- */

struct mongodb_store;

struct work {
	struct mongodb_store *store;
	mongoc_client_t *client;
	mongoc_client_session_t *session; /* NULL outside a transaction */
	bool again;                       /* the failure may pass when the transaction runs again */
	bool duplicate;                   /* the failure was that the key is taken */
};

/* Takes a connection, and makes collections and indexes if they are missing. Call work_end in any case. */
int work_begin(struct work *work, struct mongodb_store *store, struct err *err);
void work_end(struct work *work);

/* uri.c. The configuration's URI, completed; the settings that durability needs cannot be changed in it. NULL with
 * ERR_BAD_REQUEST, in a sentence without any secret, when it is no URI, or a file that it names does not exist. */
mongoc_uri_t *mongodb_uri(const struct config *config, struct err *err);
/* A pool of clients for this URI; fails in the same way. */
mongoc_client_pool_t *mongodb_pool(const struct config *config, struct err *err);
/* Appends the nodes' addresses, which are not secret. */
void mongodb_hosts(const struct config *config, struct buf *out);
/* After the configured server could not be reached: asks its first host alone, and lets *err say so when that is
 * standalone, or in another set. Returns -1. */
int mongodb_look_closer(const struct config *config, struct err *err);
/* Says what to do about a server that is no replica set; returns -1. */
int mongodb_standalone(const char *hosts, struct err *err);
/* MongoDB's codes for what killSessions has ended, and for what comes after it in the same transaction. */
enum { MONGODB_INTERRUPTED = 11601, MONGODB_NO_SUCH_TRANSACTION = 251 };
/* Turns a failure of libmongoc into err (error.c); returns -1. reply may be NULL. */
int work_fail(struct work *work, const bson_error_t *error, const bson_t *reply, struct err *err);

/* Calls visit for each document found; visit returns 0 to go on, WORK_ENOUGH to stop, or another value with err,
 * with which work_find then fails. Destroys filter and opts (which may be NULL). */
enum { WORK_ENOUGH = INT_MIN };
typedef int work_visit(void *data, const bson_t *document, struct err *err);
int work_find(struct work *work, const char *collection, bson_t *filter, bson_t *opts, work_visit *visit, void *data,
              struct err *err);
/* The same for a pipeline, which it destroys. */
int work_aggregate(struct work *work, const char *collection, bson_t *pipeline, work_visit *visit, void *data,
                   struct err *err);
/* Changes the one document that filter finds. *matched says whether there was one (NULL: there must be one, else
 * ERR_NOT_FOUND "Database not found"). Destroys filter and update. */
int work_update(struct work *work, const char *collection, bson_t *filter, bson_t *update, bool upsert, bool *matched,
                struct err *err);
/* Inserts one document; a taken key is ERR_CONFLICT, and sets work->duplicate. Destroys document. */
int work_insert(struct work *work, const char *collection, bson_t *document, struct err *err);
/* Deletes all documents that filter finds. Destroys filter. */
int work_delete(struct work *work, const char *collection, bson_t *filter, struct err *err);
/* Begins several writes in one message. Never NULL. */
mongoc_bulk_operation_t *work_bulk(struct work *work, const char *collection);
/* Runs bulk and destroys it; *matched gets how many documents the updates found. */
int work_bulk_run(struct work *work, mongoc_bulk_operation_t *bulk, int64_t *matched, struct err *err);

/* From now on this work reads as of one moment; it may not write. The caller destroys work->session before work_end. */
int work_freeze(struct work *work, struct err *err);

/* Waits a random time of at most 1 ms, doubled with each attempt up to 64 ms: tries counts from 0. */
void work_back_off(unsigned tries);
/* The server's clock (clock.c), by which leases begin and end. */
int work_now(struct work *work, int64_t *now, struct err *err);

/* Runs `run` in a transaction, and again while it conflicts with others' writes or the primary changes, for at most
 * some seconds. When it returns 0, everything is committed with w:majority and j:true. A refusal (`run` fails while
 * work->again is false) commits nothing. */
typedef int work_run(struct work *work, void *data, struct err *err);
int work_transaction(struct mongodb_store *store, work_run *run, void *data, struct err *err);
/* The same on an existing connection. */
int work_transaction_in(struct work *work, work_run *run, void *data, struct err *err);

/* --- what killed programs left (orphans.c) ------------------------------------------------------------------------ */

enum { ORPHANS_APPNAME_MAX = 128 };
/* The name under which MongoDB knows this program on this machine. */
void orphans_appname(char out[ORPHANS_APPNAME_MAX]);
/* Ends the transactions of the program with this name (NULL: of any of ours, on any machine) that have done nothing
 * for inactive_us. If the program is alive after all, it runs the transaction again (work_transaction). Fails only
 * when there is no primary. */
int orphans_end(struct work *work, const char *appname, int64_t inactive_us, struct err *err);

#endif
