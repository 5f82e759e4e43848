/* Where users and tokens are kept: each is a JSON document with a name, in a file of a folder, or in a store that
 * several machines share; the files compiled from them are always in the folder.
 *
 * One process at a time holds the folder; its files are replaced whole and durably. Files that root makes belong to
 * the folder's owner, so that a server that does not run as root can read them. */
#ifndef AUTH_USERDIR_H
#define AUTH_USERDIR_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A store of documents, whose kind this module does not know. Its functions are called while the folder is held. */
typedef void user_document_visit(void *data, const char *name, const char *text);
struct user_store {
	void *data;
	/* Visits all documents, in any order. */
	int (*list)(void *data, user_document_visit *visit, void *visit_data, struct err *err);
	/* Makes or replaces a document, durably, if it still is what it was (NULL: none); else ERR_CONFLICT. */
	int (*put)(void *data, const char *name, const char *was, const char *text, struct err *err);
	/* A document that does not exist is no error. */
	int (*remove)(void *data, const char *name, struct err *err);
};

/* Where the documents are: for a program, a command, a test. */
struct user_place {
	const char *dir;                /* json_user_dir */
	const struct user_store *store; /* NULL: the documents are files of the folder */
};

#define USERDIR_USER ".json"   /* ending of the name of a user's document */
#define USERDIR_TOKEN ".token" /* and of a token's */
enum { USERDIR_NAME_MAX = 256 };

struct user_document {
	char *name;
	char *text; /* as in the store; NULL: it is a file */
};

struct userdir {
	const struct user_place *place; /* belongs to the caller */
	int fd;
	int lock_fd;                     /* holds a flock, which ends with the process */
	struct user_document *documents; /* in byte order of name */
	size_t count;
};

/* Opens and locks the folder (waits while another process holds it) and lists the documents. */
int userdir_open(struct userdir *dir, const struct user_place *place, struct err *err);
void userdir_close(struct userdir *dir);

/* Whether a document's name has this ending. */
bool userdir_is(const char *name, const char *ending);
/* The name of a user's document in a store: the same for a user on every machine. */
void userdir_user_name(const char *user, char out[USERDIR_NAME_MAX]);
/* What stays in a store of a removed user, so that a file that is still on some machine does not bring the user
 * back. */
cJSON *userdir_removed_json(const char *user);
bool userdir_is_removed(const cJSON *tree);
bool userdir_has(const struct userdir *dir, const char *name);
/* Appends the bytes of one of the folder's files, at most out->max; ERR_NOT_FOUND. */
int userdir_read(const struct userdir *dir, const char *name, struct buf *out, struct err *err);
/* Reads a document's JSON object, which is the caller's; NULL with err, which names the document and the line. */
cJSON *userdir_json(const struct userdir *dir, const char *name, struct err *err);
/* Makes or replaces a document, or (if its name begins with '.') a compiled file: mode 0600, by rename and synced;
 * does nothing when it holds these bytes already. ERR_CONFLICT: another machine was quicker. */
int userdir_write(const struct userdir *dir, const char *name, const char *bytes, size_t len,
                  struct err *err);
/* The same for a JSON object; ERR_TOO_LARGE. */
int userdir_write_json(const struct userdir *dir, const char *name, const cJSON *tree, struct err *err);
/* Removes a document; one that does not exist is no error. */
int userdir_remove(const struct userdir *dir, const char *name, struct err *err);

#endif
