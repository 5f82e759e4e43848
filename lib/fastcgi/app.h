/* The frame of every FastCGI program: set-up, threads that accept, routing, permission, answer, shutdown.
 *
 * A program is a table of routes. app_run asks, in one place and before a handler runs, whether the method and path exist
 * (404, 405 with Allow) and whether the user may do this (a dataset he may not see: 404; may see but not change: 403). */
#ifndef FASTCGI_APP_H
#define FASTCGI_APP_H

#include "auth/auth.h"
#include "base/config.h"
#include "dataset/dataset.h"
#include "fastcgi/reply.h"
#include "fastcgi/request.h"

/* What lives as long as the process; handlers on all threads share it. */
struct app {
	const struct program *program;
	struct config config;
	const char *state_dir;
	struct auth *auth;
	struct dataset_store *store;
};

/* One request under way. */
struct call {
	struct app *app;
	struct request *request;
	struct reply *reply;
	struct dataset *dataset;  /* opened for a path with {dataset}; else by call_dataset */
	const char *param[4];     /* values of the other {…} of the path, in order */
};

/* Fills call->reply, or fails with err, which becomes the answer. */
typedef int app_handler(struct call *call, struct err *err);

struct route {
	const char *method;
	const char *path;    /* "/v1/datasets/{dataset}/tasks/{token}/label"; "{path...}" takes the rest */
	enum role needs;     /* on {dataset} if the path has one, or asked by call_dataset; ROLE_NONE: anyone */
	app_handler *handle;
};

struct program {
	const char *name;          /* of its log lines and its socket */
	const struct route *routes; /* ended by a NULL method */
	int threads;               /* requests handled at once */
	bool needs_blob;
};

/* A program's whole main: reads --config/--state/--socket? options and the environment, serves until SIGTERM, then finishes
 * what is under way. Returns the exit status. */
int app_run(const struct program *program, int argc, char **argv);

/* For datasets named in a body or query: opens it if the user may see it, and checks the role `needs`. The handle is
 * closed with the call. ERR_NOT_FOUND "Database not found", ERR_FORBIDDEN. */
int call_dataset(struct call *call, const char *name, enum role needs, struct err *err);

/* The user's role on the call's dataset. */
enum role call_role(const struct call *call);

#endif
