/* Who may do what: the users' roles and datasets, compiled from the JSON files of json_user_dir.
 *
 * Before a program sees a request, its password has been checked by nginx (json_user_dir/.htpasswd) or by the
 * program gate. This module answers what the user may do, from json_user_dir/.grants. users_compile (auth/users.h)
 * writes both files together, by rename, so a change is in effect at the next request. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>

#include "auth/role.h"
#include "auth/token.h"
#include "auth/userfile.h"
#include "base/err.h"

struct auth; /* thread-safe; reads .grants again when it has changed (one stat a question) */

/* Opens json_user_dir/.grants; if it is absent, there are no users. Only auth_open_passwords keeps the passwords'
 * hashes. */
int auth_open(struct auth **out, const char *json_user_dir, struct err *err);
int auth_open_passwords(struct auth **out, const char *json_user_dir, struct err *err);
void auth_free(struct auth *auth);

/* Whether `login`, which was let in, is a token; then *user is its maker, and *read_only whether it may only read. */
bool auth_token(struct auth *auth, const char *login, char user[USERFILE_NAME_MAX + 1], bool *read_only);

/* The following accept a user's name or a token's id; for a token they answer what its maker may do now within the
 * token's limits. */

/* Whether there is a user of that name, who has not expired; false for a token. */
bool auth_knows(struct auth *auth, const char *user);

/* The user's role on a dataset; dataset NULL: overall (ROLE_NONE for a user restricted to some datasets). An overall
 * admin is admin everywhere. An unknown or expired user has ROLE_NONE. */
enum role auth_role(struct auth *auth, const char *user, const char *dataset);

/* Calls visit for each dataset on which the user has a role of their own; *all is true when the user has an overall
 * role (then the visited roles are exceptions, ROLE_NONE among them; an overall admin has none). */
typedef void auth_visit(void *data, const char *dataset, enum role role);
void auth_grants(struct auth *auth, const char *user, bool *all, auth_visit *visit, void *data);

/* Calls visit for each user, or token, in byte order of name (id) from the first greater than `after` ("": from the
 * first), including expired ones, until visit returns false. What it visits lives only during the call. */
typedef bool auth_user_visit(void *data, const struct user_file *user);
typedef bool auth_token_visit(void *data, const struct token *token);
void auth_users(struct auth *auth, const char *after, auth_user_visit *visit, void *data);
void auth_tokens(struct auth *auth, const char *after, auth_token_visit *visit, void *data);

/* When the next user or token expires; 0: none will. What was compiled before then still lets it in. */
int64_t auth_next_expiry(struct auth *auth, int64_t since_us);

/* Finds the hash of a user's password (auth/password.h), after auth_open_passwords; false for an unknown or expired
 * user. */
enum { AUTH_HASH_MAX = 512 };
bool auth_hash(struct auth *auth, const char *user, char out[AUTH_HASH_MAX]);

#endif
