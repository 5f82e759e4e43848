/* One user as JSON: what a file of json_user_dir says, and (its password hashed) what a line of .grants says.
 *
 *   {"user": "bob", "password": "…"}                                      A's: labels every dataset
 *   {"user": "bob", "password_hash": "{SSHA}…", "role": "viewer"}          a role on every dataset
 *   {… "role": "viewer", "datasets": ["cats", "dogs"]}                     that role on these, nothing else
 *   {… "datasets": {"cats": "admin", "dogs": "viewer"}}                    a role on each, nothing else
 *   {… "datasets": {"*": "viewer", "cats": "admin"}}                       "*": every other dataset
 *   {… "expires": "2030-01-31T00:00:00Z"}
 *
 * Pure; thread-safe. */
#ifndef AUTH_USERFILE_H
#define AUTH_USERFILE_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/role.h"
#include "base/buf.h"
#include "base/err.h"

#define USERFILE_EVERY_DATASET "*"
enum { USERFILE_DATASETS_MAX = 10000 };

struct user_file_grant {
	char *dataset;
	enum role role;
};

struct user_file {
	char *user;
	char *password;                 /* plain, as A has it; NULL = none */
	char *password_hash;            /* NULL = none */
	enum role role;                 /* overall */
	struct user_file_grant *grants; /* for single datasets, sorted by name */
	size_t grant_count;
	int64_t expires_us; /* 0 = never */
};

/* Parse one user. An unknown key is ignored (as A's programs do). ERR_BAD_REQUEST says what is wrong; then there is
 * nothing to release. A user without a password is accepted: callers that need one check for it. */
int userfile_parse(const char *bytes, size_t len, struct user_file *out, struct err *err);
int userfile_from_json(const cJSON *tree, struct user_file *out, struct err *err);
void userfile_release(struct user_file *user); /* wipes the passwords */
void userfile_forget_passwords(struct user_file *user);

/* The role on a dataset; NULL: overall. The caller checks the expiry. */
enum role userfile_role(const struct user_file *user, const char *dataset);

/* Sets the overall role (dataset NULL; this ends the roles on single datasets, unless it is ROLE_NONE) or the role
 * on one dataset. */
void userfile_grant(struct user_file *user, const char *dataset, enum role role);

/* Sets "role" and "datasets" of a user's JSON object to those of `user`; the other keys stay. */
void userfile_put_roles(cJSON *tree, const struct user_file *user);

/* Checks that nginx can handle the name: 1 to 255 bytes, no ':' (it ends the name in Basic authentication), no
 * control characters, no '#' in front (a comment in its password file). */
enum { USERFILE_NAME_MAX = 255 };
int userfile_check_name(const char *name, struct err *err);

#endif
