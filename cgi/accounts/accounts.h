/* The handlers of the accounts program. */
#ifndef ACCOUNTS_ACCOUNTS_H
#define ACCOUNTS_ACCOUNTS_H

#include "fastcgi/app.h"

app_handler accounts_me;    /* me.c */
app_handler accounts_audit; /* audit.c */

#endif
