/* The handlers of the accounts program, and what they share. */
#ifndef ACCOUNTS_ACCOUNTS_H
#define ACCOUNTS_ACCOUNTS_H

#include "auth/userdir.h"
#include "fastcgi/app.h"

app_handler accounts_me, accounts_password;                                                /* me.c */
app_handler accounts_users, accounts_user_add, accounts_user_change, accounts_user_remove; /* users.c */
app_handler accounts_tokens, accounts_token_add, accounts_token_remove;                    /* tokens.c */
app_handler accounts_user_key;                                                             /* users.c, too */
app_handler accounts_audit;                                                                /* audit.c */

/* The work beside the requests (keep.c). */
void accounts_keep(struct app *app);

/* Parts of several documents: roles on single datasets as {name: role}; the times "expires_at" and "last_used_at",
 * null where there is none. */
cJSON *accounts_grants(const struct user_file *user);
void accounts_add_times(cJSON *item, int64_t expires_us, struct call *call, const char *login);

/* Reads the body's field "expires_at"; 0 when it is absent or null. ERR_BAD_REQUEST. */
int accounts_expiry(const struct call *call, int64_t *expires_us, struct err *err);

/* Adds an entry to the audit log with the body, which holds no secret, as its detail. */
int accounts_audit_body(struct call *call, const char *action, const char *target, struct err *err);

#endif
