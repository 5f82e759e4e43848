/* All users and tokens of a place, from their documents. */
#ifndef AUTH_USERSET_H
#define AUTH_USERSET_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/token.h"
#include "auth/userdir.h"
#include "auth/userfile.h"

struct user_entry {
	struct user_file user;
	const char *file; /* its name in the folder; belongs to the userdir */
	bool usable;      /* has a password that can be checked and is not empty */
	bool shadowed;    /* an earlier file has the same user, and holds instead */
};

struct userset {
	struct user_entry *entries; /* sorted by user, then by file */
	size_t count;
	struct token *tokens; /* sorted by id */
	size_t token_count;
};

/* Reads every document; what is wrong with one is a line in `warn` (may be NULL), and the others hold. But where one
 * cannot be read at this moment, all fail, since its user would be shut out: non-zero, and nothing to release. */
int userset_read(struct userset *set, const struct userdir *dir, struct buf *warn, struct err *err);
void userset_release(struct userset *set);

/* Whether the password is a generated key, which nobody can guess. */
bool userset_has_key(const struct user_entry *entry);

/* The entry that holds for a user, or NULL. Further entries of the same user follow it. */
struct user_entry *userset_find(const struct userset *set, const char *user);

#endif
