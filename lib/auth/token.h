/* One token as JSON: its document, and its line of .grants. A script that logs in with its id and secret acts as its
 * maker, within its scope and its datasets, and may never do more than its maker may at the time.
 *
 *   {"token": "token.Zk…", "user": "ann", "name": "nightly export", "scope": "read", "datasets": ["cats"],
 *    "password_hash": "{SSHA}…", "created": "2030-01-01T00:00:00Z", "expires": "2030-01-31T00:00:00Z"}
 *
 * Without "datasets" it holds for all that its maker may see, without "expires" for good. Pure; thread-safe. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "auth/userfile.h"

#define TOKEN_ID_PREFIX "token."
enum {
	TOKEN_ID_MAX = 64,        /* bytes with the NUL */
	TOKEN_NAME_MAX = 256,     /* bytes */
	TOKEN_DATASETS_MAX = 100, /* names */
};

struct token {
	char *id;
	char *user; /* its maker */
	char *name;
	char *password_hash;
	bool read_only;  /* only GET and HEAD */
	bool is_limited; /* to datasets */
	char **datasets;
	size_t dataset_count;
	int64_t created_us;
	int64_t expires_us; /* 0 = never */
};

/* Whether it is the document, or line, of a token. */
bool token_is(const cJSON *tree);
/* ERR_BAD_REQUEST says what is wrong; then there is nothing to release. */
int token_from_json(const cJSON *tree, struct token *out, struct err *err);
cJSON *token_to_json(const struct token *token);
void token_release(struct token *token); /* wipes the hash */

/* Parses "read" or "write". ERR_BAD_REQUEST. */
int token_scope_parse(const char *scope, bool *read_only, struct err *err);
const char *token_scope(const struct token *token);

/* The role that the token gives on a dataset (NULL: overall), `user` being what its maker may do now. The caller
 * checks the expiry. */
enum role token_role(const struct token *token, const struct user_file *user, const char *dataset);

#endif
