/* Who sent a request: a script, a page of ours, or another site's page that makes a browser use the password it
 * keeps.
 *
 * Pure; thread-safe. */
#ifndef FASTCGI_ORIGIN_H
#define FASTCGI_ORIGIN_H

#include "base/config.h"
#include "fastcgi/request.h"

/* ERR_FORBIDDEN when a page that is not ours sent a request that may change something. Browsers say so by
 * Sec-Fetch-Site (Fetch Metadata, W3C) or Origin (RFC 6454); no current browser sends neither. Ours are the host
 * that was asked for, the one that a trusted proxy says was asked for, and listen.server_name; "null" is nobody's. */
int origin_check(const struct request *request, const struct config *config, struct err *err);

#endif
