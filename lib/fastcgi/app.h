/* The frame of every FastCGI program: set-up, threads that accept, routing, permission, answer, shutdown.
 *
 * A program is a table of routes. Before a handler runs, app_run checks in one place that the method and path exist
 * (404, 405 with Allow), that the request does not come from a page of another site (403), and that the user may do
 * this (404 for a dataset that the user may not see, 403 for one that the user may see but not change). */
#ifndef FASTCGI_APP_H
#define FASTCGI_APP_H

#include <stdio.h>

#include "auth/auth.h"
#include "auth/gate.h"
#include "auth/lastuse.h"
#include "base/config.h"
#include "blob/blob.h"
#include "dataset/dataset.h"
#include "dataset/gold.h"
#include "fastcgi/reply.h"
#include "fastcgi/request.h"
#include "fastcgi/roster.h"

/* Lives as long as the process; handlers on all threads share it. */
struct app {
	const struct program *program;
	struct config config;
	const char *state_dir; /* --state of image-label-server */
	struct connections *connections;
	struct admission *admission; /* NULL unless program->slow_bodies */
	struct auth *auth;
	struct lastuse *lastuse;
	struct meter *meter;
	struct gate *gate;           /* NULL unless program->passwords */
	struct roster roster;        /* users and tokens, if the store is opened */
	struct dataset_store *store; /* NULL if program->no_datasets */
	struct blob_store *blobs;    /* NULL unless program->images */
	struct intents *intents;     /* the same: notes of images that are about to be stored there */
	struct recovery *recovery;   /* datasets with samples that were passed over */
	struct thumbs *thumbs;       /* NULL unless program->thumbs */
};

enum { CALL_PARAMS_MAX = 4, APP_TICK_MS = 300 };

/* One request under way. */
struct call {
	struct app *app;
	int64_t begun_us; /* when it came (clock_us) */
	const struct route *route;
	struct request *request; /* its user is the one who acts: for a token, its maker */
	struct reply *reply;
	const char *login; /* who was let in: request->user, or the id of a token */
	bool is_token, is_read_only;
	struct dataset *dataset;            /* of a path with {dataset}, or opened by call_dataset; closed with the call */
	enum role role;                     /* the user's role on it */
	const char *param[CALL_PARAMS_MAX]; /* the values of the path's other {…}, in order */
	cJSON *body;                        /* read by call_body; deleted with the call */
	struct dataset_info info;           /* filled by call_info and the functions after it; released with the call */
	struct buf rest;                    /* holds the value of {…...} */
	char *base_url;                     /* made by address_of_server; freed with the call */
};

/* Fills call->reply, or fails with err, which becomes the answer. */
typedef int app_handler(struct call *call, struct err *err);

/* What a route needs besides its role; false means nothing, and true ROUTE_OVERALL. */
enum route_asks {
	ROUTE_OVERALL = 1,   /* the role is needed on all datasets, and checked before the handler runs */
	ROUTE_IN_PERSON = 2, /* not through a token */
};

struct route {
	const char *method; /* GET also takes HEAD */
	const char *path;   /* "/v1/datasets/{dataset}/tasks/{token}/label"; "{path...}" at the end takes the rest */
	enum role needs;    /* the least role needed: on the path's {dataset}, or on the dataset given to call_dataset */
	app_handler *handle;
	int asks;           /* of enum route_asks */
	const char *query;  /* the query parameters it knows, such as "limit after"; ROUTE_ANY: unknown ones are ignored */
	const char *fields; /* the same for the fields of its body's JSON object, as call_body reads it */
};

/* An unknown parameter or field is 400: ignoring a misspelt filter or change would give an answer to another
 * question. Only the older systems' requests ignore them, since their clients must work as they are, and send
 * whatever they have, such as a whole description with a label added. */
#define ROUTE_ANY "*"

struct program {
	const char *name;              /* of its log lines and its socket */
	const struct route *routes;    /* ended by a NULL method */
	int threads;                   /* requests handled at once, at most */
	bool slow_bodies;              /* nginx passes bodies on as they come: fastcgi_request_buffering off */
	bool images;                   /* opens the image store */
	bool no_datasets;              /* does not open the store of datasets */
	bool passwords;                /* checks passwords */
	bool thumbs;                   /* makes thumbnails */
	void (*tick)(struct app *app); /* called beside the requests, every APP_TICK_MS; NULL: nothing */
};

/* What is the process's own. */
struct app_process {
	int argc;
	char **argv;
	config_env *environment;
	FILE *out, *complaints; /* for answers to options; the log goes to stderr */
};

/* A program's whole main ("--stores" writes to out which stores it opens, "--routes" its table): reads
 * $IMAGE_LABEL_CONFIG and $IMAGE_LABEL_STATE, serves the socket on descriptor 0 until SIGTERM or SIGQUIT, and finishes
 * what is under way. Returns the exit status. */
int app_run(const struct program *program, const struct app_process *process);

/* The role of the one who was let in, on a dataset; NULL: overall. */
enum role call_role(const struct call *call, const char *dataset);

/* Opens a dataset that a body or query names, if it exists and the user may see it (else ERR_NOT_FOUND "Database not
 * found"), and checks the route's role (ERR_FORBIDDEN). */
int call_dataset(struct call *call, const char *name, struct err *err);

/* The folder for files that are being received: on the image store's file system where it has one. */
const char *call_spool_dir(const struct call *call);

/* Reads the body as a JSON object into call->body. */
int call_body(struct call *call, struct err *err);
/* The same where every field is optional: no body at all is an empty object. */
int call_body_or_none(struct call *call, struct err *err);

/* Records in the audit log what the request's user has just done, before the answer: action is "object.verb", detail
 * is for people ("": none); the dataset is call->dataset. */
int call_audit(struct call *call, const char *action, const char *target, const char *detail, struct err *err);

/* Where the images of call->dataset lie (after call_place); borrows from call. */
struct images;
struct images call_images(const struct call *call);

/* Read call->dataset's description into call->info: all of it; its place or its labels, unless read already; its
 * counts. */
int call_info(struct call *call, struct err *err);
/* The user, if that is no contributor in the call's dataset, and so must not notice which samples' answers are known;
 * NULL: one who may know. And that user's view of the samples, which is empty for others. */
const char *call_seen_by(const struct call *call);
int call_view(const struct call *call, struct gold_view *out, struct err *err);
/* ERR_FORBIDDEN where a manifest would show that user known answers: it has labels as they are. */
int call_may_read_snapshots(const struct call *call, struct err *err);
int call_place(struct call *call, struct err *err);
int call_labels(struct call *call, struct err *err);
int call_counts(struct call *call, struct err *err);

#endif
